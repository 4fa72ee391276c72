package mp4

import (
	"errors"
	"fmt"
	"io"

	"github.com/kvsclip/kvsclip/internal/media"
)

// copySize is how many media bytes are read and written at once.
const copySize = 1 << 20

// File is a movie laid out as a file: its boxes in memory, its media bytes still in the movie's
// sources. It does not change and may be written more than once, also at the same time.
type File struct {
	layout *layout
	head   []byte // before the media bytes
	tail   []byte // after them
	runs   []run
	base   int64 // where the media bytes start
	media  int64 // how many there are
}

// Size returns the length of the whole file in bytes, known before a byte is written.
func (f *File) Size() int64 {
	return int64(len(f.head)) + f.media + int64(len(f.tail))
}

// WriteTo writes the file from its first byte to its last and returns how many were written.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(f.head)
	written := int64(n)
	if err != nil {
		return written, fmt.Errorf("writing boxes: %w", err)
	}
	copied, err := f.copyRuns(w)
	written += copied
	if err != nil {
		return written, err
	}
	n, err = w.Write(f.tail)
	written += int64(n)
	if err != nil {
		return written, fmt.Errorf("writing boxes: %w", err)
	}
	return written, nil
}

// copyRuns copies the media bytes through one buffer, which several short runs share.
func (f *File) copyRuns(w io.Writer) (int64, error) {
	return copyRuns(w, f.layout.movie.Sources, f.runs, make([]byte, 0, min(copySize, f.media)))
}

// copyRuns copies runs through the capacity of buf.
func copyRuns(w io.Writer, sources []media.Source, runs []run, buf []byte) (written int64, err error) {
	flush := func() error {
		n, err := w.Write(buf)
		written += int64(n)
		buf = buf[:0]
		if err != nil {
			return fmt.Errorf("writing media bytes: %w", err)
		}
		return nil
	}
	for _, r := range runs {
		source := sources[r.source]
		for done := int64(0); done < r.size; {
			n := int(min(int64(cap(buf)-len(buf)), r.size-done))
			part := buf[len(buf) : len(buf)+n]
			if err := readFull(source, part, r.offset+done); err != nil {
				return written, fmt.Errorf("source %d: reading %d bytes at %d: %w", r.source, n, r.offset+done, err)
			}
			buf, done = buf[:len(buf)+n], done+int64(n)
			if len(buf) == cap(buf) {
				if err := flush(); err != nil {
					return written, err
				}
			}
		}
	}
	if len(buf) == 0 {
		return written, nil
	}
	return written, flush()
}

// readFull fills b from r at an offset. A source that ends early gives io.ErrUnexpectedEOF.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Movie describes the file as Read will find it: one source without a reader, sample offsets in the
// file, made sample entries, edits with their lengths, the first 255 chapters. It copies all tables at each call.
func (f *File) Movie() *media.Movie {
	m := &media.Movie{
		Sources:   []media.Source{{Size: f.Size()}},
		Timescale: f.layout.movie.Timescale,
		Created:   created(seconds(f.layout.created)),
		Chapters:  chapters(f.layout.movie.Chapters),
	}
	for _, t := range f.layout.tracks {
		m.Tracks = append(m.Tracks, f.track(t))
	}
	return m
}

func (f *File) track(t *laidTrack) *media.Track {
	c := *t.Track
	c.Language, c.Handler, c.Edits = t.language, t.handler, t.edits
	c.Configs = append([]media.Config(nil), t.Configs...)
	for i := range c.Configs {
		if c.Configs[i].Entry == nil {
			c.Configs[i] = asRead(c.Configs[i])
		}
		c.Configs[i].Entry = t.entries[i]
	}
	c.Samples = append([]media.Sample(nil), t.Samples...)
	for _, k := range t.chunks {
		at := f.base + k.at
		for i := k.first; i < k.first+int(k.count); i++ {
			s := &c.Samples[i]
			s.Source, s.Offset = 0, at
			s.Sync = s.Sync || c.Kind != media.Video
			at += int64(s.Size)
		}
	}
	return &c
}
