package mkv

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/kvsclip/kvsclip/internal/media"
)

// lengthBytes is how many bytes the lengths of NAL units take that are made here.
const lengthBytes = 4

// codecOf returns the codec whose samples are NAL units, and false for others.
func codecOf(codecID string) (pictureCodec, bool) {
	switch codecID {
	case codecAVC:
		return avc, true
	case codecHEVC:
		return hevc, true
	}
	return pictureCodec{}, false
}

// inBandCodec returns the codec of a track whose parameter sets can come only with its frames.
func inBandCodec(t Track) (pictureCodec, bool) {
	c, ok := codecOf(t.CodecID)
	return c, ok && len(t.Private) == 0
}

// inBandConfig makes a configuration of the parameter sets in the track's first key frame.
func inBandConfig(src media.Source, f *Fragment, t Track, codec pictureCodec) (media.Config, error) {
	own := func(b Block) bool { return b.Track == t.Number }
	i := slices.IndexFunc(f.Blocks, func(b Block) bool { return own(b) && b.Key })
	if i < 0 {
		i = slices.IndexFunc(f.Blocks, own)
	}
	if i < 0 {
		return media.Config{}, fmt.Errorf("neither CodecPrivate nor a frame: %w", ErrUnsupported)
	}
	b, err := readFrame(src, f.Blocks[i].Offset, f.Blocks[i].Size)
	if err != nil {
		return media.Config{}, err
	}
	nals, ok := splitLengths(b, lengthBytes)
	if !ok {
		nals = splitAnnexB(b)
	}
	c, err := codec.config(nals)
	if err != nil {
		return media.Config{}, fmt.Errorf("no CodecPrivate, and in the frame at byte %d: %w", f.Blocks[i].Offset, err)
	}
	c.CodecID = t.CodecID
	return t.sized(c), nil
}

// readFrame reads one frame. A frame that the decoder saw lies in src, other ones are refused.
func readFrame(src media.Source, offset, size int64) ([]byte, error) {
	if size > maxPayload || offset < 0 || size < 0 || offset > src.Size-size {
		return nil, fmt.Errorf("a frame of %d bytes at byte %d of %d: %w", size, offset, src.Size, ErrMalformed)
	}
	b := make([]byte, size)
	if n, err := src.ReadAt(b, offset); n < len(b) {
		return nil, fmt.Errorf("reading a frame of %d bytes at byte %d: %w", size, offset, err)
	}
	return b, nil
}

// splitLengths returns the NAL units of a sample with lengths before them; false if they do not fill it.
func splitLengths(b []byte, lengthSize int) (nals [][]byte, ok bool) {
	for len(b) > 0 {
		if len(b) < lengthSize {
			return nil, false
		}
		n := be(b[:lengthSize])
		b = b[lengthSize:]
		if n > uint64(len(b)) {
			return nil, false
		}
		nals, b = append(nals, b[:n]), b[n:]
	}
	return nals, true
}

func be(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// walks is splitLengths without reading more than the lengths.
func walks(src media.Source, s *media.Sample, lengthSize int) (bool, error) {
	var b [lengthBytes]byte
	at, end := s.Offset, s.Offset+int64(s.Size)
	for at < end {
		if end-at < int64(lengthSize) {
			return false, nil
		}
		if n, err := src.ReadAt(b[:lengthSize], at); n < lengthSize {
			return false, fmt.Errorf("reading a frame at byte %d: %w", at, err)
		}
		at += int64(lengthSize)
		n := be(b[:lengthSize])
		if n > uint64(end-at) {
			return false, nil
		}
		at += int64(n)
	}
	return true, nil
}

// lengthPrefixed gives samples with start codes the places of their converted bytes, and returns the
// source of all samples: src itself if there are none.
func lengthPrefixed(src media.Source, lanes []lane) (media.Source, error) {
	v := &converted{src: src, end: src.Size}
	for i := range lanes {
		l := &lanes[i]
		for k := range l.samples {
			if s := &l.samples[k]; s.Offset < 0 || s.Offset > src.Size-int64(s.Size) {
				return src, fmt.Errorf("a frame of %d bytes at byte %d of %d: %w", s.Size, s.Offset, src.Size, ErrMalformed)
			}
		}
		if codec, ok := codecOf(l.config.CodecID); ok {
			if err := v.lane(l, codec); err != nil {
				return src, err
			}
		}
	}
	if len(v.frames) == 0 {
		return src, nil
	}
	return media.Source{ReaderAt: v, Size: v.end}, nil
}

// converted is a source with more bytes behind its end: frames with lengths of four bytes, made on
// demand. It may be read from several goroutines.
type converted struct {
	src    media.Source
	frames []frame // in order of at
	end    int64
	last   atomic.Pointer[lastFrame] // the frame read last, for it is often read in pieces
}

// frame is one that is converted.
type frame struct {
	at           int64 // where its converted bytes lie
	offset, size int64 // of its own bytes in src
	lengthSize   int   // of its lengths; 0: it has start codes
}

// lastFrame is a converted frame.
type lastFrame struct {
	index int
	data  []byte
}

// lane converts the samples of l that have start codes, and if there are any, those with shorter
// lengths too: one configuration tells the length of all.
func (c *converted) lane(l *lane, codec pictureCodec) error {
	_, lengthSize, err := codec.sets(l.config.Private)
	if err != nil {
		return err
	}
	marked := make([]bool, len(l.samples))
	found := false
	for i := range l.samples {
		if marked[i], err = marks(c.src, &l.samples[i], lengthSize); err != nil {
			return err
		}
		found = found || marked[i]
	}
	if !found {
		return nil
	}
	for i := range l.samples {
		switch s := &l.samples[i]; {
		case marked[i]:
			err = c.add(s, 0)
		case lengthSize != lengthBytes:
			err = c.add(s, lengthSize)
		}
		if err != nil {
			return err
		}
	}
	l.config.Private = withLongLengths(codec, l.config.Private)
	return nil
}

// marks says that a sample has start codes. The length of a first NAL unit can look like one.
func marks(src media.Source, s *media.Sample, lengthSize int) (bool, error) {
	var b [4]byte
	if s.Size < uint32(len(b)) {
		return false, nil
	}
	if n, err := src.ReadAt(b[:], s.Offset); n < len(b) {
		return false, fmt.Errorf("reading a frame at byte %d: %w", s.Offset, err)
	}
	if !hasStartCode(b[:]) {
		return false, nil
	}
	ok, err := walks(src, s, lengthSize)
	return !ok, err
}

// withLongLengths returns a configuration record that tells lengths of four bytes (ISO/IEC 14496-15,
// 5.3.3.1 and 8.3.3.1: lengthSizeMinusOne).
func withLongLengths(codec pictureCodec, record []byte) []byte {
	record = slices.Clone(record)
	at := 4
	if codec.format == hevc.format {
		at = 21
	}
	record[at] |= lengthBytes - 1
	return record
}

// add moves a sample behind the end.
func (c *converted) add(s *media.Sample, lengthSize int) error {
	f := frame{at: c.end, offset: s.Offset, size: int64(s.Size), lengthSize: lengthSize}
	b, err := c.convert(f)
	if err != nil {
		return err
	}
	if len(b) > maxPayload {
		return fmt.Errorf("the frame at byte %d becomes %d bytes long with lengths: %w", s.Offset, len(b), ErrUnsupported)
	}
	c.frames = append(c.frames, f)
	s.Offset, s.Size = f.at, uint32(len(b))
	c.end += int64(len(b))
	return nil
}

// convert reads a frame and gives its NAL units lengths of four bytes.
func (c *converted) convert(f frame) ([]byte, error) {
	b, err := readFrame(c.src, f.offset, f.size)
	if err != nil {
		return nil, err
	}
	var nals [][]byte
	if f.lengthSize == 0 {
		nals = splitAnnexB(b)
	} else if n, ok := splitLengths(b, f.lengthSize); ok {
		nals = n
	} else {
		return nil, fmt.Errorf("the frame at byte %d is no row of NAL units: %w", f.offset, ErrMalformed)
	}
	out := make([]byte, 0, len(b)+lengthBytes*len(nals))
	for _, n := range nals {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(n))), n...)
	}
	return out, nil
}

// ReadAt implements io.ReaderAt.
func (c *converted) ReadAt(p []byte, at int64) (n int, err error) {
	if at < c.src.Size {
		n, err = c.src.ReadAt(p[:min(int64(len(p)), c.src.Size-at)], at)
		if n == len(p) || at+int64(n) < c.src.Size {
			return n, err
		}
	}
	for n < len(p) {
		from := at + int64(n)
		if from >= c.end {
			return n, io.EOF
		}
		b, err := c.rest(from)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// rest returns the bytes from at to the end of the converted frame that at lies in.
func (c *converted) rest(at int64) ([]byte, error) {
	i := sort.Search(len(c.frames), func(i int) bool { return c.frames[i].at > at }) - 1
	m := c.last.Load()
	if m == nil || m.index != i {
		b, err := c.convert(c.frames[i])
		if err != nil {
			return nil, err
		}
		m = &lastFrame{i, b}
		c.last.Store(m)
	}
	from := at - c.frames[i].at
	if from >= int64(len(m.data)) {
		return nil, fmt.Errorf("the frame at byte %d became shorter: %w", c.frames[i].offset, ErrMalformed)
	}
	return m.data[from:], nil
}
