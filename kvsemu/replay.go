package kvsemu

import "slices"

// replays sends again what a restart at a time sends again, in a new session.
func (l *layout) replays(at int64) {
	for _, p := range l.camera.Replays {
		if p.After.Milliseconds() == at {
			l.replay(at-p.Length.Milliseconds(), at)
		}
	}
}

// replay adds what was filmed between from and to, in other fragments. Where the footage changes,
// it needs a session more, as it did the first time.
func (l *layout) replay(from, to int64) {
	l.fresh = true
	for _, r := range slices.Clone(l.runs) {
		reel, ok := r.material.(*reel)
		if !ok || r.again {
			continue
		}
		again := reel.recut(from - r.start)
		l.fresh = l.fresh || r.opens
		l.add(run{material: again, start: r.start, n: again.count(), ahead: r.ahead, again: true, after: l.arrives(to)})
		l.awake = l.awake || again.count() > 0
	}
}

// recut returns what r shows from since milliseconds on, and up to a fragment before, in fragments
// that begin in the middle of those of r. A fragment of one picture has no middle.
func (r *reel) recut(since int64) *reel {
	out := *r
	first := mulDivUp(max(0, since), r.num, 1000*r.den)
	if first >= r.frames {
		out.base = r.frames
		return &out
	}
	middle := r.per / 2
	out.base = (first-middle+r.per)/r.per*r.per - r.per + middle
	return &out
}
