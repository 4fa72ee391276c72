package splice

import "github.com/kvsclip/kvsclip/internal/media"

// drop drops the samples in decode order behind the last one that is presented before end, in
// scale: no earlier one can refer to them. It returns false, and drops nothing, if there is no such
// one. What is presented at end or later but decoded before something shown stays, hidden.
func (l *lane) drop(end int64, scale uint32) bool {
	n := l.kept(end, scale)
	if n > 0 {
		l.shorten(n)
	}
	return n > 0
}

// kept counts the samples up to the last one that is presented before end, in scale.
func (l *lane) kept(end int64, scale uint32) int {
	t := l.track
	n := len(t.Samples)
	for n > 0 && media.Rescale(t.Composition(n-1)-l.reorder, l.scale, scale) >= end {
		n--
	}
	return n
}

// shorten keeps the first n samples.
func (l *lane) shorten(n int) {
	t := l.track
	if n < len(t.Samples) {
		t.End, t.Samples = t.Samples[n].Time, t.Samples[:n]
	}
}

// forget drops the sample entries behind the last one that a sample names.
func (l *lane) forget() {
	t, entries := l.track, uint16(0)
	for i := range t.Samples {
		entries = max(entries, t.Samples[i].Config)
	}
	t.Configs = t.Configs[:entries+1]
}

// cover lets the last sample last until stop if nothing else reaches so far: pictures that are
// reordered may be shown for longer than they are decoded, and no edit may show what is not there.
func (l *lane) cover(stop int64) {
	t, reach := l.track, l.reach
	if len(t.Samples) == 0 {
		return
	}
	for i := range t.Samples {
		reach = max(reach, t.Composition(i)+t.Duration(i))
	}
	if stop += l.reorder; reach < stop {
		n := len(t.Samples) - 1
		t.End = max(t.End, t.Samples[n].Time+stop-t.Composition(n))
	}
}
