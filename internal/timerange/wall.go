package timerange

import (
	"fmt"
	"slices"
	"time"
)

// wall is what a calendar and a clock on the wall show, without a zone.
type wall struct {
	year         int
	month        time.Month
	day          int // 0 is the last day of the month before
	hour, minute int
	second, nano int
}

// setClock reads the time of day and says whether there is such a one. 24:00 is not.
func (w *wall) setClock(hour, minute, second, fraction string) bool {
	w.hour, w.minute, w.second, w.nano = atoi(hour), atoi(minute), atoi(second), int(nanoseconds(fraction))
	return w.hour < 24 && w.minute < 60 && w.second < 60
}

func (w wall) utc() time.Time {
	return time.Date(w.year, w.month, w.day, w.hour, w.minute, w.second, w.nano, time.UTC)
}

func (w wall) String() string { return w.utc().Format("2006-01-02 15:04:05.999") }

// in finds the one instant at which clocks in the zone show w, and refuses when there is none
// or more than one.
func (w wall) in(zone *time.Location) (time.Time, error) {
	offsets := w.offsets(zone)
	found := w.readings(zone, offsets)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return time.Time{}, fmt.Errorf("%s happens twice in %s, where the clocks go back: write %s or %s",
			w, name(zone), show(found[0]), show(found[len(found)-1]))
	}
	// In the hour that is skipped, the offset before the change reads as a time after it.
	before, after := w.at(zone, offsets[0]), w.at(zone, offsets[len(offsets)-1])
	return time.Time{}, fmt.Errorf("%s does not exist in %s, where the clocks go forward: write %s or %s",
		w, name(zone), show(after), show(before))
}

// begin finds the first instant of the day of w: 00:00, its first time when the clocks show it
// twice, or the first instant after it when they skip it.
func (w wall) begin(zone *time.Location) time.Time {
	w.hour, w.minute, w.second, w.nano = 0, 0, 0, 0
	offsets := w.offsets(zone)
	if found := w.readings(zone, offsets); len(found) > 0 {
		return found[0]
	}
	// Read with the offset before the change, midnight lies at the change or after it.
	change, _ := w.at(zone, offsets[0]).ZoneBounds()
	return change
}

// offsets lists the offsets from UTC in seconds that the zone has within a day and a bit of w,
// in time order. There is at least one.
func (w wall) offsets(zone *time.Location) []int {
	const most = 26 * time.Hour // no zone is further from UTC than 14 hours
	var all []int
	for t := w.utc().Add(-most).In(zone); ; {
		_, offset := t.Zone()
		if !slices.Contains(all, offset) {
			all = append(all, offset)
		}
		_, end := t.ZoneBounds()
		// In the year 9992 the end lies before t: zones of the Go library end there.
		if !end.After(t) || end.After(w.utc().Add(most)) {
			return all
		}
		t = end
	}
}

// readings lists the instants at which clocks in the zone show w, in time order.
func (w wall) readings(zone *time.Location, offsets []int) []time.Time {
	var found []time.Time
	for _, offset := range offsets {
		t := w.at(zone, offset)
		if _, actual := t.Zone(); actual == offset {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

// at reads w with an offset from UTC in seconds.
func (w wall) at(zone *time.Location, offset int) time.Time {
	return w.utc().Add(-time.Duration(offset) * time.Second).In(zone)
}

func name(zone *time.Location) string {
	if zone == time.Local {
		return "the machine's zone"
	}
	return zone.String()
}

func show(t time.Time) string { return t.Format("2006-01-02T15:04:05.999Z07:00") }
