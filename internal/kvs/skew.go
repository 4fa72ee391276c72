package kvs

import (
	"net/http"
	"sync"
	"time"
)

// skew is how far the service's clock is from this machine's, as its answers' dates tell.
type skew struct {
	mu    sync.Mutex // guards what follows
	by    time.Duration
	known bool
}

// dated learns from the Date of an answer that was asked for at began and came at ended. The date
// was written somewhere in between, in whole seconds: only what lies outside of that is a difference.
func (c *Client) dated(h http.Header, began, ended time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	early, late := at.Sub(ended), at.Add(time.Second).Sub(began)
	by := time.Duration(0)
	switch {
	case early > 0:
		by = early
	case late < 0:
		by = late
	}
	c.skew.mu.Lock()
	defer c.skew.mu.Unlock()
	c.skew.by, c.skew.known = by, true
}

// Skew tells how far the clock of the service that answered last is ahead of this machine's, to
// the second; it is negative when this machine is ahead. known is false while no answer has told.
func (c *Client) Skew() (ahead time.Duration, known bool) {
	c.skew.mu.Lock()
	defer c.skew.mu.Unlock()
	return c.skew.by, c.skew.known
}
