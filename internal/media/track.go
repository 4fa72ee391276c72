package media

import "time"

// Duration returns the decode duration of sample i in ticks.
func (t *Track) Duration(i int) int64 {
	if i+1 < len(t.Samples) {
		return t.Samples[i+1].Time - t.Samples[i].Time
	}
	return t.End - t.Samples[i].Time
}

// Composition returns the composition time of sample i in ticks.
func (t *Track) Composition(i int) int64 {
	return t.Samples[i].Time + int64(t.Samples[i].Shift)
}

// FirstComposition returns the smallest composition time of the track, and false if it has no
// samples. With B-frames it need not belong to the first sample.
func (t *Track) FirstComposition() (int64, bool) {
	if len(t.Samples) == 0 {
		return 0, false
	}
	first := t.Composition(0)
	for i := range t.Samples {
		first = min(first, t.Composition(i))
	}
	return first, true
}

// SyncSamples counts the samples at which decoding can start.
func (t *Track) SyncSamples() int {
	n := 0
	for _, s := range t.Samples {
		if s.Sync {
			n++
		}
	}
	return n
}

// Find returns the movie's first track of kind k, or nil.
func (m *Movie) Find(k Kind) *Track {
	for _, t := range m.Tracks {
		if t.Kind == k {
			return t
		}
	}
	return nil
}

// Rescale converts a position from one timescale to another, to the nearest tick, halves away
// from zero. It is exact for every result that fits in 64 bits.
func Rescale(ticks int64, from, to uint32) int64 {
	if from == to {
		return ticks
	}
	f, t := int64(from), int64(to)
	whole, rest := ticks/f, ticks%f
	if rest < 0 {
		return whole*t - scaled(-rest, from, to)
	}
	return whole*t + scaled(rest, from, to)
}

// scaled is ticks*to/from rounded, for ticks below from: the product takes all of 64 bits.
func scaled(ticks int64, from, to uint32) int64 {
	return int64((uint64(ticks)*uint64(to) + uint64(from)/2) / uint64(from))
}

// Presented is when the last of the movie's tracks ends to be presented: edit lists are applied.
func (m *Movie) Presented() time.Duration {
	var last time.Duration
	for _, t := range m.Tracks {
		if len(t.Samples) > 0 {
			last = max(last, t.presented(m.Timescale))
		}
	}
	return last
}

func (t *Track) presented(movieScale uint32) time.Duration {
	ns := uint32(time.Second)
	var at time.Duration
	for _, e := range t.Edits {
		switch {
		case e.Duration > 0:
			at += time.Duration(Rescale(e.Duration, movieScale, ns))
		case e.Media >= 0:
			return at + time.Duration(Rescale(t.End-e.Media, t.Timescale, ns))
		}
	}
	if len(t.Edits) == 0 {
		at = time.Duration(Rescale(t.End, t.Timescale, ns))
	}
	return at
}

// Length is how long the movie's longest track takes to decode; edit lists play no part.
func (m *Movie) Length() time.Duration {
	var longest time.Duration
	for _, t := range m.Tracks {
		if len(t.Samples) > 0 {
			longest = max(longest, time.Duration(Rescale(t.End-t.Samples[0].Time, t.Timescale, uint32(time.Second))))
		}
	}
	return longest
}
