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

// NewTimeline sorts out what a listing says of a range. The fragments may come in any order and
// may start up to archive.MaxFragmentLength before r.From: of those the one that holds r.From is
// kept. The slice is not changed.
func NewTimeline(r archive.Range, listed []archive.Fragment) Timeline {
	t := Timeline{Range: r}
	fs := slices.Clone(listed)
	slices.SortFunc(fs, byStart(r.Clock))
	fs, t.Repeated = deduplicate(fs)
	j := newJudge(r.Clock, fs)
	fs = within(r, fs, j)
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
	t.Gaps = gaps(r, t.Spans, j.tolerance)
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

// deduplicate keeps the oldest of all fragments with one producer time, as GetClip does.
func deduplicate(fs []archive.Fragment) (kept, repeated []archive.Fragment) {
	oldest := make(map[time.Time]archive.Fragment, len(fs))
	for _, f := range fs {
		if o, ok := oldest[f.Producer]; !ok || archive.CompareNumbers(f, o) < 0 {
			oldest[f.Producer] = f
		}
	}
	for _, f := range fs {
		if oldest[f.Producer].Number == f.Number {
			kept = append(kept, f)
		} else {
			repeated = append(repeated, f)
		}
	}
	return kept, repeated
}

// within drops what the range does not touch: fragments from r.To on, and those before r.From
// but for the one that is still playing then.
func within(r archive.Range, fs []archive.Fragment, j judge) []archive.Fragment {
	end, _ := slices.BinarySearchFunc(fs, r.To, func(f archive.Fragment, t time.Time) int {
		return f.Start(r.Clock).Compare(t)
	})
	first, exact := slices.BinarySearchFunc(fs, r.From, func(f archive.Fragment, t time.Time) int {
		return f.Start(r.Clock).Compare(t)
	})
	if !exact && first > 0 && j.holds(fs, first-1, r.From) {
		first--
	}
	if first >= end {
		return nil
	}
	return fs[first:end]
}

// judge decides whether two neighbouring fragments belong together.
type judge struct {
	clock archive.Clock
	// sample is how long a fragment usually goes on after its Length: one picture.
	sample    time.Duration
	tolerance time.Duration
}

// newJudge learns the usual sample's duration from fs, which are sorted: the median of how much
// later than its Length a fragment's successor starts.
func newJudge(c archive.Clock, fs []archive.Fragment) judge {
	var over []time.Duration
	for i := 1; i < len(fs); i++ {
		d := fs[i].Producer.Sub(fs[i-1].Producer) - fs[i-1].Length
		if d >= 0 && d <= maxSample {
			over = append(over, d)
		}
	}
	j := judge{clock: c}
	if len(over) > 0 {
		slices.Sort(over)
		j.sample = over[len(over)/2]
	}
	j.tolerance = max(minTolerance, 2*j.sample)
	return j
}

// broken says that b does not go on where a ends. Producer times decide where they rise: they
// say when the pictures were taken, while server times jitter with the network. Where they do
// not rise, a new session or a set-back clock breaks the span.
func (j judge) broken(a, b archive.Fragment) bool {
	spacing := b.Producer.Sub(a.Producer)
	return spacing <= 0 || spacing-a.Length > j.tolerance
}

// end is where fragment f ends as near as the listing tells, on the judge's clock.
func (j judge) end(f archive.Fragment) time.Time {
	return f.Start(j.clock).Add(f.Length + j.sample)
}

// holds says that fragment i is still playing at instant t, which lies after its start.
func (j judge) holds(fs []archive.Fragment, i int, t time.Time) bool {
	if i+1 < len(fs) && !j.broken(fs[i], fs[i+1]) {
		return true
	}
	return j.end(fs[i]).After(t)
}

// gaps lists what the spans leave of the range, on its clock.
func gaps(r archive.Range, spans []Span, tolerance time.Duration) []Gap {
	var out []Gap
	from := r.From
	for _, s := range spans {
		if s.From.Sub(from) > tolerance {
			out = append(out, Gap{From: from, To: s.From})
		}
		from = s.To
	}
	if r.To.Sub(from) > tolerance {
		out = append(out, Gap{From: from, To: r.To})
	}
	return out
}

func last(fs []archive.Fragment) archive.Fragment { return fs[len(fs)-1] }
