package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// fate is what becomes of a fragment of a listing.
type fate uint8

const (
	outside fate = iota // of the range
	kept
	leftOut // for what is kept
	never   // can be had: see dropUnobtainable
)

// sieve decides what becomes of each fragment of a listing. What is outside the range takes
// nothing's place: a fragment is left out only for one that is kept.
type sieve struct {
	*listing
	asked     archive.Range
	overlap   Overlap
	fate      []fate // of listing.fs
	stretches []stretch
	doubles   []int         // places of all that may overlap, by producer time; see byProducer
	given     map[int64]int // see gives; nil until it is needed
	tied      map[int]bool  // places where a start begins that is asked for with the one before it
}

func (l *listing) sieve(r archive.Range, o Overlap) *sieve {
	s := &sieve{listing: l, asked: r, overlap: cmp.Or(o, OverlapAuto), fate: make([]fate, len(l.fs))}
	if !r.From.Before(r.To) {
		return s
	}
	s.enter()
	s.dropUnobtainable()
	s.stretches = s.twice()
	switch {
	case r.Clock == archive.Server:
		s.choose()
		s.reunite()
	case s.overlap == OverlapAuto:
		s.relieve() // first: what it takes out must cover nothing
		s.dropCovered()
	default:
		s.choose()
		s.relieve()
	}
	return s
}

// enter takes in what starts in the range and what is still playing when it begins.
func (s *sieve) enter() {
	next, exact := s.from(s.asked.From)
	end, _ := s.from(s.asked.To)
	for i := next; i < end; i++ {
		s.fate[i] = kept
	}
	if s.clock == archive.Server {
		if !exact {
			s.enterHolder(next)
		}
		return
	}
	for i := range next {
		if s.holds(s.fs[i], next) {
			s.fate[i] = kept
		}
	}
}

// enterHolder takes in the last fragment to come before the range, if it is still playing then, and
// all of its start, for none of them can be asked for alone.
func (s *sieve) enterHolder(next int) {
	if next == 0 || !s.holds(s.fs[next-1], next) {
		return
	}
	first, _ := s.group(next - 1)
	for i := first; i < next; i++ {
		s.fate[i] = kept
	}
}

// holds says that f goes on until the range begins, or until fragment next does.
func (s *sieve) holds(f archive.Fragment, next int) bool {
	return s.end(f).After(s.asked.From) || next < len(s.fs) && !s.broken(f, s.fs[next])
}

// dropUnobtainable leaves out what no request can single out: on the producer clock, fragments that
// are not the oldest of their producer time, or were filmed a millisecond after something and a
// millisecond before something else, if they cannot be had alone by when they arrived either. GetClip
// gives the oldest of a producer time in the others' place, whatever is asked.
func (s *sieve) dropUnobtainable() {
	if s.clock == archive.Server {
		s.dropEqual()
		return
	}
	for first, end := 0, 0; first < len(s.fs); first = end {
		_, end = s.group(first)
		for i := first; i < end; i++ {
			if s.fate[i] != outside && (i > first || s.wedged(first, end)) && !s.single(i) {
				s.fate[i] = never
			}
		}
	}
}

// dropEqual leaves out what is equal to an older fragment on both clocks.
func (s *sieve) dropEqual() {
	seen := map[int64]bool{}
	for i := range s.fs {
		if s.leads(i) {
			clear(seen)
			if i+1 == len(s.fs) || s.leads(i+1) {
				continue
			}
		}
		at := s.fs[i].Producer.UnixMilli()
		if s.fate[i] == kept && seen[at] {
			s.fate[i] = never
		}
		seen[at] = true
	}
}

// choose leaves out what the overlap says of each stretch that was recorded twice. By default it is
// the server clock's choice; the producer clock's is dropCovered.
func (s *sieve) choose() {
	for _, st := range s.stretches {
		switch s.overlap {
		case OverlapAll:
		case OverlapNewest:
			s.greedy(st, -1)
		case OverlapOldest:
			s.greedy(st, 1)
		default:
			s.oldestOfEach(st)
		}
	}
}

// oldestOfEach keeps the oldest fragment of each producer time, as GetClip does.
func (s *sieve) oldestOfEach(st stretch) {
	for k := 1; k < len(st.members); k++ {
		i := st.members[k]
		if s.fate[i] == kept && s.fs[i].Producer.Equal(s.fs[st.members[k-1]].Producer) {
			s.fate[i] = leftOut
		}
	}
}

// greedy takes the fragments of a stretch in the order of arrival (way is 1), or against it (-1),
// and leaves out what overlaps one that is already kept.
func (s *sieve) greedy(st stretch, way int) {
	byAge := slices.Clone(st.members)
	slices.SortFunc(byAge, func(a, b int) int { return way * archive.CompareNumbers(s.fs[a], s.fs[b]) })
	taken := newTaken(s.judge)
	for _, i := range byAge {
		switch {
		case s.fate[i] != kept:
		case taken.overlaps(s.fs[i]):
			s.fate[i] = leftOut
		default:
			taken.add(s.fs[i])
		}
	}
}

// dropCovered leaves out what is there already when it arrives, all of it that the range holds, and what
// starts with something that is kept, as GetClip does. What is there in part is kept: the rest is
// nowhere else.
func (s *sieve) dropCovered() {
	if len(s.stretches) == 0 {
		return
	}
	in := s.inStretch()
	taken := newTaken(s.judge)
	for _, i := range s.arrival {
		from, to := s.matters(s.fs[i])
		switch {
		case s.fate[i] != kept:
		case in[i] && taken.has(s.fs[i], from, to):
			s.fate[i] = leftOut
		default:
			taken.add(s.fs[i])
		}
	}
}

// matters is when f was filmed, as far as the range goes; all of it where no more than the tolerance of
// it is in the range, for of so little nobody can say that it is there.
func (s *sieve) matters(f archive.Fragment) (from, to time.Time) {
	if from, to = s.clipped(f); to.Sub(from) > s.tolerance {
		return from, to
	}
	return f.Producer, s.filmed(f)
}

// inStretch says of each fragment whether it lies in a stretch.
func (s *sieve) inStretch() []bool {
	in := make([]bool, len(s.fs))
	for _, st := range s.stretches {
		for _, i := range st.members {
			in[i] = true
		}
	}
	return in
}

// relieve takes out what starts before the range and has ended, but for the tolerance, when
// another kept one begins that starts before it too.
func (s *sieve) relieve() {
	next, _ := s.from(s.asked.From)
	for next < len(s.fs) && s.fs[next].Producer.Equal(s.asked.From) {
		next++
	}
	var latest time.Time
	for i := range next {
		if s.fate[i] == kept {
			latest = s.fs[i].Producer
		}
	}
	for i, f := range s.fs[:next] {
		if s.fate[i] == kept && f.Producer.Before(latest) && s.end(f).Sub(latest) <= s.tolerance {
			s.fate[i] = outside
		}
	}
}
