// Package splice is the home of the seam: it joins pieces into one movie. It decides where on the
// timeline every piece lies, whether sound goes on or is anchored anew, and which samples share a
// sample entry. It decodes nothing and never sees a file, the network or the service.
package splice

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// ErrCannotJoin means that pieces cannot become one movie without loss. The text says which and why.
var ErrCannotJoin = errors.New("cannot be joined without loss")

// MaxPieces is how many pieces one movie can have: a sample names its source in 16 bits.
const MaxPieces = math.MaxUint16

// Piece is one answer of the service, or one clip from disk.
type Piece struct {
	Movie *media.Movie // not changed; its Sources are shared with the joined movie
	// Fragments are what the piece holds, in start-time order; nil when that is not known. The
	// piece is then placed back to back.
	Fragments []archive.Fragment
	// Hole is how long nothing was recorded right before the piece, on Options.Clock; 0 if nothing
	// is missing: the piece goes on where the one before ended, or begins a new session, or its
	// camera's clock was set.
	Hole time.Duration
	// Together says that sound and picture began together if the movie has no edit list: so it is
	// with a piece that begins with a fragment. The delay that B-frames then give the picture by
	// their composition offsets is an artefact of packaging, and is taken off.
	Together bool
	Name     string // for messages: "piece 3", "a.mp4"
}

// Options says what to make of the pieces. The zero value joins all of them whole.
type Options struct {
	Clock archive.Clock // whose time From and To are
	// From and To are the range to show; a zero time means: from the beginning, to the end.
	// The range is half-open: what begins at To is not in the movie. From may lie before all pieces
	// and To after them. From counts only when the first piece has fragments, To when the last has.
	From, To time.Time
	// Keep lets holes last as long as they did: the time in the movie is the time on the wall. The
	// last picture before a hole stands still and sound is silent. Otherwise holes are closed up,
	// and chapters tell where.
	Keep bool
	// Wall is the clock by whose distances kept holes last where the two clocks disagree: the
	// producer's where footage came late, the server's where the camera's clock was set.
	Wall archive.Clock
}

// Joined is the outcome of Join.
type Joined struct {
	Movie *media.Movie
	Seams []Seam // one for each piece but the first
	// Lead is the media before the first shown picture, hidden by the edit list; Length is
	// what is shown.
	Lead, Length time.Duration
	// Start is when the first shown picture was taken, on Options.Clock; zero when not known.
	Start time.Time
}

// Action says how two pieces were joined.
type Action string

// The actions, by the words of the report.
const (
	ActionJoin   Action = "join"         // placed by producer time
	ActionGap    Action = "gap"          // a hole in the recording was closed up
	ActionHeld   Action = "held"         // a hole in the recording lasts as long as it did
	ActionBack   Action = "back-to-back" // no usable times: placed at the end of the one before
	ActionConfig Action = "config"       // as join, and the codec configuration changes here
)

// Seam is the join of a piece to the one before it.
type Seam struct {
	Piece    int           // index of the later piece, from 1
	At       time.Time     // producer time of its first fragment; zero when not known
	Position time.Duration // of its first picture, from the first picture of the movie
	// VideoError is where the picture lies against its producer time: positive is late. 0 where
	// that time has nothing to do with the one before.
	VideoError time.Duration
	// AudioError is how far the sound lies from its place beside the picture: positive is late.
	AudioError time.Duration
	Action     Action
}

// Join makes one movie of pieces, which are in playing order. Every sample of every piece is in
// it once, with its bytes where they are; only what lies behind Options.To, and is not needed to
// decode what lies before, is left out. Source of a sample is the index of its piece; samples of
// silence, which Options.Keep calls for, have sources behind those. Errors wrap ErrCannotJoin.
func Join(pieces []Piece, o Options) (*Joined, error) {
	if len(pieces) == 0 || len(pieces) > MaxPieces {
		return nil, fmt.Errorf("%d pieces: %w: 1 to %d are possible", len(pieces), ErrCannotJoin, MaxPieces)
	}
	parts, err := measure(pieces)
	if err != nil {
		return nil, err
	}
	scale := referenceScale(parts)
	j := &join{options: o, parts: parts, lanes: newLanes(parts, scale), scale: scale, silence: silence{pieces: len(pieces)}}
	for i := range parts {
		if err := j.add(i); err != nil {
			return nil, err
		}
	}
	return j.finish(), nil
}

// join is a movie in the making.
type join struct {
	options Options
	parts   []part
	lanes   []*lane
	scale   uint32  // ticks per second of all positions
	at      []int64 // position of each part's first picture, in ticks of scale
	anchor  anchor
	seams   []Seam
	silence silence
}

// add places part i and appends its samples to their lanes.
func (j *join) add(i int) error {
	pos, seam := j.place(i)
	j.at = append(j.at, pos)
	changed := false
	for k := range j.parts[i].strands {
		s := &j.parts[i].strands[k]
		l := j.lane(s.key)
		switched, err := l.configure(s)
		if err != nil {
			return fmt.Errorf("%s: %w", j.parts[i].Name, err)
		}
		changed = changed || switched
		natural := media.Rescale(pos, j.scale, l.scale) + j.parts[i].beside(s, l.scale)
		j.fill(l, i, natural)
		late, err := l.append(s, uint16(i), natural)
		if err != nil {
			return fmt.Errorf("%s: %w", j.parts[i].Name, err)
		}
		if s.key.kind == media.Audio && s.key.ordinal == 0 {
			seam.AudioError = duration(late, l.scale)
		}
	}
	if changed && seam.Action == ActionJoin {
		seam.Action = ActionConfig
	}
	if i > 0 {
		j.seams = append(j.seams, seam)
	}
	return nil
}

func (j *join) lane(k key) *lane {
	for _, l := range j.lanes {
		if l.key == k {
			return l
		}
	}
	return nil // newLanes made one for every key of every part
}

func duration(ticks int64, scale uint32) time.Duration {
	return time.Duration(media.Rescale(ticks, scale, uint32(time.Second)))
}
