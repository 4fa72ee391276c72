package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// beside says whether something else starts in the millisecond before what is asked for, and in the
// one after it. It matters where all that is asked for starts at once, for GetClip takes no range of
// a single millisecond (API_reader_ClipTimestampRange: the end must be after the start).
type beside struct{ before, after bool }

// allow says that what starts from first to last can be asked for without what starts beside it.
func (b beside) allow(first, last time.Time) bool {
	return first.Before(last) || !b.before || !b.after
}

// besides is what starts beside the fragments at the places from first to end, but for what GetClip
// leaves out for one that starts last of them. What starts when the range ends is not listed, so there something may.
func (s *sieve) besides(first, end int) beside {
	from, to := s.fs[first].Start(s.clock), s.fs[end-1].Start(s.clock)
	return beside{
		before: first > 0 && from.Sub(s.fs[first-1].Start(s.clock)) <= time.Millisecond,
		after: !to.Add(time.Millisecond).Before(s.asked.To) ||
			end < len(s.fs) && s.fs[end].Start(s.clock).Sub(to) <= time.Millisecond && !s.repeats(end),
	}
}

// repeats says that all that start together at the place next have the producer time of an older
// fragment that starts with the one before that place.
func (s *sieve) repeats(next int) bool {
	first, _ := s.group(next - 1)
	_, end := s.group(next)
	for _, f := range s.fs[next:end] {
		if !slices.ContainsFunc(s.fs[first:next], func(o archive.Fragment) bool {
			return o.Producer.Equal(f.Producer) && archive.CompareNumbers(o, f) < 0
		}) {
			return false
		}
	}
	return true
}

// wedged says that of the fragments of one start, from first to end, none can be asked for alone on
// the range's clock: something else starts a millisecond before them and a millisecond after them.
func (s *sieve) wedged(first, end int) bool { return s.besides(first, end) == beside{true, true} }

// several stands in sieve.given for more than one fragment.
const several = -1

// single says that fragment i can be had alone on the other clock than the range's.
//
// On the server clock that is what arrived in a millisecond of its own. On the producer clock it is
// the oldest of its producer time, if that time is no other session's. An older one that arrived
// before the listing begins would come in its place: the same footage, as far as the service can
// tell.
func (s *sieve) single(i int) bool {
	f := s.fs[i]
	if s.clock == archive.Server && relative(f) {
		return false
	}
	return s.gives()[f.Start(s.other()).UnixMilli()] == i && s.besideOther(i) != beside{true, true}
}

func (s *sieve) other() archive.Clock {
	if s.clock == archive.Server {
		return archive.Producer
	}
	return archive.Server
}

// besideOther is what starts beside fragment i on the other clock than the range's.
func (s *sieve) besideOther(i int) (b beside) {
	at := s.fs[i].Start(s.other()).UnixMilli()
	_, b.before = s.gives()[at-1]
	_, b.after = s.gives()[at+1]
	return b
}

// gives tells the place of the fragment that GetClip gives for a millisecond of the other clock.
func (s *sieve) gives() map[int64]int {
	if s.given != nil {
		return s.given
	}
	s.given = make(map[int64]int, len(s.fs))
	for _, i := range s.arrival {
		at := s.fs[i].Start(s.other()).UnixMilli()
		switch _, ok := s.given[at]; {
		case !ok:
			s.given[at] = i
		case s.clock == archive.Producer:
			s.given[at] = several
		}
	}
	return s.given
}
