package kvs

import "time"

// Hurry makes the waits between tries too short to notice.
func (c *Client) Hurry() { c.backoff = time.Nanosecond }

// Narrow lowers the limits that every answer meets.
func (c *Client) Narrow(answer int64, listing int) { c.maxAnswer, c.maxListing = answer, listing }

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
