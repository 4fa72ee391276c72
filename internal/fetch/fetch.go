// Package fetch brings the pieces of a plan to disk: side by side, checked against the plan,
// halved or had fragment by fragment where the service cuts or refuses them, and kept from one run to
// the next. It never decides what belongs into a piece and never joins any.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// DefaultParallel is how many pieces are in flight when nobody says otherwise, MaxParallel the most.
const (
	DefaultParallel = 5
	MaxParallel     = 32
)

// Job is one download. Client, Stream, Plan and Folder are needed.
type Job struct {
	Client *kvs.Client
	Stream string // name or ARN
	Plan   *plan.Plan
	// Folder is where the pieces lie. Pieces that an earlier run of the same plan finished are
	// found there and not fetched again.
	Folder   *Folder
	Parallel int // pieces in flight, 1 to MaxParallel; 0 means DefaultParallel
	// Incomplete goes on without fragments that cannot be had, and tells them in Result.Missing,
	// where else the run would end.
	Incomplete bool
	Report     progress.Func
	// Engine is how pieces are fetched; "" means EngineAuto. Without a listing there is EngineClip only.
	Engine Engine
	// Where says which fragments are wanted, by the tags their producer sent with them; nil means
	// all. What it does not want is not kept. EngineFragments only. It is called by several
	// goroutines at once.
	Where func(archive.Fragment, []mkv.Tag) bool
	// WhereText tells one Where from another, so that pieces made with one are not taken for those
	// made with another.
	WhereText string
	// InOrder, if not nil, takes the pieces as they come, one after the other in playing order.
	// When it has returned from the next piece that holds anything, the piece's file is closed and
	// deleted; that of the last one stays. Result.Pieces is empty then. An error of it ends the run.
	InOrder func(context.Context, Piece) error
	// CrossCheck fetches some of the pieces by the other engine too, and compares them.
	CrossCheck bool

	came    atomic.Int64 // pieces fetched in this run
	direct  atomic.Bool  // GetClip refuses the stream's media: it is not asked any more
	mu      sync.Mutex   // guards all below
	fresh   map[name]bool
	missed  map[int][]Missing // by planned piece
	skipped map[int]int       // fragments that Where did not want, by planned piece
	barred  error             // why GetMediaForFragmentList is not asked any more
	told    bool              // of times that differ from the listing's
	checked tally
}

// tally counts what CrossCheck came to.
type tally struct{ same, refused int }

// Engine is which call of the service brings the pieces.
type Engine string

// The engines, by the words of the command line.
const (
	EngineAuto      Engine = "auto"      // GetClip, and for what that refuses GetMediaForFragmentList; also ""
	EngineClip      Engine = "clip"      // GetClip
	EngineFragments Engine = "fragments" // GetMediaForFragmentList
)

var (
	// ErrUnlisted means that fragments were to be fetched by their numbers, and nobody could list them.
	ErrUnlisted = errors.New("fragments can be fetched one by one only where they can be listed: allow kinesisvideo:ListFragments, or use the clip engine")
	errEngine   = errors.New("unusable engine")
)

// engine is how pieces are fetched, with the default and what follows from the other fields put in.
func (j *Job) engine() Engine {
	switch {
	case j.Where != nil:
		return EngineFragments // no other tells tags
	case j.Engine == EngineFragments, j.Engine == EngineClip:
		return j.Engine
	case !j.Plan.Listed:
		return EngineClip
	}
	return EngineAuto
}

// usable says whether the job can be done at all.
func (j *Job) usable() error {
	switch j.Engine {
	case "", EngineAuto, EngineClip, EngineFragments:
	default:
		return fmt.Errorf("%w: %q: expected %q, %q or %q", errEngine, j.Engine, EngineAuto, EngineClip, EngineFragments)
	}
	switch {
	case j.Where != nil && j.Engine == EngineClip:
		return fmt.Errorf("%w: the clip engine does not tell the tags by which fragments are to be chosen", errEngine)
	case !j.Plan.Listed && (j.engine() == EngineFragments || j.CrossCheck):
		return ErrUnlisted
	}
	return nil
}

// Missing is a fragment that was listed and cannot be had.
type Missing struct {
	Fragment archive.Fragment
	Err      error
}

// Piece is a piece of the plan, or a part of one that was halved, whole on disk.
type Piece struct {
	plan.Piece
	Path      string
	Size      int64  // of the file, bytes
	SHA256    string // of the file, hex; "" for a clip from disk
	RequestID string // of the answer it came in, the first of several; "" if that told none
	Engine    Engine // EngineClip or EngineFragments: how it came
	// Parts are what it holds, in playing order, at least one: one of a clip; of fragments as many as do
	// not make one movie together.
	Parts []Part
}

// Part is a movie, whose one source opens the file when it is read, and which fragments it is of.
type Part struct {
	Movie     *media.Movie
	Fragments []archive.Fragment // none where nothing was listed
	// Taken is when the first picture was taken, on the producer's clock; zero of a clip, which does
	// not tell.
	Taken time.Time
	// Tags are what the producer sent along with each of Fragments, in order; nil of a clip.
	Tags [][]mkv.Tag
}

// Movie returns the movie of a piece that has one part: a clip. Of others it is the first part's,
// and an empty one where there is none.
func (p Piece) Movie() *media.Movie {
	if len(p.Parts) == 0 {
		return &media.Movie{}
	}
	return p.Parts[0].Movie
}

// Error says which piece failed and at what. It unwraps to the cause.
type Error struct {
	Piece plan.Piece // the part that failed, when the planned one was halved
	Err   error
}

func (e *Error) Error() string {
	const ms = "2006-01-02T15:04:05.000Z"
	return fmt.Sprintf("piece %d (%s to %s, %s): %v", e.Piece.Index+1,
		e.Piece.First.UTC().Format(ms), e.Piece.Last.UTC().Format(ms), count(e.Piece), e.Err)
}

func count(p plan.Piece) string {
	switch n := len(p.Fragments); n {
	case 0:
		return "fragments not listed"
	case 1:
		return "fragment " + p.Fragments[0].Number
	default:
		return fmt.Sprintf("%d fragments", n)
	}
}

func (e *Error) Unwrap() error { return e.Err }

// Result is what Run leaves on disk.
type Result struct {
	Pieces  []Piece   // in playing order
	Missing []Missing // in order of arrival; none unless Job.Incomplete

	Skipped      int // fragments that Job.Where did not want
	CrossChecked int // pieces that came the same by both engines
	CrossRefused int // pieces that could not be compared: GetClip refuses them, or something of them is missing or not wanted
	shelf        *shelf
}

// Close closes the files of all pieces, so that they can be deleted. They open again when read.
func (r *Result) Close() { r.shelf.close() }
