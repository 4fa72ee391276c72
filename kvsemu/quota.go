package kvsemu

import (
	"sync"
	"time"
)

// The point quotas of a stream, a second (kinesisvideostreams/latest/dg/limits).
const (
	mediaPoints    = 500
	metadataPoints = 10_000
	controlCalls   = 5
)

// bucket holds up to one second's worth of points. Whether the service allows a burst is not
// known; one call that costs more than the bucket holds is let through, and paid off after it.
type bucket struct {
	mu    sync.Mutex // guards all below
	known bool
	left  float64
	at    time.Time
}

// take spends cost points at now if any are left, of a bucket that gains rate a second.
func (b *bucket) take(now time.Time, rate, cost float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known {
		b.known, b.left, b.at = true, rate, now
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left, b.at = min(rate, b.left+rate*passed.Seconds()), now
	}
	if b.left <= 0 {
		return false
	}
	b.left -= cost
	return true
}

// points spends media and metadata points of a stream.
func (c *call) points(media, metadata int) error {
	if c.s.NoPoints {
		return nil
	}
	if media > 0 && !c.stream.media.take(c.now, mediaPoints, float64(media)) ||
		!c.stream.metadata.take(c.now, metadataPoints, float64(metadata)) {
		return refuse("ClientLimitExceededException", textThrottled)
	}
	return nil
}
