package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Between is how long it is from the end of fragment a to the start of b, which plays after it, on the
// range's clock, where what lies between them is not to be had or was left out: above 0 then. Where b
// follows a in the timeline it is the hole between them, or 0 if there is none. Fragments that are not
// in the timeline have nothing between them but what their times and lengths tell.
func (t Timeline) Between(a, b archive.Fragment) time.Duration {
	at, ok := t.find(a)
	to, found := t.find(b)
	if !ok || !found {
		return max(0, t.after(a, b, a.Start(t.Range.Clock).Add(a.Length)))
	}
	switch next := t.next(at); {
	case to != next:
		return max(time.Millisecond, t.after(a, b, t.end(at)))
	case next.span != at.span:
		return t.Hole(next.span)
	}
	return 0
}

// after is how long after end, where a ends, b starts. It is no longer than b starts after a does.
func (t Timeline) after(a, b archive.Fragment, end time.Time) time.Duration {
	start := b.Start(t.Range.Clock)
	return min(start.Sub(end), start.Sub(a.Start(t.Range.Clock)))
}

// place is where a fragment is in a timeline.
type place struct{ span, fragment int }

// find looks for f in the spans that hold its start: there may be several on the producer clock, where
// sessions overlap.
func (t Timeline) find(f archive.Fragment) (place, bool) {
	c := t.Range.Clock
	at := f.Start(c)
	for i, sp := range t.Spans {
		n, _ := slices.BinarySearchFunc(sp.Fragments, at, func(o archive.Fragment, at time.Time) int { return o.Start(c).Compare(at) })
		for ; n < len(sp.Fragments) && sp.Fragments[n].Start(c).Equal(at); n++ {
			if sp.Fragments[n].Number == f.Number {
				return place{i, n}, true
			}
		}
	}
	return place{}, false
}

// next is the place that plays after p.
func (t Timeline) next(p place) place {
	if p.fragment+1 < len(t.Spans[p.span].Fragments) {
		return place{p.span, p.fragment + 1}
	}
	return place{p.span + 1, 0}
}

// end is where the fragment at p ends: where the one that goes on from it starts, or its span ends.
func (t Timeline) end(p place) time.Time {
	sp := t.Spans[p.span]
	if p.fragment+1 < len(sp.Fragments) {
		return sp.Fragments[p.fragment+1].Start(t.Range.Clock)
	}
	return sp.To
}
