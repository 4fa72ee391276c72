package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// restarted are five fragments of 2 s filmed from 0 on, and five from a restart that are filmed from
// 7 s on and arrive from 20 s on: the last one and a half are filmed twice.
func restarted() []archive.Fragment {
	fs := steady(5)
	for i := range 5 {
		at := time.Duration(i) * 2 * s
		fs = append(fs, fragment(101+i, 7*s+at, 1960*ms, 13*s))
	}
	return fs
}

// replayed is as restarted, but what was filmed from 7 s on arrives in a burst, and from then on live.
func replayed() []archive.Fragment {
	fs := restarted()
	arriving(fs[5:], func(i int) time.Duration {
		return max(10600*ms+time.Duration(i)*100*ms, 7500*ms+time.Duration(i)*2*s)
	})
	return fs
}

// told is an overlap with its times as distances from noon.
type told struct {
	from, to      time.Duration
	kept, leftOut int
	equal         bool
	twice, lost   time.Duration
}

func tell(os []plan.Overlapping) (out []told) {
	for _, o := range os {
		out = append(out, told{o.From.Sub(noon), o.To.Sub(noon), o.Kept, o.LeftOut, o.Equal, o.Twice, o.Lost})
	}
	return out
}

func TestOverlap(t *testing.T) {
	five := steady(5)
	twice := append(steady(5), again(five, 1, 6, 11*s), again(five, 2, 7, 13*s))
	type on = archive.Clock
	for name, c := range map[string]struct {
		clock    on
		overlap  plan.Overlap
		listed   []archive.Fragment
		pieces   [][]int
		other    []int // pieces on the other clock
		repeated []int
		told     []told
	}{
		"nothing twice": {archive.Producer, plan.OverlapOldest, steady(3), [][]int{{1, 2, 3}}, nil, nil, nil},
		"restarted, producer": {
			archive.Producer, "", restarted(),
			[][]int{{1, 2, 3, 4}, {5}, {102, 103, 104, 105}},
			nil,
			[]int{101}, // 4 and 5 have all of it together, but nothing has the end of 102
			[]told{{7 * s, 10 * s, 3, 1, false, 1 * s, 0}},
		},
		"restarted, producer, oldest": {
			archive.Producer, plan.OverlapOldest, restarted(),
			[][]int{{1, 2, 3, 4}, {5}, {103, 104, 105}},
			nil,
			[]int{101, 102},
			[]told{{7 * s, 10 * s, 2, 2, false, 0, 1 * s}},
		},
		"restarted, server": {
			archive.Server, "", restarted(),
			[][]int{{1, 2, 3, 4, 5}, {101, 102, 103, 104, 105}},
			nil, nil,
			[]told{{7 * s, 10 * s, 4, 0, false, 3 * s, 0}},
		},
		"restarted, server, oldest": {
			archive.Server, plan.OverlapOldest, restarted(),
			[][]int{{1, 2, 3, 4, 5}, {103, 104, 105}},
			nil,
			[]int{101, 102},
			[]told{{7 * s, 10 * s, 2, 2, false, 0, 1 * s}},
		},
		"restarted, server, newest": {
			archive.Server, plan.OverlapNewest, restarted(),
			[][]int{{1, 2, 3}, {101, 102, 103, 104, 105}},
			nil,
			[]int{4, 5},
			[]told{{7 * s, 10 * s, 2, 2, false, 0, 1 * s}},
		},
		"restarted, producer, newest": {
			archive.Producer, plan.OverlapNewest, restarted(),
			[][]int{{1, 2, 3}, {101}, {102, 103, 104, 105}},
			nil,
			[]int{4, 5},
			[]told{{7 * s, 10 * s, 2, 2, false, 0, 1 * s}},
		},
		"restarted, producer, all": { // session by session, though their starts lie in turns
			archive.Producer, plan.OverlapAll, restarted(),
			[][]int{{1, 2, 3, 4}, {5}, {101}, {102, 103, 104, 105}},
			nil, nil,
			[]told{{7 * s, 10 * s, 4, 0, false, 3 * s, 0}},
		},
		"sent twice, producer": {
			archive.Producer, "", twice, [][]int{{1, 2, 3, 4, 5}}, nil, []int{6, 7}, []told{{2 * s, 6 * s, 2, 2, true, 0, 0}},
		},
		"sent twice, producer, newest": { // GetClip gives the older one of a producer time
			archive.Producer, plan.OverlapNewest, twice, [][]int{{1}, {6}, {7}, {4, 5}}, []int{1, 2}, []int{2, 3}, []told{{2 * s, 6 * s, 2, 2, true, 0, 0}},
		},
		"sent twice, producer, all": {
			archive.Producer, plan.OverlapAll, twice, [][]int{{1, 2, 3, 4, 5}, {6}, {7}}, []int{1, 2}, nil, []told{{2 * s, 6 * s, 4, 0, true, 4 * s, 0}},
		},
		"sent twice, server, all": {
			archive.Server, plan.OverlapAll, twice, [][]int{{1, 2, 3, 4, 5}, {6, 7}}, nil, nil, []told{{2 * s, 6 * s, 4, 0, true, 4 * s, 0}},
		},
		"sent twice, server, newest": {
			archive.Server, plan.OverlapNewest, twice, [][]int{{1}, {4, 5}, {6, 7}}, nil, []int{2, 3}, []told{{2 * s, 6 * s, 2, 2, true, 0, 0}},
		},
		"sent twice in one millisecond": { // equal on both clocks: the newer one cannot be had
			archive.Server, plan.OverlapNewest, append(steady(2), again(five, 1, 6, 2500*ms)), [][]int{{1, 2}}, nil, []int{6}, []told{{2 * s, 4 * s, 1, 1, true, 0, 0}},
		},
		"the newer arrived with another one": {
			archive.Producer, plan.OverlapNewest, append(steady(5), again(five, 1, 6, 8500*ms)), [][]int{{1, 2, 3, 4, 5}}, nil, []int{6}, []told{{2 * s, 4 * s, 1, 1, true, 0, 0}},
		},
		"kept with what arrived together": { // neither 5 nor 6 can be had alone on the server clock, 5 on the other
			archive.Server, plan.OverlapOldest, append(steady(6), again(five, 1, 90, 8500*ms)), [][]int{{1, 2, 3, 4}, {5}, {6}}, []int{1}, []int{90}, []told{{2 * s, 4 * s, 1, 1, true, 0, 0}},
		},
		"kept with one of 1970": { // which another session has at that time too, perhaps: nobody knows which one would come
			archive.Server, "", append(steady(2), again(five, 0, 90, 8500*ms), on1970([]archive.Fragment{again(five, 1, 80, 8500*ms)}, 1)[0]),
			[][]int{{1, 2}, {80, 90}},
			nil, nil,
			[]told{{0, 2 * s, 2, 0, true, 2 * s, 0}},
		},
		"all but 100 ms is there": {
			archive.Producer, "", append(steady(5), fragment(6, 8100*ms, 1960*ms, 10*s)),
			[][]int{{1, 2, 3, 4, 5}},
			nil,
			[]int{6},
			[]told{{8100 * ms, 10 * s, 1, 1, false, 0, 0}},
		},
		"all but 101 ms is there": {
			archive.Producer, "", append(steady(5), fragment(6, 8101*ms, 1960*ms, 10*s)),
			[][]int{{1, 2, 3, 4, 5}, {6}},
			nil, nil,
			[]told{{8101 * ms, 10 * s, 2, 0, false, 1899 * ms, 0}},
		},
		"there around a hole of 101 ms": {
			archive.Producer, "", append(steady(2), fragment(3, 4101*ms, 1960*ms, 0), fragment(4, 3*s, 1960*ms, 10*s)),
			[][]int{{1, 2}, {4}, {3}},
			nil, nil,
			[]told{{3 * s, 5 * s, 3, 0, false, 1899 * ms, 0}},
		},
		"there in many": { // from 19 s on, to both sides of a multiple of the greatest length
			archive.Producer, "", append(steady(12), fragment(20, 19*s, 3960*ms, 20*s)),
			[][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {11, 12}},
			nil,
			[]int{20},
			[]told{{19 * s, 23 * s, 3, 1, false, 0, 0}},
		},
		"a single picture": { // that may have been shown for longer
			archive.Producer, "", append(steady(5), fragment(6, 8200*ms, 1760*ms, 10*s), fragment(7, 9*s, 0, 11*s)),
			[][]int{{1, 2, 3, 4, 5}, {7}},
			nil,
			[]int{6},
			[]told{{8200 * ms, 10 * s, 2, 1, false, 0, 0}},
		},
		"a single picture again": {
			archive.Server, plan.OverlapAll, append(steady(5), fragment(6, 20*s, 0, 0), fragment(7, 20*s, 0, s)),
			[][]int{{1, 2, 3, 4, 5}, {6}, {7}},
			nil, nil,
			[]told{{20 * s, 20*s + 40*ms, 2, 0, true, 40 * ms, 0}},
		},
		"there when something younger came": { // it is not left out for that
			archive.Producer, "", append(steady(2), fragment(5, s, 5960*ms, 10*s)),
			[][]int{{1}, {5}, {2}},
			nil, nil,
			[]told{{s, 4 * s, 3, 0, false, 3 * s, 0}},
		},
		"three of one time": {
			archive.Producer, plan.OverlapAll, append(steady(2), again(five, 1, 6, 11*s), again(five, 1, 7, 13*s)),
			[][]int{{1, 2}, {6}, {7}},
			[]int{1, 2},
			nil,
			[]told{{2 * s, 4 * s, 3, 0, true, 2 * s, 0}},
		},
		"a longer one starts with an older one": { // GetClip gives the older one
			archive.Producer, "", append(steady(5), fragment(6, 8*s, 5960*ms, 10*s)),
			[][]int{{1, 2, 3, 4, 5}},
			nil,
			[]int{6},
			[]told{{8 * s, 10 * s, 1, 1, true, 0, 4 * s}},
		},
		"a longer one starts with what is there already": { // so nothing stands for it
			archive.Producer, "", append(steady(5), fragment(6, 7*s, 1960*ms, 10*s), fragment(7, 7*s, 8960*ms, 12*s)),
			[][]int{{1, 2, 3, 4}, {7}, {5}},
			[]int{1},
			[]int{6},
			[]told{{7 * s, 10 * s, 3, 1, false, 3 * s, 0}},
		},
		"1970, server, newest": {
			archive.Server, plan.OverlapNewest, on1970(steady(4), 2), [][]int{{1, 2}, {3, 4}}, nil, nil, nil,
		},
		"an hour back, server": {
			archive.Server, "", append(steady(2), fragment(8, -3600*s, 1960*ms, 3610*s), fragment(9, 500*ms-3600*s, 1960*ms, 3613*s)),
			[][]int{{1, 2}, {8}, {9}},
			nil, nil,
			[]told{{500*ms - 3600*s, 2*s - 3600*s, 2, 0, false, 1500 * ms, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := archive.Range{Clock: c.clock, From: noon, To: noon.Add(time.Hour)}
			p := plan.Build(r, c.listed, plan.Options{Overlap: c.overlap})
			var other, repeated []int
			for _, pc := range p.Pieces {
				if pc.Clock != c.clock {
					other = append(other, pc.Index)
				}
				if first := pc.Fragments[0]; !pc.First.Equal(first.Start(pc.Clock)) {
					t.Errorf("piece %d begins at %v, want the start of its first fragment on its clock", pc.Index, pc.First)
				}
			}
			for _, f := range p.Timeline.Repeated {
				repeated = append(repeated, number(f))
			}
			slices.Sort(repeated)
			opts := cmp.Options{cmpopts.EquateEmpty(), cmp.AllowUnexported(told{})}
			if d := cmp.Diff(c.pieces, numbers(p.Pieces), opts) + cmp.Diff(c.other, other, opts) +
				cmp.Diff(c.repeated, repeated, opts) + cmp.Diff(c.told, tell(p.Timeline.Overlaps), opts); d != "" {
				t.Errorf("Build, overlap %q: pieces, those on the other clock, repeated, overlaps (-want +got):\n%s", c.overlap, d)
			}
		})
	}
}

// What was recorded before the range takes nothing's place in it.
func TestOverlapAtTheStart(t *testing.T) {
	fs := restarted()
	for name, c := range map[string]struct {
		from    time.Duration
		overlap plan.Overlap
		want    []int
	}{
		"oldest holds":      {9500 * ms, plan.OverlapOldest, []int{5, 103, 104, 105}},
		"newest holds":      {9500 * ms, plan.OverlapNewest, []int{102, 103, 104, 105}},
		"all hold":          {9500 * ms, plan.OverlapAll, []int{5, 102, 103, 104, 105}},
		"the older has run": {10500 * ms, plan.OverlapOldest, []int{102, 103, 104, 105}},
		"by default too":    {10500 * ms, plan.OverlapAuto, []int{102, 103, 104, 105}},
		"by default both":   {9500 * ms, plan.OverlapAuto, []int{5, 102, 103, 104, 105}},
		"one has the rest":  {8500 * ms, plan.OverlapAuto, []int{5, 102, 103, 104, 105}}, // 4 has ended, of 101 half a second is left
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Build(span(c.from, time.Hour), fs, plan.Options{Overlap: c.overlap})
			if d := cmp.Diff(c.want, slices.Concat(numbers(p.Pieces)...)); d != "" {
				t.Errorf("Build from %v (-want +got):\n%s", c.from, d)
			}
		})
	}
}

func TestHole(t *testing.T) {
	holes := func(t plan.Timeline) (out []time.Duration) {
		for i := 1; i < len(t.Spans); i++ {
			out = append(out, t.Hole(i))
		}
		return out
	}
	for name, c := range map[string]struct {
		r      archive.Range
		listed []archive.Fragment
		o      plan.Overlap
		want   []time.Duration
	}{
		"one span":        {span(0, 20*s), steady(5), "", nil},
		"a fragment lost": {span(0, 20*s), without(steady(5), 3), "", []time.Duration{2 * s}},
		"and more of them": {
			span(-5*s, 20*s), without(steady(9), 3, 6, 7), "", []time.Duration{2 * s, 4 * s},
		},
		"a new session":   {on(archive.Server, 500*ms, 20*s), on1970(steady(4), 2), "", []time.Duration{0}},
		"a session again": {span(0, 20*s), restarted(), plan.OverlapAll, []time.Duration{0}},
		"a session again, after a span": { // which goes on a little late: the hole before 1 is not told again before 9
			span(-5*s, 20*s), append(steady(1), fragment(2, 2061*ms, 1960*ms, 0), fragment(3, 4061*ms, 1960*ms, 0), again(steady(1), 0, 9, 30*s)),
			plan.OverlapAll,
			[]time.Duration{0, 0},
		},
		"two after one hole": {span(0, 30*s), append(without(steady(8), 3), again(steady(8), 3, 20, 30*s)), plan.OverlapAll, []time.Duration{2 * s, 0}},
		"uploaded in a moment": { // nothing was filmed for 2 s, which took none to arrive
			on(archive.Server, 0, 20*s), arriving(without(steady(5), 3), func(i int) time.Duration { return time.Duration(i) * ms }), "", []time.Duration{2 * s},
		},
		"uploaded in a moment, in a session of 1970": { // nobody knows how long nothing was filmed between sessions
			on(archive.Server, 0, 20*s), arriving(on1970(steady(4), 2), func(i int) time.Duration { return time.Duration(i) * ms }), "", []time.Duration{0},
		},
		"uploaded in two bursts": { // 10 s apart; the 80 ms between them are no gap
			on(archive.Server, 0, 20*s),
			arriving(append(steady(2), fragment(3, 4080*ms, 1960*ms, 0)), func(i int) time.Duration { return []time.Duration{0, ms, 10 * s}[i] }), "",
			[]time.Duration{0},
		},
		"the newest of a replay": { // a second of 4 was filmed by nothing else
			on(archive.Server, 500*ms, 50*s), replayed(), plan.OverlapNewest, []time.Duration{s},
		},
		"the oldest of a replay": { // a second of 102
			on(archive.Server, 500*ms, 50*s), replayed(), plan.OverlapOldest, []time.Duration{s},
		},
		"all of a replay": {on(archive.Server, 500*ms, 50*s), replayed(), plan.OverlapAll, []time.Duration{0}},
		"a replay that never catches up": { // or a clock that was set back: only the server's counts
			on(archive.Server, 500*ms, 50*s), restarted(), plan.OverlapAll, []time.Duration{9500 * ms},
		},
		"uploaded late, out of order": { // each hole in what was filmed from 10 s to 40 s is told once
			on(archive.Server, 0, 70*s),
			[]archive.Fragment{
				fragment(1, 0, 9960*ms, 0), fragment(2, 40*s, 1960*ms, 20*s), fragment(3, 20*s, 1960*ms, 40*s+ms),
				fragment(4, 25*s, 1960*ms, 35*s+2*ms), fragment(5, 42*s, 1960*ms, 18*s+3*ms), fragment(6, 44*s, 1960*ms, 16*s+4*ms),
			},
			"",
			[]time.Duration{26 * s, 0, 0, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, holes(plan.NewTimeline(c.r, c.listed, c.o))); d != "" {
				t.Errorf("Hole of every span but the first (-want +got):\n%s", d)
			}
		})
	}
}

// What is taken out because another one begins before the range does must not stand for a third: it had
// the 800 ms between 2 and 3.
func TestOverlapCoveredByWhatHasEnded(t *testing.T) {
	fs := []archive.Fragment{
		fragment(1, 0, 4200*ms, 0), fragment(2, 3500*ms, 0, s), fragment(3, 5300*ms, 4*s, 0), // a picture a second
		fragment(4, 10300*ms, 4*s, 0), fragment(5, 15300*ms, 4*s, 0), fragment(6, 2*s, 6*s, 20*s),
	}
	p := plan.Build(span(3600*ms, time.Hour), fs, plan.Options{})
	if d := cmp.Diff([][]int{{6, 2}, {3, 4, 5}}, numbers(p.Pieces)); d != "" {
		t.Errorf("Build (-want +got):\n%s", d)
	}
}

// What the producer clock's range does not hold is neither lost nor there twice.
func TestOverlapCountsTheRangeAlone(t *testing.T) {
	for name, c := range map[string]struct {
		r      archive.Range
		o      plan.Overlap
		listed []archive.Fragment
		want   []told
	}{
		"twice, from":    {span(8500*ms, time.Hour), plan.OverlapAll, restarted(), []told{{8 * s, 10 * s, 3, 0, false, 1500 * ms, 0}}},
		"twice, to":      {span(0, 9500*ms), plan.OverlapAll, restarted(), []told{{7 * s, 10 * s, 4, 0, false, 2500 * ms, 0}}},
		"twice, nothing": {span(0, 9050*ms), plan.OverlapAuto, restarted(), []told{{7 * s, 10 * s, 3, 1, false, 0, 0}}},
		"lost, to":       {span(0, 10500*ms), plan.OverlapOldest, restarted(), []told{{7 * s, 10 * s, 2, 2, false, 0, 500 * ms}}},
		"lost, from": { // for an older one that has ended
			span(5*s, 6*s), "",
			[]archive.Fragment{fragment(1, 0, 2*s, 0), fragment(2, 0, 10*s, 0)},
			[]told{{0, 10 * s, 0, 1, true, 0, s}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := tell(plan.NewTimeline(c.r, c.listed, c.o).Overlaps)
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(told{})); d != "" {
				t.Errorf("NewTimeline: overlaps (-want +got):\n%s", d)
			}
		})
	}
}
