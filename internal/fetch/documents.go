package fetch

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// documents is the file of a piece while its documents come. An answer is written on behind the
// documents that stay, whole, while it is being read; what turns out not to stay is overwritten.
// Nothing of it is held in memory.
type documents struct {
	f    *os.File
	kept int64 // bytes of the documents that stay, from the start of the file
	base int64 // byte of the answer that lies at kept
	pos  int64 // bytes of the answer that have come
	err  error // of the file: no fault of the answer's
}

// of returns r, an answer, and writes to the file what is read of it.
func (d *documents) of(r io.Reader) io.Reader {
	d.base, d.pos = 0, 0
	return &passing{from: r, to: d}
}

// passing is an answer on its way.
type passing struct {
	from io.Reader
	to   *documents
}

func (p *passing) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	d := p.to
	if n > 0 && d.err == nil {
		_, d.err = d.f.WriteAt(b[:n], d.kept+d.pos-d.base)
		d.pos += int64(n)
	}
	if d.err != nil {
		return n, d.err
	}
	return n, err
}

// keep lets the document at [from, to) of the answer stay, and nothing of what is before it and
// does not stay already.
func (d *documents) keep(from, to int64) error {
	if err := d.drop(from); err != nil {
		return err
	}
	if err := d.alone(to - from); err != nil {
		return err
	}
	d.kept, d.base = d.kept+to-from, to
	return nil
}

// alone sees that the next n bytes are one fragment when nothing follows them: with other documents
// around it the file could not be read again otherwise. One of several in a document is not, nor is
// one whose document says that it goes on.
func (d *documents) alone(n int64) error {
	found := 0
	err := each(io.NewSectionReader(&reading{d}, d.kept, n), func(*mkv.Fragment) error { found++; return nil })
	switch {
	case d.err != nil:
		return d.err
	case err != nil:
		return fmt.Errorf("%w: a document that is none alone: %w", kvs.ErrGarbled, err)
	case found != 1:
		return fmt.Errorf("%w: %d fragments in one document", kvs.ErrGarbled, found)
	}
	return nil
}

// reading is the file, whose failures are remembered.
type reading struct{ of *documents }

func (r *reading) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.of.f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		r.of.err = err
	}
	return n, err
}

// drop leaves out what comes before byte to of the answer and does not stay. What has been read
// ahead of it moves to its place: as a rule less than a buffer.
func (d *documents) drop(to int64) error {
	if to == d.base {
		return nil
	}
	if to < d.base || to > d.pos {
		return fmt.Errorf("%w: documents that lie in each other", kvs.ErrGarbled)
	}
	buf := make([]byte, min(copyBuffer, d.pos-to))
	for at := to; at < d.pos; {
		n := min(int64(len(buf)), d.pos-at)
		if _, d.err = d.f.ReadAt(buf[:n], d.kept+at-d.base); d.err == nil {
			_, d.err = d.f.WriteAt(buf[:n], d.kept+at-to)
		}
		if d.err != nil {
			return d.err
		}
		at += n
	}
	d.base = to
	return nil
}

// end cuts the file off behind what stays.
func (d *documents) end() error { return d.f.Truncate(d.kept) }

// each hands all fragments of an answer, or of a file, to take, until that fails.
func each(r io.Reader, take func(*mkv.Fragment) error) error {
	for d := mkv.NewDecoder(r, mkv.Options{}); ; {
		f, err := d.Next()
		if err == io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
			return nil
		}
		if err == nil {
			err = take(f)
		}
		if err != nil {
			return err
		}
	}
}
