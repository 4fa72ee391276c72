package plan

import "time"

// Overlap says which footage is kept where some was recorded more than once: a camera that starts
// anew sends what its replay buffer holds, which the service may have already.
type Overlap string

const (
	// OverlapAuto keeps the oldest of fragments of one producer time, as GetClip itself does. Of
	// others that overlap it keeps the oldest on the producer clock, where an instant must be one
	// footage, and all on the server clock, where a clock set back by an hour has filmed something
	// else at the same producer times. Also the meaning of "".
	OverlapAuto   Overlap = "auto"
	OverlapOldest Overlap = "oldest" // what arrived first, on either clock
	OverlapNewest Overlap = "newest" // what arrived last, on either clock
	OverlapAll    Overlap = "all"    // everything
)

// Overlapping is a stretch of producer time that was recorded more than once.
type Overlapping struct {
	From, To time.Time // producer time, UTC
	Kept     int       // fragments of the stretch that are in the plan
	LeftOut  int       // and that are not
	Equal    bool      // each of them starts with another to the millisecond: sent twice, not filmed twice
	// Lost is how much producer time of what is left out no kept fragment has.
	Lost time.Duration
}
