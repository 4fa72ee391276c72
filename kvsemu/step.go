package kvsemu

import (
	"cmp"
	"slices"
)

// steps returns how the clock is set, in order.
func (c Camera) steps() []ClockStep {
	return slices.SortedStableFunc(slices.Values(c.ClockSteps), func(a, b ClockStep) int { return cmp.Compare(a.After, b.After) })
}

// clock returns how far the camera's clock is ahead at t, and when it is set next, or endless.
func (c Camera) clock(t int64) (ahead, next int64) {
	by := c.ClockOffset
	for _, s := range c.steps() {
		if at := s.After.Milliseconds(); at > t {
			return by.Milliseconds(), at
		}
		by += s.By
	}
	return by.Milliseconds(), endless
}

// film adds the runs of a material that begins at from: one for each setting of the clock.
func (l *layout) film(m material, from int64) {
	for lo, n := int64(0), m.count(); lo < n; {
		t := from + m.begin(lo)
		ahead, next := l.camera.clock(t)
		hi := n
		if next != endless { // fragments begin at least 1 ms apart
			hi = search(lo, min(n-lo, next-t)+lo, func(i int64) bool { return from+m.begin(i) >= next })
		}
		l.fresh = l.fresh || ahead != l.ahead
		l.ahead = ahead
		r := run{material: m, start: from, skip: lo, n: hi - lo, ahead: ahead}
		if hi == endless {
			r.n = endless
		}
		l.add(r)
		lo = hi
	}
}
