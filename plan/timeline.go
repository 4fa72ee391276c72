package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// minTolerance is the least by which a fragment may come late before it counts as a gap. Server
// times jitter by tens of milliseconds; a lost fragment is at least a second.
const minTolerance = 100 * time.Millisecond

// maxSample bounds the guess of a usual sample's duration: one picture in five seconds.
const maxSample = 5 * time.Second

// NewTimeline sorts out what a listing says of a range. The fragments may come in any order, a page
// may tell one twice, and they may start up to archive.MaxFragmentLength before r.From: of those
// the ones that hold r.From are kept. The slice is not changed.
func NewTimeline(r archive.Range, listed []archive.Fragment, o Overlap) Timeline {
	s := newListing(r.Clock, listed).sieve(r, o)
	return s.timeline(s.order())
}

// timeline makes spans of the fragments at the given places.
func (s *sieve) timeline(order []int) Timeline {
	t := Timeline{Range: s.asked, Overlap: s.overlap, Overlaps: s.overlaps()}
	for i, f := range s.fate {
		if f == leftOut || f == never {
			t.Repeated = append(t.Repeated, s.fs[i])
		}
	}
	for _, i := range order {
		f := s.fs[i]
		if n := len(t.Spans); n > 0 && !s.broken(last(t.Spans[n-1].Fragments), f) {
			t.Spans[n-1].Fragments = append(t.Spans[n-1].Fragments, f)
		} else {
			t.Spans = append(t.Spans, Span{Fragments: []archive.Fragment{f}})
		}
	}
	for i := range t.Spans {
		sp := &t.Spans[i]
		sp.From, sp.To = sp.Fragments[0].Start(s.clock), s.end(last(sp.Fragments))
	}
	t.Gaps = s.gaps(s.asked, t.Spans)
	return t
}

// Hole is how long nothing was recorded right before span i, on the range's clock; 0 where it
// follows without a hole: a new session, or a clock that was set back. i is above 0.
func (t Timeline) Hole(i int) time.Duration {
	at := t.Spans[i].From
	if t.Spans[i-1].From.Equal(at) { // the hole is before that one
		return 0
	}
	n, ok := slices.BinarySearchFunc(t.Gaps, at, func(g Gap, at time.Time) int { return g.To.Compare(at) })
	if !ok {
		return 0
	}
	return t.Gaps[n].To.Sub(t.Gaps[n].From)
}

// gaps lists what the spans leave of the range, on its clock. Spans overlap on the server clock
// where an upload came faster than it was filmed.
func (j judge) gaps(r archive.Range, spans []Span) []Gap {
	var out []Gap
	from := r.From
	for _, s := range spans {
		if s.From.Sub(from) > j.slack() {
			out = append(out, Gap{From: from, To: s.From})
		}
		if s.To.After(from) {
			from = s.To
		}
	}
	if r.To.Sub(from) > j.slack() {
		out = append(out, Gap{From: from, To: r.To})
	}
	return out
}

func last(fs []archive.Fragment) archive.Fragment { return fs[len(fs)-1] }
