package clip

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// marks are the clock marks inside a range: multiples of every since midnight in zone, or, where
// every is longer than a day, since the midnight before the range.
func marks(r archive.Range, every time.Duration, zone *time.Location) []time.Time {
	if every <= 0 {
		return nil
	}
	var out []time.Time
	for day := midnight(r.From.In(zone)); day.Before(r.To); {
		next := day.AddDate(0, 0, 1)
		if every > 24*time.Hour {
			next = r.To
		}
		for at := day; at.Before(next) && at.Before(r.To); at = at.Add(every) {
			if at.After(r.From) {
				out = append(out, at.UTC())
			}
		}
		day = next
	}
	return out
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// maxFiles is the most files that one clip is cut into.
const maxFiles = 10_000

// windows are what each file of the clip is to show: the asked range, cut at the marks.
func (r Request) windows() []archive.Range {
	var out []archive.Range
	from := r.Range.From
	for _, m := range marks(r.Range, r.Every, r.zone()) {
		out = append(out, archive.Range{Clock: r.Range.Clock, From: from, To: m})
		from = m
	}
	return append(out, archive.Range{Clock: r.Range.Clock, From: from, To: r.Range.To})
}

func (r Request) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}
