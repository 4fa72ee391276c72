package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

// somePlan is a plan of three fragments around a gap.
func somePlan() (*plan.Plan, asked) {
	begin := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	fragment := func(s int) archive.Fragment { return archive.Fragment{Server: at(s), Size: 1 << 20} }
	first, second := []archive.Fragment{fragment(0), fragment(2)}, []archive.Fragment{fragment(64)}
	r := archive.Range{From: at(0), To: at(66)}
	return &plan.Plan{
		Listed: true,
		Timeline: plan.Timeline{
			Range: r,
			Spans: []plan.Span{{Fragments: first, From: at(0), To: at(4)}, {Fragments: second, From: at(64), To: at(66)}},
			Gaps:  []plan.Gap{{From: at(4), To: at(64), Length: 61 * time.Second}}, // by producer times

			Overlap:  plan.OverlapNewest,
			Overlaps: []plan.Overlapping{{From: at(3602), To: at(3604).Add(500 * time.Millisecond), Kept: 2, LeftOut: 1, Equal: true, Twice: 1500 * time.Millisecond, Lost: 500 * time.Millisecond}},
			Repeated: []archive.Fragment{fragment(3602)},
		},
		Clocks: plan.Clocks{
			Offset: -time.Hour + 300*time.Millisecond, Spread: 1500 * time.Millisecond, Backwards: 2, Late: 90 * time.Second, LateFrom: at(0), LateTo: at(2),
			Findings: []plan.Finding{plan.FindingAhead, plan.FindingBackwards},
		},
		Pieces: []plan.Piece{
			{Index: 0, Fragments: first, First: at(0), Last: at(2), Bytes: 2 << 20},
			{Index: 1, Clock: archive.Producer, Fragments: second, First: at(64), Last: at(64), Bytes: 1 << 20, Span: 1},
		},
	}, asked{Range: r, zone: time.UTC, notes: []string{"something"}}
}

func TestPlanText(t *testing.T) {
	p, q := somePlan()
	want := `door in us-west-2, server time
  asked     2026-03-14 08:00:00 UTC to 2026-03-14 08:01:06 UTC (1m6s)
  recorded  2026-03-14 08:00:00 UTC to 2026-03-14 08:00:04 UTC (4s, 2 fragments)
  recorded  2026-03-14 08:01:04 UTC to 2026-03-14 08:01:06 UTC (2s, 1 fragment)
  gap       2026-03-14 08:00:04 UTC to 2026-03-14 08:01:04 UTC (1m1s)
  overlap   2026-03-14 09:00:02 UTC to 2026-03-14 09:00:04.500 UTC, producer time (2.5s, sent more than once; 2 fragments kept, 1 left out)
  clocks    the camera's clock is 1h ahead of the service's; give ranges on --clock server
  clocks    the camera's clock was set back 2 times; give ranges on --clock server
  fetch     3 fragments in 2 pieces, at most 3.1 MB
  quota     at least 106ms
  cost      about $0.000025 to $0.000035
  note: of overlapping footage what came last is kept; --overlap oldest keeps what came first, all everything
  note: 1.5s is there twice
  note: 500ms of what is left out is nowhere else; --overlap all keeps it
  note: something
`
	if diff := cmp.Diff(want, planText(p, "door", "us-west-2", q)); diff != "" {
		t.Errorf("planText (-want +got):\n%s", diff)
	}
}

func TestPlanJSON(t *testing.T) {
	p, q := somePlan()
	var out, indented bytes.Buffer
	if err := (&app{stdout: &out}).printJSON(planJSON(p, "door", "us-west-2", q)); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&indented, out.Bytes(), "", " "); err != nil {
		t.Fatal(err)
	}
	want := `{
 "stream": "door",
 "region": "us-west-2",
 "clock": "server",
 "requested": {
  "from": "2026-03-14T08:00:00.000Z",
  "to": "2026-03-14T08:01:06.000Z"
 },
 "listed": true,
 "spans": [
  {
   "from": "2026-03-14T08:00:00.000Z",
   "to": "2026-03-14T08:00:04.000Z",
   "durationMs": 4000,
   "fragments": 2,
   "bytes": 2097152
  },
  {
   "from": "2026-03-14T08:01:04.000Z",
   "to": "2026-03-14T08:01:06.000Z",
   "durationMs": 2000,
   "fragments": 1,
   "bytes": 1048576
  }
 ],
 "gaps": [
  {
   "from": "2026-03-14T08:00:04.000Z",
   "to": "2026-03-14T08:01:04.000Z",
   "durationMs": 61000
  }
 ],
 "overlap": "newest",
 "overlaps": [
  {
   "from": "2026-03-14T09:00:02.000Z",
   "to": "2026-03-14T09:00:04.500Z",
   "durationMs": 2500,
   "kept": 2,
   "leftOut": 1,
   "equal": true,
   "twiceMs": 1500,
   "lostMs": 500
  }
 ],
 "clocks": {
  "offsetMs": -3599700,
  "spreadMs": 1500,
  "relative": false,
  "backwards": 2,
  "jumps": 0,
  "lateMs": 90000,
  "lateFrom": "2026-03-14T08:00:00.000Z",
  "lateTo": "2026-03-14T08:00:02.000Z",
  "use": "server",
  "findings": [
   "ahead",
   "backwards"
  ]
 },
 "pieces": [
  {
   "piece": 1,
   "first": "2026-03-14T08:00:00.000Z",
   "last": "2026-03-14T08:00:02.000Z",
   "fragments": 2,
   "bytes": 2097152
  },
  {
   "piece": 2,
   "clock": "producer",
   "first": "2026-03-14T08:01:04.000Z",
   "last": "2026-03-14T08:01:04.000Z",
   "fragments": 1,
   "bytes": 1048576
  }
 ],
 "fragments": 3,
 "repeated": 1,
 "bytes": 3145728,
 "calls": {
  "ListFragments": 1,
  "GetClip": 2
 },
 "quotaFloorMs": 106,
 "estimatedCostUSD": [
  0.000025,
  0.000035
 ],
 "notes": [
  "something"
 ]
}
`
	if diff := cmp.Diff(want, indented.String()); diff != "" {
		t.Errorf("plan --json (-want +got):\n%s", diff)
	}
}

func TestPlanWithoutListingHasNoPrice(t *testing.T) {
	p := &plan.Plan{Pieces: []plan.Piece{{}}}
	if got := planJSON(p, "door", "us-west-2", asked{}); got.Cost != nil || got.Listed || got.Spans == nil || got.Gaps == nil {
		t.Errorf("planJSON = %+v, want no price and empty lists", got)
	}
}

func TestPlanTellsOfOverlaps(t *testing.T) {
	double := func(left int, twice, lost time.Duration) []plan.Overlapping {
		return []plan.Overlapping{{Kept: 1, LeftOut: left, Lost: lost}, {Kept: 2, Twice: twice}}
	}
	const (
		again = "what came again and was there already is left out; --overlap newest keeps what came last, all everything"
		first = "of overlapping footage what came first is kept; --overlap newest keeps what came last, all everything"
		lost  = "1s of what is left out is nowhere else; --overlap all keeps it"
	)
	for name, c := range map[string]struct {
		t    plan.Timeline
		want []string
	}{
		"none":              {plan.Timeline{Overlap: plan.OverlapAuto}, nil},
		"all kept":          {plan.Timeline{Overlap: plan.OverlapAuto, Overlaps: double(0, 3*time.Second, 0)}, []string{"3s is there twice; --overlap oldest leaves it out"}},
		"what was there":    {plan.Timeline{Overlap: plan.OverlapAuto, Overlaps: double(2, 0, 0)}, []string{again}},
		"some of it":        {plan.Timeline{Overlap: plan.OverlapAuto, Overlaps: double(2, 1500*time.Millisecond, time.Second)}, []string{again, "1.5s is there twice; --overlap oldest leaves it out", lost}},
		"all":               {plan.Timeline{Overlap: plan.OverlapAll, Overlaps: double(0, 3*time.Second, 0)}, []string{"3s is there twice"}},
		"all that there is": {plan.Timeline{Overlap: plan.OverlapAll, Overlaps: double(1, 0, 0)}, []string{"what is left out has the producer time of an older fragment and arrived together with another: it cannot be asked for"}},
		"the oldest":        {plan.Timeline{Overlap: plan.OverlapOldest, Overlaps: double(2, 0, time.Second)}, []string{first, lost}},
	} {
		if d := cmp.Diff(c.want, overlapNotes(c.t)); d != "" {
			t.Errorf("overlapNotes, %s (-want +got):\n%s", name, d)
		}
	}
}

func TestPlanTellsOfClocks(t *testing.T) {
	at := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	c := plan.Clocks{
		Offset: 2 * time.Hour, Jumps: 1, Late: 25 * time.Minute, LateFrom: at, LateTo: at.Add(time.Hour), Use: archive.Server,
		Findings: []plan.Finding{plan.FindingRelative, plan.FindingBehind, plan.FindingJumps, plan.FindingLate},
	}
	const late = "footage filmed from 2026-03-14 08:00:00 UTC to 2026-03-14 09:00:00 UTC came up to 25m late"
	want := []string{
		"producer times start at 1970; give ranges on --clock server",
		"the camera's clock is 2h behind the service's, or all came that late; give ranges on --clock server",
		"the camera's clock jumped ahead 1 time; give ranges on --clock server",
		late,
	}
	if d := cmp.Diff(want, clockTexts(c, time.UTC)); d != "" {
		t.Errorf("clockTexts (-want +got):\n%s", d)
	}
	c.Use, c.Findings = archive.Producer, []plan.Finding{plan.FindingLate}
	if d := cmp.Diff([]string{late + "; --clock producer finds it by when it was filmed"}, clockTexts(c, time.UTC)); d != "" {
		t.Errorf("clockTexts, late alone (-want +got):\n%s", d)
	}
}

// A camera that restarts after two minutes and sends its last 30 s again.
func TestPlanTakesOverlap(t *testing.T) {
	begin := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	run, err := kvsemu.Start(t.Context(), &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": {
		From: begin, For: 4 * time.Minute, Width: 320, Height: 192, FPS: 5,
		Replays: []kvsemu.Replay{{After: 2 * time.Minute, Length: 30 * time.Second}},
	}}}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	t.Setenv("AWS_ACCESS_KEY_ID", "emulator")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "emulator")
	for _, want := range []struct {
		clock, overlap              string
		fragments, leftOut, twiceMs int
	}{
		{"server", "auto", 136, 0, 31_000},
		{"server", "oldest", 120, 16, 0},
		{"server", "newest", 120, 16, 0},
		{"server", "all", 136, 0, 31_000},
		{"producer", "auto", 120, 16, 0},
		{"producer", "all", 136, 0, 31_000},
	} {
		var out, told bytes.Buffer
		args := []string{
			"plan", "door", "--endpoint-url", run.URL, "--region", "us-west-2", "--json",
			"--from", "2026-03-14T08:00:00Z", "--for", "5m", "--overlap", want.overlap, "--clock", want.clock,
		}
		if code := Run(t.Context(), args, strings.NewReader(""), &out, &told); code != 0 {
			t.Fatalf("--overlap %s exits with %d, want 0\n%s", want.overlap, code, told.String())
		}
		var got struct {
			Overlap   string
			Fragments int
			Overlaps  []struct{ Kept, LeftOut, TwiceMs int }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Overlap != want.overlap || got.Fragments != want.fragments || len(got.Overlaps) != 1 ||
			got.Overlaps[0].LeftOut != want.leftOut || got.Overlaps[0].TwiceMs != want.twiceMs {
			t.Errorf("%d fragments under %q, overlaps %+v; want %+v", got.Fragments, got.Overlap, got.Overlaps, want)
		}
	}
}
