package fetch

import (
	"os"
	"syscall"
	"unsafe"
)

// Of LockFileEx (Windows API, fileapi.h).
const (
	failImmediately = 1
	exclusive       = 2
)

// lock takes the file for this process alone, or fails at once.
func lock(f *os.File) error {
	lockFileEx := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	var at syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), exclusive|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok == 0 {
		return err
	}
	return nil
}
