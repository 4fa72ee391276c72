package clip

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/where"
)

// filterOf compiles an expression; nil if there is none.
func filterOf(text string) (*where.Filter, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no filter is no error
	}
	f, err := where.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("where: %w", err)
	}
	return f, nil
}

// sieve is a filter at work, and what is to be told of it.
type sieve struct {
	*where.Filter
	mu    sync.Mutex      // guards all below
	seen  map[string]bool // names of tags, at most maxNames
	wrong int             // fragments for which the expression had no answer
	err   error           // the first of those
}

// maxNames is how many names of tags are told.
const maxNames = 20

// wanted says whether a fragment is, by what its producer sent along. One for which the expression
// has no answer is not.
func (s *sieve) wanted(f archive.Fragment, tags []mkv.Tag) bool {
	named := make(map[string]string, len(tags))
	for _, t := range tags {
		named[t.Name] = t.Value
	}
	ok, err := s.Match(where.Fragment{Fragment: f, Tags: named})
	s.note(named, err)
	return err == nil && ok
}

func (s *sieve) note(tags map[string]string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range tags {
		if len(s.seen) < maxNames {
			s.seen[name] = true
		}
	}
	if err != nil {
		s.wrong++
		s.err = cmp.Or(s.err, err)
	}
}

// trouble says for how many fragments the expression had no answer; "" if for none.
func (s *sieve) trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == 0 {
		return ""
	}
	return fmt.Sprintf("the expression of --where makes no sense for %d fragments, which are left out: %v", s.wrong, s.err)
}

// none is the error of a range in which nothing is wanted. It is an ErrEmpty.
func (s *sieve) none(listed int, r archive.Range) error {
	text := fmt.Sprintf("%d fragments were recorded in the range %v, and --where %s takes none", listed, r, s)
	if names := slices.Sorted(maps.Keys(s.seen)); len(names) > 0 {
		text += fmt.Sprintf("; their tags are %q", names)
	}
	if t := s.trouble(); t != "" {
		text += "; " + t
	}
	return &noneWanted{text}
}

// noneWanted is the error of a filter that takes nothing.
type noneWanted struct{ text string }

func (e *noneWanted) Error() string { return e.text }
func (e *noneWanted) Unwrap() error { return ErrEmpty }

// listedOnly leaves out of a listing what is not wanted, where the listing alone tells.
func (r Request) listedOnly(listed []archive.Fragment) (kept []archive.Fragment, left int) {
	f, err := filterOf(r.Where)
	if err != nil || f == nil || f.UsesTags() {
		return listed, 0
	}
	kept = slices.DeleteFunc(slices.Clone(listed), func(a archive.Fragment) bool {
		ok, err := f.Match(where.Fragment{Fragment: a})
		return err != nil || !ok
	})
	return kept, len(listed) - len(kept)
}
