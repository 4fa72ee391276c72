package fetch

import (
	"errors"
	"fmt"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/plan"
)

// ErrShort means a whole answer holds less than was planned, or, where nothing was listed to
// compare it with, looks as if the service had stopped at one of its limits.
var ErrShort = errors.New("the service stopped early")

// ErrIncomplete means that footage the service lists cannot be had from it.
var ErrIncomplete = errors.New("footage that was listed cannot be had")

// slack is by how much an answer may be shorter than the listing says: pieces are asked for in
// milliseconds, and packaging rounds. The shortest fragment is a second.
const slack = 250 * time.Millisecond

// check compares an answer with its plan. One without pictures is whole if its sound is as long as
// was planned.
func check(p Piece, listed bool) error {
	if !listed {
		return suspect(p)
	}
	t := p.lead()
	if t == nil {
		return fmt.Errorf("%w: %d fragments planned, neither pictures nor sound came", ErrShort, len(p.Fragments))
	}
	if n := t.SyncSamples(); t.Kind == media.Video && n < len(p.Fragments) {
		return fmt.Errorf("%w: %d fragments planned, %d sync samples came", ErrShort, len(p.Fragments), n)
	}
	if want, got := planned(p.Piece), length(t); got < want-slack {
		return fmt.Errorf("%w: %v planned, %v came", ErrShort, want, got)
	}
	return nil
}

// lead is the pictures of a clip, or the sound if it has none; nil if it has neither.
func (p Piece) lead() *media.Track {
	m := p.Movie()
	if v := m.Find(media.Video); v != nil && (len(v.Samples) > 0 || m.Find(media.Audio) == nil) {
		return v
	}
	return m.Find(media.Audio)
}

// fastest is how many fragments a second the service takes at the most (Amazon Kinesis Video Streams
// quotas, PutMedia). A piece too short for 200 of them was not cut at 200, however many sync
// samples it has.
const fastest = 5

// Surplus is how much longer the pictures of p are, or its sound if it has none, than the listing says,
// from the first to the last one's start; 0 when that is no more than packaging rounds, or nothing was
// listed. Nothing is missing then, but footage may be there twice. What came by numbers is never more
// than was asked for.
func (p Piece) Surplus() time.Duration {
	v := p.lead()
	if p.Engine == EngineFragments || len(p.Fragments) == 0 || v == nil || len(v.Samples) == 0 {
		return 0
	}
	last := time.Duration(media.Rescale(v.Duration(len(v.Samples)-1), v.Timescale, uint32(time.Second)))
	if over := length(v) - last - planned(p.Piece); over > 2*slack {
		return over
	}
	return 0
}

// suspect judges an answer by the limits alone: GetClip stops at 200 fragments, each of which has
// at least one sync sample, or at 100 MB.
func suspect(p Piece) error {
	if p.Size >= plan.MaxBytes {
		return fmt.Errorf("%w, perhaps: %d bytes came, near its limit of 100 MB", ErrShort, p.Size)
	}
	room := fastest*int(p.Last.Sub(p.First).Milliseconds())/1000 + 1
	if v := p.Movie().Find(media.Video); v != nil && v.SyncSamples() >= plan.MaxFragments && room >= plan.MaxFragments {
		return fmt.Errorf("%w, perhaps: %d sync samples came, its limit is %d fragments",
			ErrShort, v.SyncSamples(), plan.MaxFragments)
	}
	return nil
}

// planned is how long the listing says the pictures of p last at the least: to the last sample's
// start. A piece reaches over a gap only between fragments that arrived in one millisecond; what
// the service makes of that is not counted.
func planned(p plan.Piece) time.Duration {
	n := len(p.Fragments) - 1
	sum := p.Fragments[n].Length
	for i, f := range p.Fragments[:n] {
		spacing := p.Fragments[i+1].Producer.Sub(f.Producer)
		if spacing-f.Length > maxPicture {
			spacing = f.Length
		}
		sum += spacing
	}
	return sum
}

// maxPicture bounds how long a fragment's last picture can be shown.
const maxPicture = 5 * time.Second

// length is how long the track's samples last.
func length(t *media.Track) time.Duration {
	if len(t.Samples) == 0 {
		return 0
	}
	return time.Duration(media.Rescale(t.End-t.Samples[0].Time, t.Timescale, uint32(time.Second)))
}
