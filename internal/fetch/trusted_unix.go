//go:build !windows

package fetch

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// trusted refuses a folder in which somebody else can put files: what lies there would be taken for
// footage, and links there be written through.
func trusted(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() || st.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%q: %w: others can write there", path, fs.ErrPermission)
	}
	return nil
}
