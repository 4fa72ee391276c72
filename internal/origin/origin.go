// Package origin tells which fragment the samples of a joined movie came from, and when they were
// taken. It reads no media and judges no times.
package origin

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// Piece is where the samples of one source of a joined movie came from.
type Piece struct {
	Number int // from 1
	// Fragments are what the piece holds, in start-time order; nil when that is not known. Runs then
	// have no fragment and no time, and are cut every runLength.
	Fragments []archive.Fragment
	// Taken is when its first picture was taken, or without pictures its first sound, on the producer's
	// clock, where that is known better than by when its first fragment begins. Zero means: then.
	Taken time.Time
}

// Run is consecutive samples of one track, in decode order, that came from one fragment of one piece.
// The runs of a movie hold each of its samples once.
type Run struct {
	Track uint32 // track_ID
	Kind  media.Kind
	Piece int // Piece.Number; 0 for samples that came from no piece
	// Fragment is zero if it is not known. Where sound or uneven pictures are told apart by time,
	// samples at the ends of a run may belong to a neighbour.
	Fragment archive.Fragment
	// At is when its first sample was taken, on the producer clock, UTC; zero if that is not known. What
	// is presented before or after it was taken as long before or after. It is exact to the tick: not
	// rounded to the service's milliseconds.
	At      time.Time
	First   int  // sample number, from 1
	Samples int  // at least 1
	ByTime  bool // cut where producer times say, for there are no sync samples that tell
}

// Time is when something was taken that is presented so long after the run's first sample, on clock c;
// before it if negative. Zero if that is not known. On the server clock footage keeps its distance from
// the start of its fragment.
func (r Run) Time(c archive.Clock, sinceFirst time.Duration) time.Time {
	if r.At.IsZero() {
		return time.Time{}
	}
	taken := r.At.Add(sinceFirst)
	if c == archive.Server {
		return r.Fragment.Server.Add(taken.Sub(r.Fragment.Producer))
	}
	return taken
}

// End is the number of the sample after the run.
func (r Run) End() int { return r.First + r.Samples }
