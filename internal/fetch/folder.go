package fetch

import (
	"encoding/json"
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

// ours are the endings of what may lie in a folder beside journal and lock: pieces, unfinished
// files, a receipt that waits for its place.
var ours = []string{".mp4", unfinished, ".json", ".sig"}

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
	j, err := openJournal(filepath.Join(path, journalName))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Folder{path: path, lock: f, journal: j}, nil
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
	return f.journal.sync()
}

// Clear deletes what runs have left in the folder, and nothing else; the journal last, so that a
// run that is stopped meanwhile is still known to have been done.
func (f *Folder) Clear() error {
	if err := f.remove(ours...); err != nil {
		return err
	}
	return f.journal.forget()
}

// Sweep deletes the unfinished files of runs that were killed.
func (f *Folder) Sweep() error { return f.remove(unfinished) }

// remove deletes the files with one of some endings.
func (f *Folder) remove(endings ...string) error {
	es, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Type().IsRegular() && slices.Contains(endings, filepath.Ext(e.Name())) {
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
	os.Remove(f.lock.Name()) // while it is locked, so that nobody loses one just taken
	f.lock.Close()
	os.Remove(f.lock.Name()) // where an open file cannot be deleted
	os.Remove(f.path)
}
