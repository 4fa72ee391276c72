package plan

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Lookback is how long before the asked start a listing must begin, so that the fragment that
// holds it is found: GetClip returns only fragments that START in the range.
const Lookback = archive.MaxFragmentLength

// Options tunes a plan. The zero value makes pieces as large as the service allows.
type Options struct {
	// MaxPiece is the longest a piece may be, from the start of its first fragment to the start
	// of its last; 0 means MaxSpan.
	MaxPiece time.Duration
	Overlap  Overlap // which footage is kept where some was recorded twice
}

// Build plans the pieces of a range from a listing that begins Lookback before it. Every fragment
// of the timeline is in exactly one piece, in order, and no piece reaches over a gap, or over the
// start of a listed fragment that is not in it.
func Build(r archive.Range, listed []archive.Fragment, o Options) *Plan {
	l := newListing(r.Clock, listed)
	s := l.sieve(r, o.Overlap)
	order := s.order()
	p := &Plan{Timeline: s.timeline(order), Clocks: l.clocks(), Listed: true}
	lots := s.lots(order)
	for i, sp := range p.Timeline.Spans {
		for rest := sp.Fragments; len(rest) > 0; {
			n, fragments := fill(lots, len(rest), o.maxPiece())
			pc := pieceOf(rest[:fragments], lots[0].clock)
			pc.Index, pc.Span = len(p.Pieces), i
			p.Pieces = append(p.Pieces, pc)
			rest, lots = rest[fragments:], lots[n:]
		}
	}
	return p
}

func (o Options) maxPiece() time.Duration {
	if o.MaxPiece <= 0 || o.MaxPiece > MaxSpan-time.Millisecond {
		return MaxSpan - time.Millisecond
	}
	return o.MaxPiece
}

// fill counts how many of the lots, at least one, make one piece of at most the given number of
// fragments, and how many fragments those are.
func fill(lots []lot, most int, longest time.Duration) (n, fragments int) {
	begin := lots[0]
	n, fragments = 1, len(begin.fs)
	bytes, highest := begin.bytes(), begin.to
	for ; n < len(lots) && fragments+len(lots[n].fs) <= most; n++ {
		a, b := lots[n-1], lots[n]
		bytes += b.bytes()
		if !a.reaches(b) || !b.from.After(highest) || b.start().Sub(begin.start()) > longest ||
			bytes > MaxBytes || fragments+len(b.fs) > MaxFragments {
			break
		}
		fragments += len(b.fs)
		highest = b.to
	}
	return n, fragments
}

// apart moves a border that would fall between two fragments of one start: both ends of a request
// are inclusive, so either side would get both. A border is moved back, or, when all of the piece
// starts at once, forward.
func apart(fs []archive.Fragment, n int, c archive.Clock) int {
	same := func(n int) bool { return n < len(fs) && fs[n].Start(c).Equal(fs[n-1].Start(c)) }
	back := n
	for back > 1 && same(back) {
		back--
	}
	if !same(back) {
		return back
	}
	for same(n) {
		n++
	}
	return n
}

func pieceOf(fs []archive.Fragment, c archive.Clock) Piece {
	p := Piece{Clock: c, Fragments: fs, First: fs[0].Start(c), Last: last(fs).Start(c)}
	for _, f := range fs {
		p.Bytes += f.Size
	}
	return p
}

// DefaultStep is how long a piece is when fragments could not be listed and nobody said how long
// it should be: the AWS sample's three minutes.
const DefaultStep = 3 * time.Minute

// Steps is how many pieces ByTime makes of a range.
func (o Options) Steps(r archive.Range) int {
	return int((r.To.Sub(r.From)+Lookback)/o.step()) + 1
}

// step is how long a piece of time is: whole milliseconds.
func (o Options) step() time.Duration {
	step := o.MaxPiece
	if step <= 0 {
		step = DefaultStep
	}
	return max(min(step, o.maxPiece()).Truncate(time.Millisecond), time.Millisecond)
}

// ByTime plans pieces of time alone, for callers who may not list fragments. Neighbours share no
// millisecond. It begins Lookback early, for nothing tells which fragment holds the start.
func ByTime(r archive.Range, o Options) *Plan {
	step := o.step()
	p := &Plan{Timeline: Timeline{Range: r}}
	if !r.From.Before(r.To) {
		return p
	}
	for from := r.From.Add(-Lookback).Truncate(time.Millisecond); from.Before(r.To); from = from.Add(step) {
		to := from.Add(step)
		if to.After(r.To) {
			to = r.To
		}
		p.Pieces = append(p.Pieces, Piece{Index: len(p.Pieces), Clock: r.Clock, First: from, Last: lastMillisecond(from, to)})
	}
	return p
}

// lastMillisecond is the last whole millisecond before to, but not before from.
func lastMillisecond(from, to time.Time) time.Time {
	t := to.Add(-time.Nanosecond).Truncate(time.Millisecond)
	if t.Before(from) {
		return from
	}
	return t
}

// Split cuts a piece in two halves that share no fragment and no millisecond; both keep its Index.
// It returns false for a piece that cannot be cut: one fragment, several of one start, or a single
// millisecond.
func Split(p Piece) (a, b Piece, ok bool) {
	if p.Fragments == nil {
		return splitTime(p)
	}
	n := apart(p.Fragments, max(1, len(p.Fragments)/2), p.Clock)
	if n >= len(p.Fragments) {
		return Piece{}, Piece{}, false
	}
	a, b = pieceOf(p.Fragments[:n], p.Clock), pieceOf(p.Fragments[n:], p.Clock)
	a.Index, a.Span, b.Index, b.Span = p.Index, p.Span, p.Index, p.Span
	return a, b, true
}

func splitTime(p Piece) (a, b Piece, ok bool) {
	half := (p.Last.Sub(p.First) / 2).Truncate(time.Millisecond)
	if !p.First.Add(half).Before(p.Last) {
		return Piece{}, Piece{}, false
	}
	a, b = p, p
	a.Last = p.First.Add(half)
	b.First = a.Last.Add(time.Millisecond)
	return a, b, true
}
