package fetch

import (
	"context"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/plan"
)

// Run fetches all pieces that are not on disk yet. A planned piece can come back as several, as none
// when nothing of it was wanted, and one without listed fragments as none when nothing was recorded
// then. The first piece that cannot be had ends the run with an *Error, or with ctx's error; finished
// pieces stay. The caller closes the result.
func (j *Job) Run(ctx context.Context) (*Result, error) {
	if err := j.usable(); err != nil {
		return nil, err
	}
	r := &Result{shelf: &shelf{}}
	j.begin()
	if err := j.inOrder(ctx, r.shelf, j.handOver(r)); err != nil {
		r.Close()
		return nil, err
	}
	j.account(r)
	return r, nil
}

// begin forgets what an earlier run of the same job found out.
func (j *Job) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fresh, j.missed, j.skipped = map[name]bool{}, map[int][]Missing{}, map[int]int{}
	j.barred, j.told, j.checked = nil, false, tally{}
	j.direct.Store(false)
}

// handOver returns what is done with the pieces that one planned piece came to, in playing order.
func (j *Job) handOver(r *Result) func(context.Context, []Piece) error {
	if j.InOrder == nil {
		return func(_ context.Context, ps []Piece) error {
			r.Pieces = append(r.Pieces, ps...)
			return nil
		}
	}
	var held *Piece
	return func(ctx context.Context, ps []Piece) error {
		for _, p := range ps {
			if err := j.InOrder(ctx, p); err != nil {
				return err
			}
			done := &p
			if len(p.Parts) > 0 {
				done, held = held, done
			}
			if err := r.discard(done); err != nil {
				return err
			}
		}
		return nil
	}
}

// discard closes and deletes the file of a piece, if there is one.
func (r *Result) discard(p *Piece) error {
	if p == nil {
		return nil
	}
	r.shelf.drop(p.Path)
	return os.Remove(p.Path)
}

func (j *Job) account(r *Result) {
	for _, ms := range j.missed {
		r.Missing = append(r.Missing, ms...)
	}
	slices.SortFunc(r.Missing, func(a, b Missing) int { return archive.CompareNumbers(a.Fragment, b.Fragment) })
	for _, n := range j.skipped {
		r.Skipped += n
	}
	r.CrossChecked, r.CrossRefused = j.checked.same, j.checked.refused
}

// inOrder fetches the pieces side by side and hands each to emit, from this goroutine, when it and all
// before it are whole. It returns the first error, when nothing is under way any more.
func (j *Job) inOrder(ctx context.Context, s *shelf, emit func(context.Context, []Piece) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(j.parallel() + 1) // one starts the others
	queue := make(chan chan []Piece, j.ahead())
	g.Go(func() error {
		defer close(queue)
		for _, p := range j.Plan.Pieces {
			slot := make(chan []Piece, 1)
			select {
			case queue <- slot:
			case <-gctx.Done():
				return context.Cause(gctx)
			}
			g.Go(func() error {
				ps, err := j.one(gctx, p, s)
				if err == nil {
					slot <- ps
				}
				return err
			})
		}
		return nil
	})
	failed := emitAll(gctx, queue, emit)
	if failed != nil {
		cancel(failed)
	}
	if err := g.Wait(); failed == nil {
		return err
	}
	return failed
}

// emitAll hands on what comes out of the slots, until the queue is closed or ctx ends: then who ended
// it tells why.
func emitAll(ctx context.Context, queue <-chan chan []Piece, emit func(context.Context, []Piece) error) error {
	for slot := range queue {
		select {
		case ps := <-slot:
			if err := emit(ctx, ps); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// ahead is how many pieces wait in the queue beside the one that is handed over and the one that is
// about to be queued: with InOrder at most parallel+2 lie on disk or are on their way.
func (j *Job) ahead() int {
	if j.InOrder == nil {
		return len(j.Plan.Pieces)
	}
	return j.parallel()
}

// one fetches a planned piece, and compares it with what the other engine brings if it is one of those.
func (j *Job) one(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	ps, err := j.patient(ctx, p, s)
	if err != nil || !j.CrossCheck || !sampled(p.Index, len(j.Plan.Pieces)) {
		return ps, err
	}
	return ps, j.crossCheck(ctx, p, ps, s)
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

// anew forgets what an earlier try of p could not have, or did not want.
func (j *Job) anew(p plan.Piece) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.missed, p.Index)
	delete(j.skipped, p.Index)
}

func (j *Job) parallel() int {
	if j.Parallel <= 0 {
		return DefaultParallel
	}
	return min(j.Parallel, MaxParallel)
}
