package kvs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia"
	"github.com/aws/smithy-go"

	"github.com/kvsclip/kvsclip/internal/progress"
)

// API names; opOpen stands for what happens before the first call.
const (
	opOpen            = "Open"
	opListStreams     = "ListStreams"
	opDescribeStream  = "DescribeStream"
	opGetDataEndpoint = "GetDataEndpoint"
	opListFragments   = "ListFragments"
	opGetClip         = "GetClip"
	opGetMedia        = "GetMediaForFragmentList"

	opGetCallerIdentity = "GetCallerIdentity" // of the token service
)

// Calls counts requests, every try by itself.
type Calls struct {
	ListFragments, GetClip, GetMediaForFragmentList, GetDataEndpoint int

	Throttled int   // answers that said: too many
	Retried   int   // tries after the first
	Bytes     int64 // of the bodies of GetClip and GetMediaForFragmentList, those thrown away included
}

type counts struct {
	listFragments, getClip, getMedia, getDataEndpoint, throttled, retried, bytes atomic.Int64
}

// Calls returns what was counted since Open.
func (c *Client) Calls() Calls {
	return Calls{
		ListFragments:           int(c.counts.listFragments.Load()),
		GetClip:                 int(c.counts.getClip.Load()),
		GetMediaForFragmentList: int(c.counts.getMedia.Load()),
		GetDataEndpoint:         int(c.counts.getDataEndpoint.Load()),
		Throttled:               int(c.counts.throttled.Load()),
		Retried:                 int(c.counts.retried.Load()),
		Bytes:                   c.counts.bytes.Load(),
	}
}

func (n *counts) asked(op string) {
	switch op {
	case opListFragments:
		n.listFragments.Add(1)
	case opGetClip:
		n.getClip.Add(1)
	case opGetMedia:
		n.getMedia.Add(1)
	case opGetDataEndpoint:
		n.getDataEndpoint.Add(1)
	}
}

func (c *Client) report(e progress.Event) {
	c.reporting.Lock()
	defer c.reporting.Unlock()
	c.cfg.Report.Report(e)
}

// call is the only loop over tries. try makes one; its error is explained and judged here. An
// *Error of another operation was tried out already and is passed on, and so is a rejection.
func (c *Client) call(ctx context.Context, op, stream string, try func() error) error {
	for n := 1; ; n++ {
		began := time.Now()
		err := try()
		if err == nil {
			c.report(progress.Called{Op: op, Took: time.Since(began)})
			return nil
		}
		if _, ok := errors.AsType[*rejection](err); ok {
			return err
		}
		if ctx.Err() != nil {
			return c.stopped(ctx, op, stream, n, err)
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Op != op {
			return e
		}
		e := c.explain(op, stream, err)
		e.Tries = n
		c.report(progress.Called{Op: op, Took: time.Since(began), Err: e})
		if Judge(e) != Retry || n == c.cfg.Retries {
			return e
		}
		c.report(progress.Retried{Op: op, Try: n, Err: e})
		if wait(ctx, delay(n, c.backoff, rand.Float64(), e.after)) != nil {
			return c.stopped(ctx, op, stream, n, e)
		}
		c.counts.retried.Add(1)
	}
}

// ask makes a call of the control endpoint.
func (c *Client) ask(ctx context.Context, op, stream string, do func(context.Context) error) error {
	return c.call(ctx, op, stream, func() error {
		c.counts.asked(op)
		return c.watched(ctx, func(ctx context.Context, _ *time.Timer) error { return do(ctx) })
	})
}

// dataCall is a call of a data endpoint and what it costs.
type dataCall struct {
	op       string
	api      types.APIName
	stream   string
	media    func() int // points of the next try; below 0 means that there is nothing left to ask for
	metadata int        // points
	line     bool       // it takes one of the stream's connections
}

func fixed(points int) func() int { return func() int { return points } }

type atEndpoint = func(*kinesisvideoarchivedmedia.Options)

// askData makes a call of the stream's data endpoint, within its quota points.
func (c *Client) askData(ctx context.Context, q dataCall, do func(context.Context, atEndpoint, *time.Timer) error) error {
	points := c.quota(q.stream)
	return c.call(ctx, q.op, q.stream, func() error {
		base, err := c.endpoint(ctx, q.stream, q.api)
		if err != nil {
			return err
		}
		if q.line {
			if err := points.line(ctx); err != nil {
				return err
			}
			defer points.hangUp()
		}
		media := q.media()
		if media < 0 {
			return nil
		}
		if err := points.take(ctx, media, q.metadata); err != nil {
			return err
		}
		c.counts.asked(q.op)
		err = c.watched(ctx, func(ctx context.Context, quiet *time.Timer) error {
			return do(ctx, func(o *kinesisvideoarchivedmedia.Options) { o.BaseEndpoint = &base }, quiet)
		})
		if err == nil {
			points.succeeded()
			return nil
		}
		if _, ok := errors.AsType[*rejection](err); ok {
			return err
		}
		e := c.explain(q.op, q.stream, err)
		if e.throttled() {
			points.throttled(media > 0)
		}
		if e.misplaced() {
			c.forget(ctx, q.stream, q.api, base)
		}
		return e
	})
}

// watched runs one try under a timer that cuts it off. The time for the answer to begin also has
// to do for a short answer's body; do stops and resets the timer when the answer is a long one.
func (c *Client) watched(ctx context.Context, do func(context.Context, *time.Timer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := c.cfg.HeaderTimeout + c.cfg.Idle
	quiet := time.AfterFunc(limit, func() { cancel(ErrStalled) })
	defer quiet.Stop()
	err := do(ctx, quiet)
	if _, ok := errors.AsType[*rejection](err); ok || err == nil {
		c.reached.Store(true)
		return err
	}
	if _, sdk := errors.AsType[*smithy.OperationError](err); sdk && errors.Is(context.Cause(ctx), ErrStalled) {
		return fmt.Errorf("%w: no answer for %v", ErrStalled, limit)
	}
	return err
}

// Bounds of the wait between tries: with ten tries about a minute in all, on average.
const (
	firstBackoff  = 500 * time.Millisecond
	maxBackoff    = 20 * time.Second
	maxRetryAfter = 5 * time.Minute // an answer may not ask for more
)

// delay is the wait after try n, from 1: exponential with full jitter, but not less than the
// answer asked for. random is in [0, 1).
func delay(n int, first time.Duration, random float64, after time.Duration) time.Duration {
	ceiling := maxBackoff
	if n <= 30 { // a larger shift could overflow
		ceiling = min(first<<(n-1), maxBackoff)
	}
	return max(min(after, maxRetryAfter), time.Duration(random*float64(ceiling)))
}

// wait sleeps, or returns why ctx ended.
func wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
