package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// timeSlack is by how much a sample's time may differ between the engines: documents have
// milliseconds.
const timeSlack = time.Millisecond

// compare compares what GetClip gave with the same fragments by numbers, track by track and sample by
// sample: bytes, and presentation times.
func compare(ctx context.Context, clip, numbers Piece) error {
	count := map[media.Kind]int{}
	m := clip.Movie()
	for _, t := range m.Tracks {
		n := count[t.Kind]
		count[t.Kind]++
		if len(t.Samples) == 0 || t.Kind != media.Video && t.Kind != media.Audio {
			continue
		}
		c := comparison{ctx: ctx, clip: view(m, t), name: fmt.Sprintf("%s track %d", t.Kind, n+1)}
		if v := m.Find(media.Video); t.Kind == media.Audio && len(t.Edits) > 0 && v != nil && len(v.Samples) > 0 {
			c.lead = view(m, v)
		}
		if err := c.parts(numbers.Parts, t.Kind, n); err != nil {
			return err
		}
	}
	return nil
}

// shown is a track and when its samples are shown.
type shown struct {
	movie  *media.Movie
	track  *media.Track
	offset int64 // presentation time = composition time + offset, by the edit list; ticks
}

func view(m *media.Movie, t *media.Track) *shown {
	s := &shown{movie: m, track: t}
	var empty int64
	for _, e := range t.Edits {
		if e.Media >= 0 {
			s.offset = empty - e.Media
			return s
		}
		empty += media.Rescale(e.Duration, m.Timescale, t.Timescale)
	}
	s.offset = empty
	return s
}

// at is when sample i is shown, on the movie's timeline.
func (s *shown) at(i int) time.Duration {
	return time.Duration(media.Rescale(s.track.Composition(i)+s.offset, s.track.Timescale, uint32(time.Second)))
}

// first is when the first of the samples from first up to, not including, end is shown. With B-frames
// that is not the first one.
func (s *shown) first(first, end int) time.Duration {
	at := time.Duration(math.MaxInt64)
	for i := first; i < end; i++ {
		at = min(at, s.at(i))
	}
	return at
}

// data is the bytes of sample i.
func (s *shown) data(i int) *io.SectionReader {
	p := s.track.Samples[i]
	return io.NewSectionReader(s.movie.Sources[p.Source], p.Offset, int64(p.Size))
}

// comparison is of one track of a clip.
type comparison struct {
	ctx  context.Context // of the one comparison this lives for
	clip *shown
	name string
	// lead is the track of the clip from whose first picture times count: for sound, if the clip's edit
	// list tells how sound and pictures lie to each other. Nil: from the track's own first sample.
	lead     *shown
	from     int // sample of the clip's track that the present part begins with
	leadFrom int // and of lead
}

// parts compares the track with the n-th ones of a kind in the parts, one behind the other. Times
// count from the beginning of each part, because GetClip may close up holes.
func (c *comparison) parts(parts []Part, kind media.Kind, n int) error {
	var all, came int
	for _, p := range parts {
		t, lead := nth(p.Movie, kind, n), p.Movie.Find(media.Video)
		if t != nil {
			all += len(t.Samples)
		}
		if t != nil && c.from+len(t.Samples) <= len(c.clip.track.Samples) {
			if err := c.part(p, t, lead); err != nil {
				return err
			}
			came += len(t.Samples)
			c.from += len(t.Samples)
		}
		if lead != nil {
			c.leadFrom += len(lead.Samples)
		}
	}
	if want := len(c.clip.track.Samples); all != want || came != want {
		return fmt.Errorf("%w: %s: %d samples by GetClip, %d by GetMediaForFragmentList", ErrDiffer, c.name, want, all)
	}
	return nil
}

func nth(m *media.Movie, kind media.Kind, n int) *media.Track {
	for _, t := range m.Tracks {
		if t.Kind == kind {
			if n == 0 {
				return t
			}
			n--
		}
	}
	return nil
}

func (c *comparison) part(p Part, t, lead *media.Track) error {
	if len(t.Samples) == 0 {
		return nil
	}
	other := view(p.Movie, t)
	zero, otherZero := c.clip.first(c.from, c.from+len(t.Samples)), other.first(0, len(t.Samples))
	if c.lead != nil && lead != nil && len(lead.Samples) > 0 && c.leadFrom+len(lead.Samples) <= len(c.lead.track.Samples) {
		zero = c.lead.first(c.leadFrom, c.leadFrom+len(lead.Samples))
		otherZero = view(p.Movie, lead).first(0, len(lead.Samples))
	}
	for i := range t.Samples {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		k := c.from + i
		if a, b := c.clip.at(k)-zero, other.at(i)-otherZero; (a - b).Abs() > timeSlack {
			return fmt.Errorf("%w: %s, sample %d: shown at %v by GetClip, at %v by GetMediaForFragmentList", ErrDiffer, c.name, k+1, a, b)
		}
		if err := c.bytes(k, other, i); err != nil {
			return err
		}
	}
	return nil
}

// bytes compares sample k of the clip with sample i of the other track.
func (c *comparison) bytes(k int, other *shown, i int) error {
	a, b := c.clip.data(k), other.data(i)
	if a.Size() != b.Size() {
		return fmt.Errorf("%w: %s, sample %d: %d bytes by GetClip, %d by GetMediaForFragmentList", ErrDiffer, c.name, k+1, a.Size(), b.Size())
	}
	const block = 32 << 10
	x, y := make([]byte, min(block, a.Size())), make([]byte, min(block, a.Size()))
	for at := int64(0); at < a.Size(); at += int64(len(x)) {
		n := min(int64(len(x)), a.Size()-at)
		if err := read(a, x[:n]); err != nil {
			return err
		}
		if err := read(b, y[:n]); err != nil {
			return err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			d := at
			for x[d-at] == y[d-at] {
				d++
			}
			return fmt.Errorf("%w: %s, sample %d: byte %d of %d is 0x%02X by GetClip, 0x%02X by GetMediaForFragmentList",
				ErrDiffer, c.name, k+1, d+1, a.Size(), x[d-at], y[d-at])
		}
	}
	return nil
}

func read(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err != nil {
		return fmt.Errorf("reading a sample: %w", err)
	}
	return nil
}
