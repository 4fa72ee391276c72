package kvsemu

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// The codecs that GetClip knows by their Matroska names (video-playback-requirements).
const (
	codecAVC  = "V_MPEG4/ISO/AVC"
	codecHEVC = "V_MPEGH/ISO/HEVC"
	codecAAC  = "A_AAC"
	codecACM  = "A_MS/ACM" // G.711 among others
)

// configs implements footage. Codec private data is looked at here for the first time: PutMedia takes
// any.
func (up *uploads) configs(u int64) (video, audio media.Config, err error) {
	h, err := up.header(u)
	if err != nil {
		return video, audio, err
	}
	for _, t := range h.Tracks {
		c, err := clipConfig(t)
		switch {
		case err != nil:
			return video, audio, err
		case t.Type == mkv.TypeVideo && none(video):
			video = c
		case t.Type == mkv.TypeAudio && none(audio):
			audio = c
		default:
			return video, audio, refuse("UnsupportedStreamMediaTypeException", textMedia)
		}
	}
	return video, audio, nil
}

// header returns what was sent before the first cluster of upload u's session.
func (up *uploads) header(u int64) (*mkv.Header, error) {
	f, ok := up.get(u)
	if !ok {
		return nil, fmt.Errorf("fragment %d: forgotten meanwhile", u)
	}
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header == nil {
		h, err := readHeader(s.Head)
		if err != nil {
			return nil, err
		}
		s.header = h
	}
	return s.header, nil
}

// readHeader reads what was sent before a cluster.
func readHeader(head []byte) (h *mkv.Header, err error) {
	in := mkv.NewDecoder(bytes.NewReader(mkv.AppendCluster(slices.Clone(head), 0)), mkv.Options{
		Begun: func(begun *mkv.Header, _ int64) { h = begun },
	})
	if _, err := in.Next(); h == nil {
		return nil, fmt.Errorf("reading the header of an upload: %w", err)
	}
	return h, nil
}

// clipConfig returns how a track's samples are decoded, or what GetClip says against it.
func clipConfig(t mkv.Track) (media.Config, error) {
	switch t.CodecID {
	case codecAVC, codecHEVC:
		if len(t.Private) > 0 && t.Private[0] != 1 { // no configuration record, but parameter sets with start codes
			return media.Config{}, badPrivate(t, errors.New("it is no decoder configuration record"))
		}
		fallthrough
	case codecAAC:
		if len(t.Private) == 0 {
			return media.Config{}, refuse("MissingCodecPrivateDataException", "Missing codec private data in fragment for track %d.", t.Number)
		}
	case codecACM:
	default:
		return media.Config{}, refuse("UnsupportedStreamMediaTypeException", textMedia)
	}
	c, err := t.Config()
	if err != nil {
		return c, badPrivate(t, err)
	}
	return c, nil
}

func badPrivate(t mkv.Track, why error) error {
	return refuse("InvalidCodecPrivateDataException", "Invalid codec private data in fragment for track %d: %v", t.Number, why)
}

// clip implements footage.
func (up *uploads) clip(uploads []int64) (*strip, error) {
	video, _, err := up.configs(uploads[0])
	if err != nil {
		return nil, err
	}
	var all joined
	out := &strip{closing: all.Close}
	for _, u := range uploads {
		f, ok := up.get(u)
		if !ok {
			return nil, errors.Join(fmt.Errorf("fragment %d: forgotten meanwhile", u), all.Close())
		}
		in, err := up.store.open(f)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		base := all.add(in, f.Size)
		s, err := f.shot(in, nalLength(video))
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		s.base, s.opens = base, u == f.session.first
		out.shots = append(out.shots, s)
	}
	out.source, out.closing = media.Source{ReaderAt: &all, Size: all.size}, all.Close
	return out, nil
}

// nalLength returns how many bytes tell the length of a NAL unit, 0 where there are none (ISO/IEC
// 14496-15, 5.3.3.1.2 and 8.3.3.1.2).
func nalLength(c media.Config) int {
	switch {
	case c.Format == "avc1" && len(c.Private) > 4:
		return int(c.Private[4]&3) + 1
	case c.Format == "hvc1" && len(c.Private) > 21:
		return int(c.Private[21]&3) + 1
	}
	return 0
}

// shot reads the tables of an upload from its cluster. Frames of pictures must be NAL units behind
// their lengths, of so many bytes.
func (u upload) shot(in io.ReaderAt, nal int) (shot, error) {
	kinds := map[uint64]media.Kind{}
	invalid := false
	var h *mkv.Header
	d := mkv.NewDecoder(io.MultiReader(bytes.NewReader(u.session.Head), io.NewSectionReader(in, 0, u.Size)), mkv.Options{
		Begun: func(begun *mkv.Header, _ int64) {
			h = begun
			for _, t := range h.Tracks {
				kinds[t.Number] = map[uint64]media.Kind{mkv.TypeVideo: media.Video, mkv.TypeAudio: media.Audio}[t.Type]
			}
		},
		Payload: func(b mkv.Block, data []byte) {
			invalid = invalid || kinds[b.Track] == media.Video && nal > 0 && !wholeUnits(data, nal)
		},
	})
	f, err := d.Next()
	switch {
	case err != nil:
		return shot{}, fmt.Errorf("reading fragment %s again: %w", u.Number, err)
	case invalid:
		return shot{}, refuse("InvalidMediaFrameException", "A frame of fragment %s could not be parsed with the codec of its track.", u.Number)
	}
	return u.arrange(f, kinds), nil
}

// arrange sorts a fragment's blocks by track. The clip's fragment begins with its first picture.
func (u upload) arrange(f *mkv.Fragment, kinds map[uint64]media.Kind) shot {
	s := shot{frame: 40}
	for _, b := range f.Blocks {
		at := sample{at: floorDiv(b.Time*f.Header.Scale, scale), off: b.Offset - int64(len(u.session.Head)), size: uint32(b.Size), sync: b.Key}
		if kinds[b.Track] == media.Video {
			s.video = append(s.video, at)
		} else {
			s.audio = append(s.audio, at)
		}
	}
	if len(s.video) == 0 {
		return s
	}
	first := slices.MinFunc(s.video, func(a, b sample) int { return int(a.at - b.at) }).at
	s.begin = u.Producer + first
	for _, samples := range [][]sample{s.video, s.audio} {
		for k := range samples {
			samples[k].at -= first
		}
	}
	return s
}

// floorDiv divides and rounds down, for b above 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// wholeUnits says whether data is NAL units, each behind its length of so many bytes.
func wholeUnits(data []byte, length int) bool {
	for len(data) > 0 {
		if len(data) < length {
			return false
		}
		n := 0
		for _, b := range data[:length] {
			n = n<<8 | int(b)
		}
		if data = data[length:]; n == 0 || n > len(data) {
			return false
		}
		data = data[n:]
	}
	return true
}

// joined is fragments one behind the other.
type joined struct {
	parts []joinedPart
	size  int64
}

type joinedPart struct {
	readerAtCloser
	base, size int64
}

// add appends a fragment and returns where it begins.
func (j *joined) add(in readerAtCloser, size int64) int64 {
	j.parts = append(j.parts, joinedPart{in, j.size, size})
	j.size += size
	return j.parts[len(j.parts)-1].base
}

// ReadAt implements io.ReaderAt.
func (j *joined) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		k := int(search(0, int64(len(j.parts)), func(k int64) bool { return j.parts[k].base > at })) - 1
		if k < 0 || at >= j.size {
			return n, io.EOF
		}
		p := j.parts[k]
		want := min(int64(len(b)-n), p.base+p.size-at)
		got, err := p.ReadAt(b[n:n+int(want)], at-p.base)
		n += got
		if int64(got) < want {
			return n, err
		}
	}
	return n, nil
}

// Close implements io.Closer.
func (j *joined) Close() error {
	var errs []error
	for _, p := range j.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
