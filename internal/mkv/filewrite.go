package mkv

import (
	"errors"
	"fmt"
	"io"

	"github.com/kvsclip/kvsclip/internal/media"
)

// How media bytes are moved: written and read in long runs.
const (
	writeSize = 1 << 20   // bytes written at once
	readSize  = 256 << 10 // bytes read at once of each track
	// readOver is how many bytes between two samples are read to no avail rather than to read twice.
	readOver = 4 << 10
)

// WriteTo writes the file from its first byte to its last and returns how many were written.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	out := &copier{w: w, buf: make([]byte, 0, min(writeSize, f.Size()))}
	out.bytes(f.head)
	windows := make(map[*laidTrack]*window, len(f.tracks))
	for _, t := range f.tracks {
		windows[t] = &window{track: t, sources: f.movie.Sources}
	}
	blocks := f.walk()
	for _, c := range f.clusters {
		out.bytes(c.head())
		for range c.blocks {
			t, i := blocks.block()
			out.block(f, t, i, int16(f.ticks(t, i)-c.time), windows[t])
		}
		if out.err != nil {
			return out.written, out.err
		}
	}
	out.bytes(f.tail)
	out.flush()
	return out.written, out.err
}

// head returns the beginning of a cluster.
func (c *laidCluster) head() []byte {
	b := appendSize(appendID(nil, idCluster), uint64(c.size), clusterNumbers)
	return appendUint(b, idTimestamp, clusterNumbers, uint64(c.time))
}

// copier gathers bytes and writes many at once. Its first error sticks.
type copier struct {
	w       io.Writer
	buf     []byte
	small   []byte // reused for heads of blocks
	written int64
	err     error
}

func (o *copier) flush() {
	if o.err != nil || len(o.buf) == 0 {
		return
	}
	n, err := o.w.Write(o.buf)
	o.written += int64(n)
	o.buf = o.buf[:0]
	if err != nil {
		o.err = fmt.Errorf("writing Matroska: %w", err)
	}
}

// room returns where at least one and at most n bytes can be put; put counts them.
func (o *copier) room(n int64) []byte {
	if len(o.buf) == cap(o.buf) {
		o.flush()
	}
	return o.buf[len(o.buf):][:min(int64(cap(o.buf)-len(o.buf)), n)]
}

func (o *copier) put(n int) { o.buf = o.buf[:len(o.buf)+n] }

func (o *copier) bytes(b []byte) {
	for len(b) > 0 && o.err == nil {
		n := copy(o.room(int64(len(b))), b)
		o.put(n)
		b = b[n:]
	}
}

// block writes the block of one sample.
func (o *copier) block(f *File, t *laidTrack, i int, rel int16, w *window) {
	o.small = t.blockHead(o.small[:0], f, i, rel)
	o.bytes(o.small)
	o.bytes(t.front(i))
	offset, size := t.payload(i)
	for done := int64(0); done < size && o.err == nil; {
		to := o.room(size - done)
		if err := w.read(to, i, offset+done); err != nil {
			source := t.Samples[i].Source
			o.err = fmt.Errorf("source %d: reading %d bytes at %d: %w", source, len(to), offset+done, err)
			return
		}
		o.put(len(to))
		done += int64(len(to))
	}
	o.small = t.blockTail(o.small[:0], f, i)
	o.bytes(o.small)
}

// window is what was read ahead of one track.
type window struct {
	track   *laidTrack
	sources []media.Source
	buf     []byte
	source  uint16
	at      int64 // where buf lies in the source
}

// read fills b from an offset inside sample i.
func (w *window) read(b []byte, i int, offset int64) error {
	s := &w.track.Samples[i]
	if !w.holds(s.Source, offset, len(b)) {
		if len(b) >= readSize {
			return readFull(w.sources[s.Source], b, offset)
		}
		if err := w.fill(i, offset, len(b)); err != nil {
			return err
		}
	}
	copy(b, w.buf[offset-w.at:])
	return nil
}

func (w *window) holds(source uint16, offset int64, n int) bool {
	return source == w.source && offset >= w.at && offset+int64(n) <= w.at+int64(len(w.buf))
}

// fill reads n bytes at an offset inside sample i, and what samples of the track follow closely.
func (w *window) fill(i int, offset int64, n int) error {
	if w.buf == nil {
		w.buf = make([]byte, readSize)
	}
	samples := w.track.Samples
	w.source, w.at = samples[i].Source, offset
	end := max(offset+int64(n), samples[i].Offset+int64(samples[i].Size))
	for _, s := range samples[i+1:] {
		if s.Source != w.source || s.Offset < end || s.Offset-end > readOver || end-offset >= readSize {
			break
		}
		end = s.Offset + int64(s.Size)
	}
	w.buf = w.buf[:min(end-offset, readSize)]
	err := readFull(w.sources[w.source], w.buf, offset)
	if err != nil {
		w.buf = w.buf[:0]
	}
	return err
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
