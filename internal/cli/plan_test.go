package cli

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
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
			Gaps:  []plan.Gap{{From: at(4), To: at(64)}},
		},
		Pieces: []plan.Piece{
			{Index: 0, Fragments: first, First: at(0), Last: at(2), Bytes: 2 << 20},
			{Index: 1, Fragments: second, First: at(64), Last: at(64), Bytes: 1 << 20, Span: 1},
		},
	}, asked{Range: r, zone: time.UTC, notes: []string{"something"}}
}

func TestPlanText(t *testing.T) {
	p, q := somePlan()
	want := `door in us-west-2, server time
  asked     2026-03-14 08:00:00 UTC to 2026-03-14 08:01:06 UTC (1m6s)
  recorded  2026-03-14 08:00:00 UTC to 2026-03-14 08:00:04 UTC (4s, 2 fragments)
  recorded  2026-03-14 08:01:04 UTC to 2026-03-14 08:01:06 UTC (2s, 1 fragment)
  gap       2026-03-14 08:00:04 UTC to 2026-03-14 08:01:04 UTC (1m)
  fetch     3 fragments in 2 pieces, at most 3.1 MB
  quota     at least 106ms
  cost      about $0.000025 to $0.000035
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
   "durationMs": 60000
  }
 ],
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
   "first": "2026-03-14T08:01:04.000Z",
   "last": "2026-03-14T08:01:04.000Z",
   "fragments": 1,
   "bytes": 1048576
  }
 ],
 "fragments": 3,
 "repeated": 0,
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
