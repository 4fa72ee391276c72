package plan_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

func TestBetween(t *testing.T) {
	fs := steady(10)                                           // 2 seconds each
	far := append(without(fs, 5, 6), fragment(99, 20*s, 0, 0)) // a hole of 4 seconds after the 4th
	for name, c := range map[string]struct {
		listed []archive.Fragment
		a, b   int // numbers
		want   time.Duration
	}{
		"neighbours":                     {fs, 3, 4, 0},
		"one is missing":                 {fs, 3, 5, 2 * s},
		"many are missing":               {fs, 1, 10, 16 * s},
		"a hole":                         {far, 4, 7, 4 * s},
		"a hole, and one is missing":     {far, 3, 7, 6 * s},
		"a hole, and one behind missing": {far, 4, 8, 6 * s},
		"two holes":                      {without(far, 8, 9), 4, 10, 10 * s},
		"of the same":                    {fs, 4, 4, ms},
		"not in the timeline":            {without(fs, 5, 6), 4, 6, 2*s + 40*ms},
		"neither in it":                  {without(fs, 5, 6), 5, 6, 40 * ms},
		"from behind":                    {fs, 5, 1, ms},
		"from behind, one not known":     {without(fs, 5), 5, 1, 0},
	} {
		for _, clock := range []archive.Clock{archive.Server, archive.Producer} {
			tl := plan.NewTimeline(on(clock, -s, time.Minute), c.listed, "")
			if got := tl.Between(fs[c.a-1], fs[c.b-1]); got != c.want {
				t.Errorf("%s, %v time: Between(%d, %d) = %v, want %v", name, clock, c.a, c.b, got, c.want)
			}
		}
	}
}

// Footage that came late has a hole of its own length, whatever room the server clock has for it.
func TestBetweenKeepsTheHoleOfLateFootage(t *testing.T) {
	fs := without(steady(40), 20, 21, 22)
	arriving(fs, func(i int) time.Duration { return time.Minute + time.Duration(i)*100*ms })
	tl := plan.NewTimeline(on(archive.Server, 0, time.Hour), fs, "")
	if got := tl.Between(fs[18], fs[19]); got != 6*s {
		t.Errorf("Between = %v, want 6s", got)
	}
	if got := tl.Between(fs[18], fs[20]); got <= 0 {
		t.Errorf("Between = %v with one missing, want more than 0", got)
	}
}
