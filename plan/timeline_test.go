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

const s = time.Second

// without leaves out the fragments of the given numbers.
func without(fs []archive.Fragment, numbers ...int) []archive.Fragment {
	return slices.DeleteFunc(slices.Clone(fs), func(f archive.Fragment) bool { return slices.Contains(numbers, number(f)) })
}

// on1970 gives fs the producer times of a camera that tells no start: sessions of n fragments.
func on1970(fs []archive.Fragment, n int) []archive.Fragment {
	for i := range fs {
		fs[i].Producer = time.Unix(int64(i%n)*2, 0).UTC()
	}
	return fs
}

// arriving sets the server times, as distances from noon.
func arriving(fs []archive.Fragment, at func(i int) time.Duration) []archive.Fragment {
	for i := range fs {
		fs[i].Server = noon.Add(at(i))
	}
	return fs
}

// single makes n fragments of one picture each.
func single(n int, every time.Duration) []archive.Fragment {
	var fs []archive.Fragment
	for i := range n {
		fs = append(fs, fragment(1+i, time.Duration(i)*every, 0, 0))
	}
	return fs
}

// again is fragment i once more, with another number, arriving late after noon.
func again(fs []archive.Fragment, i, n int, late time.Duration) archive.Fragment {
	f := fs[i]
	f.Number, f.Server = fragment(n, 0, 0, 0).Number, noon.Add(late)
	return f
}

func TestTimeline(t *testing.T) {
	five := steady(5) // filmed 0 to 10 s, arriving from 0.5 s on
	for name, c := range map[string]struct {
		r        archive.Range
		listed   []archive.Fragment
		spans    [][]int            // numbers
		gaps     [][2]time.Duration // after noon
		repeated []int
	}{
		"nothing recorded":         {r: span(0, 10*s), gaps: [][2]time.Duration{{0, 10 * s}}},
		"empty range":              {r: span(3*s, 3*s), listed: five},
		"range inside out":         {r: span(4*s, 3*s), listed: five},
		"all":                      {r: span(0, 10*s), listed: five, spans: [][]int{{1, 2, 3, 4, 5}}},
		"any order":                {r: span(0, 10*s), listed: []archive.Fragment{five[3], five[0], five[4], five[1], five[2]}, spans: [][]int{{1, 2, 3, 4, 5}}},
		"listed twice":             {r: span(0, 10*s), listed: slices.Concat(five, five), spans: [][]int{{1, 2, 3, 4, 5}}},
		"starts at from":           {r: span(4*s, 10*s), listed: five, spans: [][]int{{3, 4, 5}}},
		"starts just before from":  {r: span(4*s+ms, 10*s), listed: five, spans: [][]int{{3, 4, 5}}},
		"starts just after from":   {r: span(4*s-ms, 10*s), listed: five, spans: [][]int{{2, 3, 4, 5}}},
		"starts at to":             {r: span(0, 4*s), listed: five, spans: [][]int{{1, 2}}},
		"starts just before to":    {r: span(0, 4*s+ms), listed: five, spans: [][]int{{1, 2, 3}}},
		"inside one fragment":      {r: span(4500*ms, 4600*ms), listed: five, spans: [][]int{{3}}},
		"one millisecond":          {r: span(4*s, 4*s+ms), listed: five, spans: [][]int{{3}}},
		"in the last picture":      {r: span(9970*ms, 9990*ms), listed: five, spans: [][]int{{5}}},
		"the one before has ended": {r: span(11*s, 13*s), listed: five, gaps: [][2]time.Duration{{11 * s, 13 * s}}},
		"gap at both ends":         {r: span(-3*s, 13*s), listed: five, spans: [][]int{{1, 2, 3, 4, 5}}, gaps: [][2]time.Duration{{-3 * s, 0}, {10 * s, 13 * s}}},
		"no gap: within tolerance": {r: span(-100*ms, 10*s+100*ms), listed: five, spans: [][]int{{1, 2, 3, 4, 5}}},
		"gap: over tolerance":      {r: span(-101*ms, 10*s+101*ms), listed: five, spans: [][]int{{1, 2, 3, 4, 5}}, gaps: [][2]time.Duration{{-101 * ms, 0}, {10 * s, 10*s + 101*ms}}},
		"a fragment lost":          {r: span(0, 10*s), listed: without(five, 3), spans: [][]int{{1, 2}, {4, 5}}, gaps: [][2]time.Duration{{4 * s, 6 * s}}},
		"a fragment lost of three": {r: span(0, 10*s), listed: without(five, 1, 3), spans: [][]int{{2}, {4, 5}}, gaps: [][2]time.Duration{{0, 2 * s}, {4 * s, 6 * s}}},
		"neighbours lost on both sides": {
			r: span(0, 10*s), listed: without(five, 2, 4), spans: [][]int{{1}, {3}, {5}},
			gaps: [][2]time.Duration{{1960 * ms, 4 * s}, {5960 * ms, 8 * s}},
		},
		"a short one lost after the second of three": {
			r: span(0, 14*s), listed: []archive.Fragment{fragment(1, 0, 3960*ms, 0), fragment(2, 4*s, 3960*ms, 0), fragment(3, 10*s, 3960*ms, 0)},
			spans: [][]int{{1, 2}, {3}}, gaps: [][2]time.Duration{{8 * s, 10 * s}},
		},
		"the oldest of one start has ended": {
			r: span(5*s, 6*s), listed: []archive.Fragment{fragment(1, 0, 2*s, 0), fragment(2, 0, 10*s, 1*ms)},
			spans: [][]int{{2}},
		},
		"and the younger cannot be had": { // it arrived with the older one
			r: span(5*s, 6*s), listed: []archive.Fragment{fragment(1, 0, 2*s, 0), fragment(2, 0, 10*s, 0)},
			gaps: [][2]time.Duration{{5 * s, 6 * s}}, repeated: []int{2},
		},
		"spans overlap on the server clock": {
			r:      on(archive.Server, 0, 4150*ms),
			listed: []archive.Fragment{fragment(1, 0, 1960*ms, 0), fragment(2, 2*s, 1960*ms, 100*ms), fragment(3, 60*s, 10*ms, -57800*ms)},
			spans:  [][]int{{1, 2}, {3}}, gaps: [][2]time.Duration{{2200 * ms, 2200 * ms}},
		},
		"lost before from": {r: span(5*s, 10*s), listed: without(five, 3), spans: [][]int{{4, 5}}, gaps: [][2]time.Duration{{5 * s, 6 * s}}},
		"1796 ms long, 1856 ms apart": { // awslabs/amazon-kinesis-client-nodejs#117
			r: span(0, 3*1856*ms), listed: []archive.Fragment{
				fragment(1, 0, 1796*ms, 0), fragment(2, 1856*ms, 1796*ms, 0), fragment(3, 2*1856*ms, 1796*ms, 0),
			}, spans: [][]int{{1, 2, 3}},
		},
		"fragments of one picture":      {r: span(0, 5*s), listed: single(5, s), spans: [][]int{{1, 2, 3, 4, 5}}},
		"one picture lost":              {r: span(0, 5*s), listed: without(single(5, s), 3), spans: [][]int{{1, 2}, {4, 5}}, gaps: [][2]time.Duration{{2 * s, 3 * s}}},
		"one picture, each sent twice":  {r: span(0, 3*s), listed: append(single(3, s), again(single(3, s), 0, 11, 20*s), again(single(3, s), 1, 12, 20*s), again(single(3, s), 2, 13, 20*s)), spans: [][]int{{1, 2, 3}}, repeated: []int{11, 12, 13}},
		"a picture every five seconds":  {r: span(0, 25*s), listed: single(5, 5*s), spans: [][]int{{1, 2, 3, 4, 5}}},
		"a picture every 5.001 seconds": {r: span(0, 10002*ms), listed: single(2, 5001*ms), spans: [][]int{{1}, {2}}, gaps: [][2]time.Duration{{0, 5001 * ms}, {5001 * ms, 10002 * ms}}},
		"server jitter": {
			r:      on(archive.Server, 0, 12*s),
			listed: arriving(steady(6), func(i int) time.Duration { return time.Duration(i)*2*s + []time.Duration{0, 900 * ms, 30 * ms}[i%3] }),
			spans:  [][]int{{1, 2, 3, 4, 5, 6}},
		},
		"server jitter at from": {
			r:      on(archive.Server, 2300*ms, 6*s),
			listed: arriving(steady(3), func(i int) time.Duration { return time.Duration(i) * (2*s + 500*ms) }),
			spans:  [][]int{{1, 2, 3}}, gaps: nil,
		},
		"late upload": { // two seconds of film every 100 ms
			r:      on(archive.Server, 0, 2500*ms),
			listed: arriving(steady(6), func(i int) time.Duration { return time.Duration(i) * 100 * ms }),
			spans:  [][]int{{1, 2, 3, 4, 5, 6}},
		},
		"late upload in two bursts": { // the first is filmed until 4.1 s, on this clock
			r:      on(archive.Server, 0, 12*s),
			listed: arriving(without(steady(6), 3), func(i int) time.Duration { return []time.Duration{0, 2100 * ms, 2200 * ms, 2300 * ms, 10 * s}[i] }),
			spans:  [][]int{{1, 2}, {4, 5, 6}}, gaps: [][2]time.Duration{{2200 * ms, 2200 * ms}},
		},
		"clock set back": {
			r:      on(archive.Server, 0, 8*s),
			listed: []archive.Fragment{fragment(1, 0, 1960*ms, 0), fragment(2, 2*s, 1960*ms, 0), fragment(3, -3600*s, 1960*ms, 3604*s), fragment(4, -3598*s, 1960*ms, 3604*s)},
			spans:  [][]int{{1, 2}, {3, 4}},
		},
		"1970, one session":    {r: on(archive.Server, 500*ms, 10500*ms), listed: on1970(steady(5), 5), spans: [][]int{{1, 2, 3, 4, 5}}},
		"1970, three sessions": {r: on(archive.Server, 500*ms, 12500*ms), listed: on1970(steady(6), 2), spans: [][]int{{1, 2}, {3, 4}, {5, 6}}},
		"1970 on the producer clock": {
			r:      archive.Range{Clock: archive.Producer, From: time.Unix(0, 0).UTC(), To: time.Unix(4, 0).UTC()},
			listed: on1970(steady(6), 2), spans: [][]int{{1, 2}}, repeated: []int{3, 5, 4, 6},
		},
		"repeated, producer clock": {
			r: span(0, 10*s), listed: append(steady(5), again(five, 1, 6, 11*s), again(five, 2, 7, 12*s)),
			spans: [][]int{{1, 2, 3, 4, 5}}, repeated: []int{6, 7},
		},
		"repeated, server clock": {
			r: on(archive.Server, 0, 13*s), listed: append(steady(5), again(five, 1, 6, 11*s), again(five, 2, 7, 12*s)),
			spans: [][]int{{1, 2, 3, 4, 5}}, gaps: [][2]time.Duration{{0, 500 * ms}, {10500 * ms, 13 * s}}, repeated: []int{6, 7},
		},
		"repeated, the older one before the range": {
			r: on(archive.Server, 10500*ms, 13*s), listed: append(steady(5), again(five, 1, 6, 10500*ms), again(five, 2, 7, 12500*ms)),
			spans: [][]int{{6, 7}},
		},
		"repeated, the longer number is younger": {
			r: span(0, 2*s), listed: []archive.Fragment{fragment(100, 0, 1960*ms, 0), fragment(99, 0, 1960*ms, 0)},
			spans: [][]int{{99}}, gaps: nil, repeated: []int{100},
		},
		"one server millisecond": { // and a gap, across which nothing can be asked for apart
			r:      on(archive.Server, 0, 4*s),
			listed: arriving(without(steady(4), 2), func(int) time.Duration { return 1 * s }),
			spans:  [][]int{{1, 3, 4}}, gaps: [][2]time.Duration{{0, 1 * s}, {3 * s, 4 * s}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.listed)
			got := plan.NewTimeline(c.r, c.listed, plan.OverlapAuto)
			var spans [][]int
			for _, sp := range got.Spans {
				spans = append(spans, numbers([]plan.Piece{{Fragments: sp.Fragments}})...)
				if !sp.From.Equal(sp.Fragments[0].Start(c.r.Clock)) || !sp.To.After(sp.Fragments[len(sp.Fragments)-1].Start(c.r.Clock).Add(-1)) {
					t.Errorf("span of %v goes from %v to %v", spans, sp.From, sp.To)
				}
			}
			var gaps [][2]time.Duration
			for _, g := range got.Gaps {
				gaps = append(gaps, [2]time.Duration{g.From.Sub(noon), g.To.Sub(noon)})
			}
			var repeated []int
			for _, f := range got.Repeated {
				repeated = append(repeated, number(f))
			}
			opt := cmpopts.EquateEmpty()
			if d := cmp.Diff(c.spans, spans, opt) + cmp.Diff(c.gaps, gaps, opt) + cmp.Diff(c.repeated, repeated, opt); d != "" {
				t.Errorf("NewTimeline(%v): spans, gaps, repeated (-want +got):\n%s", c.r, d)
			}
			if !cmp.Equal(before, c.listed, opt) {
				t.Error("NewTimeline changed its argument")
			}
		})
	}
}
