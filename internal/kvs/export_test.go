package kvs

import (
	"net/http"
	"time"
)

// Hurry makes the waits between tries too short to notice.
func (c *Client) Hurry() { c.backoff = time.Nanosecond }

// Narrow lowers the limits that every answer meets.
func (c *Client) Narrow(answer int64, listing int) { c.maxAnswer, c.maxListing = answer, listing }

// Pages lowers the limit of pages of one listing.
func (c *Client) Pages(n int) { c.maxPages = n }

// Through sends all requests to rt instead of the network.
func (c *Client) Through(rt http.RoundTripper) { c.web.to = rt }

// Limits of answers, in bytes.
const (
	MaxJSON    = maxJSON
	MaxRefusal = maxRefusal
)

// Age makes every known data endpoint d older.
func (c *Client) Age(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ep := range c.endpoints {
		ep.at = ep.at.Add(-d)
	}
}

// EndpointAge is when an endpoint is asked for again.
const EndpointAge = endpointAge
