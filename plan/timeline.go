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
	l := newListing(r.Clock, listed)
	s := l.sieve(r, o)
	return s.timeline(s.order(), l.clocks().Wall)
}

// timeline makes spans of the fragments at the given places, and gaps of what is between them, by
// the distances of the wall clock.
func (s *sieve) timeline(order []int, wall archive.Clock) Timeline {
	t := Timeline{Range: s.asked, Overlap: s.overlap, Overlaps: s.overlaps(), Spans: s.spans(order)}
	for i, f := range s.fate {
		if f == leftOut || f == never {
			t.Repeated = append(t.Repeated, s.fs[i])
		}
	}
	if wall == s.clock {
		t.Gaps = s.gaps(s.asked, t.Spans, nil)
	} else {
		t.Gaps = s.gaps(s.asked, t.Spans, s.holes(order, t.Spans))
	}
	return t
}

// spans are the fragments at the given places, cut where they do not go on.
func (s *sieve) spans(order []int) (out []Span) {
	for n, i := range order {
		f := s.fs[i]
		if n > 0 && (s.together(order[n-1], i) || !s.broken(s.fs[order[n-1]], f)) {
			sp := &out[len(out)-1]
			sp.Fragments = append(sp.Fragments, f)
		} else {
			out = append(out, Span{Fragments: []archive.Fragment{f}})
		}
	}
	for i := range out {
		sp := &out[i]
		sp.From, sp.To = sp.Fragments[0].Start(s.clock), s.end(last(sp.Fragments))
	}
	return out
}

// Hole is how long nothing was filmed right before span i: the Length of the gap that is listed
// there, or 0 where none is, as before a new session, or after a clock was set back. i is above 0.
func (t Timeline) Hole(i int) time.Duration {
	at, before := t.Spans[i].From, t.Spans[i-1:i]
	if t.Overlap == OverlapAll { // those of one start may lie apart
		before = t.Spans[:i]
	}
	if slices.ContainsFunc(before, func(s Span) bool { return s.From.Equal(at) }) { // the hole is before that one
		return 0
	}
	n, ok := slices.BinarySearchFunc(t.Gaps, at, func(g Gap, at time.Time) int { return g.To.Compare(at) })
	if !ok {
		return 0
	}
	return t.Gaps[n].Length
}

// gaps lists what the spans leave of the range, on its clock. Spans overlap on the server clock
// where an upload came faster than it was filmed. Where holes are told, for each span but the first
// the one before it, these are the gaps between spans, whatever room the range's clock has for them.
func (j judge) gaps(r archive.Range, spans []Span, holes []time.Duration) []Gap {
	var out []Gap
	from := r.From
	for i, s := range spans {
		length := s.From.Sub(from)
		if i > 0 && holes != nil {
			length = holes[i-1]
		}
		if length > j.slack() {
			out = append(out, Gap{From: earlier(from, s.From), To: s.From, Length: length})
		}
		from = later(from, s.To)
	}
	if length := r.To.Sub(from); length > j.slack() {
		out = append(out, Gap{From: from, To: r.To, Length: length})
	}
	return out
}

func last(fs []archive.Fragment) archive.Fragment { return fs[len(fs)-1] }
