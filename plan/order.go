package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// order are the places of the kept fragments as they are to play: by start on the clock, and on the
// producer clock, where all footage of a stretch is kept, one session after the other.
func (s *sieve) order() []int {
	var in []int
	for i, f := range s.fate {
		if f == kept {
			in = append(in, i)
		}
	}
	if s.clock == archive.Producer && s.overlap == OverlapAll && len(s.stretches) > 0 {
		s.bySession(in)
	}
	return in
}

// session is footage that goes on without a hole in the order of arrival.
type session struct {
	number int
	from   time.Time // producer time
	last   int       // place of its last fragment
	latest int       // how many arrived before that
}

// bySession orders the fragments by the start of the session they belong to. A session does not
// reach over a hole, so what came late to fill one plays in it.
func (s *sieve) bySession(in []int) {
	of := s.sessions()
	slices.SortFunc(in, func(a, b int) int {
		return cmp.Or(of[a].from.Compare(of[b].from), cmp.Compare(of[a].number, of[b].number), cmp.Compare(a, b))
	})
}

// sessions finds the session of each kept fragment. Those of several cameras may arrive in turns, so
// each is looked up by where it ends, in steps of the tolerance.
func (s *sieve) sessions() []*session {
	of := make([]*session, len(s.fs))
	ends := map[int64]*session{}
	step := func(t time.Time) int64 { return t.UnixMilli() / s.tolerance.Milliseconds() }
	for n, i := range s.arrival {
		if s.fate[i] != kept {
			continue
		}
		f := s.fs[i]
		at := step(f.Producer)
		of[i] = s.ended(f, ends[at], ends[at-1], ends[at+1])
		if of[i] == nil {
			of[i] = &session{number: n, from: f.Producer}
		}
		of[i].last, of[i].latest = i, n
		ends[step(s.filmed(f))] = of[i]
	}
	return of
}

// ended is the session that f goes on from, the last one to arrive of several; nil if it begins one.
func (s *sieve) ended(f archive.Fragment, among ...*session) (best *session) {
	for _, o := range among {
		if o == nil || best != nil && o.latest < best.latest {
			continue
		}
		before := s.fs[o.last]
		if f.Producer.After(before.Producer) && f.Producer.Sub(s.filmed(before)).Abs() <= s.tolerance {
			best = o
		}
	}
	return best
}
