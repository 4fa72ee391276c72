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
		Outputs:   []Output{}, Gaps: gaps(p), GapPolicy: cmp.Or(g.Gaps, GapsSqueeze), Seams: []Seam{},
		Missing:   missing(fetched.Missing, g.Range.Clock),
		Fragments: Fragments{Listed: p.Fragments(), Fetched: fragments(pieces)},
		Pieces:    len(pieces),
		Calls: Calls{
			ListFragments: calls.ListFragments - g.before.ListFragments,
			GetClip:       calls.GetClip - g.before.GetClip,
			Throttled:     calls.Throttled - g.before.Throttled,
			Retried:       calls.Retried - g.before.Retried,
		},
		BytesFetched: bytes, EstimatedCostUSD: &cost, Notes: append(g.notes, surplus(pieces)...),
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
		n += len(p.Fragments)
	}
	return n
}

// spanned is from the first fragment that came to the end of the last, as the listing tells it; nil
// without one.
func spanned(p *plan.Plan, fetched *fetch.Result) *Instants {
	spans, pieces := p.Timeline.Spans, fetched.Pieces
	if len(spans) == 0 || len(pieces) == 0 {
		return nil
	}
	var length time.Duration
	for _, s := range spans {
		length += s.To.Sub(s.From)
	}
	for _, m := range fetched.Missing {
		length -= m.Fragment.Length
	}
	from := pieces[0].Fragments[0].Start(p.Timeline.Range.Clock)
	return &Instants{From: Time{from}, To: Time{ended(p, pieces[len(pieces)-1])}, DurationMs: length.Milliseconds()}
}

// ended is when the piece's last fragment ends: where the next of its span begins, or its span ends.
func ended(p *plan.Plan, pc fetch.Piece) time.Time {
	last, s := pc.Fragments[len(pc.Fragments)-1], p.Timeline.Spans[pc.Span]
	for i, f := range s.Fragments[:len(s.Fragments)-1] {
		if f.Number == last.Number {
			return s.Fragments[i+1].Start(p.Timeline.Range.Clock)
		}
	}
	return s.To
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

// narrow takes into the report that a joined movie shows only so much of r, which is zero where
// all is shown. It is called for each movie, in playing order.
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

func gaps(p *plan.Plan) []Gap {
	out := make([]Gap, 0, len(p.Timeline.Gaps))
	for _, g := range p.Timeline.Gaps {
		out = append(out, Gap{From: Time{g.From}, To: Time{g.To}, DurationMs: g.Length.Milliseconds()})
	}
	return out
}

// seams describes the seams of a joined movie whose first piece is the clip's first-th, from 0.
func seams(ss []splice.Seam, first int) []Seam {
	out := make([]Seam, 0, len(ss))
	for _, s := range ss {
		out = append(out, Seam{
			Piece: first + s.Piece + 1, At: Time{s.At}, FileMs: s.Position.Milliseconds(),
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

// numbered names the n-th piece of a clip, from 1: "clip.mp4" becomes "clip-001.mp4".
func numbered(base, ext string, n int) string { return fmt.Sprintf("%s-%03d%s", base, n, ext) }
