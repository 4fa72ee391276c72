package media

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
// from zero. It is exact for positions up to 2^53 seconds of either scale.
func Rescale(ticks int64, from, to uint32) int64 {
	if from == to {
		return ticks
	}
	f, t := int64(from), int64(to)
	whole, rest := ticks/f, ticks%f
	half := f / 2
	if rest < 0 {
		half = -half
	}
	return whole*t + (rest*t+half)/f
}
