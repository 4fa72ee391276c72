package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// listing is all that is known of the fragments around a range.
type listing struct {
	judge
	fs      []archive.Fragment // by start on the clock, then by arrival, each once
	arrival []int              // places in fs in the order of arrival
}

// newListing sorts out what was listed, in any order and perhaps twice. The slice is not changed.
func newListing(c archive.Clock, listed []archive.Fragment) *listing {
	l := &listing{fs: slices.Clone(listed)}
	slices.SortFunc(l.fs, byStart(c))
	l.fs = slices.CompactFunc(l.fs, func(a, b archive.Fragment) bool { return a.Number == b.Number })
	l.arrival = make([]int, len(l.fs))
	for i := range l.arrival {
		l.arrival[i] = i
	}
	slices.SortFunc(l.arrival, func(a, b int) int { return archive.CompareNumbers(l.fs[a], l.fs[b]) })
	l.judge = newJudge(c, l)
	return l
}

// byStart orders fragments as GetClip plays them: by start on the clock, then by arrival.
func byStart(c archive.Clock) func(a, b archive.Fragment) int {
	return func(a, b archive.Fragment) int {
		if d := a.Start(c).Compare(b.Start(c)); d != 0 {
			return d
		}
		return archive.CompareNumbers(a, b)
	}
}

// from is the place of the first fragment that starts at t or later, and whether it starts at t.
func (l *listing) from(t time.Time) (int, bool) {
	return slices.BinarySearchFunc(l.fs, t, func(f archive.Fragment, t time.Time) int {
		return f.Start(l.clock).Compare(t)
	})
}

// group is where the fragments that start with fragment i begin and end.
func (l *listing) group(i int) (first, end int) {
	at := l.fs[i].Start(l.clock)
	for first = i; first > 0 && l.fs[first-1].Start(l.clock).Equal(at); first-- {
	}
	for end = i + 1; end < len(l.fs) && l.fs[end].Start(l.clock).Equal(at); end++ {
	}
	return first, end
}

// leads says that fragment i is the oldest of those that start with it.
func (l *listing) leads(i int) bool {
	return i == 0 || !l.fs[i].Start(l.clock).Equal(l.fs[i-1].Start(l.clock))
}

// judge decides whether two neighbouring fragments belong together.
type judge struct {
	clock archive.Clock
	// sample is how long a fragment usually goes on after its Length: one picture.
	sample    time.Duration
	tolerance time.Duration
}

// newJudge learns the usual sample's duration: the median of how much later than its Length the
// fragment starts that came next. No sample lasts longer than all of the others of its fragment,
// so more than that is a gap, except after a fragment of a single sample.
func newJudge(c archive.Clock, l *listing) judge {
	over := make([]time.Duration, 0, len(l.fs))
	for k := 1; k < len(l.arrival); k++ {
		a, b := &l.fs[l.arrival[k-1]], &l.fs[l.arrival[k]]
		spacing := b.Producer.Sub(a.Producer)
		d := spacing - a.Length
		if spacing > 0 && d >= 0 && d <= maxSample && (a.Length == 0 || d <= a.Length) {
			over = append(over, d)
		}
	}
	j := judge{clock: c}
	if len(over) > 0 {
		slices.Sort(over)
		j.sample = over[(len(over)-1)/2]
	}
	// Two samples would hide the loss of a fragment of a single one.
	j.tolerance = max(minTolerance, j.sample*7/4)
	return j
}

// broken says that b does not go on where a ends. Producer times decide where they rise: they
// say when the pictures were taken, while server times jitter with the network. Where they do
// not rise, or go back into a, a new session or a set-back clock breaks the span. Fragments of one
// start cannot be asked for apart, so nothing breaks them.
func (j judge) broken(a, b archive.Fragment) bool {
	if a.Start(j.clock).Equal(b.Start(j.clock)) {
		return false
	}
	spacing := b.Producer.Sub(a.Producer)
	return spacing <= 0 || spacing-a.Length > j.tolerance || j.doubled(a, b)
}

// doubled says that a and b, which does not start before it, hold footage of the same producer
// time. What lasts no longer than the tolerance is doubled only by what starts with it: nobody
// knows how long a single picture was to be seen.
func (j judge) doubled(a, b archive.Fragment) bool {
	start := b.Producer
	return a.Producer.Equal(start) || j.filmed(b).Sub(start) > j.tolerance && j.filmed(a).Sub(start) > j.tolerance
}

// filmed is when fragment f ends as near as the listing tells, on the producer clock.
func (j judge) filmed(f archive.Fragment) time.Time { return f.Producer.Add(j.lasts(f)) }

// lasts is how long fragment f is shown. A length that the service would not have taken is none.
func (j judge) lasts(f archive.Fragment) time.Duration {
	return min(f.Length, archive.MaxFragmentLength) + j.sample
}

// slack is the longest hole between footage that is none: both ends have a usual sample in them.
func (j judge) slack() time.Duration { return max(minTolerance, j.tolerance-j.sample) }

// end is where fragment f ends as near as the listing tells, on the judge's clock.
func (j judge) end(f archive.Fragment) time.Time {
	return f.Start(j.clock).Add(f.Length + j.sample)
}

// relative says that a producer time counts from the start of a session: the producer told no
// start, so every session begins anew at 1970 and equal times are not the same footage.
func relative(f archive.Fragment) bool { return f.Producer.Year() == 1970 }
