package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// piece brings p to disk, in one or, where the service cuts or refuses it, in several parts.
func (j *Job) piece(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if j.engine() == EngineFragments {
		return j.byNumbers(ctx, p, s)
	}
	name := j.name(p, EngineClip)
	if j.Folder.journal.isHalved(name.key) {
		return j.halves(ctx, p, s, nil)
	}
	if kept, ok := j.kept(name, p, s); ok {
		return []Piece{kept}, nil
	}
	if j.turned(p, name) {
		if ps, err := j.byNumbers(ctx, p, s); !j.bars(err) {
			return ps, err
		}
	}
	return j.byClip(ctx, p, s, name)
}

// byClip asks GetClip for p.
func (j *Job) byClip(ctx context.Context, p plan.Piece, s *shelf, name name) ([]Piece, error) {
	got, err := j.get(ctx, p, name)
	switch {
	case err == nil:
		return j.finished(got, p, name, s)
	case kvs.IsEmpty(err) && !j.Plan.Listed:
		return nil, nil
	case kvs.IsEmpty(err): // listed a moment ago, gone now: too old, or deleted
		return nil, j.without(p.Index, p.Fragments, p, err)
	case kvs.Judge(err) == kvs.Split && j.mayTurn():
		return j.turn(ctx, p, s, name, err)
	case kvs.Judge(err) == kvs.Split || errors.Is(err, ErrShort) || j.Incomplete && broken(err):
		return j.halve(ctx, p, s, name, err)
	}
	return nil, &Error{Piece: p, Err: err}
}

// broken says that the service answers for this piece, and nothing that can be used, however
// often it is asked: something in the piece is.
func broken(err error) bool {
	e, ok := errors.AsType[*kvs.Error](err)
	return errors.Is(err, kvs.ErrGarbled) || ok && e.Status == http.StatusInternalServerError
}

// without goes on without some fragments of p, or ends the run.
func (j *Job) without(index int, fs []archive.Fragment, p plan.Piece, cause error) error {
	err := fmt.Errorf("%w: %w", ErrIncomplete, cause)
	if !j.Incomplete || !j.Plan.Listed {
		return &Error{Piece: p, Err: err}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range fs {
		j.missed[index] = append(j.missed[index], Missing{Fragment: f, Err: cause})
	}
	return nil
}

// halve notes that p is one to be fetched in halves, so that a later run does not try it whole again.
func (j *Job) halve(ctx context.Context, p plan.Piece, s *shelf, name name, cause error) ([]Piece, error) {
	if _, _, ok := plan.Split(p); !ok {
		if j.mayTurn() {
			return j.turn(ctx, p, s, name, cause)
		}
		return nil, j.without(p.Index, p.Fragments, p, j.andBarred(cause))
	}
	if broken(cause) { // that may pass
		return j.halves(ctx, p, s, cause)
	}
	if err := j.Folder.journal.note(line{Halved: name.key}); err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	return j.halves(ctx, p, s, cause)
}

func (j *Job) halves(ctx context.Context, p plan.Piece, s *shelf, cause error) ([]Piece, error) {
	a, b, ok := plan.Split(p)
	if !ok {
		return nil, &Error{Piece: p, Err: ErrIncomplete}
	}
	j.Report.Report(progress.Halved{Piece: p.Index, Err: cause})
	first, err := j.piece(ctx, a, s)
	if err != nil {
		return nil, err
	}
	second, err := j.piece(ctx, b, s)
	return append(first, second...), err
}

// finished reads what has just been written and checked.
func (j *Job) finished(got noted, p plan.Piece, name name, s *shelf) ([]Piece, error) {
	pc, err := j.open(got, p, name, s)
	if err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	j.came.Add(1)
	j.mu.Lock()
	j.fresh[name] = true
	j.mu.Unlock()
	j.Report.Report(progress.Fetched{Piece: p.Index, Bytes: pc.Size})
	return j.held(pc, got), nil
}

// held is the piece, or nothing where nothing of it was wanted.
func (j *Job) held(pc Piece, n noted) []Piece {
	if n.Skipped > 0 {
		j.mu.Lock()
		j.skipped[pc.Index] += n.Skipped
		j.mu.Unlock()
	}
	if len(pc.Parts) == 0 {
		return nil
	}
	return []Piece{pc}
}

// open reads the tables of a piece that is whole.
func (j *Job) open(n noted, p plan.Piece, name name, s *shelf) (pc Piece, err error) {
	if name.engine == EngineFragments {
		pc, err = openMedia(j.file(name), p, s)
	} else {
		pc, err = open(j.file(name), p, s)
	}
	pc.SHA256, pc.RequestID = n.SHA256, n.RequestID
	return pc, err
}

// kept finds p from an earlier run. What is not as it was written, or does not hold what was
// planned, is fetched again.
func (j *Job) kept(name name, p plan.Piece, s *shelf) (Piece, bool) {
	pc, n, ok := j.known(name, p, s)
	if ok {
		j.Report.Report(progress.Fetched{Piece: p.Index, Kept: true, Bytes: n.Bytes})
	}
	return pc, ok
}

func (j *Job) known(name name, p plan.Piece, s *shelf) (Piece, noted, bool) {
	if !j.settled(name, p) {
		return Piece{}, noted{}, false
	}
	n, ok := j.whole(name)
	if !ok {
		return Piece{}, noted{}, false
	}
	pc, err := j.open(n, p, name, s)
	if err == nil {
		err = n.check(pc, p, j.Plan.Listed)
	}
	if err != nil {
		s.drop(j.file(name)) // the file is to be replaced
		return Piece{}, noted{}, false
	}
	return pc, n, true
}

// check compares what lies on disk with the plan.
func (n noted) check(pc Piece, p plan.Piece, listed bool) error {
	if pc.Engine != EngineFragments {
		return check(pc, listed)
	}
	if got := len(pc.Fragments) + n.Skipped; got != len(p.Fragments) {
		return fmt.Errorf("%w: %d fragments planned, %d there", ErrShort, len(p.Fragments), got)
	}
	return nil
}

// settle is how long after a time nothing new comes in for it on the server clock: the longest
// fragment, and as much again until it can be fetched.
const settle = 2 * archive.MaxFragmentLength

// settled says that what the piece holds could not change after it was fetched. The fragments of a
// listing do not. Of a time alone more may have been recorded since: on the server clock only for
// a moment, on the producer clock at any time, by a late upload.
func (j *Job) settled(name name, p plan.Piece) bool {
	j.mu.Lock()
	fresh := j.fresh[name]
	j.mu.Unlock()
	if j.Plan.Listed || fresh {
		return true
	}
	st, err := os.Stat(j.file(name))
	return err == nil && p.Clock == archive.Server && st.ModTime().Sub(p.Last) > settle
}
