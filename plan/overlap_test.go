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

// told is an overlap with its times as distances from noon.
type told struct {
	from, to      time.Duration
	kept, leftOut int
	equal         bool
	lost          time.Duration
}

func tell(os []plan.Overlapping) (out []told) {
	for _, o := range os {
		out = append(out, told{o.From.Sub(noon), o.To.Sub(noon), o.Kept, o.LeftOut, o.Equal, o.Lost})
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
			[][]int{{1, 2, 3, 4}, {5}, {103, 104, 105}},
			nil,
			[]int{101, 102},
			[]told{{7 * s, 10 * s, 2, 2, false, 1 * s}},
		},
		"restarted, server": {
			archive.Server, "", restarted(),
			[][]int{{1, 2, 3, 4, 5}, {101, 102, 103, 104, 105}},
			nil, nil,
			[]told{{7 * s, 10 * s, 4, 0, false, 0}},
		},
		"restarted, server, oldest": {
			archive.Server, plan.OverlapOldest, restarted(),
			[][]int{{1, 2, 3, 4, 5}, {103, 104, 105}},
			nil,
			[]int{101, 102},
			[]told{{7 * s, 10 * s, 2, 2, false, 1 * s}},
		},
		"restarted, server, newest": {
			archive.Server, plan.OverlapNewest, restarted(),
			[][]int{{1, 2, 3}, {101, 102, 103, 104, 105}},
			nil,
			[]int{4, 5},
			[]told{{7 * s, 10 * s, 2, 2, false, 1 * s}},
		},
		"restarted, producer, newest": {
			archive.Producer, plan.OverlapNewest, restarted(),
			[][]int{{1, 2, 3}, {101}, {102, 103, 104, 105}},
			nil,
			[]int{4, 5},
			[]told{{7 * s, 10 * s, 2, 2, false, 1 * s}},
		},
		"restarted, producer, all": { // session by session, though their starts lie in turns
			archive.Producer, plan.OverlapAll, restarted(),
			[][]int{{1, 2, 3, 4}, {5}, {101}, {102, 103, 104, 105}},
			nil, nil,
			[]told{{7 * s, 10 * s, 4, 0, false, 0}},
		},
		"sent twice, producer": {
			archive.Producer, "", twice, [][]int{{1, 2, 3, 4, 5}}, nil, []int{6, 7}, []told{{2 * s, 6 * s, 2, 2, true, 0}},
		},
		"sent twice, producer, newest": { // GetClip gives the older one of a producer time
			archive.Producer, plan.OverlapNewest, twice, [][]int{{1}, {6}, {7}, {4, 5}}, []int{1, 2}, []int{2, 3}, []told{{2 * s, 6 * s, 2, 2, true, 0}},
		},
		"sent twice, producer, all": {
			archive.Producer, plan.OverlapAll, twice, [][]int{{1, 2, 3, 4, 5}, {6}, {7}}, []int{1, 2}, nil, []told{{2 * s, 6 * s, 4, 0, true, 0}},
		},
		"sent twice, server, all": {
			archive.Server, plan.OverlapAll, twice, [][]int{{1, 2, 3, 4, 5}, {6, 7}}, nil, nil, []told{{2 * s, 6 * s, 4, 0, true, 0}},
		},
		"sent twice, server, newest": {
			archive.Server, plan.OverlapNewest, twice, [][]int{{1}, {4, 5}, {6, 7}}, nil, []int{2, 3}, []told{{2 * s, 6 * s, 2, 2, true, 0}},
		},
		"sent twice in one millisecond": { // equal on both clocks: the newer one cannot be had
			archive.Server, plan.OverlapNewest, append(steady(2), again(five, 1, 6, 2500*ms)), [][]int{{1, 2}}, nil, []int{6}, []told{{2 * s, 4 * s, 1, 1, true, 0}},
		},
		"the newer arrived with another one": {
			archive.Producer, plan.OverlapNewest, append(steady(5), again(five, 1, 6, 8500*ms)), [][]int{{1, 2, 3, 4, 5}}, nil, []int{6}, []told{{2 * s, 4 * s, 1, 1, true, 0}},
		},
		"kept with what arrived together": { // neither 5 nor 6 can be had alone on the server clock, 5 on the other
			archive.Server, plan.OverlapOldest, append(steady(6), again(five, 1, 90, 8500*ms)), [][]int{{1, 2, 3, 4}, {5}, {6}}, []int{1}, []int{90}, []told{{2 * s, 4 * s, 1, 1, true, 0}},
		},
		"kept with one of 1970": { // which another session has at that time too, perhaps: nobody knows which one would come
			archive.Server, "", append(steady(2), again(five, 0, 90, 8500*ms), on1970([]archive.Fragment{again(five, 1, 80, 8500*ms)}, 1)[0]),
			[][]int{{1, 2}, {80, 90}},
			nil, nil,
			[]told{{0, 2 * s, 2, 0, true, 0}},
		},
		"1970, server, newest": {
			archive.Server, plan.OverlapNewest, on1970(steady(4), 2), [][]int{{1, 2}, {3, 4}}, nil, nil, nil,
		},
		"an hour back, server": {
			archive.Server, "", append(steady(2), fragment(8, -3600*s, 1960*ms, 3610*s), fragment(9, 500*ms-3600*s, 1960*ms, 3613*s)),
			[][]int{{1, 2}, {8}, {9}},
			nil, nil,
			[]told{{500*ms - 3600*s, 2*s - 3600*s, 2, 0, false, 0}},
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
		"a new session":      {on(archive.Server, 500*ms, 20*s), on1970(steady(4), 2), "", []time.Duration{0}},
		"a session again":    {span(0, 20*s), restarted(), plan.OverlapAll, []time.Duration{0}},
		"two after one hole": {span(0, 30*s), append(without(steady(8), 3), again(steady(8), 3, 20, 30*s)), plan.OverlapAll, []time.Duration{2 * s, 0}},
		"uploaded in a moment": { // nothing was filmed for 2 s, which took none to arrive
			on(archive.Server, 0, 20*s), arriving(without(steady(5), 3), func(i int) time.Duration { return time.Duration(i) * ms }), "", []time.Duration{0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, holes(plan.NewTimeline(c.r, c.listed, c.o))); d != "" {
				t.Errorf("Hole of every span but the first (-want +got):\n%s", d)
			}
		})
	}
}
