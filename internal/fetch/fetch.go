// Package fetch brings the pieces of a plan to disk: side by side, checked against the plan,
// halved where the service cuts or refuses them, and kept from one run to the next. It never
// decides what belongs into a piece and never joins any.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"

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
	// Incomplete goes on without fragments that cannot be had, and tells them in Result.Missing,
	// where else the run would end.
	Incomplete bool
	Report     progress.Func

	came   atomic.Int64 // pieces fetched in this run
	mu     sync.Mutex   // guards all below
	fresh  map[name]bool
	missed map[int][]Missing // by planned piece
}

// Missing is a fragment that was listed and cannot be had.
type Missing struct {
	Fragment archive.Fragment
	Err      error
}

// Piece is a piece of the plan, or a part of one that was halved, whole on disk.
type Piece struct {
	plan.Piece
	Path      string
	Size      int64        // of the file, bytes
	SHA256    string       // of the file, hex; "" for a clip from disk
	RequestID string       // of the answer it came in, "" if that told none
	Movie     *media.Movie // its one source opens the file when it is read
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
	Pieces  []Piece   // in playing order
	Missing []Missing // in order of arrival; none unless Job.Incomplete
	shelf   *shelf
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
	j.fresh, j.missed = map[name]bool{}, map[int][]Missing{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(j.parallel())
	for i, p := range j.Plan.Pieces {
		g.Go(func() (err error) {
			done[i], err = j.patient(gctx, p, r.shelf)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		r.Close()
		return nil, err
	}
	r.Pieces = slices.Concat(done...)
	for _, ms := range j.missed {
		r.Missing = append(r.Missing, ms...)
	}
	slices.SortFunc(r.Missing, func(a, b Missing) int { return archive.CompareNumbers(a.Fragment, b.Fragment) })
	return r, nil
}

// patient tries a piece that failed all its tries again, as long as others came meanwhile: the
// service answers, so a bad hour ends no run that has others to go on with.
func (j *Job) patient(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	for {
		before := j.came.Load()
		j.anew(p)
		ps, err := j.piece(ctx, p, s)
		if err == nil || ctx.Err() != nil || kvs.Judge(err) != kvs.Retry || j.came.Load() == before {
			return ps, err
		}
	}
}

// anew forgets what an earlier try of p could not have.
func (j *Job) anew(p plan.Piece) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.missed, p.Index)
}

func (j *Job) parallel() int {
	if j.Parallel <= 0 {
		return DefaultParallel
	}
	return min(j.Parallel, MaxParallel)
}

// piece brings p to disk, in one or, where the service cuts or refuses it, in several parts.
func (j *Job) piece(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	name := j.name(p)
	if j.Folder.journal.isHalved(string(name)) {
		return j.halves(ctx, p, s, nil)
	}
	if kept, ok := j.kept(name, p, s); ok {
		return []Piece{kept}, nil
	}
	got, err := j.get(ctx, p, name)
	switch {
	case err == nil:
		return j.finished(got, p, s)
	case kvs.IsEmpty(err) && !j.Plan.Listed:
		return nil, nil
	case kvs.IsEmpty(err): // listed a moment ago, gone now: too old, or deleted
		return nil, j.without(p, err)
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

// without goes on without p, or ends the run.
func (j *Job) without(p plan.Piece, cause error) error {
	err := fmt.Errorf("%w: %w", ErrIncomplete, cause)
	if !j.Incomplete || !j.Plan.Listed {
		return &Error{Piece: p, Err: err}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range p.Fragments {
		j.missed[p.Index] = append(j.missed[p.Index], Missing{Fragment: f, Err: cause})
	}
	return nil
}

// halve notes that p is one to be fetched in halves, so that a later run does not try it whole again.
func (j *Job) halve(ctx context.Context, p plan.Piece, s *shelf, name name, cause error) ([]Piece, error) {
	if _, _, ok := plan.Split(p); !ok {
		return nil, j.without(p, cause)
	}
	if broken(cause) { // that may pass
		return j.halves(ctx, p, s, cause)
	}
	if err := j.Folder.journal.note(line{Halved: string(name)}); err != nil {
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

// finished reads what get has just written and checked.
func (j *Job) finished(got noted, p plan.Piece, s *shelf) ([]Piece, error) {
	pc, err := j.open(got, p, s)
	if err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	j.came.Add(1)
	j.mu.Lock()
	j.fresh[name(got.Name)] = true
	j.mu.Unlock()
	j.Report.Report(progress.Fetched{Piece: p.Index, Bytes: pc.Size})
	return []Piece{pc}, nil
}

// open reads the tables of a piece that is whole.
func (j *Job) open(n noted, p plan.Piece, s *shelf) (Piece, error) {
	pc, err := open(j.file(name(n.Name)), p, s)
	pc.SHA256, pc.RequestID = n.SHA256, n.RequestID
	return pc, err
}

// kept finds p from an earlier run. What is not as it was written, or does not hold what was
// planned, is fetched again.
func (j *Job) kept(name name, p plan.Piece, s *shelf) (Piece, bool) {
	if !j.settled(name, p) {
		return Piece{}, false
	}
	known, ok := j.whole(name)
	if !ok {
		return Piece{}, false
	}
	pc, err := j.open(known, p, s)
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
	j.mu.Lock()
	fresh := j.fresh[name]
	j.mu.Unlock()
	if j.Plan.Listed || fresh {
		return true
	}
	st, err := os.Stat(j.file(name))
	return err == nil && p.Clock == archive.Server && st.ModTime().Sub(p.Last) > settle
}
