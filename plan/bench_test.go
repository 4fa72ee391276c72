package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// BenchmarkBuild plans a day of fragments of two seconds. The promise is 100 ms.
func BenchmarkBuild(b *testing.B) {
	day := steady(43_200)
	doubled := slices.Clone(day)
	for i, f := range day {
		doubled = append(doubled, fragment(1_000_000+i, f.Producer.Sub(noon)+700*ms, f.Length, 24*time.Hour))
	}
	every := make([]archive.Fragment, 0, 2*len(day))
	for i, f := range day {
		twin := again(day, i, 1_000_000+i, time.Duration(i)*2*s+800*ms)
		every = append(every, f, twin)
	}
	for name, c := range map[string]struct {
		r      archive.Range
		listed []archive.Fragment
		o      plan.Overlap
	}{
		"producer":                    {span(0, 24*time.Hour), day, ""},
		"producer, all filmed twice":  {span(0, 24*time.Hour), doubled, plan.OverlapNewest},
		"producer, all there already": {span(0, 24*time.Hour), doubled, ""},
		"producer, all of it":         {span(0, 24*time.Hour), doubled, plan.OverlapAll},
		"server":                      {on(archive.Server, 0, 24*time.Hour), day, ""},
		"server, all sent twice":      {on(archive.Server, 0, 24*time.Hour), every, ""},
		"server, one millisecond":     {on(archive.Server, 0, 24*time.Hour), starting(steady(43_200), upTo(43_200)...), ""},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan.Build(c.r, c.listed, plan.Options{Overlap: c.o})
			}
		})
	}
}
