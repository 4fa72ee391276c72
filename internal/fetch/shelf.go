package fetch

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/plan"
)

// maxOpen is how many piece files are held open at once. A day is a thousand pieces and more,
// above what a process may have open, and joining reads them one after the other.
const maxOpen = 16

// shelf opens piece files when they are read and closes the one opened longest ago.
type shelf struct {
	mu   sync.Mutex // guards open and the files in it
	open []*diskFile
}

// diskFile is a file that is open only while it is read.
type diskFile struct {
	path  string
	shelf *shelf
	f     *os.File // nil while closed; guarded by shelf.mu
}

// ReadAt reads from the file, opening it when needed. Reads of one shelf take turns.
func (d *diskFile) ReadAt(b []byte, off int64) (int, error) {
	d.shelf.mu.Lock()
	defer d.shelf.mu.Unlock()
	if d.f == nil {
		if err := d.shelf.openLocked(d); err != nil {
			return 0, err
		}
	}
	return d.f.ReadAt(b, off)
}

func (s *shelf) openLocked(d *diskFile) error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	d.f = f
	s.open = append(s.open, d)
	if len(s.open) > maxOpen {
		s.open[0].f.Close()
		s.open[0].f = nil
		s.open = s.open[1:]
	}
	return nil
}

// drop closes the file at path, so that it can be deleted.
func (s *shelf) drop(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(d *diskFile) bool {
		if d.path != path {
			return false
		}
		d.f.Close()
		d.f = nil
		return true
	})
}

// close closes all files; they open again when they are read.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.open {
		d.f.Close()
		d.f = nil
	}
	s.open = nil
}

// open reads the tables of the piece in the file at path.
func open(path string, p plan.Piece, s *shelf) (Piece, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Piece{}, err
	}
	src := &diskFile{path: path, shelf: s}
	m, err := mp4.Read(src, st.Size())
	if err != nil {
		return Piece{}, err
	}
	m.Sources = []media.Source{{ReaderAt: src, Size: st.Size()}}
	return Piece{Piece: p, Path: path, Size: st.Size(), Engine: EngineClip, Parts: []Part{{Movie: m, Fragments: p.Fragments}}}, nil
}

// Open reads clips that lie on disk already, in the order given. The caller closes the result.
func Open(paths []string) (*Result, error) {
	r := &Result{shelf: &shelf{}}
	for i, path := range paths {
		p, err := open(path, plan.Piece{Index: i}, r.shelf)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("reading %q: %w", path, err)
		}
		r.Pieces = append(r.Pieces, p)
	}
	return r, nil
}
