package plan

import (
	"slices"
	"time"
)

// holes tells of each of the spans but the first for how long nothing was filmed before it that is
// kept, by producer times: from the end of the span before on. Nothing is 0: what is too short to be
// told from a picture that was shown longer than usual, what lies before another span already, and
// what would have to be gone back for. order has the places of all that is kept.
func (s *sieve) holes(order []int, spans []Span) []time.Duration {
	if len(spans) < 2 {
		return nil
	}
	empty := s.unfilmed(order)
	out := make([]time.Duration, 0, len(spans)-1)
	for i := 1; i < len(spans); i++ {
		from, to := s.filmed(last(spans[i-1].Fragments)), spans[i].Fragments[0].Producer
		n, _ := slices.BinarySearchFunc(empty, from, func(h hole, from time.Time) int { return h.From.Compare(from) })
		var sum time.Duration
		for ; n < len(empty) && !empty[n].To.After(to); n++ {
			if !empty[n].told {
				sum += empty[n].To.Sub(empty[n].From)
				empty[n].told = true
			}
		}
		out = append(out, sum)
	}
	return out
}

// hole is producer time of which nothing is kept, between what is.
type hole struct {
	footage
	told bool // by holes
}

// unfilmed are the holes in what is kept, in order.
func (s *sieve) unfilmed(order []int) (out []hole) {
	byStart := slices.Clone(order)
	slices.SortFunc(byStart, func(a, b int) int { return s.fs[a].Producer.Compare(s.fs[b].Producer) })
	var end time.Time
	for n, i := range byStart {
		f := s.fs[i]
		if n > 0 && f.Producer.Sub(end) > s.slack() {
			out = append(out, hole{footage: footage{end, f.Producer}})
		}
		end = later(end, s.filmed(f))
	}
	return out
}
