package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Disagree is by how much the two clocks may differ, or footage may come late, without a word: an
// upload takes seconds and a camera's clock drifts by seconds a day, so a minute is neither.
const Disagree = time.Minute

// Clocks is what the server's and the producer's clock say of each other over a listing.
type Clocks struct {
	// Offset is the median of a fragment's lag: its server time minus its producer time. The time
	// it took to arrive is in it. Fragments whose producer times count from 1970 have no lag.
	Offset time.Duration
	// Spread is the largest lag minus the smallest one.
	Spread   time.Duration
	Relative bool // producer times count from the start of a session, at 1970
	// Backwards is how often the producer clock was set back: the next fragment to arrive was
	// filmed earlier, and what came after did not catch up, as what a camera sends again does.
	Backwards int
	Jumps     int // how often it went forward, by Disagree more than the server's
	// Late is by how much longer footage took to come than some that arrived after it, at the
	// most: an upload that caught up. All that came later by more than Disagree was filmed from LateFrom
	// to LateTo, producer time, UTC; both are zero when none did.
	Late             time.Duration
	LateFrom, LateTo time.Time
	Use              archive.Clock // the one to give ranges on; the range's own where the clocks agree
	// Wall is the clock by whose distances time passed: the producer's, but for a range on the server
	// clock whose producer times were set back, jumped or count from 1970. That a clock is off by the
	// same all the time does no harm to distances.
	Wall     archive.Clock
	Findings []Finding // in order; none where the clocks agree
}

// Finding is one way in which the two clocks disagree.
type Finding string

// Findings, in the order in which they are told.
const (
	FindingRelative  Finding = "relative"  // Clocks.Relative
	FindingAhead     Finding = "ahead"     // the producer clock is ahead of the server's, by -Offset
	FindingBehind    Finding = "behind"    // it is behind, or nothing came sooner, by Offset
	FindingBackwards Finding = "backwards" // Clocks.Backwards is not 0
	FindingJumps     Finding = "jumps"     // Clocks.Jumps is not 0
	FindingLate      Finding = "late"      // Clocks.Late is more than Disagree
)

// clocks compares the two clocks over all that is listed.
func (l *listing) clocks() Clocks {
	var c Clocks
	fs := make([]archive.Fragment, 0, len(l.fs))
	for _, i := range l.arrival {
		if relative(l.fs[i]) {
			c.Relative = true
		} else {
			fs = append(fs, l.fs[i])
		}
	}
	least := c.compare(fs)
	c.step(l.judge, fs)
	c.find(least)
	c.Use = c.use(l.clock)
	c.Wall = c.wall(l.clock)
	return c
}

// lag is by how much a fragment's server time is above its producer time.
func lag(f archive.Fragment) time.Duration { return f.Server.Sub(f.Producer) }

// compare sets Offset and Spread, and returns the smallest lag.
func (c *Clocks) compare(fs []archive.Fragment) (least time.Duration) {
	if len(fs) == 0 {
		return 0
	}
	lags := make([]time.Duration, len(fs))
	for i, f := range fs {
		lags[i] = lag(f)
	}
	slices.Sort(lags)
	least = lags[0]
	c.Offset, c.Spread = lags[(len(lags)-1)/2], lags[len(lags)-1]-least
	return least
}

// step looks at each fragment, from the last to arrive to the first, and at the one after it. A
// clock that jumps forward makes the lag smaller for good, an upload that catches up does so bit
// by bit: so what comes after a jump says nothing of what was late before it.
func (c *Clocks) step(j judge, fs []archive.Fragment) {
	var low time.Duration // the smallest lag of what arrives later, up to a jump
	for i, f := range slices.Backward(fs) {
		if i+1 == len(fs) || j.jumps(f, fs[i+1]) && !j.burst(fs, i) && !j.burst(fs, i+2) {
			c.Jumps += min(1, len(fs)-1-i)
			low = lag(f)
			continue
		}
		if j.setBack(f, fs[i+1], low) {
			c.Backwards++
		}
		c.late(j, f, lag(f)-low)
		low = min(low, lag(f))
	}
}

// jumps says that the producer clock went forward between a and b, which arrived next, by more
// than the time that passed; nothing was filmed meanwhile.
func (j judge) jumps(a, b archive.Fragment) bool {
	spacing := b.Producer.Sub(a.Producer)
	return spacing-a.Length > j.tolerance && spacing-b.Server.Sub(a.Server) > Disagree
}

// burst says that fragment i goes on from the one that arrived before it, and came at more than
// twice the speed at which it was filmed: a late upload, whose holes are no jumps of a clock.
func (j judge) burst(fs []archive.Fragment, i int) bool {
	if i < 1 || i >= len(fs) {
		return false
	}
	a, b := fs[i-1], fs[i]
	return !j.broken(a, b) && 2*b.Server.Sub(a.Server) < b.Producer.Sub(a.Producer)
}

// setBack says that b, which arrived after a, was filmed before it, and that the lag, which was
// never again below low, stayed up by most of that.
func (j judge) setBack(a, b archive.Fragment, low time.Duration) bool {
	back := a.Producer.Sub(b.Producer)
	return back > minTolerance && low-lag(a) > back/2
}

// late takes note of a fragment that took longer to come, by d, than some that arrived after it.
func (c *Clocks) late(j judge, f archive.Fragment, d time.Duration) {
	c.Late = max(c.Late, d)
	if d <= Disagree {
		return
	}
	if c.LateFrom.IsZero() || f.Producer.Before(c.LateFrom) {
		c.LateFrom = f.Producer
	}
	c.LateTo = later(c.LateTo, j.filmed(f))
}

// find says in which ways the clocks disagree. The smallest lag tells a clock that is behind from
// footage that came late: of that some came in time.
func (c *Clocks) find(least time.Duration) {
	for _, f := range []struct {
		Finding
		is bool
	}{
		{FindingRelative, c.Relative},
		{FindingAhead, c.Offset < -Disagree},
		{FindingBehind, least > Disagree && c.Late <= Disagree},
		{FindingBackwards, c.Backwards > 0},
		{FindingJumps, c.Jumps > 0},
		{FindingLate, c.Late > Disagree},
	} {
		if f.is {
			c.Findings = append(c.Findings, f.Finding)
		}
	}
}

// use is the clock to give ranges on: the server's where the producer's cannot be trusted, and the
// producer's where it can, but the server's tells nothing of when late footage was filmed.
func (c *Clocks) use(asked archive.Clock) archive.Clock {
	wrong := slices.ContainsFunc(c.Findings, func(f Finding) bool { return f != FindingLate })
	switch {
	case wrong:
		return archive.Server
	case len(c.Findings) > 0:
		return archive.Producer
	}
	return asked
}

// wall is the clock by whose distances time passed, for a range on the asked one.
func (c *Clocks) wall(asked archive.Clock) archive.Clock {
	if asked == archive.Server && (c.Relative || c.Backwards > 0 || c.Jumps > 0) {
		return archive.Server
	}
	return archive.Producer
}
