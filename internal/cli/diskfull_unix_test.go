//go:build !windows

package cli

import "syscall"

const diskFull = syscall.ENOSPC
