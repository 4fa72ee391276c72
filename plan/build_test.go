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

// sized gives every fragment n bytes.
func sized(fs []archive.Fragment, n int64) []archive.Fragment {
	for i := range fs {
		fs[i].Size = n
	}
	return fs
}

// long makes fragments of 20 seconds, which fill 24 hours with 4320.
func long(n int) []archive.Fragment {
	var fs []archive.Fragment
	for i := range n {
		fs = append(fs, fragment(1+i, time.Duration(i)*20*s, 19*s, 0))
	}
	return fs
}

func TestBuildLimits(t *testing.T) {
	for name, c := range map[string]struct {
		listed []archive.Fragment
		o      plan.Options
		want   []int // fragments of each piece
	}{
		"no fragment":           {},
		"one fragment":          {listed: steady(1), want: []int{1}},
		"199 fragments":         {listed: steady(199), want: []int{199}},
		"200 fragments":         {listed: steady(200), want: []int{200}},
		"201 fragments":         {listed: steady(201), want: []int{200, 1}},
		"401 fragments":         {listed: steady(401), want: []int{200, 200, 1}},
		"bytes: limit-1":        {listed: sized(steady(5), 18_999_999), want: []int{5}},
		"bytes: limit":          {listed: sized(steady(5), 19_000_000), want: []int{5}},
		"bytes: limit+1":        {listed: append(sized(steady(4), 19_000_000), sized(steady(5)[4:], 19_000_001)...), want: []int{4, 1}},
		"bytes: one too large":  {listed: sized(steady(3), plan.MaxBytes+1), want: []int{1, 1, 1}},
		"bytes: 0":              {listed: sized(steady(201), 0), want: []int{200, 1}},
		"longest: limit-1":      {listed: steady(5), o: plan.Options{MaxPiece: 4*s - 1}, want: []int{2, 2, 1}},
		"longest: limit":        {listed: steady(5), o: plan.Options{MaxPiece: 4 * s}, want: []int{3, 2}},
		"longest: a nanosecond": {listed: steady(3), o: plan.Options{MaxPiece: 1}, want: []int{1, 1, 1}},
		"longest: too long":     {listed: long(4321), o: plan.Options{MaxPiece: 48 * time.Hour}, want: slices.Concat(slices.Repeat([]int{200}, 21), []int{121})},
		"a gap":                 {listed: without(steady(5), 3), want: []int{2, 2}},
		"one start, at a border": { // 200 and 201 start together: neither request may have the other's
			listed: starting(steady(202), 199, 200), want: []int{199, 3},
		},
		"one start, all of a piece": {listed: starting(steady(205), upTo(202)...), want: []int{202, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			r := on(archive.Server, 0, 48*time.Hour)
			p := plan.Build(r, c.listed, c.o)
			var got []int
			for i, pc := range p.Pieces {
				got = append(got, len(pc.Fragments))
				first, last := pc.Fragments[0], pc.Fragments[len(pc.Fragments)-1]
				if pc.Index != i || !pc.First.Equal(first.Server) || !pc.Last.Equal(last.Server) {
					t.Errorf("piece %d: index %d, %v to %v, want the starts of its first and last fragment", i, pc.Index, pc.First, pc.Last)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("Build: fragments of each piece (-want +got):\n%s", d)
			}
			if p.Fragments() != len(c.listed) || !p.Listed {
				t.Errorf("Build: %d fragments, listed %v; want %d, true", p.Fragments(), p.Listed, len(c.listed))
			}
		})
	}
}

// starting lets the fragments at the given places start with the first of them.
func starting(fs []archive.Fragment, places ...int) []archive.Fragment {
	for _, i := range places {
		fs[i].Server = fs[places[0]].Server
	}
	return fs
}

// upTo is 0 to n-1.
func upTo(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}

// On the server clock the older of two may lie in another piece than the repeated one, so no
// request may reach over a repeated one.
func TestBuildKeepsApartFromRepeated(t *testing.T) {
	fs := steady(6)
	listed := append(fs, again(fs, 1, 90, 8*s), again(fs, 2, 91, 8*s+ms)) // 4 started at 6.5 s, 5 at 8.5 s
	server := plan.Build(on(archive.Server, 0, time.Hour), listed, plan.Options{})
	if d := cmp.Diff([][]int{{1, 2, 3, 4}, {5, 6}}, numbers(server.Pieces)); d != "" {
		t.Errorf("Build, server clock (-want +got):\n%s", d)
	}
	together := plan.Build(on(archive.Server, 0, time.Hour), append(steady(6), again(fs, 1, 90, 8500*ms)), plan.Options{})
	if d := cmp.Diff([][]int{{1, 2, 3, 4}, {5}, {6}}, numbers(together.Pieces)); d != "" {
		t.Errorf("Build, one arrives with a repeated one (-want +got):\n%s", d)
	}
	producer := plan.Build(span(0, time.Hour), listed, plan.Options{})
	if d := cmp.Diff([][]int{{1, 2, 3, 4, 5, 6}}, numbers(producer.Pieces)); d != "" {
		t.Errorf("Build, producer clock (-want +got):\n%s", d)
	}
	if server.Pieces[1].Span != 0 {
		t.Errorf("piece 1: span %d, want 0: there is no gap", server.Pieces[1].Span)
	}
}

func TestBuildTellsSpans(t *testing.T) {
	p := plan.Build(span(0, 900*s), without(steady(402), 201), plan.Options{})
	var got []int
	for _, pc := range p.Pieces {
		got = append(got, pc.Span)
	}
	if d := cmp.Diff([]int{0, 1, 1}, got); d != "" {
		t.Errorf("Build: span of each piece (-want +got):\n%s", d)
	}
}

func TestByTime(t *testing.T) {
	type piece = [2]time.Duration
	for name, c := range map[string]struct {
		from, to, max time.Duration
		want          []piece
	}{
		"empty range":      {0, 0, 0, nil},
		"inside out":       {2 * s, s, 0, nil},
		"one millisecond":  {0, ms, 0, []piece{{-20 * s, 0}}},
		"one piece":        {0, 160 * s, 0, []piece{{-20 * s, 160*s - ms}}},
		"one more":         {0, 160*s + ms, 0, []piece{{-20 * s, 160 * s}}}, // GetClip takes no single millisecond
		"two more":         {0, 160*s + 2*ms, 0, []piece{{-20 * s, 160*s - ms}, {160 * s, 160*s + ms}}},
		"ten seconds each": {0, 5 * s, 10 * s, []piece{{-20 * s, -10*s - ms}, {-10 * s, -ms}, {0, 5*s - ms}}},
		"parts of a millisecond": {
			400 * time.Microsecond, 500*ms + 1, 20 * s,
			[]piece{{-20 * s, -ms}, {0, 500 * ms}},
		},
		"ends a nanosecond after a piece": {0, 1, 20 * s, []piece{{-20 * s, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.ByTime(span(c.from, c.to), plan.Options{MaxPiece: c.max})
			var got []piece
			for _, pc := range p.Pieces {
				got = append(got, piece{pc.First.Sub(noon), pc.Last.Sub(noon)})
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("ByTime: pieces, after noon (-want +got):\n%s", d)
			}
			if p.Listed || p.Fragments() != 0 || p.Bytes() != 0 || p.ListCalls() != 0 || p.QuotaFloor() != 0 {
				t.Errorf("ByTime: %+v, want nothing that only a listing tells", p)
			}
		})
	}
}

func TestByTimeLongestPiece(t *testing.T) {
	p := plan.ByTime(span(0, 72*time.Hour), plan.Options{MaxPiece: 100 * time.Hour})
	for _, pc := range p.Pieces {
		if d := pc.Last.Sub(pc.First); d >= plan.MaxSpan {
			t.Errorf("piece %d: %v long, want less than %v", pc.Index, d, plan.MaxSpan)
		}
	}
	if p := plan.ByTime(span(0, s), plan.Options{MaxPiece: 1}); len(p.Pieces) != 10_500 {
		t.Errorf("ByTime by the nanosecond: %d pieces, want one every two milliseconds", len(p.Pieces))
	}
}

func TestSplit(t *testing.T) {
	piece := func(fs []archive.Fragment) plan.Piece {
		return plan.Build(on(archive.Server, 0, time.Hour), fs, plan.Options{}).Pieces[0]
	}
	for name, c := range map[string]struct {
		fs   []archive.Fragment
		want []int
	}{
		"one fragment":        {steady(1), nil},
		"two":                 {steady(2), []int{1, 1}},
		"three":               {steady(3), []int{1, 2}},
		"200":                 {steady(200), []int{100, 100}},
		"one start":           {starting(steady(4), 0, 1, 2, 3), nil},
		"one start, then one": {starting(steady(4), 0, 1, 2), []int{3, 1}},
		"one, then one start": {starting(steady(4), 1, 2, 3), []int{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, ok := plan.Split(piece(c.fs))
			var got []int
			if ok {
				got = []int{len(a.Fragments), len(b.Fragments)}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("Split: fragments of the halves (-want +got):\n%s", d)
			}
		})
	}
}

func TestSplitTime(t *testing.T) {
	for name, c := range map[string]struct {
		last time.Duration
		a, b [2]time.Duration
		ok   bool
	}{
		"one millisecond":    {last: 0},
		"three milliseconds": {last: 2 * ms},
		"four milliseconds":  {3 * ms, [2]time.Duration{0, ms}, [2]time.Duration{2 * ms, 3 * ms}, true},
		"five milliseconds":  {4 * ms, [2]time.Duration{0, 2 * ms}, [2]time.Duration{3 * ms, 4 * ms}, true},
		"three minutes":      {180*s - ms, [2]time.Duration{0, 90*s - ms}, [2]time.Duration{90 * s, 180*s - ms}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, ok := plan.Split(plan.Piece{Index: 7, First: noon, Last: noon.Add(c.last)})
			if ok != c.ok {
				t.Fatalf("Split: %v, want %v", ok, c.ok)
			}
			if !ok {
				return
			}
			got := [][2]time.Duration{{a.First.Sub(noon), a.Last.Sub(noon)}, {b.First.Sub(noon), b.Last.Sub(noon)}}
			if d := cmp.Diff([][2]time.Duration{c.a, c.b}, got); d != "" || a.Index != 7 || b.Index != 7 {
				t.Errorf("Split: indices %d and %d, want 7; halves, after noon (-want +got):\n%s", a.Index, b.Index, d)
			}
		})
	}
}
