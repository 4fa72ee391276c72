package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/plan"
)

// ErrDiffer means that the service gives other footage by one call than by the other.
var ErrDiffer = errors.New("GetClip and GetMediaForFragmentList do not give the same footage")

// maxSampled is how many pieces CrossCheck fetches twice.
const maxSampled = 20

// sampled says whether the i-th of n pieces is fetched by both engines: the first, the last, and
// about every tenth between them, but at most maxSampled.
func sampled(i, n int) bool {
	step := max(10, (n+maxSampled-3)/(maxSampled-2))
	return i == 0 || i == n-1 || i%step == 0 && i/step < maxSampled-1
}

// crossCheck fetches what ps, of planned piece p, begins with by the other engine and compares the two.
func (j *Job) crossCheck(ctx context.Context, p plan.Piece, ps []Piece, s *shelf) error {
	if len(ps) == 0 {
		return nil
	}
	other, err := j.byOther(ctx, ps[0], s)
	if err != nil {
		return err
	}
	if other == nil {
		j.tally(func(t *tally) { t.refused++ })
		return nil
	}
	defer os.Remove(other.Path)
	defer s.drop(other.Path) // before it is deleted
	clip, numbers := ps[0], *other
	if clip.Engine == EngineFragments {
		clip, numbers = numbers, clip
	}
	if err := compare(ctx, clip, numbers); err != nil {
		return &Error{Piece: p, Err: err}
	}
	j.tally(func(t *tally) { t.same++ })
	return nil
}

func (j *Job) tally(change func(*tally)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.checked)
}

// byOther fetches a piece by the other engine; nil if GetClip does not give it, or if one of its
// fragments is missing or not wanted, so that it cannot be asked for. It is not for the result.
func (j *Job) byOther(ctx context.Context, pc Piece, s *shelf) (*Piece, error) {
	if j.partial(pc.Index) {
		return nil, nil
	}
	p, e := pc.Piece, EngineFragments
	if pc.Engine == EngineFragments {
		e = EngineClip
	}
	other := j.name(p, e)
	var got noted
	var lost []Missing
	var err error
	if e == EngineClip {
		got, err = j.get(ctx, p, other)
	} else {
		got, lost, err = j.gather(ctx, p, other)
	}
	if kvs.Judge(err) == kvs.Split || errors.Is(err, ErrShort) || kvs.IsEmpty(err) || len(lost) > 0 {
		return nil, nil
	}
	var out Piece
	if err == nil {
		out, err = j.open(got, p, other, s)
	}
	if err != nil {
		return nil, &Error{Piece: p, Err: fmt.Errorf("fetching it the other way, to compare: %w", err)}
	}
	return &out, nil
}

// partial says that something of a planned piece is missing, or was not wanted.
func (j *Job) partial(index int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.missed[index]) > 0 || j.skipped[index] > 0
}
