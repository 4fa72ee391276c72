package plan

import (
	"slices"
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
}

// Build plans the pieces of a range from a listing that begins Lookback before it. Every fragment
// of the timeline is in exactly one piece, in order, and no piece reaches over a gap.
func Build(r archive.Range, listed []archive.Fragment, o Options) *Plan {
	p := &Plan{Timeline: NewTimeline(r, listed), Listed: true}
	cut := repeatedStarts(p.Timeline)
	for i, s := range p.Timeline.Spans {
		for rest := s.Fragments; len(rest) > 0; {
			n := fill(rest, r.Clock, o.maxPiece(), cut)
			pc := pieceOf(rest[:n], r.Clock)
			pc.Index, pc.Span = len(p.Pieces), i
			p.Pieces = append(p.Pieces, pc)
			rest = rest[n:]
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

// fill counts how many of fs, at least one, make one piece.
func fill(fs []archive.Fragment, c archive.Clock, longest time.Duration, cut []time.Time) int {
	n, bytes := 1, fs[0].Size
	for n < len(fs) && n < MaxFragments {
		f := fs[n]
		bytes += f.Size
		if bytes > MaxBytes || f.Start(c).Sub(fs[0].Start(c)) > longest || between(cut, fs[n-1].Start(c), f.Start(c)) {
			break
		}
		n++
	}
	return apart(fs, n, c)
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

// repeatedStarts are the server starts, in order, of fragments that were left out as repeated. On
// the producer clock GetClip leaves them out itself, for the older one starts at the same time; on
// the server clock the older one may lie in another piece, so no piece may reach over one.
func repeatedStarts(t Timeline) []time.Time {
	if t.Range.Clock == archive.Producer {
		return nil
	}
	var out []time.Time
	for _, f := range t.Repeated {
		out = append(out, f.Server)
	}
	return out
}

// between says whether one of ts, which are in order, lies in [from, to].
func between(ts []time.Time, from, to time.Time) bool {
	i, _ := slices.BinarySearchFunc(ts, from, time.Time.Compare)
	return i < len(ts) && !ts[i].After(to)
}

func pieceOf(fs []archive.Fragment, c archive.Clock) Piece {
	p := Piece{Fragments: fs, First: fs[0].Start(c), Last: last(fs).Start(c)}
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
		p.Pieces = append(p.Pieces, Piece{Index: len(p.Pieces), First: from, Last: lastMillisecond(from, to)})
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
func Split(p Piece, c archive.Clock) (a, b Piece, ok bool) {
	if p.Fragments == nil {
		return splitTime(p)
	}
	n := apart(p.Fragments, max(1, len(p.Fragments)/2), c)
	if n >= len(p.Fragments) {
		return Piece{}, Piece{}, false
	}
	a, b = pieceOf(p.Fragments[:n], c), pieceOf(p.Fragments[n:], c)
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
