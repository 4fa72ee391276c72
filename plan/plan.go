// Package plan decides what to ask the service for. From the fragments of a recording it makes a
// timeline of spans and gaps, and pieces that one GetClip answer can hold without being cut
// short. It is pure: it never calls, reads or writes anything.
package plan

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Limits of one piece. GetClip stops at 200 fragments or 100 MB without saying so
// (API_reader_GetClip), and takes at most 24 hours (API_reader_ClipTimestampRange).
const (
	MaxFragments = 200
	// MaxBytes is 95 MB: the sizes that ListFragments tells include headers that the MP4 has
	// none of, but its tables take room too, so 5 % is left.
	MaxBytes = 95_000_000
	MaxSpan  = 24 * time.Hour
)

// Span is footage without a gap: at least one fragment, in start-time order.
type Span struct {
	Fragments []archive.Fragment
	// From is the start of the first fragment; To is where the last one ends as near as the
	// listing tells: its start and length, and one usual sample more. Plan's clock, UTC.
	From, To time.Time
}

// Gap is a hole in what was recorded: between two spans, or at an end of the range.
type Gap struct {
	// From and To are on the range's clock, UTC. On the server clock they are equal where nothing was
	// filmed for a while but the footage around it was uploaded late, without a pause.
	From, To time.Time
	// Length is how long nothing was filmed, above 0: To minus From, but on the server clock, between
	// two spans whose producer times can be believed, by these. See Clocks.Wall.
	Length time.Duration
}

// Timeline is what exists in a range and what does not.
type Timeline struct {
	Range   archive.Range
	Spans   []Span  // in time order
	Gaps    []Gap   // between spans, and at either end of the range
	Overlap Overlap // which footage is kept where some was recorded twice, never ""
	// Overlaps are stretches that were recorded more than once, in producer-time order, whether
	// or not anything was left out for it.
	Overlaps []Overlapping
	// Repeated holds the fragments of the range that no span has because of Overlap, or because
	// no request can single them out: they are not the oldest of their producer time, and arrived
	// in one millisecond with it or, on the producer clock, with any other. In start-time order.
	Repeated []archive.Fragment
}

// Piece is one GetClip request and the fragments its answer must hold.
//
// First and Last are fragment START times and both are inclusive, because that is what GetClip
// compares (API_reader_ClipTimestampRange). Neighbours therefore never share a fragment. GetClip
// takes no range of a single millisecond: where Last is not after First, the one after it is asked
// for too, and nothing that is not in the piece starts in it.
type Piece struct {
	Index int // position in Plan.Pieces, from 0
	// Clock is the one that First and Last are on: the range's, or the other one where only that
	// gets the piece's fragments alone.
	Clock archive.Clock
	// Fragments are 1 to MaxFragments in start-time order, and more only where more have one
	// start; nil when they could not be listed.
	Fragments []archive.Fragment
	// First is the start of the first fragment, or, where all start at once and something else a
	// millisecond later, a millisecond before it; Last is the start of the last one. UTC,
	// milliseconds, on Clock, less than MaxSpan apart. Last may also be a millisecond or two after
	// that, where only fragments start that GetClip leaves out for those of the piece.
	First, Last time.Time
	Bytes       int64 // sum of Fragment.Size, at most MaxBytes unless those of one start are larger
	Span        int   // index of the span it lies in; 0 when fragments could not be listed
	beside      beside
	uncut       bool // see lot.alone
}

// Plan is all requests for one clip.
type Plan struct {
	Timeline Timeline
	Clocks   Clocks  // zero without a listing
	Pieces   []Piece // in playing order
	// Listed says that the pieces come from a listing, so each answer can be compared with its
	// plan. Without it pieces are time only.
	Listed bool
}

// Fragments counts the fragments of all pieces.
func (p *Plan) Fragments() int {
	n := 0
	for _, pc := range p.Pieces {
		n += len(pc.Fragments)
	}
	return n
}

// Bytes estimates the media to fetch, slightly high; 0 without a listing.
func (p *Plan) Bytes() int64 {
	var n int64
	for _, pc := range p.Pieces {
		n += pc.Bytes
	}
	return n
}
