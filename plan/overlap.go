package plan

import "time"

// Overlap says which footage is kept where some was recorded more than once: a camera that starts
// anew sends what its replay buffer holds, which the service may have already.
type Overlap string

const (
	// OverlapAuto keeps the oldest of fragments of one start in producer time, as GetClip itself
	// does. Of others it leaves out, on the producer clock alone, what kept fragments that arrived
	// earlier have all of, but for holes that are no gaps; what they have only a part of is kept, and
	// that part is there twice. On the server clock a clock set back by an hour has filmed something else at the same producer
	// times, so all is kept. Nothing is lost by it but the end of what started with a shorter one.
	// Also the meaning of "".
	OverlapAuto Overlap = "auto"
	// OverlapOldest and OverlapNewest keep what arrived first, or last, on either clock, and leave
	// out all that overlaps it, even in part: no instant is there twice, but some may be lost.
	OverlapOldest Overlap = "oldest"
	OverlapNewest Overlap = "newest"
	OverlapAll    Overlap = "all" // everything
)

// Overlapping is a stretch of producer time that was recorded more than once.
type Overlapping struct {
	From, To time.Time // producer time, UTC
	Kept     int       // fragments of the stretch that are in the plan
	LeftOut  int       // and that are not
	Equal    bool      // each of them starts with another to the millisecond: sent twice, not filmed twice
	// Twice is how much of its time more than one kept fragment has, and Lost how much of it only
	// fragments have that are left out; on the producer clock, of what lies in the range.
	Twice, Lost time.Duration
}
