package plan

import (
	"slices"

	"github.com/kvsclip/kvsclip/archive"
)

// reunite keeps, on the server clock, what was left out but arrived in one millisecond with a kept
// fragment that cannot be had without it, or in the next one.
func (s *sieve) reunite() {
	for first, end := 0, 0; first < len(s.fs); first = end {
		_, end = s.group(first)
		whole, wedged := s.whole(first, end), s.wedged(first, end)
		if whole && !wedged || s.tied[first] || s.separable(first, end) {
			continue
		}
		s.restore(first, end)
		if wedged {
			s.tie(first, end)
		}
	}
	if len(s.tied) > 0 { // which may have brought in what lies before the range
		s.stretches = s.twice()
	}
}

// whole says that of the fragments from first to end none was left out that a request for the others
// would bring.
func (s *sieve) whole(first, end int) bool { return !slices.Contains(s.fate[first:end], leftOut) }

// separable says that all that are kept of the fragments of one server time can be asked for one
// by one on the producer clock.
func (s *sieve) separable(first, end int) bool {
	for i := first; i < end; i++ {
		if s.fate[i] == kept && !s.single(i) {
			return false
		}
	}
	return true
}

func (s *sieve) restore(first, end int) {
	for i := first; i < end; i++ {
		if s.fate[i] == leftOut {
			s.fate[i] = kept
		}
	}
}

// tie lets the fragments of one server time, from first to end, be asked for together with those of
// the millisecond before, if these have it all and go on there; else with those of the one after, if
// the range has it.
func (s *sieve) tie(first, end int) {
	before, _ := s.group(first - 1)
	goesOn := !s.tied[before] && !slices.ContainsFunc(s.fate[before:first], func(f fate) bool { return f != kept }) &&
		!s.broken(s.fs[first-1], s.fs[first])
	if goesOn || end == len(s.fs) || !s.fs[end].Server.Before(s.asked.To) {
		s.tieAt(first)
	} else {
		s.tieAt(end)
	}
}

// tieAt ties what starts at place i to the start before it, and keeps all of both that GetClip gives:
// of each producer time the oldest.
func (s *sieve) tieAt(i int) {
	if s.tied == nil {
		s.tied = map[int]bool{}
	}
	s.tied[i] = true
	first, end := s.unit(i)
	places := make([]int, 0, end-first)
	for k := first; k < end; k++ {
		places = append(places, k)
	}
	slices.SortFunc(places, func(a, b int) int { return archive.CompareNumbers(s.fs[a], s.fs[b]) })
	seen := map[int64]bool{}
	for _, k := range places {
		at := s.fs[k].Producer.UnixMilli()
		s.fate[k] = kept
		if seen[at] {
			s.fate[k] = never
		}
		seen[at] = true
	}
}

// unit is where the fragments begin and end that are asked for together with fragment i, all of its
// start at the least.
func (s *sieve) unit(i int) (first, end int) {
	first, end = s.group(i)
	for s.tied[first] {
		first, _ = s.group(first - 1)
	}
	for s.tied[end] {
		_, end = s.group(end)
	}
	return first, end
}

// together says that a request for the fragment at place b gives the one at a too.
func (s *sieve) together(a, b int) bool {
	if len(s.tied) == 0 {
		return false
	}
	first, _ := s.unit(b)
	return a >= first
}
