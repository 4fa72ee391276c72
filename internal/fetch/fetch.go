// Package fetch brings the pieces of a plan to disk: side by side, checked against the plan,
// halved where the service cuts or refuses them, and kept from one run to the next. It never
// decides what belongs into a piece and never joins any.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// DefaultParallel is how many pieces are in flight when nobody says otherwise, MaxParallel the most.
const (
	DefaultParallel = 5
	MaxParallel     = 32
)

// Job is one download. Client, Stream, Plan and Folder are needed.
type Job struct {
	Client *kvs.Client
	Stream string // name or ARN
	Plan   *plan.Plan
	// Folder is where the pieces lie. Pieces that an earlier run of the same plan finished are
	// found there and not fetched again.
	Folder   *Folder
	Parallel int // pieces in flight, 1 to MaxParallel; 0 means DefaultParallel
	Report   progress.Func
}

// Piece is a piece of the plan, or a part of one that was halved, whole on disk.
type Piece struct {
	plan.Piece
	Path  string
	Size  int64        // of the file, bytes
	Movie *media.Movie // its one source opens the file when it is read
}

// Error says which piece failed and at what. It unwraps to the cause.
type Error struct {
	Piece plan.Piece // the part that failed, when the planned one was halved
	Err   error
}

func (e *Error) Error() string {
	const ms = "2006-01-02T15:04:05.000Z"
	return fmt.Sprintf("piece %d (%s to %s, %s): %v", e.Piece.Index+1,
		e.Piece.First.UTC().Format(ms), e.Piece.Last.UTC().Format(ms), count(e.Piece), e.Err)
}

func count(p plan.Piece) string {
	switch n := len(p.Fragments); n {
	case 0:
		return "fragments not listed"
	case 1:
		return "fragment " + p.Fragments[0].Number
	default:
		return fmt.Sprintf("%d fragments", n)
	}
}

func (e *Error) Unwrap() error { return e.Err }

// Result is what Run leaves on disk.
type Result struct {
	Pieces []Piece // in playing order
	shelf  *shelf
}

// Close closes the files of all pieces, so that they can be deleted. They open again when read.
func (r *Result) Close() { r.shelf.close() }

// Run fetches all pieces that are not on disk yet. A planned piece can come back as several, and
// one without listed fragments as none when nothing was recorded then. The first piece that
// cannot be had ends the run with an *Error, or with ctx's error; finished pieces stay.
// The caller closes the result.
func (j *Job) Run(ctx context.Context) (*Result, error) {
	r := &Result{shelf: &shelf{}}
	done := make([][]Piece, len(j.Plan.Pieces))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(j.parallel())
	for i, p := range j.Plan.Pieces {
		g.Go(func() (err error) {
			done[i], err = j.piece(gctx, p, r.shelf)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		r.Close()
		return nil, err
	}
	r.Pieces = slices.Concat(done...)
	return r, nil
}

func (j *Job) parallel() int {
	if j.Parallel <= 0 {
		return DefaultParallel
	}
	return min(j.Parallel, MaxParallel)
}

func (j *Job) clock() archive.Clock { return j.Plan.Timeline.Range.Clock }

// piece brings p to disk, in one or, where the service cuts or refuses it, in several parts.
func (j *Job) piece(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	name := j.name(p)
	if name.halved() {
		return j.halves(ctx, p, s, nil)
	}
	if kept, ok := j.kept(name, p, s); ok {
		return []Piece{kept}, nil
	}
	err := j.get(ctx, p, name)
	switch {
	case err == nil:
		return j.finished(name, p, s)
	case kvs.IsEmpty(err) && !j.Plan.Listed:
		return nil, nil
	case kvs.IsEmpty(err): // listed a moment ago, gone now: too old, or deleted
		err = fmt.Errorf("%w: %w", ErrIncomplete, err)
	case kvs.Judge(err) == kvs.Split || errors.Is(err, ErrShort):
		return j.halve(ctx, p, s, name, err)
	}
	return nil, &Error{Piece: p, Err: err}
}

// halve marks p as one to be fetched in halves, so that a later run does not try it whole again.
func (j *Job) halve(ctx context.Context, p plan.Piece, s *shelf, name name, cause error) ([]Piece, error) {
	if _, _, ok := plan.Split(p, j.clock()); !ok {
		return nil, &Error{Piece: p, Err: fmt.Errorf("%w: %w", ErrIncomplete, cause)}
	}
	if err := name.markHalved(); err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	return j.halves(ctx, p, s, cause)
}

func (j *Job) halves(ctx context.Context, p plan.Piece, s *shelf, cause error) ([]Piece, error) {
	a, b, ok := plan.Split(p, j.clock())
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

// finished reads what get has just written and checked.
func (j *Job) finished(name name, p plan.Piece, s *shelf) ([]Piece, error) {
	pc, err := open(name.file(), p, s)
	if err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	j.Report.Report(progress.Fetched{Piece: p.Index, Bytes: pc.Size})
	return []Piece{pc}, nil
}

// kept finds p from an earlier run. What is not as it was written, or does not hold what was
// planned, is fetched again.
func (j *Job) kept(name name, p plan.Piece, s *shelf) (Piece, bool) {
	if !j.settled(name, p) || !name.sound() {
		return Piece{}, false
	}
	pc, err := open(name.file(), p, s)
	if err != nil || check(pc, j.Plan.Listed) != nil {
		s.close() // the file is to be replaced
		return Piece{}, false
	}
	j.Report.Report(progress.Fetched{Piece: p.Index, Kept: true, Bytes: pc.Size})
	return pc, true
}

// settle is how long after a time nothing new comes in for it on the server clock: the longest
// fragment, and as much again until it can be fetched.
const settle = 2 * archive.MaxFragmentLength

// settled says that what the piece holds could not change after it was fetched. The fragments of a
// listing do not. Of a time alone more may have been recorded since: on the server clock only for
// a moment, on the producer clock at any time, by a late upload.
func (j *Job) settled(name name, p plan.Piece) bool {
	if j.Plan.Listed {
		return true
	}
	st, err := os.Stat(name.file())
	return err == nil && j.clock() == archive.Server && st.ModTime().Sub(p.Last) > settle
}
