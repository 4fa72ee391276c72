// Package sink is where a clip goes: a file that has its final name only when it is whole. It
// never looks into what is written.
package sink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExists means a file of the final name is there already and may not be overwritten.
var ErrExists = errors.New("file exists")

// File is a file being written beside its final place. It is readable only by its owner.
type File struct {
	path  string
	force bool
	f     *os.File // under a temporary name
	sum   hash.Hash
	size  int64
	done  bool // it stays when it is closed
}

// Free says, before anything is fetched, whether path can be written: it must not exist, unless
// force, and must not be a folder.
func Free(path string, force bool) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil && !force { // a link to nothing
			return fmt.Errorf("output %q: %w", path, ErrExists)
		}
		return nil
	case err != nil:
		return fmt.Errorf("output: %w", err)
	case st.IsDir():
		return fmt.Errorf("output %q is a folder: %w", path, ErrExists)
	case !st.Mode().IsRegular():
		return fmt.Errorf("output %q is a device or the like: %w", path, ErrExists)
	case !force:
		return fmt.Errorf("output %q: %w", path, ErrExists)
	}
	return nil
}

// Create begins the file path under a temporary name of its own in folder, which is on the same
// file system; "" means beside path. The caller ends it with Commit, and always calls Close.
func Create(path, folder string, force bool) (*File, error) {
	if err := Free(path, force); err != nil {
		return nil, err
	}
	if folder == "" {
		folder = filepath.Dir(path)
	}
	f, err := os.CreateTemp(folder, ".kvsclip-*.part") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("creating output: %w", err)
	}
	return &File{path: path, force: force, f: f, sum: sha256.New()}, nil
}

// Write appends to the file. Hashing takes as long as writing, so both are done at once. After an
// error the hash means nothing.
func (f *File) Write(b []byte) (int, error) {
	hashed := make(chan struct{})
	go func() {
		defer close(hashed)
		f.sum.Write(b)
	}()
	n, err := f.f.Write(b)
	<-hashed
	f.size += int64(n)
	return n, err
}

// ReadAt reads back what was written, for checking.
func (f *File) ReadAt(b []byte, off int64) (int, error) { return f.f.ReadAt(b, off) }

// Size returns how many bytes were written.
func (f *File) Size() int64 { return f.size }

// SHA256 returns the hash of all bytes written, in hex.
func (f *File) SHA256() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// ErrChanged means that a file does not hold the bytes that were written to it.
var ErrChanged = errors.New("the file does not read back as it was written")

// Commit stages the file and gives it its final name.
func (f *File) Commit(ctx context.Context) error {
	temp, err := f.Stage(ctx)
	if err != nil {
		return err
	}
	f.done = false // until it has its name
	if err := publish(temp, f.path, f.force); err != nil {
		return err
	}
	f.done = true
	return nil
}

// Stage brings the file's bytes to the disk, reads them all back and compares. The file keeps its
// temporary name, which is returned, and stays when it is closed: what becomes of it is for the
// caller to say, with Move. It fails with ErrChanged, or ctx's error.
func (f *File) Stage(ctx context.Context) (temp string, err error) {
	if err := f.f.Sync(); err != nil {
		return "", fmt.Errorf("writing output: %w", err)
	}
	if err := f.compare(ctx); err != nil {
		return "", err
	}
	if err := f.f.Close(); err != nil {
		return "", fmt.Errorf("writing output: %w", err)
	}
	f.done = true
	return f.f.Name(), nil
}

// compare reads the file back.
func (f *File) compare(ctx context.Context) error {
	h, buf := sha256.New(), make([]byte, 1<<20)
	for at := int64(0); at < f.size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := f.f.ReadAt(buf[:min(int64(len(buf)), f.size-at)], at)
		if n == 0 {
			return fmt.Errorf("%w: %d of %d bytes: %w", ErrChanged, at, f.size, err)
		}
		h.Write(buf[:n])
		at += int64(n)
	}
	if !bytes.Equal(h.Sum(nil), f.sum.Sum(nil)) {
		return fmt.Errorf("%w: its SHA-256 is %x, not %s", ErrChanged, h.Sum(nil), f.SHA256())
	}
	return nil
}

// Close throws the file away unless it was staged or committed.
func (f *File) Close() {
	f.f.Close() // a second close after Commit changes nothing
	if !f.done {
		os.Remove(f.f.Name())
	}
}

// SyncFolder makes new names in it last through a power cut, where the system can do that.
func SyncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync() // not every system syncs folders; the file itself is on the disk already
		d.Close()
	}
}

// Move gives a finished file its final name, once its bytes are on the disk.
func Move(from, to string, force bool) error {
	if err := Sync(from); err != nil {
		return err
	}
	return publish(from, to, force)
}

// Sync brings the bytes of a file to the disk.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("naming output: %w", err)
	}
	err = f.Sync()
	f.Close()
	if err != nil {
		return fmt.Errorf("writing output: %w", err)
	}
	return nil
}

// Copy gives the bytes of a finished file a final name on another file system perhaps: what goes
// beside the clip or elsewhere, not clips.
func Copy(ctx context.Context, from, to string, force bool) error {
	b, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("naming output: %w", err)
	}
	defer b.Close()
	f, err := Create(to, "", force)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, &until{ctx, b}); err != nil {
		return fmt.Errorf("writing output: %w", err)
	}
	return f.Commit(ctx)
}

// until reads until the context ends.
type until struct {
	ctx context.Context // of the one copy this lives for
	r   io.Reader
}

func (u *until) Read(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(b)
}

// publish renames from to to. Without force nothing is overwritten, not even a file that appears
// meanwhile: a hard link fails where the name is taken. Where there are no hard links it looks first.
func publish(from, to string, force bool) error {
	if !force {
		switch err := os.Link(from, to); {
		case err == nil:
			os.Remove(from)
			SyncFolder(filepath.Dir(to))
			return nil
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("output %q: %w", to, ErrExists)
		}
	}
	if err := Free(to, force); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("naming output: %w", err)
	}
	SyncFolder(filepath.Dir(to))
	return nil
}

// Hash returns the length and the SHA-256, in hex, of a file.
func Hash(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}
