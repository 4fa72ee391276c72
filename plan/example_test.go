package plan_test

import (
	"fmt"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// A camera records two seconds a fragment; for ten seconds it was off.
func ExampleBuild() {
	start := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	var listed []archive.Fragment
	for i := range 400 {
		at := start.Add(time.Duration(i) * 2 * time.Second)
		if i >= 250 {
			at = at.Add(10 * time.Second)
		}
		listed = append(listed, archive.Fragment{
			Number: strconv.FormatInt(91343852333181432+int64(i), 10), Producer: at, Server: at.Add(time.Second),
			Length: 1960 * time.Millisecond, Size: 400_000,
		})
	}
	// Ask from the middle of the first fragment on.
	r := archive.Range{Clock: archive.Producer, From: start.Add(time.Second), To: start.Add(15 * time.Minute)}
	p := plan.Build(r, listed, plan.Options{})
	for _, pc := range p.Pieces {
		fmt.Printf("piece %d of span %d: %3d fragments, %s to %s\n", pc.Index, pc.Span, len(pc.Fragments),
			pc.First.Format(time.TimeOnly), pc.Last.Format(time.TimeOnly))
	}
	for _, g := range p.Timeline.Gaps {
		fmt.Printf("nothing from %s to %s\n", g.From.Format(time.TimeOnly), g.To.Format(time.TimeOnly))
	}
	// Output:
	// piece 0 of span 0: 200 fragments, 08:00:00 to 08:06:38
	// piece 1 of span 0:  50 fragments, 08:06:40 to 08:08:18
	// piece 2 of span 1: 150 fragments, 08:08:30 to 08:13:28
	// nothing from 08:08:20 to 08:08:30
	// nothing from 08:13:30 to 08:15:00
}
