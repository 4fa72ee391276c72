package plan

import (
	"slices"
	"time"
)

// marks is which of Options.Marks a lot plays on over: those from begun on up to passed. What plays on
// over none has the two equal; they count the marks at or before its start then.
type marks struct{ begun, passed int }

// mark tells each lot where it lies among at, which rises. What starts at a mark lies behind it, and
// what ends there, as near as the listing tells, before it.
func (s *sieve) mark(lots []lot, at []time.Time) {
	if len(at) == 0 {
		return
	}
	for i := range lots {
		from, to := lots[i].fs[0].Start(s.clock), s.end(lots[i].fs[0])
		for _, f := range lots[i].fs[1:] {
			from, to = earlier(from, f.Start(s.clock)), later(to, s.end(f))
		}
		begun := count(at, from.Add(1))
		lots[i].marks = marks{begun, max(begun, count(at, to))}
	}
}

// count counts the marks before t.
func count(at []time.Time, t time.Time) int {
	n, _ := slices.BinarySearchFunc(at, t, time.Time.Compare)
	return n
}
