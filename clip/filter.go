package clip

import (
	"fmt"
	"slices"

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

// wanted says whether a fragment is, by what its producer sent along. One for which the expression
// has no answer is not.
func (g *get) wanted(f archive.Fragment, tags []mkv.Tag) bool {
	named := make(map[string]string, len(tags))
	for _, t := range tags {
		named[t.Name] = t.Value
	}
	ok, err := g.filter.Match(where.Fragment{Fragment: f, Tags: named})
	return err == nil && ok
}

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
