package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
	"github.com/spf13/cobra"
)

// planFlags are the flags of kvsclip plan.
type planFlags struct {
	rangeFlags
	aws     awsFlags
	talk    talkFlags
	piece   time.Duration
	overlap plan.Overlap
	json    bool
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
  gaps[]            {from, to, durationMs} of what was not, and for how long: what arrived late leaves
                    less room for it on the server clock, or none
  overlap           which footage is kept where some was recorded more than once: --overlap
  overlaps[]        {from, to, durationMs, kept, leftOut, equal, twiceMs, lostMs} where it was, in
                    producer time: fragments kept and left out, whether all start with another one,
                    how much time several have that are kept, and how much only those that are not
  clocks            {offsetMs, spreadMs, relative, backwards, jumps, lateMs, lateFrom, lateTo, use,
                    findings[]}: the median and the spread of server time minus producer time, whether
                    producer times start at 1970, how often they were set back or jumped ahead, how
                    late footage came and when that was filmed, the clock to give ranges on, and why:
                    "relative", "ahead", "behind", "backwards", "jumps", "late"
  pieces[]          {piece, first, last, fragments, bytes}: requests from 1, by starts of fragments;
                    and clock, where it is not the range's
  fragments, bytes  of all pieces
  repeated          fragments that are left out of it for another one
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
			request := clip.Request{Stream: stream, Range: q.Range, Piece: f.piece, Overlap: f.overlap}
			return a.runPlan(cmd.Context(), &f, request, q)
		},
	}
	fs := cmd.Flags()
	f.register(fs)
	fs.Var(lengthFlag{&f.piece}, "piece", "longest piece (default as long as the limits allow)")
	f.overlap = plan.OverlapAuto
	fs.Var(overlapFlag(&f.overlap), "overlap", "of footage recorded more than once take what came first, what came last, or all")
	f.aws.register(fs)
	fs.BoolVar(&f.json, "json", false, "print the plan, or the error, as one JSON object")
	f.talk.register(fs)
	fs.Lookup("quiet").Usage = "no notes"
	return cmd
}

func (a *app) runPlan(ctx context.Context, f *planFlags, request clip.Request, q asked) error {
	if err := f.talk.check(); err != nil {
		return err
	}
	config := f.aws.Config
	if f.talk.verbose > 0 {
		talk := a.talk(ctx, f.talk)
		defer talk.close()
		config.Report = talk.event
	}
	form := textPlan
	switch {
	case f.json:
		form = jsonPlan
	case f.talk.quiet:
		form = barePlan
	}
	return a.planned(ctx, config, request, q, form)
}

// planForm is how a plan is shown.
type planForm int

const (
	textPlan planForm = iota
	barePlan          // without notes
	jsonPlan
)

// showPlan is for other commands, which plan and do not fetch.
func (a *app) showPlan(ctx context.Context, config clip.Config, request clip.Request, q asked, asJSON bool) error {
	form := textPlan
	if asJSON {
		form = jsonPlan
	}
	return a.planned(ctx, config, request, q, form)
}

// planned makes a plan and shows it. What config.Report is told is told to it as well.
func (a *app) planned(ctx context.Context, config clip.Config, request clip.Request, q asked, form planForm) error {
	var told []string
	log := config.Report
	config.Report = func(e progress.Event) {
		if n, ok := e.(progress.Note); ok {
			told = append(told, n.Text)
		}
		if log != nil {
			log(e)
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
	switch form {
	case jsonPlan:
		out := planJSON(p, request.Stream, client.Region(), q)
		if request.FirstEngine() == clip.EngineFragments {
			out.Calls.GetClip, out.Calls.GetMediaForFragmentList = 0, out.Calls.GetClip
		}
		err = a.printJSON(out)
	case barePlan:
		err = a.print(planFacts(p, request.Stream, client.Region(), q))
	default:
		err = a.print(planText(p, request.Stream, client.Region(), q))
	}
	if err == nil && len(p.Pieces) == 0 {
		err = shownError{fmt.Errorf("%w: %v", clip.ErrEmpty, request.Range)}
	}
	return err
}

func planText(p *plan.Plan, stream, region string, q asked) string {
	return planFacts(p, stream, region, q) + planNotes(p, q)
}

func planFacts(p *plan.Plan, stream, region string, q asked) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, %s time\n", stream, region, q.Clock)
	fmt.Fprintf(&b, "  asked     %s to %s (%s)\n", wallTime(q.From, q.zone), wallTime(q.To, q.zone), lengthText(q.To.Sub(q.From)))
	for _, s := range p.Timeline.Spans {
		fmt.Fprintf(&b, "  recorded  %s to %s (%s, %s)\n", wallTime(s.From, q.zone), wallTime(s.To, q.zone), lengthText(s.To.Sub(s.From)), countText(len(s.Fragments), "fragment"))
	}
	for _, g := range p.Timeline.Gaps {
		fmt.Fprintf(&b, "  gap       %s to %s (%s)\n", wallTime(g.From, q.zone), wallTime(g.To, q.zone), lengthText(g.Length))
	}
	for _, o := range p.Timeline.Overlaps {
		fmt.Fprintf(&b, "  overlap   %s\n", overlapText(o, q.zone))
	}
	for _, text := range clockTexts(p.Clocks, q.zone) {
		fmt.Fprintf(&b, "  clocks    %s\n", text)
	}
	switch {
	case !p.Listed:
		fmt.Fprintf(&b, "  fetch     %s by time; the fragments could not be listed\n", countText(len(p.Pieces), "piece"))
	case len(p.Pieces) > 0:
		fmt.Fprintf(&b, "  fetch     %s in %s, at most %s\n", countText(p.Fragments(), "fragment"), countText(len(p.Pieces), "piece"), bytesText(p.Bytes()))
		fmt.Fprintf(&b, "  quota     at least %s\n", lengthText(p.QuotaFloor()))
		fmt.Fprintf(&b, "  cost      about %s\n", dollarsText(plan.CostUSD(p.Bytes())))
	}
	return b.String()
}

func planNotes(p *plan.Plan, q asked) string {
	var b strings.Builder
	for _, text := range slices.Concat(overlapNotes(p.Timeline), q.notes) {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

// overlapText says where footage was recorded more than once, and what becomes of it.
func overlapText(o plan.Overlapping, zone *time.Location) string {
	what := "recorded more than once"
	if o.Equal {
		what = "sent more than once"
	}
	return fmt.Sprintf("%s to %s, producer time (%s, %s; %s kept, %d left out)", wallTime(o.From, zone), wallTime(o.To, zone),
		lengthText(o.To.Sub(o.From)), what, countText(o.Kept, "fragment"), o.LeftOut)
}

// overlapNotes says by what rule footage was left out, or could be.
func overlapNotes(t plan.Timeline) (notes []string) {
	var twice, lost time.Duration
	left := 0
	for _, o := range t.Overlaps {
		twice += o.Twice
		lost += o.Lost
		left += o.LeftOut
	}
	switch {
	case left == 0:
	case t.Overlap == plan.OverlapAuto:
		notes = append(notes, "what came again and was there already is left out; --overlap newest keeps what came last, all everything")
	case t.Overlap == plan.OverlapAll:
		notes = append(notes, "what is left out has the producer time of an older fragment and arrived together with another: it cannot be asked for")
	case t.Overlap == plan.OverlapNewest:
		notes = append(notes, "of overlapping footage what came last is kept; --overlap oldest keeps what came first, all everything")
	default:
		notes = append(notes, "of overlapping footage what came first is kept; --overlap newest keeps what came last, all everything")
	}
	switch {
	case twice == 0:
	case t.Overlap == plan.OverlapAuto:
		notes = append(notes, lengthText(twice)+" is there twice; --overlap oldest leaves it out")
	default:
		notes = append(notes, lengthText(twice)+" is there twice")
	}
	if lost > 0 {
		notes = append(notes, fmt.Sprintf("%s of what is left out is nowhere else; --overlap all keeps it", lengthText(lost)))
	}
	return notes
}

// clockTexts says in a line each how the two clocks disagree, and which one to use.
func clockTexts(c plan.Clocks, zone *time.Location) (lines []string) {
	for _, f := range c.Findings {
		line := findingText(f, c, zone)
		switch {
		case f != plan.FindingLate:
			line += "; give ranges on --clock " + c.Use.String()
		case c.Use == archive.Producer:
			line += "; --clock producer finds it by when it was filmed"
		}
		lines = append(lines, line)
	}
	return lines
}

func findingText(f plan.Finding, c plan.Clocks, zone *time.Location) string {
	about := func(d time.Duration) string { return lengthText(d.Round(time.Second)) } // how long uploads take is in it
	switch f {
	case plan.FindingRelative:
		return "producer times start at 1970"
	case plan.FindingAhead:
		return fmt.Sprintf("the camera's clock is %s ahead of the service's", about(-c.Offset))
	case plan.FindingBehind:
		return fmt.Sprintf("the camera's clock is %s behind the service's, or all came that late", about(c.Offset))
	case plan.FindingBackwards:
		return "the camera's clock was set back " + countText(c.Backwards, "time")
	case plan.FindingJumps:
		return "the camera's clock jumped ahead " + countText(c.Jumps, "time")
	default:
		return fmt.Sprintf("footage filmed from %s to %s came up to %s late", wallTime(c.LateFrom, zone), wallTime(c.LateTo, zone), about(c.Late))
	}
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
	Overlap    string      `json:"overlap,omitempty"` // "" without a listing, as Overlaps and Clocks
	Overlaps   []doubleOut `json:"overlaps"`
	Clocks     *clocksOut  `json:"clocks,omitempty"`
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
	doubleOut struct {
		gapOut
		Kept    int   `json:"kept"`
		LeftOut int   `json:"leftOut"`
		Equal   bool  `json:"equal"`
		TwiceMs int64 `json:"twiceMs"`
		LostMs  int64 `json:"lostMs"`
	}
	clocksOut struct {
		OffsetMs  int64          `json:"offsetMs"`
		SpreadMs  int64          `json:"spreadMs"`
		Relative  bool           `json:"relative"`
		Backwards int            `json:"backwards"`
		Jumps     int            `json:"jumps"`
		LateMs    int64          `json:"lateMs"`
		LateFrom  *stamp         `json:"lateFrom,omitempty"` // nil when nothing came late
		LateTo    *stamp         `json:"lateTo,omitempty"`
		Use       string         `json:"use"`
		Findings  []plan.Finding `json:"findings"`
	}
	pieceOut struct {
		Piece     int    `json:"piece"`
		Clock     string `json:"clock,omitempty"` // "" where it is the range's
		First     stamp  `json:"first"`
		Last      stamp  `json:"last"`
		Fragments int    `json:"fragments"`
		Bytes     int64  `json:"bytes"`
	}
	callsOut struct {
		ListFragments int `json:"ListFragments"`
		GetClip       int `json:"GetClip"`

		GetMediaForFragmentList int `json:"GetMediaForFragmentList,omitempty"`
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
		Overlap:    string(p.Timeline.Overlap),
		Overlaps:   []doubleOut{},
		Pieces:     []pieceOut{},
		Fragments:  p.Fragments(),
		Repeated:   len(p.Timeline.Repeated),
		Bytes:      p.Bytes(),
		Calls:      callsOut{ListFragments: p.ListCalls(), GetClip: len(p.Pieces)},
		QuotaFloor: p.QuotaFloor().Milliseconds(),
		Notes:      q.notes,
	}
	if p.Listed {
		out.Clocks = clocksJSON(p.Clocks)
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
		out.Gaps = append(out.Gaps, gapOut{stamp(g.From), stamp(g.To), g.Length.Milliseconds()})
	}
	for _, o := range p.Timeline.Overlaps {
		out.Overlaps = append(out.Overlaps, doubleJSON(o))
	}
	for _, pc := range p.Pieces {
		out.Pieces = append(out.Pieces, pieceJSON(pc, q.Clock))
	}
	return out
}

func doubleJSON(o plan.Overlapping) doubleOut {
	return doubleOut{
		gapOut: stretch(o.From, o.To), Kept: o.Kept, LeftOut: o.LeftOut, Equal: o.Equal,
		TwiceMs: o.Twice.Milliseconds(), LostMs: o.Lost.Milliseconds(),
	}
}

func pieceJSON(pc plan.Piece, asked archive.Clock) pieceOut {
	out := pieceOut{Piece: pc.Index + 1, First: stamp(pc.First), Last: stamp(pc.Last), Fragments: len(pc.Fragments), Bytes: pc.Bytes}
	if pc.Clock != asked {
		out.Clock = pc.Clock.String()
	}
	return out
}

func clocksJSON(c plan.Clocks) *clocksOut {
	out := &clocksOut{
		OffsetMs: c.Offset.Milliseconds(), SpreadMs: c.Spread.Milliseconds(), Relative: c.Relative,
		Backwards: c.Backwards, Jumps: c.Jumps, LateMs: c.Late.Milliseconds(),
		Use: c.Use.String(), Findings: append([]plan.Finding{}, c.Findings...),
	}
	if !c.LateFrom.IsZero() {
		out.LateFrom, out.LateTo = new(stamp(c.LateFrom)), new(stamp(c.LateTo))
	}
	return out
}

func stretch(from, to time.Time) gapOut {
	return gapOut{stamp(from), stamp(to), to.Sub(from).Milliseconds()}
}
