package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// request is a piece with its ends as distances from noon, in milliseconds.
type request struct {
	numbers     []int
	clock       archive.Clock
	first, last int64
}

func requests(pieces []plan.Piece) (out []request) {
	for _, p := range pieces {
		out = append(out, request{numbers([]plan.Piece{p})[0], p.Clock, p.First.Sub(noon).Milliseconds(), p.Last.Sub(noon).Milliseconds()})
	}
	return out
}

// GetClip takes no range of a single millisecond, so the one after it is asked for too, or the one before.
func TestBuildAsksBesideWhatStartsBeside(t *testing.T) {
	const server, producer = archive.Server, archive.Producer
	replay := func(late ...int) []archive.Fragment { // fragment 1 again at those milliseconds after 10 s, then live footage
		fs := steady(5)
		for i, l := range late {
			fs = append(fs, again(fs, i, 90+i, 10*s+time.Duration(l)*ms))
		}
		return append(fs, fragment(99, 10*s, 1960*ms, ms))
	}
	for name, c := range map[string]struct {
		r       archive.Range
		overlap plan.Overlap
		listed  []archive.Fragment
		want    []request
	}{
		"nothing beside": {on(producer, 0, 10*s), "", steady(1), []request{{[]int{1}, producer, 0, 0}}},
		"another arrives a millisecond later": {
			on(producer, 0, 12*s), plan.OverlapNewest, replay(0),
			[]request{{[]int{90}, server, 9999, 10_000}, {[]int{2, 3, 4, 5, 99}, producer, 2000, 10_000}},
		},
		"another arrives a millisecond earlier": {
			on(producer, 0, 12*s), plan.OverlapNewest, replay(2),
			[]request{{[]int{90}, server, 10_002, 10_002}, {[]int{2, 3, 4, 5, 99}, producer, 2000, 10_000}},
		},
		"others arrive on both sides": { // the middle one of 90, 91 and 99 cannot be had, so the first one of its start is kept
			on(producer, 0, 12*s), plan.OverlapNewest, replay(-1, 0),
			[]request{{[]int{90}, server, 9998, 9999}, {[]int{2, 3, 4, 5, 99}, producer, 2000, 10_000}},
		},
		"what starts at the end is not listed": {
			on(server, 0, 501*ms), "", steady(1), []request{{[]int{1}, server, 499, 500}},
		},
		"between two others, on the producer clock": { // of which one begins after a gap, and the other before one
			on(server, 0, 10*s), "",
			arriving(without(steady(5), 2, 4), func(i int) time.Duration { return time.Duration(i) * ms }),
			[]request{{[]int{1}, server, -1, 0}, {[]int{3}, producer, 4000, 4000}, {[]int{5}, server, 2, 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Build(c.r, c.listed, plan.Options{Overlap: c.overlap})
			if d := cmp.Diff(c.want, requests(p.Pieces), cmp.AllowUnexported(request{})); d != "" {
				t.Errorf("Build: requests (-want +got):\n%s", d)
			}
		})
	}
}

// Of footage of 1970, which nothing but its arrival tells apart, two of three that arrive a
// millisecond apart come together, even over a break.
func TestBuildTiesWhatCannotBeHadAlone(t *testing.T) {
	burst := arriving(on1970(steady(10), 10), func(i int) time.Duration { return time.Duration(i) * ms })
	if got := requests(plan.Build(on(archive.Server, 0, 10*s), burst, plan.Options{}).Pieces); len(got) != 1 {
		t.Errorf("Build: %v, want one request for what goes on", got)
	}
	fs := arriving(on1970(steady(3), 1), func(i int) time.Duration { return time.Duration(i) * ms })
	p := plan.Build(on(archive.Server, 0, 10*s), fs, plan.Options{})
	want := []request{{[]int{1}, archive.Server, 0, 0}, {[]int{2}, archive.Server, 1, 1}, {[]int{3}, archive.Server, 2, 2}}
	if d := cmp.Diff(want, requests(p.Pieces), cmp.AllowUnexported(request{})); d != "" { // GetClip gives the oldest
		t.Errorf("Build, equal producer times: requests (-want +got):\n%s", d)
	}
	for i := range fs {
		fs[i].Producer = time.Unix([]int64{60, 30, 0}[i], 0).UTC()
	}
	p = plan.Build(on(archive.Server, 0, 10*s), fs, plan.Options{})
	want = []request{{[]int{1}, archive.Server, -1, 0}, {[]int{2, 3}, archive.Server, 1, 2}}
	if d := cmp.Diff(want, requests(p.Pieces), cmp.AllowUnexported(request{})); d != "" {
		t.Errorf("Build, a break between: requests (-want +got):\n%s", d)
	}
}

func TestSplitAsksBesideWhatStartsBeside(t *testing.T) {
	three := arriving(steady(3), func(i int) time.Duration { return time.Duration(i) * ms })
	for name, c := range map[string]struct {
		listed []archive.Fragment
		want   []request
	}{
		"two, a millisecond apart": {
			three[:2], []request{{[]int{1}, archive.Server, -1, 0}, {[]int{2}, archive.Server, 1, 1}},
		},
		"three": {three, []request{{[]int{1}, archive.Server, -1, 0}, {[]int{2, 3}, archive.Server, 1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, _ := plan.Split(plan.Build(on(archive.Server, 0, 10*s), c.listed, plan.Options{}).Pieces[0])
			if d := cmp.Diff(c.want, requests([]plan.Piece{a, b}), cmp.AllowUnexported(request{})); d != "" {
				t.Errorf("Split: requests (-want +got):\n%s", d)
			}
		})
	}
	wedged := append(arriving(steady(2), func(i int) time.Duration { return time.Duration(1+i) * ms }),
		arriving([]archive.Fragment{fragment(0, -60*s, s, 0), fragment(9, 60*s, s, 0)}, func(i int) time.Duration { return time.Duration(3*i) * ms })...)
	p := plan.Build(on(archive.Server, 0, 10*s), wedged, plan.Options{}).Pieces[1]
	if a, b, ok := plan.Split(p); ok || len(p.Fragments) != 2 {
		t.Errorf("Split of %v = %v, %v, want none: something else starts on both sides of either half", requests([]plan.Piece{p}), requests([]plan.Piece{a}), requests([]plan.Piece{b}))
	}
}
