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
	// Taken is when its first picture was taken, on the producer's clock, where that is known
	// better than by when its first fragment begins: sound may come before the picture. Zero means: then.
	Taken time.Time
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

// Joined is the outcome of Join, or a part of what a Stream makes.
type Joined struct {
	Movie *media.Movie
	// Pieces tells which piece each of the movie's sources is, counted from 0; the sources behind
	// those hold silence.
	Pieces []int
	Seams  []Seam // one for each piece but the first
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
	At       time.Time     // when its first picture was taken, on the producer's clock; zero when not known
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
// decode what lies before, is left out, and timed text. Source of a sample is the index of its piece;
// samples of silence, which Options.Keep calls for, have sources behind those. Errors wrap
// ErrCannotJoin.
func Join(pieces []Piece, o Options) (*Joined, error) {
	if len(pieces) == 0 || len(pieces) > MaxPieces {
		return nil, fmt.Errorf("%d pieces: %w: 1 to %d are possible", len(pieces), ErrCannotJoin, MaxPieces)
	}
	parts, err := measure(pieces)
	if err != nil {
		return nil, err
	}
	j := newJoin(o, parts, math.MaxUint16+1-len(pieces))
	for i := range parts {
		if err := j.add(&parts[i]); err != nil {
			return nil, err
		}
	}
	return j.finish(), nil
}

// join is a movie in the making.
type join struct {
	options Options
	lanes   []*lane
	scale   uint32 // ticks per second of all positions
	movie   uint32 // of the movie itself
	opening opening
	count   int   // parts so far
	last    *part // of them, nil if there is none
	at      int64 // its position, in ticks of scale
	floor   int64 // position in the movie's scale: what lies before it is never left out
	anchor  anchor
	seams   []Seam
	closed  []closed
	told    time.Duration // length of the movie that was told last
	sources []source      // that samples of the lanes name
	silence silence
}

// newJoin makes room for what parts hold, in the timescales that fit all of them, and for so many
// kinds of silence.
func newJoin(o Options, parts []part, kinds int) *join {
	j := &join{options: o, scale: referenceScale(parts), movie: fallbackScale, floor: math.MinInt64, silence: silence{most: kinds}}
	j.lanes = newLanes(parts, j.scale)
	for _, l := range j.lanes {
		j.movie = common(j.movie, l.scale)
	}
	return j
}

// add places the next part and appends its samples to their lanes.
func (j *join) add(p *part) error {
	pos, seam := j.place(p)
	src := uint16(len(j.sources))
	j.sources = append(j.sources, source{Source: p.Movie.Sources[0], piece: j.count})
	changed := false
	for k := range p.strands {
		s := &p.strands[k]
		l := j.lane(s.key)
		switched, err := l.configure(s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		changed = changed || switched
		natural := media.Rescale(pos, j.scale, l.scale) + p.beside(s, l.scale)
		l.fresh = len(l.track.Samples)
		j.fill(l, p, natural)
		late, err := l.append(s, src, natural)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		l.part = j.count
		if s.key.kind == media.Audio && s.key.ordinal == 0 {
			seam.AudioError = duration(late, l.scale)
		}
	}
	if changed && seam.Action == ActionJoin {
		seam.Action = ActionConfig
	}
	j.pass(p, pos, seam)
	return nil
}

// pass goes on behind p, which was added at the position pos.
func (j *join) pass(p *part, pos int64, seam Seam) {
	if j.last == nil {
		j.open(p)
	} else {
		j.seams = append(j.seams, seam)
		j.closeUp(p, pos, seam)
	}
	j.last, j.at = p, pos
	j.count++
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
