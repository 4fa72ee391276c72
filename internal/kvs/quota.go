package kvs

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Points a second that all readers of one stream share (Amazon Kinesis Video Streams quotas,
// "fragment-metadata and fragment-media quotas").
const (
	mediaPoints    = 500
	metadataPoints = 10_000
)

// When the service says "too many" although we kept to our share, somebody else reads the stream.
// So the pace falls by a factor, and comes back by steps: additive increase, multiplicative
// decrease, which is how readers that don't know of each other come to fair shares.
const (
	paceFall  = 0.7
	paceStep  = 0.05 // of full
	paceFloor = 0.05 // of full
	pacePause = time.Second
)

// pace is points a second. It is a value: the policy has no clock and no lock.
type pace struct {
	full, now float64
	fell      time.Time
}

// throttled slows down; calls in flight at once that are refused together count as one refusal.
func (p pace) throttled(at time.Time) pace {
	if at.Sub(p.fell) < pacePause {
		return p
	}
	p.now, p.fell = max(p.now*paceFall, p.full*paceFloor), at
	return p
}

func (p pace) succeeded() pace {
	p.now = min(p.now+p.full*paceStep, p.full)
	return p
}

// mediaLines is how many answers of GetMediaForFragmentList one stream gives at once (Amazon Kinesis
// Video Streams quotas, connections per stream).
const mediaLines = 5

// quota holds the points and the connections of one stream.
type quota struct {
	media, metadata *bucket
	lines           chan struct{} // one for each connection in use
}

func (c *Client) quota(stream string) *quota {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := nameOf(stream)
	q := c.quotas[name]
	if q == nil {
		share := float64(c.cfg.Share) / 100
		q = &quota{
			media: newBucket(mediaPoints * share), metadata: newBucket(metadataPoints * share),
			lines: make(chan struct{}, mediaLines),
		}
		c.quotas[name] = q
	}
	return q
}

// line waits for a connection, which hangUp gives back.
func (q *quota) line(ctx context.Context) error {
	select {
	case q.lines <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (q *quota) hangUp() { <-q.lines }

func (q *quota) take(ctx context.Context, media, metadata int) error {
	if err := q.media.take(ctx, media); err != nil {
		return err
	}
	return q.metadata.take(ctx, metadata)
}

func (q *quota) throttled(media bool) {
	if media { // the scarcer by far: 200 points of 500 against 200 of 10,000
		q.media.change(func(p pace) pace { return p.throttled(time.Now()) })
		return
	}
	q.metadata.change(func(p pace) pace { return p.throttled(time.Now()) })
}

func (q *quota) succeeded() {
	q.media.change(pace.succeeded)
	q.metadata.change(pace.succeeded)
}

// bucket gives out points; a full one holds those of a second.
type bucket struct {
	turn chan struct{} // held while waiting, so that who came first is served whole first
	lim  *rate.Limiter
	mu   sync.Mutex // guards pace
	pace pace
}

func newBucket(full float64) *bucket {
	return &bucket{
		turn: make(chan struct{}, 1),
		lim:  rate.NewLimiter(rate.Limit(full), max(int(full), 1)),
		pace: pace{full: full, now: full},
	}
}

func (b *bucket) change(policy func(pace) pace) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.pace.now
	b.pace = policy(b.pace)
	if b.pace.now != before {
		b.lim.SetLimit(rate.Limit(b.pace.now))
		b.lim.SetBurst(max(int(b.pace.now), 1))
	}
}

func (b *bucket) take(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return spend(ctx, b.lim, n)
}

// spend waits for n tokens, in portions, because n may be more than a full bucket holds.
func spend(ctx context.Context, lim *rate.Limiter, n int) error {
	for n > 0 {
		part := min(n, lim.Burst())
		r := lim.ReserveN(time.Now(), part)
		if !r.OK() {
			continue // the bucket shrank in between
		}
		if err := wait(ctx, r.Delay()); err != nil {
			r.Cancel()
			return err
		}
		n -= part
	}
	return nil
}
