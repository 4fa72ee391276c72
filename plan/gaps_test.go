package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
	"pgregory.net/rapid"
)

// Gaps lie in order and last, each between the two spans of its place or at an end of the range, and
// Hole tells exactly their lengths.
func TestGapsLieInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, q, _, p := planned(t)
		tl := p.Timeline
		for i, g := range tl.Gaps {
			if g.Length <= 0 || g.To.Before(g.From) || i > 0 && !g.To.After(tl.Gaps[i-1].To) {
				t.Fatalf("gap %d is %+v", i, g)
			}
			if p.Clocks.Wall == q.Clock && g.Length != g.To.Sub(g.From) {
				t.Fatalf("gap %d is %+v: want its length on the range's clock", i, g)
			}
		}
		sum := time.Duration(0)
		for i := 1; i < len(tl.Spans); i++ {
			sum += tl.Hole(i)
		}
		if want := between(tl); sum != want {
			t.Fatalf("holes of %v in all, want the %v of the gaps between spans", sum, want)
		}
	})
}

// between is how long the gaps last that are at no end of the range.
func between(tl plan.Timeline) (sum time.Duration) {
	for _, g := range tl.Gaps {
		if len(tl.Spans) > 0 && g.To.After(tl.Spans[0].From) && !g.To.Equal(tl.Range.To) {
			sum += g.Length
		}
	}
	return sum
}

// On the server clock, where producer times can be believed, what was filmed and what is told as gaps
// is all the time from the first picture to the last, in footage that plays in the order in which it
// was filmed. In other footage nothing is told twice.
func TestGapsFillWhatWasFilmed(t *testing.T) {
	for name, g := range map[string]*rapid.Generator[recording]{
		"one camera": recordings(),
		"restarts":   rapid.Custom(func(t *rapid.T) recording { return sessions().Draw(t, "recording").recording }),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r := g.Draw(t, "recording")
				r.clock = archive.Server
				q, o := r.around(t), rapid.SampledFrom(overlaps).Draw(t, "overlap")
				p := plan.Build(q, r.listed(q), plan.Options{Overlap: o})
				v := viewed(restarts{recording: r}, q, o, p)
				if p.Clocks.Wall == archive.Producer && len(v.planned) > 0 {
					v.accounted(t, p.Timeline)
				}
			})
		})
	}
}

// accounted holds the gaps between spans against all the time that nothing planned films.
func (v *view) accounted(t *rapid.T, tl plan.Timeline) {
	all := v.films(v.planned[0])
	rising := true
	for i, f := range v.planned[1:] {
		before := v.planned[i]
		// what arrived together is one answer, whatever is missing in it
		rising = rising && !f.Producer.Before(before.Producer) && f.Server.Sub(before.Server) > ms
		all.from, all.to = minTime(all.from, f.Producer), maxTime(all.to, v.films(f).to)
	}
	var empty time.Duration
	for _, h := range v.holes(all, v.planned) {
		empty += h.to.Sub(h.from)
	}
	if told := between(tl); told > empty || rising && told != empty {
		t.Fatalf("gaps of %v are told between spans, want %v: from %v to %v", told, empty, all.from, all.to)
	}
}

func minTime(a, b time.Time) time.Time { return slices.MinFunc([]time.Time{a, b}, time.Time.Compare) }

func maxTime(a, b time.Time) time.Time { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }
