package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

func TestPiecesBreakAtMarks(t *testing.T) {
	fs := steady(10) // 2 seconds each, from noon on
	long := []archive.Fragment{fragment(1, 0, 1960*ms, 0), fragment(2, 2*s, 9960*ms, 0), fragment(3, 12*s, 1960*ms, 0)}
	burst := arriving(steady(6), func(i int) time.Duration { return time.Minute + time.Duration(i)*300*ms })
	minute := func(ds ...time.Duration) (out []time.Duration) {
		for _, d := range ds {
			out = append(out, time.Minute+d)
		}
		return out
	}
	for name, c := range map[string]struct {
		clock  archive.Clock
		listed []archive.Fragment
		marks  []time.Duration // after noon
		want   [][]int
	}{
		"none":                        {archive.Producer, fs, nil, [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}},
		"before and after everything": {archive.Producer, fs, []time.Duration{-time.Hour, 0, time.Hour}, [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}},
		"at a start":                  {archive.Producer, fs, []time.Duration{8 * s}, [][]int{{1, 2, 3, 4}, {5, 6, 7, 8, 9, 10}}},
		"just behind a start":         {archive.Producer, fs, []time.Duration{8*s + ms}, [][]int{{1, 2, 3, 4}, {5}, {6, 7, 8, 9, 10}}},
		"just before a start":         {archive.Producer, fs, []time.Duration{8*s - ms}, [][]int{{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}}},
		"in the last picture":         {archive.Producer, fs, []time.Duration{8*s - 30*ms}, [][]int{{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}}},
		"two in one fragment":         {archive.Producer, fs, []time.Duration{8*s + 1, 9 * s}, [][]int{{1, 2, 3, 4}, {5}, {6, 7, 8, 9, 10}}},
		"in neighbours":               {archive.Producer, fs, []time.Duration{9 * s, 11 * s}, [][]int{{1, 2, 3, 4}, {5}, {6}, {7, 8, 9, 10}}},
		"every two seconds":           {archive.Producer, fs[:4], []time.Duration{0, 2 * s, 4 * s, 6 * s, 8 * s}, [][]int{{1}, {2}, {3}, {4}}},
		"many in a long one":          {archive.Producer, long, []time.Duration{3 * s, 4 * s, 5 * s, 12 * s}, [][]int{{1}, {2}, {3}}},
		"on the server clock":         {archive.Server, fs, []time.Duration{8500 * ms}, [][]int{{1, 2, 3, 4}, {5, 6, 7, 8, 9, 10}}},
		"a burst, all over the mark":  {archive.Server, burst, minute(1600 * ms), [][]int{{1, 2, 3, 4, 5, 6}}},
		"a burst, some over two":      {archive.Server, burst, minute(700*ms, 2500*ms), [][]int{{1, 2}, {3}, {4, 5, 6}}},
	} {
		t.Run(name, func(t *testing.T) {
			var o plan.Options
			for _, m := range c.marks {
				o.Marks = append(o.Marks, noon.Add(m))
			}
			got := numbers(plan.Build(on(c.clock, -time.Hour, 2*time.Hour), c.listed, o).Pieces)
			if !slices.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("Build: pieces %v, want %v", got, c.want)
			}
		})
	}
}
