package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// wrong puts the producer clock of fragments from number n on off by d.
func wrong(fs []archive.Fragment, n int, d time.Duration) []archive.Fragment {
	for i := range fs {
		if number(fs[i]) >= n {
			fs[i].Producer = fs[i].Producer.Add(d)
		}
	}
	return fs
}

// lateBy lets the fragments of the given numbers arrive later.
func lateBy(fs []archive.Fragment, late func(n int) time.Duration) []archive.Fragment {
	for i := range fs {
		fs[i].Server = fs[i].Server.Add(late(number(fs[i])))
	}
	return fs
}

// backlog is uploaded in a minute after an hour without a network, of which it was filmed; then
// the camera goes on live.
func backlog(listed []archive.Fragment) []archive.Fragment {
	return arriving(listed, func(i int) time.Duration {
		if i < 1800 {
			return time.Hour + time.Duration(i)*time.Minute/1800
		}
		return max(time.Duration(i+1)*2*s, 61*time.Minute+time.Duration(i-1800)*ms)
	})
}

func TestClocks(t *testing.T) {
	const minute = time.Minute
	type findings = []plan.Finding
	server, producer := archive.Server, archive.Producer
	for name, c := range map[string]struct {
		asked  archive.Clock
		listed []archive.Fragment
		want   plan.Clocks
	}{
		"nothing":      {producer, nil, plan.Clocks{Use: producer, Wall: producer}},
		"one fragment": {server, steady(1), plan.Clocks{Offset: 500 * ms, Use: server, Wall: producer}},
		"both agree":   {producer, steady(9), plan.Clocks{Offset: 500 * ms, Use: producer, Wall: producer}},
		"jitter": {
			server, lateBy(steady(4), func(n int) time.Duration { return time.Duration(n%2) * 300 * ms }),
			plan.Clocks{Offset: 500 * ms, Spread: 300 * ms, Late: 300 * ms, Use: server, Wall: producer},
		},
		"behind by the most that is not told": {server, wrong(steady(5), 1, 500*ms-minute), plan.Clocks{Offset: minute, Use: server, Wall: producer}},
		"behind": {
			producer, wrong(steady(5), 1, 499*ms-minute),
			plan.Clocks{Offset: minute + ms, Use: server, Wall: producer, Findings: findings{plan.FindingBehind}},
		},
		"ahead by the most that is not told": {server, wrong(steady(5), 1, 500*ms+minute), plan.Clocks{Offset: -minute, Use: server, Wall: producer}},
		"ahead": {
			producer, wrong(steady(5), 1, 501*ms+minute),
			plan.Clocks{Offset: -minute - ms, Use: server, Wall: producer, Findings: findings{plan.FindingAhead}},
		},
		"1970": {producer, on1970(steady(5), 5), plan.Clocks{Relative: true, Use: server, Wall: producer, Findings: findings{plan.FindingRelative}}},
		"1970, then told the time": {
			server, append(on1970(steady(2), 2), steady(5)[2:]...),
			plan.Clocks{Offset: 500 * ms, Relative: true, Use: server, Findings: findings{plan.FindingRelative}},
		},
		"set back by an hour": {
			producer, wrong(steady(10), 7, -time.Hour),
			plan.Clocks{Offset: 500 * ms, Spread: time.Hour, Backwards: 1, Use: server, Wall: producer, Findings: findings{plan.FindingBackwards}},
		},
		"set back by an hour, server": {
			server, wrong(steady(10), 7, -time.Hour),
			plan.Clocks{Offset: 500 * ms, Spread: time.Hour, Backwards: 1, Use: server, Findings: findings{plan.FindingBackwards}},
		},
		"set back and mended": {
			producer, wrong(wrong(steady(10), 4, -time.Hour), 6, time.Hour),
			plan.Clocks{Offset: 500 * ms, Spread: time.Hour, Backwards: 1, Jumps: 1, Use: server, Wall: producer, Findings: findings{plan.FindingBackwards, plan.FindingJumps}},
		},
		"jumps ahead": {
			server, wrong(steady(10), 7, time.Hour),
			plan.Clocks{Offset: 500 * ms, Spread: time.Hour, Jumps: 1, Use: server, Findings: findings{plan.FindingJumps}},
		},
		"a restart that sends its buffer again": { // 3 s back, and in step again after 3 fragments
			server, lateBy(wrong(steady(10), 6, -3*s), func(n int) time.Duration { return -time.Duration(max(0, min(3, n-6))) * s }),
			plan.Clocks{Offset: 500 * ms, Spread: 3 * s, Late: 3 * s, Use: server, Wall: producer},
		},
		"a late upload": {
			server, backlog(steady(2000)),
			plan.Clocks{
				Offset: 27*minute + 13*s + s/3, Spread: time.Hour - 2*s, Late: time.Hour - 2*s,
				LateFrom: noon, LateTo: noon.Add(time.Hour - 2*s), Use: producer, Wall: producer, Findings: findings{plan.FindingLate},
			},
		},
		"a late upload with holes": {
			producer, arriving(without(steady(200), upTo(200)[60:150]...), func(i int) time.Duration { return time.Hour + time.Duration(i)*100*ms }),
			plan.Clocks{
				Offset: 58*minute + 15500*ms, Spread: 387100 * ms, Late: 387100 * ms,
				LateFrom: noon, LateTo: noon.Add(336 * s), Use: producer, Wall: producer, Findings: findings{plan.FindingLate},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.Build(on(c.asked, 0, 0), slices.Clone(c.listed), plan.Options{}).Clocks
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("Clocks (-want +got):\n%s", d)
			}
		})
	}
}
