package plan_test

import (
	"slices"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const ms = time.Millisecond

// clip is what GetClip answers from what is stored: an own model of the service, written from
// its pages (API_reader_ClipTimestampRange, GetClip, ClipFragmentSelector), that shares no code
// with the planner, and what kvs makes of a request for a single millisecond.
func clip(stored []archive.Fragment, c archive.Clock, first, last time.Time) (answer []archive.Fragment, truncated bool) {
	if !last.After(first) { // its end must be after its start, so kvs asks for a millisecond more
		last = first.Add(ms)
	}
	var in []archive.Fragment
	for _, f := range stored {
		if s := f.Start(c).UnixMilli(); s >= first.UnixMilli() && s <= last.UnixMilli() {
			in = append(in, f)
		}
	}
	var bytes int64
	for _, f := range oldestOnly(in, c) {
		bytes += f.Size
		if len(answer) == 200 || len(answer) > 0 && bytes > 100_000_000 {
			return answer, true
		}
		answer = append(answer, f)
	}
	return answer, false
}

// oldestOnly orders fs as they play and leaves the oldest of those with one producer time.
func oldestOnly(fs []archive.Fragment, c archive.Clock) []archive.Fragment {
	byAge := slices.SortedFunc(slices.Values(fs), func(a, b archive.Fragment) int { return number(a) - number(b) })
	seen := map[int64]bool{}
	var out []archive.Fragment
	for _, f := range byAge {
		if !seen[f.Producer.UnixMilli()] {
			seen[f.Producer.UnixMilli()] = true
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b archive.Fragment) int { return a.Start(c).Compare(b.Start(c)) })
	return out
}

func number(f archive.Fragment) int {
	n, err := strconv.Atoi(f.Number)
	if err != nil {
		panic(err)
	}
	return n
}

// fragment makes one that starts at producer time at after noon and reaches the service late
// milliseconds later.
func fragment(n int, at, length time.Duration, late time.Duration) archive.Fragment {
	return archive.Fragment{
		Number: strconv.Itoa(n), Producer: noon.Add(at), Server: noon.Add(at + late), Length: length, Size: 1000,
	}
}

// steady makes n fragments of 2 seconds at 25 pictures a second, the first one at noon.
func steady(n int) []archive.Fragment {
	var fs []archive.Fragment
	for i := range n {
		fs = append(fs, fragment(1+i, time.Duration(i)*2*time.Second, 1960*ms, 500*ms))
	}
	return fs
}

// span is the range on the producer clock from from to to after noon.
func span(from, to time.Duration) archive.Range { return on(archive.Producer, from, to) }

func on(c archive.Clock, from, to time.Duration) archive.Range {
	return archive.Range{Clock: c, From: noon.Add(from), To: noon.Add(to)}
}

// numbers lists the fragments of every piece by number.
func numbers(pieces []plan.Piece) [][]int {
	var out [][]int
	for _, p := range pieces {
		var ns []int
		for _, f := range p.Fragments {
			ns = append(ns, number(f))
		}
		out = append(out, ns)
	}
	return out
}

// recording is what a camera sent and the service stored.
type recording struct {
	clock    archive.Clock
	sample   time.Duration      // one picture
	stored   []archive.Fragment // in order of arrival
	relative bool               // producer times begin anew at 1970 with every session
}

// recordings draws cameras with gaps, jitter, bursts of repeated fragments, compressed uploads,
// set-back clocks and, on the server clock, several fragments in one millisecond.
func recordings() *rapid.Generator[recording] {
	return rapid.Custom(func(t *rapid.T) recording {
		r := recording{
			clock:  rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer}).Draw(t, "clock"),
			sample: rapid.SampledFrom([]time.Duration{33 * ms, 40 * ms, 100 * ms, 200 * ms, time.Second}).Draw(t, "sample"),
		}
		r.relative = r.clock == archive.Server && rapid.Bool().Draw(t, "relative")
		c := camera{recording: r, filmed: noon, arrived: noon, buffered: rapid.Bool().Draw(t, "buffered"), dense: rapid.Bool().Draw(t, "dense")}
		if r.relative {
			c.filmed = time.Unix(0, 0).UTC()
		}
		for range rapid.SampledFrom([]int{0, 1, 2, 5, 30, 250, 450}).Draw(t, "fragments") {
			c.record(t)
		}
		return c.recording
	})
}

type camera struct {
	recording
	filmed, arrived time.Time // of the last fragment: its end, its arrival
	buffered        bool      // what was filmed long ago arrives at once
	dense           bool      // one fragment a millisecond, when buffered
	twin            bool      // the last fragment arrived in the same millisecond as another
	session         int       // index of the first fragment of the session
}

func (c *camera) record(t *rapid.T) {
	switch rapid.IntRange(0, 29).Draw(t, "event") {
	case 0:
		c.rest(t, rapid.IntRange(6000, 40_000).Draw(t, "gap"))
	case 1:
		c.repeat(t)
	}
	pictures := rapid.IntRange(int(time.Second/c.sample)+1, int(20*time.Second/c.sample)-1).Draw(t, "pictures")
	f := archive.Fragment{
		Producer: c.filmed, Length: time.Duration(pictures-1) * c.sample,
		Size: rapid.SampledFrom([]int64{0, 1, 500_000, 20_000_000}).Draw(t, "size"),
	}
	late := rapid.IntRange(0, 300).Draw(t, "late")
	if c.dense {
		late = rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "dense")
	}
	c.twin = late == 0 && !c.twin && !c.dense && len(c.stored) > c.session
	if !c.twin {
		c.arrived = c.arrived.Add(time.Duration(1+late) * ms)
		if !c.buffered {
			c.arrived = c.arrived.Add(f.Length)
		}
	}
	c.filmed = c.filmed.Add(f.Length + c.sample)
	c.store(f)
}

// rest makes a gap: the camera is off, and may come back with another clock.
func (c *camera) rest(t *rapid.T, millis int) {
	c.filmed, c.arrived = c.filmed.Add(time.Duration(millis)*ms), c.arrived.Add(time.Duration(millis)*ms)
	if c.relative {
		c.filmed = time.Unix(0, 0).UTC()
	} else if c.clock == archive.Server && rapid.Bool().Draw(t, "set back") {
		c.filmed = c.filmed.AddDate(0, 0, -1)
	}
	c.session = len(c.stored)
}

// repeat sends the last few fragments once more, as after a lost acknowledgement.
func (c *camera) repeat(t *rapid.T) {
	if c.relative {
		return
	}
	n := min(len(c.stored)-c.session, rapid.IntRange(1, 4).Draw(t, "repeated"))
	for _, f := range slices.Clone(c.stored[len(c.stored)-n:]) {
		c.arrived = c.arrived.Add(ms)
		c.store(f)
	}
	c.twin = true // nothing else in the millisecond of a repeated one
}

func (c *camera) store(f archive.Fragment) {
	f.Number, f.Server = strconv.Itoa(1000+len(c.stored)), c.arrived
	c.stored = append(c.stored, f)
}

// listed is what a listing that begins Lookback before the range tells.
func (r recording) listed(q archive.Range) []archive.Fragment {
	var out []archive.Fragment
	for _, f := range r.stored {
		if s := f.Start(q.Clock); !s.Before(q.From.Add(-plan.Lookback)) && s.Before(q.To) {
			out = append(out, f)
		}
	}
	return out
}

// wanted is what the range should give: what starts in it and what still plays at its start, each
// producer time once.
func (r recording) wanted(q archive.Range) []archive.Fragment {
	byAge := func(a, b archive.Fragment) int { return number(a) - number(b) }
	fs := r.listed(q)
	slices.SortFunc(fs, byAge)
	slices.SortStableFunc(fs, func(a, b archive.Fragment) int { return a.Start(q.Clock).Compare(b.Start(q.Clock)) })
	first := slices.IndexFunc(fs, func(f archive.Fragment) bool { return !f.Start(q.Clock).Before(q.From) })
	if first < 0 {
		first = len(fs)
	}
	if first > 0 && (first == len(fs) || fs[first].Start(q.Clock).After(q.From)) && r.plays(fs, first-1, q) {
		at := fs[first-1].Start(q.Clock)
		first = slices.IndexFunc(fs, func(f archive.Fragment) bool { return f.Start(q.Clock).Equal(at) })
	}
	if r.relative {
		return fs[first:]
	}
	return oldestOnly(fs[first:], q.Clock)
}

// plays says that fragment i, the last to start before the range, reaches into it. How long its
// last picture lasts is only known where some fragment of the listing has a neighbour.
func (r recording) plays(fs []archive.Fragment, i int, q archive.Range) bool {
	sample := time.Duration(0)
	for k := 1; k < len(fs); k++ {
		if r.neighbours(fs[k-1], fs[k]) {
			sample = r.sample
		}
	}
	return i+1 < len(fs) && r.neighbours(fs[i], fs[i+1]) ||
		fs[i].Start(q.Clock).Add(fs[i].Length+sample).After(q.From)
}

func (r recording) neighbours(a, b archive.Fragment) bool {
	return b.Producer.Sub(a.Producer) == a.Length+r.sample
}

// around draws a range around a recording, its ends often on or beside the start of a fragment.
func (r recording) around(t *rapid.T) archive.Range {
	instant := func(label string) time.Time {
		if len(r.stored) == 0 {
			return noon
		}
		f := r.stored[rapid.IntRange(0, len(r.stored)-1).Draw(t, label)]
		off := rapid.SampledFrom([]int{-50_000, -1, 0, 1, 500, 1000, 1960, 50_000}).Draw(t, label+" off")
		return f.Start(r.clock).Add(time.Duration(off) * ms)
	}
	a, b := instant("from"), instant("to")
	if b.Before(a) {
		a, b = b, a
	}
	return archive.Range{Clock: r.clock, From: a, To: b.Add(ms)}
}
