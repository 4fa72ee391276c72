// Package clip downloads long clips from Amazon Kinesis Video Streams. It wires the floors below
// together: list, plan, fetch, join, check, rename. What is to be decided about time and codecs
// is decided there.
package clip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// Client reads the streams of one account and region. It is safe for concurrent use and needs no
// closing. Reports of calls count all that the client did meanwhile.
type Client struct {
	door    *kvs.Client
	version string
	report  progress.Func
}

// Open finds credentials and region by the SDK's default chain. It asks nothing of a stream yet.
func Open(ctx context.Context, c Config) (*Client, error) {
	c.Report = oneAtATime(c.Report)
	door, err := kvs.Open(ctx, kvs.Config{
		Region: c.Region, Profile: c.Profile, RoleARN: c.RoleARN, EndpointURL: c.EndpointURL, Anonymous: c.Anonymous,
		Retries: c.Retries, Share: c.Share, LimitRate: c.LimitRate, Report: c.Report,
	})
	if err != nil {
		return nil, err
	}
	return &Client{door: door, version: c.Version, report: c.Report}, nil
}

// oneAtATime makes calls of f take turns, so that nobody who is told things needs a lock.
func oneAtATime(f progress.Func) progress.Func {
	if f == nil {
		return nil
	}
	var mu sync.Mutex
	return func(e progress.Event) {
		mu.Lock()
		defer mu.Unlock()
		f(e)
	}
}

// Region returns the AWS region the client speaks to.
func (c *Client) Region() string { return c.door.Region() }

// Streams lists the streams whose names begin with prefix, in name order.
func (c *Client) Streams(ctx context.Context, prefix string) ([]archive.Stream, error) {
	return c.door.Streams(ctx, prefix)
}

// Plan lists what was recorded and plans the pieces. It fetches nothing, needs no Output, and
// returns a plan without pieces where nothing was recorded. Without the right to list fragments
// the plan is one of time alone, and Plan.Listed is false.
func (c *Client) Plan(ctx context.Context, r Request) (*plan.Plan, error) {
	r, err := r.checked()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	tell := func(text string) { c.report.Report(progress.Note{Text: text}) }
	p, err := c.plan(ctx, r, tell)
	if err == nil {
		c.live(p, now, tell)
	}
	return p, err
}

// plan lists and plans, and tells what the user should know of it.
func (c *Client) plan(ctx context.Context, r Request, tell func(string)) (*plan.Plan, error) {
	o := plan.Options{MaxPiece: r.Piece, Overlap: r.Overlap, Marks: marks(r.Range, r.Every, r.zone())}
	early := r.Range
	early.From = early.From.Add(-plan.Lookback)
	listed, err := c.door.Fragments(ctx, r.Stream, early)
	switch {
	case err == nil:
		kept, left := r.listedOnly(listed)
		if left > 0 {
			tell(fmt.Sprintf("%d of %d fragments are left out, as --where says; the report tells them as gaps", left, len(listed)))
		}
		return plan.Build(r.Range, kept, o), nil
	case deniedListing(err) && !r.needsListing():
		if n := o.Steps(r.Range); n > splice.MaxPieces {
			return nil, fmt.Errorf("%w: not permitted to list fragments, and by time alone the range takes %d pieces: more than %d; ask for a shorter one, or longer pieces", ErrUsage, n, splice.MaxPieces)
		}
		tell(notListed)
		return plan.ByTime(r.Range, o), nil
	}
	return nil, err
}

// deniedListing says that the right to list is missing, and not one that fetching needs too.
func deniedListing(err error) bool {
	e, ok := errors.AsType[*kvs.Error](err)
	return ok && kvs.IsDenied(err) && e.Action == "kinesisvideo:ListFragments"
}

// notListed is told when kinesisvideo:ListFragments is not permitted.
const notListed = "not permitted to list fragments: asking for pieces of time instead, halving what looks cut short; " +
	"the clip cannot be proven whole, begins up to 20 s early and its gaps are unknown; allow kinesisvideo:ListFragments to mend that"
