package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
	"github.com/spf13/cobra"
)

// planFlags are the flags of kvsclip plan.
type planFlags struct {
	rangeFlags
	aws   awsFlags
	piece time.Duration
	json  bool
}

func (a *app) plan() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan STREAM --from WHEN (--to WHEN | --for DURATION)",
		Short: "show what was recorded and what a download takes",
		Example: `  kvsclip plan front-door --from -24h --to now
  kvsclip plan front-door --from 2026-03-14 --for 1d --tz Europe/Berlin
  kvsclip plan front-door --from -24h --to now --json | jq '.gaps'`,
		Long: `Lists fragments and fetches nothing. kvsclip get --help says what WHEN can be.

Keys of --json, which are only added to:
  stream, region, clock ("server" or "producer"), requested {from, to}
  listed            false when listing is not permitted: then pieces are time only
  spans[]           {from, to, durationMs, fragments, bytes} of what was recorded
  gaps[]            {from, to, durationMs} of what was not
  pieces[]          {piece, first, last, fragments, bytes}: requests from 1, by starts of fragments
  fragments, repeated, bytes
  calls             {ListFragments, GetClip}: how many get makes at the least
  quotaFloorMs      the least time the stream's quota lets get take
  estimatedCostUSD  [low, high], transfer out of AWS left out
  notes[]`,
		Annotations:       exits(done, exitFailed, exitUsage, exitEmpty, exitDenied, exitNoStream, exitInterrupted),
		Args:              oneStream,
		ValidArgsFunction: noFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			stream, err := f.oneOf(cmd, args)
			if err != nil {
				return err
			}
			q, err := a.asked(f.rangeFlags)
			if err != nil {
				return err
			}
			request := clip.Request{Stream: stream, Range: q.Range, Piece: f.piece}
			return a.showPlan(cmd.Context(), f.aws.Config, request, q, f.json)
		},
	}
	fs := cmd.Flags()
	f.register(fs)
	fs.Var(lengthFlag{&f.piece}, "piece", "longest piece (default as long as the limits allow)")
	f.aws.register(fs)
	fs.BoolVar(&f.json, "json", false, "print the plan, or the error, as one JSON object")
	return cmd
}

func (a *app) showPlan(ctx context.Context, config clip.Config, request clip.Request, q asked, asJSON bool) error {
	var told []string
	config.Report = func(e progress.Event) {
		if n, ok := e.(progress.Note); ok {
			told = append(told, n.Text)
		}
	}
	client, err := open(ctx, config, request.Stream)
	if err != nil {
		return err
	}
	p, err := client.Plan(ctx, request)
	if err != nil {
		return err
	}
	q.notes = slices.Concat(q.notes, told)
	if asJSON {
		err = a.printJSON(planJSON(p, request.Stream, client.Region(), q))
	} else {
		err = a.print(planText(p, request.Stream, client.Region(), q))
	}
	if err == nil && len(p.Pieces) == 0 {
		err = shownError{fmt.Errorf("%w: %v", clip.ErrEmpty, request.Range)}
	}
	return err
}

func planText(p *plan.Plan, stream, region string, q asked) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, %s time\n", stream, region, q.Clock)
	fmt.Fprintf(&b, "  asked     %s to %s (%s)\n", wallTime(q.From, q.zone), wallTime(q.To, q.zone), lengthText(q.To.Sub(q.From)))
	for _, s := range p.Timeline.Spans {
		fmt.Fprintf(&b, "  recorded  %s to %s (%s, %s)\n", wallTime(s.From, q.zone), wallTime(s.To, q.zone), lengthText(s.To.Sub(s.From)), countText(len(s.Fragments), "fragment"))
	}
	for _, g := range p.Timeline.Gaps {
		fmt.Fprintf(&b, "  gap       %s to %s (%s)\n", wallTime(g.From, q.zone), wallTime(g.To, q.zone), lengthText(g.To.Sub(g.From)))
	}
	if !p.Listed {
		fmt.Fprintf(&b, "  fetch     %s by time; the fragments could not be listed\n", countText(len(p.Pieces), "piece"))
	} else {
		fmt.Fprintf(&b, "  fetch     %s in %s, at most %s\n", countText(p.Fragments(), "fragment"), countText(len(p.Pieces), "piece"), bytesText(p.Bytes()))
		fmt.Fprintf(&b, "  quota     at least %s\n", lengthText(p.QuotaFloor()))
		fmt.Fprintf(&b, "  cost      about %s\n", dollarsText(plan.CostUSD(p.Bytes())))
	}
	if n := len(p.Timeline.Repeated); n > 0 {
		fmt.Fprintf(&b, "  note: %s uploaded a second time are left out\n", countText(n, "fragment"))
	}
	for _, text := range q.notes {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

// stamp is an instant in JSON, always with milliseconds.
type stamp time.Time

// MarshalText writes RFC 3339 in UTC.
func (s stamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// planOut is the JSON of a plan. Its keys are a contract, told in the command's help.
type planOut struct {
	Stream     string      `json:"stream"`
	Region     string      `json:"region"`
	Clock      string      `json:"clock"`
	Requested  instantsOut `json:"requested"`
	Listed     bool        `json:"listed"`
	Spans      []spanOut   `json:"spans"`
	Gaps       []gapOut    `json:"gaps"`
	Pieces     []pieceOut  `json:"pieces"`
	Fragments  int         `json:"fragments"`
	Repeated   int         `json:"repeated"`
	Bytes      int64       `json:"bytes"`
	Calls      callsOut    `json:"calls"`
	QuotaFloor int64       `json:"quotaFloorMs"`
	Cost       *[2]float64 `json:"estimatedCostUSD,omitempty"` // nil without a listing
	Notes      []string    `json:"notes,omitempty"`
}

type (
	instantsOut struct {
		From stamp `json:"from"`
		To   stamp `json:"to"`
	}
	gapOut struct {
		From       stamp `json:"from"`
		To         stamp `json:"to"`
		DurationMs int64 `json:"durationMs"`
	}
	spanOut struct {
		gapOut
		Fragments int   `json:"fragments"`
		Bytes     int64 `json:"bytes"`
	}
	pieceOut struct {
		Piece     int   `json:"piece"`
		First     stamp `json:"first"`
		Last      stamp `json:"last"`
		Fragments int   `json:"fragments"`
		Bytes     int64 `json:"bytes"`
	}
	callsOut struct {
		ListFragments int `json:"ListFragments"`
		GetClip       int `json:"GetClip"`
	}
)

func planJSON(p *plan.Plan, stream, region string, q asked) planOut {
	out := planOut{
		Stream:     stream,
		Region:     region,
		Clock:      q.Clock.String(),
		Requested:  instantsOut{stamp(q.From), stamp(q.To)},
		Listed:     p.Listed,
		Spans:      []spanOut{},
		Gaps:       []gapOut{},
		Pieces:     []pieceOut{},
		Fragments:  p.Fragments(),
		Repeated:   len(p.Timeline.Repeated),
		Bytes:      p.Bytes(),
		Calls:      callsOut{ListFragments: p.ListCalls(), GetClip: len(p.Pieces)},
		QuotaFloor: p.QuotaFloor().Milliseconds(),
		Notes:      q.notes,
	}
	if p.Listed {
		out.Cost = new([2]float64)
		for i, usd := range plan.CostUSD(p.Bytes()) {
			out.Cost[i] = math.Round(usd*1e6) / 1e6
		}
	}
	for _, s := range p.Timeline.Spans {
		span := spanOut{gapOut: stretch(s.From, s.To), Fragments: len(s.Fragments)}
		for _, f := range s.Fragments {
			span.Bytes += f.Size
		}
		out.Spans = append(out.Spans, span)
	}
	for _, g := range p.Timeline.Gaps {
		out.Gaps = append(out.Gaps, stretch(g.From, g.To))
	}
	for _, pc := range p.Pieces {
		out.Pieces = append(out.Pieces, pieceOut{pc.Index + 1, stamp(pc.First), stamp(pc.Last), len(pc.Fragments), pc.Bytes})
	}
	return out
}

func stretch(from, to time.Time) gapOut {
	return gapOut{stamp(from), stamp(to), to.Sub(from).Milliseconds()}
}
