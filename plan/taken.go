package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// taken is producer time that kept fragments take up, in boxes of a fragment's greatest length, each
// by start.
type taken struct {
	judge
	starts map[int64]bool
	boxes  map[int64][]archive.Fragment
}

func newTaken(j judge) taken {
	return taken{judge: j, starts: map[int64]bool{}, boxes: map[int64][]archive.Fragment{}}
}

// span is the first and the last box that f lies in.
func (t taken) span(f archive.Fragment) (first, last int64) {
	box := archive.MaxFragmentLength.Milliseconds()
	return f.Producer.UnixMilli() / box, t.filmed(f).UnixMilli() / box
}

func (t taken) add(f archive.Fragment) {
	t.starts[f.Producer.UnixMilli()] = true
	first, last := t.span(f)
	for box := first; box <= last; box++ {
		t.boxes[box] = inserted(t.boxes[box], f)
	}
}

// inserted puts f among fs by start. Most fragments arrive in the order of their starts, so the place
// is looked for from the end.
func inserted(fs []archive.Fragment, f archive.Fragment) []archive.Fragment {
	at := len(fs)
	for at > 0 && fs[at-1].Producer.After(f.Producer) {
		at--
	}
	return slices.Insert(fs, at, f)
}

// overlaps says that f and something taken hold footage of the same producer time.
func (t taken) overlaps(f archive.Fragment) bool {
	if t.starts[f.Producer.UnixMilli()] {
		return true
	}
	first, last := t.span(f)
	for box := first; box <= last; box++ {
		if slices.ContainsFunc(t.boxes[box], func(k archive.Fragment) bool { return t.either(f, k) }) {
			return true
		}
	}
	return false
}

// either says that a and b are doubled, whichever starts first.
func (j judge) either(a, b archive.Fragment) bool {
	if b.Producer.Before(a.Producer) {
		a, b = b, a
	}
	return j.doubled(a, b)
}

// has says that something taken starts with f, or that all that is taken together leaves no hole from
// from to to, the part of f that matters. As in judge.doubled, what lasts no longer than the tolerance
// is had only by what starts with it.
func (t taken) has(f archive.Fragment, from, to time.Time) bool {
	if t.starts[f.Producer.UnixMilli()] {
		return true
	}
	if t.lasts(f) <= t.tolerance {
		return false
	}
	first, last := t.span(f)
	for box := first; box <= last; box++ {
		for _, k := range t.boxes[box] {
			if !k.Producer.Before(to) || k.Producer.Sub(from) > t.slack() {
				break
			}
			from = later(from, t.filmed(k))
		}
	}
	return to.Sub(from) <= t.slack()
}
