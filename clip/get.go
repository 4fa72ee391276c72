package clip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/plan"
)

// MaxParallel is the most pieces that can be in flight.
const MaxParallel = fetch.MaxParallel

// piecesSuffix is what the folder of an unfinished clip's pieces adds to the clip's name.
const piecesSuffix = ".pieces"

// Get downloads one clip. The final name appears only when the file is whole and checked. What
// was fetched stays beside it in a folder until then, so that after an error, an interrupt or a
// kill the same call goes on where it stopped.
func (c *Client) Get(ctx context.Context, r Request) (*Report, error) {
	began := time.Now()
	r, err := r.checked()
	if err != nil {
		return nil, err
	}
	g := &get{Client: c, Request: r, path: r.output(), before: c.door.Calls()}
	if err := g.prepare(); err != nil {
		return nil, err
	}
	report, err := g.run(ctx)
	if err != nil {
		return nil, err
	}
	report.ElapsedMs = time.Since(began).Milliseconds()
	return report, nil
}

// get is one download on its way.
type get struct {
	*Client
	Request
	path   string // of the clip
	before kvs.Calls
	notes  []string
}

// pieces is the folder in which unfinished pieces wait.
func (g *get) pieces() string { return g.path + piecesSuffix }

// prepare finds out whether the clip could be written, before anything is asked of the service.
func (g *get) prepare() error {
	if err := sink.Free(g.path, g.Force); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(g.path), 0o755); err != nil {
		return local(err)
	}
	if g.NoResume {
		if err := os.RemoveAll(g.pieces()); err != nil {
			return local(err)
		}
	}
	return sink.Writable(filepath.Dir(g.path))
}

func local(err error) error { return fmt.Errorf("%w: %w", ErrLocal, err) }

// planned lists and plans, and meanwhile finds out where the pieces will be asked for.
func (g *get) planned(ctx context.Context) (*plan.Plan, error) {
	early, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		g.door.Ready(early, g.Stream)
	}()
	p, err := g.plan(ctx, g.Request)
	if err != nil {
		cancel()
	}
	<-ready
	cancel()
	return p, err
}

// unfinished is the least time that the end of what is listed lies behind a live camera: a
// fragment is listed when it has ended and arrived.
const unfinished = archive.MaxFragmentLength + 5*time.Second

// live takes the gap at the end of a plan away where nothing can be listed yet, because a camera
// may still film it at the time now, and returns a note that says so.
func (c *Client) live(p *plan.Plan, now time.Time) (notes []string) {
	n := len(p.Timeline.Gaps) - 1
	if n < 0 || len(p.Timeline.Spans) == 0 {
		return nil
	}
	end := p.Timeline.Gaps[n]
	if !end.To.Equal(p.Timeline.Range.To) || now.Sub(end.From) >= unfinished {
		return nil
	}
	p.Timeline.Gaps = p.Timeline.Gaps[:n]
	note := fmt.Sprintf("the last %v are not recorded yet", end.To.Sub(end.From).Round(100*time.Millisecond))
	c.report.Report(progress.Note{Text: note})
	return []string{note}
}

func (g *get) run(ctx context.Context) (*Report, error) {
	now := time.Now()
	p, err := g.planned(ctx)
	if err != nil {
		return nil, err
	}
	g.notes = append(g.notes, g.live(p, now)...)
	if !p.Listed {
		g.notes = append(g.notes, notListed)
	}
	if len(p.Pieces) == 0 {
		return nil, fmt.Errorf("%w: %v", ErrEmpty, g.Range)
	}
	g.report.Report(progress.Planned{Pieces: len(p.Pieces), Fragments: p.Fragments(), Bytes: p.Bytes()})
	fetched, err := g.fetch(ctx, p)
	if err != nil {
		return nil, err
	}
	defer fetched.Close()
	if len(fetched.Pieces) == 0 {
		os.Remove(g.pieces())
		return nil, fmt.Errorf("%w: %v", ErrEmpty, g.Range)
	}
	return g.deliver(ctx, p, fetched)
}

func (g *get) fetch(ctx context.Context, p *plan.Plan) (*fetch.Result, error) {
	job := fetch.Job{
		Client: g.door, Stream: g.Stream, Plan: p, Dir: g.pieces(), Parallel: g.Parallel, Report: g.report,
	}
	fetched, err := job.Run(ctx)
	if err != nil {
		os.Remove(g.pieces()) // goes only when it is empty
		return nil, err
	}
	return fetched, nil
}

// deliver makes the outputs of the fetched pieces, and the report.
func (g *get) deliver(ctx context.Context, p *plan.Plan, fetched *fetch.Result) (*Report, error) {
	report := g.account(p, fetched.Pieces)
	var err error
	switch g.Merge {
	case MergeNone:
		err = g.keep(report, fetched)
	case MergeFFmpeg:
		err = g.concat(ctx, report, fetched)
	default:
		err = g.join(ctx, report, fetched)
	}
	if err != nil {
		return nil, err
	}
	fetched.Close()
	if err := os.RemoveAll(g.pieces()); err != nil && !errors.Is(err, os.ErrNotExist) {
		report.Notes = append(report.Notes, fmt.Sprintf("the pieces in %q could not be deleted: %v", g.pieces(), err))
	}
	return report, nil
}
