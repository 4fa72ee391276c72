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
	// of its last; 0 means MaxSpan. A millisecond or two more where less cannot be asked for.
	MaxPiece time.Duration
	Overlap  Overlap // which footage is kept where some was recorded twice
	// Marks are the instants at which one clip ends and the next begins, rising, on the range's clock.
	// Pieces break before and after what plays on over a mark, so that each clip can be made of whole
	// pieces, and no two clips share one but that. They mean nothing to ByTime.
	Marks []time.Time
}

// Build plans the pieces of a range from a listing that begins Lookback before it. Every fragment
// of the timeline is in exactly one piece, in order, and no piece reaches over a gap, or over the
// start of a listed fragment that is not in it. A piece that reaches over one of o.Marks holds only
// fragments that each do.
func Build(r archive.Range, listed []archive.Fragment, o Options) *Plan {
	l := newListing(r.Clock, listed)
	s := l.sieve(r, o.Overlap)
	order := s.order()
	clocks := l.clocks()
	p := &Plan{Timeline: s.timeline(order, clocks.Wall), Clocks: clocks, Listed: true}
	lots := s.lots(order)
	s.mark(lots, o.Marks)
	for i, sp := range p.Timeline.Spans {
		for rest := sp.Fragments; len(rest) > 0; {
			n, fragments := fill(lots, len(rest), o.maxPiece())
			for _, pc := range s.ask(lots[:n], rest[:fragments], order[:fragments]) {
				pc.Index, pc.Span = len(p.Pieces), i
				p.Pieces = append(p.Pieces, pc)
			}
			rest, lots, order = rest[fragments:], lots[n:], order[fragments:]
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
		if !a.reaches(b) || !b.from.After(highest) || b.until.Sub(begin.start()) > longest ||
			bytes > MaxBytes || fragments+len(b.fs) > MaxFragments {
			break
		}
		fragments += len(b.fs)
		highest = b.to
	}
	return n, fragments
}

// ask makes a piece of the lots, which have the fragments fs, at the given places; or, of one that has other
// starts on both sides, a piece of each fragment on the other clock. See sieve.wedged.
func (s *sieve) ask(lots []lot, fs []archive.Fragment, places []int) []Piece {
	begin, end := lots[0], lots[len(lots)-1]
	near := beside{before: begin.beside.before, after: end.beside.after}
	if near.allow(begin.start(), end.until) {
		pc := pieceOf(fs, begin.clock, end.until, near)
		pc.uncut = begin.alone
		return []Piece{pc}
	}
	var out []Piece
	for n, i := range places {
		out = append(out, pieceOf(fs[n:n+1], s.other(), fs[n].Start(s.other()), s.besideOther(i)))
	}
	return out
}

func pieceOf(fs []archive.Fragment, c archive.Clock, until time.Time, near beside) Piece {
	p := Piece{Clock: c, Fragments: fs, First: fs[0].Start(c), Last: until, beside: near}
	if near.after && p.First.Equal(p.Last) {
		p.First = p.First.Add(-time.Millisecond)
	}
	for _, f := range fs {
		p.Bytes += f.Size
	}
	return p
}

// DefaultStep is how long a piece is when fragments could not be listed and nobody said how long
// it should be: the AWS sample's three minutes.
const DefaultStep = 3 * time.Minute

// Steps is how many pieces ByTime makes of a range, at the most.
func (o Options) Steps(r archive.Range) int {
	return int((r.To.Sub(r.From)+Lookback)/o.step()) + 1
}

// step is how long a piece of time is: whole milliseconds, and two at the least, for GetClip takes
// no range of a single one.
func (o Options) step() time.Duration {
	step := o.MaxPiece
	if step <= 0 {
		step = DefaultStep
	}
	return max(min(step, o.maxPiece()).Truncate(time.Millisecond), 2*time.Millisecond)
}

// ByTime plans pieces of time alone, for callers who may not list fragments. Neighbours share no
// millisecond, and none has a single one. It begins Lookback early, for nothing tells which fragment
// holds the start.
func ByTime(r archive.Range, o Options) *Plan {
	p := &Plan{Timeline: Timeline{Range: r}}
	if !r.From.Before(r.To) {
		return p
	}
	end := r.To.Add(-time.Nanosecond).Truncate(time.Millisecond)
	for from := r.From.Add(-Lookback).Truncate(time.Millisecond); !from.After(end); {
		to := from.Add(o.step() - time.Millisecond)
		if end.Sub(to) <= time.Millisecond {
			to = end
		}
		p.Pieces = append(p.Pieces, Piece{Index: len(p.Pieces), Clock: r.Clock, First: from, Last: to})
		from = to.Add(time.Millisecond)
	}
	return p
}

// Split cuts a piece in two halves that share no fragment and no millisecond; both keep its Index.
// It returns false for a piece that cannot be cut: one fragment, several of one start, two that
// start a millisecond apart between others that do, or less than four milliseconds of time.
func Split(p Piece) (a, b Piece, ok bool) {
	if p.Fragments == nil {
		return splitTime(p)
	}
	half := max(1, len(p.Fragments)/2)
	for d := range len(p.Fragments) {
		for _, n := range []int{half - d, half + d} {
			if a, b, ok = p.cut(n); ok {
				return a, b, true
			}
		}
	}
	return Piece{}, Piece{}, false
}

// cut divides p before its n-th fragment, if both sides can be asked for alone.
func (p Piece) cut(n int) (a, b Piece, ok bool) {
	if n < 1 || n >= len(p.Fragments) || p.uncut {
		return Piece{}, Piece{}, false
	}
	fs := p.Fragments
	end, begin := fs[n-1].Start(p.Clock), fs[n].Start(p.Clock)
	next := begin.Sub(end) <= time.Millisecond
	left, right := beside{p.beside.before, next}, beside{next, p.beside.after}
	if begin.Equal(end) || !left.allow(fs[0].Start(p.Clock), end) || !right.allow(begin, p.Last) {
		return Piece{}, Piece{}, false
	}
	a, b = pieceOf(fs[:n], p.Clock, end, left), pieceOf(fs[n:], p.Clock, p.Last, right)
	a.Index, a.Span, b.Index, b.Span = p.Index, p.Span, p.Index, p.Span
	return a, b, true
}

func splitTime(p Piece) (a, b Piece, ok bool) {
	half := (p.Last.Sub(p.First) / 2).Truncate(time.Millisecond)
	a, b = p, p
	a.Last = p.First.Add(half)
	b.First = a.Last.Add(time.Millisecond)
	if !a.First.Before(a.Last) || !b.First.Before(b.Last) {
		return Piece{}, Piece{}, false
	}
	return a, b, true
}
