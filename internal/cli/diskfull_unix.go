//go:build !windows

package cli

import (
	"errors"
	"syscall"
)

// isDiskFull says that there is no room: on the disk, in the quota, or in one file of it.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
