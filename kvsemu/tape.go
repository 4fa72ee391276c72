package kvsemu

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// tape is an MP4 or Matroska file, cut into groups of pictures.
type tape struct {
	path         string
	size         int64
	video, audio media.Config // audio has no Format where there is none
	length       int64        // of one loop, in milliseconds
	lead         int64        // of what comes before the first sync sample and is left out
	groups       []scene
	frames       int64 // pictures in one loop
}

// scene is one group of pictures of a tape. Times are milliseconds since the tape's beginning.
type scene struct {
	begin, last int64
	first       int64 // number of its first picture in the loop
	samples     group // offsets are the file's
	bytes       int64
}

// openTape reads the tables of a file. The file is closed again.
func openTape(path string) (*tape, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err := readMovie(media.Source{ReaderAt: f, Size: info.Size()})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	t := &tape{path: path, size: info.Size()}
	if err := t.splice(m); err != nil {
		return nil, fmt.Errorf("replaying %s: %w", path, err)
	}
	return t, nil
}

// readMovie reads the tables of an MP4 or Matroska file.
func readMovie(src media.Source) (*media.Movie, error) {
	magic := make([]byte, len(ebmlID))
	if _, err := src.ReadAt(magic, 0); err == nil && bytes.Equal(magic, ebmlID) {
		return readMatroska(src)
	}
	return mp4.Read(src, src.Size)
}

// readMatroska reads the tables of a Matroska file, whose fragments must follow each other.
func readMatroska(src media.Source) (*media.Movie, error) {
	in := mkv.NewDecoder(io.NewSectionReader(src, 0, src.Size), mkv.Options{})
	var fragments []*mkv.Fragment
	for {
		f, err := in.Next()
		if err == io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
			break
		}
		if err != nil {
			return nil, err
		}
		fragments = append(fragments, f)
	}
	parts, err := mkv.Parts(src, fragments)
	if err != nil {
		return nil, err
	}
	if len(parts) != 1 {
		return nil, fmt.Errorf("expected footage in one part, got %d with changes or holes between them", len(parts))
	}
	return parts[0].Movie, lieIn(parts[0].Movie, src.Size)
}

// lieIn refuses samples that are not in the file as they are.
func lieIn(m *media.Movie, size int64) error {
	for _, t := range m.Tracks {
		for _, s := range t.Samples {
			if s.Offset+int64(s.Size) > size {
				return fmt.Errorf("expected NAL units behind their lengths, got start codes (ITU-T H.264, annex B)")
			}
		}
	}
	return nil
}

// splice cuts the movie at the video's sync samples.
func (t *tape) splice(m *media.Movie) error {
	v := m.Find(media.Video)
	if v == nil || v.SyncSamples() == 0 {
		return fmt.Errorf("expected a video track with sync samples")
	}
	if len(v.Configs) != 1 {
		return fmt.Errorf("expected one sample entry, got %d", len(v.Configs))
	}
	t.video = v.Configs[0]
	start, _ := v.FirstComposition()
	shown := func(tr *media.Track, k int) int64 { return floorMillis(tr.Composition(k), tr.Timescale) }
	zero := floorMillis(start, v.Timescale)
	for k, s := range v.Samples {
		if s.Sync {
			t.groups = append(t.groups, scene{first: t.frames})
		}
		if len(t.groups) == 0 {
			continue // nothing can be decoded yet
		}
		g := &t.groups[len(t.groups)-1]
		g.samples.video = append(g.samples.video, sample{at: shown(v, k) - zero, off: s.Offset, size: s.Size, sync: s.Sync})
		g.bytes += int64(s.Size)
		t.frames++
	}
	t.length = floorMillis(start+v.End-v.Samples[0].Time, v.Timescale) - zero
	if err := t.times(); err != nil {
		return err
	}
	if a := m.Find(media.Audio); a != nil && len(a.Configs) == 1 {
		t.audio = a.Configs[0]
		t.sound(a, presentation(m, a)-presentation(m, v)-zero-t.lead)
	}
	return nil
}

// floorMillis turns ticks into milliseconds, rounded down so that order is kept.
func floorMillis(ticks int64, scale uint32) int64 {
	q, rest := ticks/int64(scale), ticks%int64(scale)
	if rest < 0 {
		q, rest = q-1, rest+int64(scale)
	}
	return q*1000 + rest*1000/int64(scale)
}

// presentation returns what the edit list adds to composition times, in milliseconds.
func presentation(m *media.Movie, t *media.Track) int64 {
	at := int64(0)
	for _, e := range t.Edits {
		if e.Media >= 0 {
			return at - floorMillis(e.Media, t.Timescale)
		}
		at += floorMillis(e.Duration, m.Timescale)
	}
	return at
}

// times fills in when each group begins and ends, and makes its samples' times relative.
func (t *tape) times() error {
	for i := range t.groups {
		g := &t.groups[i]
		early := func(a, b sample) int { return int(a.at - b.at) }
		g.begin = slices.MinFunc(g.samples.video, early).at
		g.last = slices.MaxFunc(g.samples.video, early).at
		for k := range g.samples.video {
			g.samples.video[k].at -= g.begin
		}
	}
	lead := t.groups[0].begin // pictures before the first sync sample
	t.length -= lead
	for i := range t.groups {
		t.groups[i].begin -= lead
		t.groups[i].last -= lead
	}
	for i, g := range t.groups {
		if i > 0 && g.begin <= t.groups[i-1].last || g.last >= t.length {
			return fmt.Errorf("group of pictures %d begins before the one before ends", i)
		}
	}
	t.lead = lead
	return nil
}

// sound gives each audio sample to the group in whose time it begins; shift turns its time into
// one on the clock of the first picture.
func (t *tape) sound(a *media.Track, shift int64) {
	for k, s := range a.Samples {
		at := floorMillis(a.Composition(k), a.Timescale) + shift
		i := int(search(0, int64(len(t.groups)), func(i int64) bool { return t.groups[i].begin > at })) - 1
		if i < 0 || at >= t.length {
			continue
		}
		g := &t.groups[i]
		if n := len(g.samples.audio); n > 0 && g.samples.audio[n-1].at >= at-g.begin {
			continue // shorter than the service's clock tells
		}
		g.samples.audio = append(g.samples.audio, sample{at: at - g.begin, off: s.Offset, size: s.Size, sync: true})
		g.bytes += int64(s.Size)
	}
}

// loop is a tape played over and over, for a while.
type loop struct {
	*tape
	first int64 // number in the recording of its first picture
	n     int64 // groups, or endless
}

// cut plays the tape for span milliseconds, whole groups only; picture 0 is the recording's
// number first.
func (t *tape) cut(first, span int64) *loop {
	l := &loop{tape: t, first: first, n: endless}
	if span != endless {
		l.n = search(0, span+1, func(i int64) bool { return l.until(i) > span })
	}
	return l
}

// at returns group i and when its loop begins.
func (l *loop) at(i int64) (*scene, int64) {
	n := int64(len(l.groups))
	return &l.groups[i%n], i / n * l.length
}

func (l *loop) count() int64 { return l.n }

func (l *loop) begin(i int64) int64 {
	g, loop := l.at(i)
	return loop + g.begin
}

func (l *loop) last(i int64) int64 {
	g, loop := l.at(i)
	return loop + g.last
}

func (l *loop) until(i int64) int64 { return l.begin(i + 1) }

func (l *loop) pictures(i int64) (int64, int) {
	g, _ := l.at(i)
	return l.first + i/int64(len(l.groups))*l.frames + g.first, len(g.samples.video)
}

func (l *loop) apart() int64 {
	least := l.length
	for i := range int64(len(l.groups)) {
		least = min(least, l.begin(i+1)-l.begin(i))
	}
	return least
}

func (l *loop) sounds(i, _ int64) int64 {
	g, _ := l.at(i)
	return int64(len(g.samples.audio))
}

func (l *loop) payload(i, _ int64) int64 {
	g, _ := l.at(i)
	return g.bytes
}

func (l *loop) configs() (video, audio media.Config) { return l.video, l.audio }

func (l *loop) samples(i, _ int64) (group, error) {
	g, _ := l.at(i)
	return g.samples, nil
}

func (l *loop) source([]cut) (media.Source, func() error, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return media.Source{}, nil, err
	}
	return media.Source{ReaderAt: f, Size: l.size}, f.Close, nil
}
