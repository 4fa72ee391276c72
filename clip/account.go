package clip

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// account begins the report: everything but the outputs and their seams.
func (g *get) account(p *plan.Plan, fetched *fetch.Result) *Report {
	pieces := fetched.Pieces
	checked := g.crossChecked(fetched) // before the notes are read
	calls := g.door.Calls()
	bytes := calls.Bytes - g.before.Bytes
	cost := plan.CostUSD(bytes)
	for i := range cost {
		cost[i] = math.Round(cost[i]*1e6) / 1e6 // nobody is billed by less
	}
	return &Report{
		Stream: streamName(g.Stream), Region: g.Region(), Clock: g.Range.Clock.String(),
		Requested: &Instants{From: Time{g.Range.From}, To: Time{g.Range.To}},
		Delivered: spanned(p, fetched),
		Outputs:   []Output{}, Gaps: gaps(leftOut(p, fetched.Skipped, came(fetched))), GapPolicy: cmp.Or(g.Gaps, GapsSqueeze), Seams: []Seam{},
		Missing:   missing(fetched.Missing, g.Range.Clock),
		Fragments: Fragments{Listed: p.Fragments(), Fetched: fragments(pieces), Skipped: fetched.Skipped},
		Pieces:    len(pieces), Engine: engines(pieces),
		Calls: Calls{
			ListFragments:           calls.ListFragments - g.before.ListFragments,
			GetClip:                 calls.GetClip - g.before.GetClip,
			GetMediaForFragmentList: calls.GetMediaForFragmentList - g.before.GetMediaForFragmentList,
			Throttled:               calls.Throttled - g.before.Throttled,
			Retried:                 calls.Retried - g.before.Retried,
		},
		BytesFetched: bytes, EstimatedCostUSD: &cost, Notes: append(g.notes, surplus(pieces)...),
		CrossChecked: checked, Where: g.Where,
	}
}

// surplus tells of pieces that came with more than was listed for them.
func surplus(pieces []fetch.Piece) (notes []string) {
	for i, p := range pieces {
		if d := p.Surplus(); d > 0 {
			notes = append(notes, fmt.Sprintf("piece %d is %v longer than its %d fragments were listed: something may be in it twice", i+1, d, len(p.Fragments)))
		}
	}
	return notes
}

func fragments(pieces []fetch.Piece) int {
	n := 0
	for _, p := range pieces {
		for _, part := range p.Parts {
			n += len(part.Fragments)
		}
	}
	return n
}

// crossChecked is how many pieces came the same by both engines; nil where they were not to.
func (g *get) crossChecked(fetched *fetch.Result) *int {
	if !g.CrossCheck {
		return nil
	}
	if n := fetched.CrossRefused; n > 0 {
		g.tell(fmt.Sprintf("%d pieces could not be compared: GetClip refuses them", n))
	}
	return &fetched.CrossChecked
}

// engines names the calls that brought the pieces.
func engines(pieces []fetch.Piece) string {
	var clip, fragments bool
	for _, p := range pieces {
		fragments = fragments || p.Engine == fetch.EngineFragments
		clip = clip || p.Engine != fetch.EngineFragments
	}
	switch {
	case clip && fragments:
		return string(EngineClip + "+" + EngineFragments)
	case fragments:
		return string(EngineFragments)
	}
	return string(EngineClip)
}

// ends returns the first and the last fragment that came; false without any.
func ends(pieces []fetch.Piece) (first, last archive.Fragment, ok bool) {
	for _, p := range pieces {
		for _, part := range p.Parts {
			if n := len(part.Fragments); n > 0 {
				if !ok {
					first, ok = part.Fragments[0], true
				}
				last = part.Fragments[n-1]
			}
		}
	}
	return first, last, ok
}

// spanned is from the first fragment that came to the end of the last, as the listing tells it; nil
// without one.
func spanned(p *plan.Plan, fetched *fetch.Result) *Instants {
	spans := p.Timeline.Spans
	first, last, ok := ends(fetched.Pieces)
	if len(spans) == 0 || !ok {
		return nil
	}
	var length time.Duration
	for _, s := range spans {
		length += s.To.Sub(s.From)
	}
	for _, m := range fetched.Missing {
		length -= m.Fragment.Length
	}
	clock := p.Timeline.Range.Clock
	return &Instants{From: Time{first.Start(clock)}, To: Time{ended(spans, last, clock)}, DurationMs: length.Milliseconds()}
}

// ended is when a fragment ends: where the next of its span begins, or its span ends.
func ended(spans []plan.Span, last archive.Fragment, c archive.Clock) time.Time {
	for _, s := range spans {
		for i, f := range s.Fragments {
			switch {
			case f.Number != last.Number:
			case i+1 < len(s.Fragments):
				return s.Fragments[i+1].Start(c)
			default:
				return s.To
			}
		}
	}
	return last.Start(c).Add(last.Length)
}

// missing tells what could not be had.
func missing(ms []fetch.Missing, c archive.Clock) []Missing {
	var out []Missing
	for _, m := range ms {
		at := m.Fragment.Start(c)
		out = append(out, Missing{
			Fragment: m.Fragment.Number, From: Time{at}, To: Time{at.Add(m.Fragment.Length)}, Bytes: m.Fragment.Size, Reason: m.Err.Error(),
		})
	}
	return out
}

// narrow takes into the report that a joined movie is all that is shown, or one of several that together
// show a range, which is zero where all of the fragments is shown. It is called for each movie, in playing
// order.
func (r *Report) narrow(j *splice.Joined, shown archive.Range) {
	d := r.Delivered
	if d == nil {
		return
	}
	if len(r.Outputs) == 0 {
		d.From, d.DurationMs = Time{j.Start}, 0
	}
	d.DurationMs += j.Length.Milliseconds()
	if !shown.To.IsZero() && shown.To.Before(d.To.Time) {
		d.To = Time{shown.To}
	}
}

// came are the fragments that came or were to come, and are missing: all that were not left out.
func came(fetched *fetch.Result) (out []archive.Fragment) {
	for _, p := range fetched.Pieces {
		for _, part := range p.Parts {
			out = append(out, part.Fragments...)
		}
	}
	for _, m := range fetched.Missing {
		out = append(out, m.Fragment)
	}
	return out
}

// leftOut is the timeline of what is wanted of a plan, by what only the fragments themselves tell: all of
// it, if n of its fragments are not wanted, but those.
func leftOut(p *plan.Plan, n int, wanted []archive.Fragment) plan.Timeline {
	t := p.Timeline
	if n == 0 {
		return t
	}
	r, k := t.Range, len(t.Gaps)
	if s := len(t.Spans); s > 0 && t.Spans[s-1].To.Before(r.To) && (k == 0 || !t.Gaps[k-1].To.Equal(r.To)) {
		r.To = t.Spans[s-1].To // the rest may still be filmed
	}
	return plan.NewTimeline(r, wanted, plan.OverlapAll)
}

func gaps(t plan.Timeline) []Gap {
	out := make([]Gap, 0, len(t.Gaps))
	for _, g := range t.Gaps {
		out = append(out, Gap{From: Time{g.From}, To: Time{g.To}, DurationMs: g.Length.Milliseconds()})
	}
	return out
}

// seams describes the seams of a joined movie. numbers are those of its pieces, from 1; nil stands for
// 1, 2, 3 and so on.
func seams(ss []splice.Seam, numbers []int) []Seam {
	out := make([]Seam, 0, len(ss))
	for _, s := range ss {
		n := s.Piece + 1
		if numbers != nil {
			n = numbers[s.Piece]
		}
		out = append(out, Seam{
			Piece: n, At: Time{s.At}, FileMs: s.Position.Milliseconds(),
			VideoErrorMs: ms(s.VideoError), AudioErrorMs: ms(s.AudioError), Action: string(s.Action),
		})
	}
	return out
}

// ms gives a duration in milliseconds with three decimals.
func ms(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
