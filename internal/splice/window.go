package splice

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// Window returns those of pieces, in their order, that have footage in [from, to) on clock c: a fragment
// that starts before to and ends after from, as far as its length and a usual sample tell. What plays on
// over an instant is in the windows on both sides of it. A piece whose fragments are not known is in
// every window. What is returned is a slice of its own.
func Window(pieces []Piece, c archive.Clock, from, to time.Time) []Piece {
	var out []Piece
	for _, p := range pieces {
		last := p.lasting()
		inside := func(f archive.Fragment) bool {
			start := f.Start(c)
			return start.Before(to) && start.Add(f.Length+last).After(from) && from.Before(to)
		}
		if len(p.Fragments) == 0 || slices.ContainsFunc(p.Fragments, inside) {
			out = append(out, p)
		}
	}
	return out
}

// lasting is how long a sample of the piece's pictures usually lasts, or without pictures one of its
// sound: fragments go on for so long after their Length.
func (p *Piece) lasting() time.Duration {
	t := p.Movie.Find(media.Video)
	if t == nil {
		t = p.Movie.Find(media.Audio)
	}
	if t == nil || len(t.Samples) == 0 {
		return 0
	}
	return duration(t.End-t.Samples[0].Time, t.Timescale) / time.Duration(len(t.Samples))
}
