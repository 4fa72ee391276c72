package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// lot is the least that can be asked for: fragments that one request must give together.
type lot struct {
	fs    []archive.Fragment
	clock archive.Clock
	other bool // than the range's clock
	// first and final count the starts of all listed fragments on the range's clock up to the lot's
	// own. Lots of neighbouring ones have nothing between them, so one request gives both.
	first, final int
	// until is where a request for it ends, on clock: the start of its last fragment, or of what
	// GetClip leaves out for it.
	until    time.Time
	from, to time.Time // lowest and highest producer time
	beside   beside
	// alone says that GetClip leaves something out for a fragment of the lot that started earlier: it
	// must not be asked for with others, nor in parts.
	alone bool
	marks marks
}

// lots divides what the plan keeps, in playing order, into the least that can be asked for.
//
// On the producer clock that is the oldest fragment of each time; GetClip leaves out those that
// start with it by itself. A younger one can be had by its own server millisecond, if nothing
// listed shares it. Something that was not listed, for it was filmed at another time, hardly does:
// a session sends at most five fragments a second (Amazon Kinesis Video Streams quotas, PutMedia),
// so it would have to be another session's, in that very millisecond.
//
// On the server clock it is all fragments of one millisecond, or of two; see sieve.tie. Where one of
// them is left out, it is each alone by its producer time; see sieve.single.
func (s *sieve) lots(order []int) []lot {
	ranks := s.ranks()
	fs := make([]archive.Fragment, len(order))
	for n, i := range order {
		fs[n] = s.fs[i]
	}
	out := make([]lot, 0, len(order))
	for n := 0; n < len(order); {
		clock, count := s.least(order[n:])
		l := lot{
			fs: fs[n : n+count], clock: clock, other: clock != s.clock,
			first: ranks[order[n]], final: ranks[order[n]],
		}
		s.bound(&l, order[n], ranks)
		l.from, l.to = filmedIn(l.fs)
		out = append(out, l)
		n += count
	}
	return out
}

// bound tells the lot that fragment i is in where a request for it ends, and what starts beside it.
func (s *sieve) bound(l *lot, i int, ranks []int) {
	if l.other {
		l.until, l.beside = l.start(), s.besideOther(i)
		return
	}
	first, end := s.unit(i)
	l.final, l.until = ranks[end-1], s.fs[end-1].Start(s.clock)
	l.beside = s.besides(first, end)
	l.alone = l.final > l.first && slices.Contains(s.fate[first:end], never)
}

// least is the clock on which the first fragment that is left to play can be asked for, and how
// many fragments must be asked for together.
func (s *sieve) least(rest []int) (c archive.Clock, count int) {
	first, end := s.unit(rest[0])
	switch {
	case s.clock == archive.Producer && rest[0] != first:
		return archive.Server, 1
	case s.clock == archive.Producer:
		return archive.Producer, 1
	case !s.whole(first, end):
		return archive.Producer, 1
	}
	for count < len(rest) && rest[count] < end {
		count++
	}
	return archive.Server, count
}

// filmedIn are the lowest and the highest producer time of fs.
func filmedIn(fs []archive.Fragment) (from, to time.Time) {
	from, to = fs[0].Producer, fs[0].Producer
	for _, f := range fs[1:] {
		from, to = earlier(from, f.Producer), later(to, f.Producer)
	}
	return from, to
}

// reaches says that one request gives a and b and nothing else. Lots on the other clock are asked
// for one by one: what else arrived, or was filmed, between two of them was not listed. No mark lies
// between them, or all of both play on over the same ones.
func (a lot) reaches(b lot) bool {
	return a.final+1 == b.first && !a.single() && !b.single() && a.marks == b.marks
}

// single says that the lot is a piece by itself.
func (l lot) single() bool { return l.other || l.alone }

func (l lot) start() time.Time { return l.fs[0].Start(l.clock) }

func (l lot) bytes() (n int64) {
	for _, f := range l.fs {
		n += f.Size
	}
	return n
}

// ranks numbers the starts of all listed fragments, in order.
func (l *listing) ranks() []int {
	out := make([]int, len(l.fs))
	for i := 1; i < len(out); i++ {
		out[i] = out[i-1]
		if l.leads(i) {
			out[i]++
		}
	}
	return out
}
