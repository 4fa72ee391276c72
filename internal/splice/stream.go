package splice

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

const (
	// soundTail is how much sound of a movie without pictures waits for the next piece.
	soundTail = time.Second
	// streamKinds is how many kinds of silent blocks can wait for the next piece.
	streamKinds = 256
)

// errEnded is what a Stream says to more pieces.
var errEnded = errors.New("the stream of pieces has ended")

// Stream joins pieces as they come, in playing order, by the same rules as Join: what all its
// answers hold is the movie that Join makes of all pieces at once. What it keeps does not grow with
// the number of pieces.
//
// What cannot be known before the last piece is decided by the first: the tracks' order, their
// timescales and the constant delay of composition that B-frames need. So positions in later pieces
// of a finer timescale are rounded, and pictures that are reordered further than the first piece's
// have negative composition offsets. A piece with another codec adds a track.
//
// The zero value joins all pieces whole. After an error it is of no more use. It is for one
// goroutine.
type Stream struct {
	options Options
	join    *join // nil before the first piece
	ended   bool
}

// NewStream begins a movie without pieces. Options.From counts when the first piece has fragments,
// Options.To when the last has.
func NewStream(o Options) *Stream { return &Stream{options: o} }

// Add joins the next piece and returns what is final now: all but a tail whose durations or places
// depend on the next piece, or which will be left out if there is none. The tail is of this piece: it
// begins with the last sync sample of the pictures, and without pictures a second before the end. So
// the sources of a piece are needed for its own answer and for the next, and then no more.
//
// Movie has all tracks known so far, in the same places every time, with their codec configurations
// known so far; but of samples, sources, seams and chapters only those that were not returned before.
// A track may have no samples. Times count from the track's first sample of all; Track.End is where
// the next sample will be, or where the track ends that this piece has nothing of, and 0 in a track
// without samples. Edit lists have no end yet: their last Duration is 0. Length is by how much longer
// the movie would be if this piece were its last.
//
// Two things Join can do and Add cannot, for it is too late then: to move sound together that lies
// before the tail, for sound of the next piece that begins so early; and to leave out the sound of an
// earlier piece that reaches past Options.To into the last one. Errors wrap ErrCannotJoin.
func (s *Stream) Add(p Piece) (*Joined, error) {
	if s.ended {
		return nil, errEnded
	}
	if err := s.take(p); err != nil {
		s.ended = true
		return nil, err
	}
	return s.join.handOn(), nil
}

// End returns the rest, exactly as Options.To wants it, as if it were the answer to one more piece.
// The edit lists are whole now, and all Lengths together are that of the movie. Without
// any piece it fails with ErrCannotJoin.
func (s *Stream) End() (*Joined, error) {
	if s.ended {
		return nil, errEnded
	}
	s.ended = true
	if s.join == nil {
		return nil, fmt.Errorf("no pieces: %w", ErrCannotJoin)
	}
	return s.join.rest(), nil
}

// take measures p and adds it.
func (s *Stream) take(p Piece) error {
	next := part{Piece: p}
	if err := next.measure(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if err := next.whole(s.join == nil, true); err != nil {
		return err
	}
	if s.join == nil {
		s.join = newJoin(s.options, []part{next}, streamKinds)
	} else if err := s.join.widen(&next); err != nil {
		return err
	}
	return s.join.add(&next)
}

// widen makes room for p behind what is there already.
func (j *join) widen(p *part) error {
	if err := j.last.whole(j.count == 1, false); err != nil {
		return err
	}
	for _, l := range newLanes([]part{*p}, j.scale) {
		if j.lane(l.key) == nil {
			j.lanes = append(j.lanes, l)
		}
	}
	for _, s := range p.strands {
		if err := j.lane(s.key).goOn(s.Configs); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// goOn refuses sample entries of another format than those that were handed on have. Join would
// rename these; see admit.
func (l *lane) goOn(cs []media.Config) error {
	before := l.format
	if l.admit(cs); l.format != before {
		return fmt.Errorf("its %s needs %s, and what is written already has %s: only a file that is written at the end can hold both: %w",
			l.key.kind, l.format, before, ErrCannotJoin)
	}
	return nil
}

// handOn takes out of the lanes what no later part changes.
func (j *join) handOn() *Joined {
	if j.count > 1 {
		j.floor = media.Rescale(j.at, j.scale, j.movie)
	}
	to, end := j.until()
	final := make([]int, len(j.lanes))
	for i, l := range j.lanes {
		final[i] = j.final(l, end)
	}
	for _, l := range j.lanes {
		l.track.Edits = l.open(media.Rescale(j.opening.from, j.movie, l.scale), j.movie)
	}
	return j.hand(final, to)
}

// rest takes out of the lanes all that there is.
func (j *join) rest() *Joined {
	to, end := j.until()
	final := make([]int, len(j.lanes))
	for i, l := range j.lanes {
		if !l.finish(j.opening.from, to, end, j.movie) && l != j.opening.lead {
			l.shorten(0)
		}
		final[i] = len(l.track.Samples)
	}
	return j.hand(final, to)
}

// final counts the samples at the start of the lane that stay as they are whatever comes. How long the
// last of a lane lasts, its next one tells. Nothing is wanted from end on if nothing comes, and the
// last sample before it may have to last longer then; see cover. What is of earlier parts leaves in any
// case: their sources are not there for long.
func (j *join) final(l *lane, end int64) int {
	if l.part < j.count-1 {
		return len(l.track.Samples)
	}
	return max(l.fresh, min(len(l.track.Samples)-1, j.tail(l), l.kept(end, j.movie)-1))
}

// tail is the index of the first sample in the lane that waits for the next part: pictures from the
// last sync sample on, and sound from there, for the next part's may begin before this one's ends. One
// block before that waits too, for how long it lasts the first one to be moved tells.
func (j *join) tail(l *lane) int {
	ss := l.track.Samples
	if l.key.kind == media.Video {
		return l.lastSync()
	}
	lead := j.lane(j.last.lead.key)
	at := lead.until - ticks(soundTail, lead.scale)
	if lead.key.kind == media.Video {
		at = lead.track.Composition(lead.lastSync()) - lead.reorder
	}
	at = media.Rescale(at, lead.scale, l.scale)
	return sort.Search(len(ss), func(i int) bool { return ss[i].Time >= at }) - 1
}

// lastSync is the index of the last sync sample in the lane, or of its last sample if there is none.
func (l *lane) lastSync() int {
	ss := l.track.Samples
	for i := len(ss) - 1; i >= 0; i-- {
		if ss[i].Sync {
			return i
		}
	}
	return len(ss) - 1
}

// hand takes the first samples out of each lane, as many as final says, and tells what is new of a
// movie that is shown up to the position to in its scale. Of sources it keeps those that the samples
// which stay name.
func (j *join) hand(final []int, to int64) *Joined {
	ts := make([]*media.Track, len(j.lanes))
	for i, l := range j.lanes {
		l.track.ID = uint32(i + 1)
		ts[i] = l.hand(final[i])
	}
	table, pieces := j.move(ts)
	out := j.joined(to, opened(table), pieces)
	out.Movie.Tracks = ts
	j.seams, out.Length, j.told = nil, out.Length-j.told, out.Length
	j.closed = slices.DeleteFunc(j.closed, func(c closed) bool { return media.Rescale(c.at, j.scale, j.movie) < to })
	stay := make([]*media.Track, len(j.lanes))
	for i, l := range j.lanes {
		stay[i] = l.track
	}
	j.sources, pieces = j.move(stay)
	j.silence.kinds, j.silence.count = len(j.sources)-len(pieces), 0
	return out
}

// move makes a table of the sources that the samples of the tracks name, and lets them name these.
func (j *join) move(ts []*media.Track) (table []source, pieces []int) {
	named := make([]bool, len(j.sources))
	for _, t := range ts {
		for i := range t.Samples {
			named[t.Samples[i].Source] = true
		}
	}
	table, pieces, place := j.table(func(i int) bool { return named[i] })
	for _, t := range ts {
		renumber(t.Samples, place)
	}
	return table, pieces
}

// hand takes the first n samples out of the lane. What stays has an array of its own, so that the
// lane keeps nothing of what has left.
func (l *lane) hand(n int) *media.Track {
	t := *l.track
	t.Configs = slices.Clip(t.Configs)
	t.Samples = l.track.Samples[:n:n]
	for i := range n {
		l.reach = max(l.reach, l.track.Composition(i)+l.track.Duration(i))
	}
	if n < len(l.track.Samples) {
		t.End = l.track.Samples[n].Time
	}
	if n > 0 {
		l.gone = t.Samples[n-1]
	}
	l.track.Samples = slices.Clone(l.track.Samples[n:])
	l.fresh, l.last, l.handed = l.fresh-n, l.last-n, l.handed+n
	if l.leave(&t); n == 0 {
		t.End = 0
	}
	return &t
}
