package fetch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// ErrBusy means that another run is working on the same clip.
var ErrBusy = errors.New("another run is making this clip")

// lockName is the file whose lock says that a run is at work. The lock goes with the run, however
// that ends.
const lockName = "lock"

// ours are the endings of what may lie in a folder: pieces, their hashes, unfinished files, marks
// of halved pieces.
var ours = []string{".mp4", ".sha256", ".part", ".halved"}

// Folder is where the pieces of one clip wait from one run to the next, and where the clip lies
// until it is whole. One run has it at a time.
type Folder struct {
	path string
	lock *os.File
}

// OpenFolder makes the folder if it is missing and takes its lock, or fails with ErrBusy. The
// caller closes it.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for pieces: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the folder for pieces: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w: wait for it, or name another output", path, ErrBusy)
	}
	return &Folder{path: path, lock: f}, nil
}

// Path is the folder's.
func (f *Folder) Path() string { return f.path }

// Clear deletes what runs have left in the folder, and nothing else.
func (f *Folder) Clear() error {
	es, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Type().IsRegular() && slices.Contains(ours, filepath.Ext(e.Name())) {
			if err := os.Remove(filepath.Join(f.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close gives the lock back and deletes the folder if nothing else is in it.
func (f *Folder) Close() {
	os.Remove(f.lock.Name()) // while it is locked, so that nobody loses one just taken
	f.lock.Close()
	os.Remove(f.lock.Name()) // where an open file cannot be deleted
	os.Remove(f.path)
}
