package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// minTolerance is the least by which a fragment may come late before it counts as a gap. Server
// times jitter by tens of milliseconds; a lost fragment is at least a second.
const minTolerance = 100 * time.Millisecond

// maxSample bounds the guess of a usual sample's duration: one picture in five seconds.
const maxSample = 5 * time.Second

// NewTimeline sorts out what a listing says of a range. The fragments may come in any order, a page
// may tell one twice, and they may start up to archive.MaxFragmentLength before r.From: of those
// the one that holds r.From is kept. The slice is not changed.
func NewTimeline(r archive.Range, listed []archive.Fragment) Timeline {
	t := Timeline{Range: r}
	fs := slices.Clone(listed)
	slices.SortFunc(fs, byStart(r.Clock))
	fs = slices.CompactFunc(fs, func(a, b archive.Fragment) bool { return a.Number == b.Number })
	j := newJudge(r.Clock, fs)
	fs, t.Repeated = deduplicate(within(r, fs, j), r.Clock)
	for _, f := range fs {
		if n := len(t.Spans); n > 0 && !j.broken(last(t.Spans[n-1].Fragments), f) {
			t.Spans[n-1].Fragments = append(t.Spans[n-1].Fragments, f)
		} else {
			t.Spans = append(t.Spans, Span{Fragments: []archive.Fragment{f}})
		}
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		s.From, s.To = s.Fragments[0].Start(r.Clock), j.end(last(s.Fragments))
	}
	t.Gaps = j.gaps(r, t.Spans)
	return t
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

// within keeps what the range touches: the fragments that start in it, and the one that is still
// playing when it begins.
func within(r archive.Range, fs []archive.Fragment, j judge) []archive.Fragment {
	if !r.From.Before(r.To) {
		return nil
	}
	search := func(t time.Time) (int, bool) {
		return slices.BinarySearchFunc(fs, t, func(f archive.Fragment, t time.Time) int {
			return f.Start(r.Clock).Compare(t)
		})
	}
	first, exact := search(r.From)
	end, _ := search(r.To)
	if !exact {
		first = j.holder(fs, first, r.From)
	}
	return fs[first:end]
}

// deduplicate keeps the oldest of all fragments with one producer time, as GetClip does. It looks
// at the range alone, for a fragment outside it takes nothing's place in an answer.
func deduplicate(fs []archive.Fragment, c archive.Clock) (kept, repeated []archive.Fragment) {
	oldest := make(map[int64]int, len(fs))
	for i, f := range fs {
		at := f.Producer.UnixMilli()
		if o, ok := oldest[at]; !ok || archive.CompareNumbers(f, fs[o]) < 0 {
			oldest[at] = i
		}
	}
	kept = make([]archive.Fragment, 0, len(oldest))
	for i, f := range fs {
		if oldest[f.Producer.UnixMilli()] == i || c == archive.Server && relative(f) {
			kept = append(kept, f)
		} else {
			repeated = append(repeated, f)
		}
	}
	return kept, repeated
}

// relative says that a producer time counts from the start of a session: the producer told no
// start, so every session begins anew at 1970 and equal times are not the same footage. On the
// server clock sessions lie in spans of their own, and no request sees two of them.
func relative(f archive.Fragment) bool { return f.Producer.Year() == 1970 }

// judge decides whether two neighbouring fragments belong together.
type judge struct {
	clock archive.Clock
	// sample is how long a fragment usually goes on after its Length: one picture.
	sample    time.Duration
	tolerance time.Duration
}

// newJudge learns the usual sample's duration from fs, which are sorted: the median of how much
// later than its Length a fragment's successor starts. No sample lasts longer than all of the
// others of its fragment, so more than that is a gap, except after a fragment of a single sample.
func newJudge(c archive.Clock, fs []archive.Fragment) judge {
	var over []time.Duration
	for i := 1; i < len(fs); i++ {
		a, spacing := fs[i-1], fs[i].Producer.Sub(fs[i-1].Producer)
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
// not rise, a new session or a set-back clock breaks the span. Fragments of one start cannot be
// asked for apart, so nothing breaks them.
func (j judge) broken(a, b archive.Fragment) bool {
	if a.Start(j.clock).Equal(b.Start(j.clock)) {
		return false
	}
	spacing := b.Producer.Sub(a.Producer)
	return spacing <= 0 || spacing-a.Length > j.tolerance
}

// end is where fragment f ends as near as the listing tells, on the judge's clock.
func (j judge) end(f archive.Fragment) time.Time {
	return f.Start(j.clock).Add(f.Length + j.sample)
}

// holder is the index of the fragment that is still playing at instant t, or next, the index of
// the first that starts after t. Of several with one start it is the first, for none can be asked
// for alone; what plays at t is the oldest on the producer clock, else the one that came last.
func (j judge) holder(fs []archive.Fragment, next int, t time.Time) int {
	if next == 0 {
		return next
	}
	first := next - 1
	for first > 0 && fs[first-1].Start(j.clock).Equal(fs[first].Start(j.clock)) {
		first--
	}
	f := fs[next-1]
	if j.clock == archive.Producer {
		f = fs[first]
	}
	if j.end(f).After(t) || next < len(fs) && !j.broken(f, fs[next]) {
		return first
	}
	return next
}

// gaps lists what the spans leave of the range, on its clock. Spans overlap on the server clock
// where an upload came faster than it was filmed.
func (j judge) gaps(r archive.Range, spans []Span) []Gap {
	var out []Gap
	least := max(minTolerance, j.tolerance-j.sample) // a span's To has the usual sample in it
	from := r.From
	for _, s := range spans {
		if s.From.Sub(from) > least {
			out = append(out, Gap{From: from, To: s.From})
		}
		if s.To.After(from) {
			from = s.To
		}
	}
	if r.To.Sub(from) > least {
		out = append(out, Gap{From: from, To: r.To})
	}
	return out
}

func last(fs []archive.Fragment) archive.Fragment { return fs[len(fs)-1] }
