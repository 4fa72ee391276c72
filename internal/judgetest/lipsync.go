package judgetest

import (
	"slices"
	"time"
)

// LipSync returns for each beep how late it is heard, compared with the pictures: its time, less
// the time at which the wall clock in the pictures reads the whole second next to it. Negative
// means early. The wall clock runs on from the readable picture shown nearest to the beep. The
// order is that of the beeps in time. A film's AAC is 0 to 18.7 ms late by itself, as its blocks
// do not begin on seconds; its A-law is not.
func LipSync(frames []Frame, beeps []time.Duration) []time.Duration {
	frames = slices.DeleteFunc(slices.Clone(frames), func(f Frame) bool { return !f.OK })
	slices.SortStableFunc(frames, func(a, b Frame) int { return int(a.PTS - b.PTS) })
	if len(frames) == 0 {
		return nil
	}
	var late []time.Duration
	for _, beep := range slices.Sorted(slices.Values(beeps)) {
		f := nearest(frames, beep)
		second := f.Wall.Add(beep - f.PTS).Round(time.Second)
		late = append(late, beep-f.PTS-second.Sub(f.Wall))
	}
	return late
}

// nearest returns the frame shown nearest to a time; frames are sorted by PTS, and not none.
func nearest(frames []Frame, at time.Duration) Frame {
	i, _ := slices.BinarySearchFunc(frames, at, func(f Frame, at time.Duration) int { return int(f.PTS - at) })
	switch {
	case i == len(frames):
		return frames[i-1]
	case i > 0 && at-frames[i-1].PTS <= frames[i].PTS-at:
		return frames[i-1]
	}
	return frames[i]
}
