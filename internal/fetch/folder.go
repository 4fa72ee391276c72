package fetch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/kvsclip/kvsclip/internal/sink"
)

// ErrBusy means that another run is working on the same clip.
var ErrBusy = errors.New("another run is making this clip")

// lockName is the file whose lock says that a run is at work. The lock goes with the run, however
// that ends.
const lockName = "lock"

// ours are the names of what may lie in a folder beside journal and lock: pieces, what ffmpeg
// joined, and files that are unfinished or wait for their names.
var (
	ours       = regexp.MustCompile(`^(\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}\.(mp4|mkv|part)|joined\.mp4|\.kvsclip-.*\.part)$`)
	begunFiles = regexp.MustCompile(`^(\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}|\.kvsclip-.*)\.part$`)
)

// unfinished is the ending of a file that is being written.
const unfinished = ".part"

// Folder is where the pieces of one clip wait from one run to the next, and where the clip lies
// until it is whole. One run has it at a time. Its journal tells what is in it.
type Folder struct {
	path    string
	lock    *os.File
	journal *journal
}

// OpenFolder makes the folder if it is missing, takes its lock, or fails with ErrBusy, and reads
// its journal. The caller closes it.
func OpenFolder(path string) (*Folder, error) {
	f, err := locked(path)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(filepath.Join(path, journalName))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Folder{path: path, lock: f, journal: j}, nil
}

// endings is how many runs may end, each deleting what was about to be locked, before locked gives up.
const endings = 100

// locked makes the folder and takes its lock. A run that ends deletes both, so a lock counts only if
// the file it is on is still the one in the folder.
func locked(path string) (*os.File, error) {
	var err error
	for range endings {
		var f *os.File
		if f, err = lockFile(path); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			continue // deleted between two of our steps
		}
		if err != nil {
			return nil, fmt.Errorf("making the folder for pieces: %w", err)
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("%q: %w: wait for it, or name another output", path, ErrBusy)
		}
		if there(f) {
			return f, nil
		}
		f.Close()
	}
	return nil, fmt.Errorf("making the folder for pieces: %w", cmp.Or(err, ErrBusy))
}

func lockFile(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	if err := trusted(path); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
}

// there says whether f is still the file of its name.
func there(f *os.File) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(f.Name())
	return err == nil && os.SameFile(a, b)
}

// Path is the folder's.
func (f *Folder) Path() string { return f.path }

// Known says whether what earlier runs left has a form that this version knows.
func (f *Folder) Known() bool { return f.journal.format == journalFormat }

// Last is what the last run in the folder was to make, nil if there was none.
func (f *Folder) Last() *Run { return f.journal.run }

// Begin says what the run at work is to make. It is noted with the first piece.
func (f *Folder) Begin(r Run) { f.journal.begin(r) }

// LastDone decodes what the last run noted by SetDone into v, and says whether there was something.
func (f *Folder) LastDone(v any) bool {
	return f.journal.done != nil && json.Unmarshal(f.journal.done, v) == nil
}

// SetDone notes, to last through a power cut, that the run's outputs are whole and what there is
// to say of them.
func (f *Folder) SetDone(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := f.journal.note(line{Done: text}); err != nil {
		return err
	}
	if err := f.journal.sync(); err != nil {
		return err
	}
	sink.SyncFolder(f.path) // the names of the journal and the files in it
	sink.SyncFolder(filepath.Dir(f.path))
	return nil
}

// Clear deletes what runs have left in the folder, and nothing else; the journal last, so that a
// run that is stopped meanwhile is still known to have been done.
func (f *Folder) Clear() error {
	if err := f.remove(ours); err != nil {
		return err
	}
	return f.journal.forget()
}

// Sweep deletes the unfinished files of runs that were killed.
func (f *Folder) Sweep() error { return f.remove(begunFiles) }

// remove deletes the files of some names.
func (f *Folder) remove(names *regexp.Regexp) error {
	es, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Type().IsRegular() && names.MatchString(e.Name()) {
			if err := os.Remove(filepath.Join(f.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close gives the lock back and deletes the folder if nothing else is in it.
func (f *Folder) Close() {
	f.journal.close()
	err := os.Remove(f.lock.Name()) // while it is locked: afterwards it may be another run's
	f.lock.Close()
	if err != nil { // where an open file cannot be deleted, another run's cannot either
		os.Remove(f.lock.Name())
	}
	os.Remove(f.path)
}
