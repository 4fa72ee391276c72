package origin

import (
	"math"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// runLength is how long a run without known fragments is at the least, unless its piece ends: as long
// as the fragments of most cameras.
const runLength = 2 * time.Second

// Cut cuts the tracks of a movie into runs: track by track, in decode order. A sample's Source is the
// position of its piece in pieces; sources beyond those hold what came from no piece, such as what was
// made to fill holes. The movie holds each piece from its first sample on, in its place, as splice.Join
// puts it there.
func Cut(m *media.Movie, pieces []Piece) []Run {
	begins := beginnings(m, len(pieces))
	var runs []Run
	for _, t := range m.Tracks {
		c := cutter{Track: t, offset: offset(t, m.Timescale)}
		for i := 0; i < len(t.Samples); {
			end := sameSource(t, i)
			c.Piece, c.begin = Piece{}, 0
			if s := int(t.Samples[i].Source); s < len(pieces) {
				c.Piece, c.begin = pieces[s], begins[s]
			}
			runs = append(runs, c.cut(i, end)...)
			i = end
		}
	}
	return runs
}

// beginnings returns the presentation time at which each of n pieces begins: that of its first picture,
// or without pictures of its first sound, in the first track that has any.
func beginnings(m *media.Movie, n int) []time.Duration {
	out := slices.Repeat([]time.Duration{math.MaxInt64}, n)
	of := make([]*media.Track, n)
	for _, video := range []bool{true, false} {
		for _, t := range m.Tracks {
			if video != (t.Kind == media.Video) {
				continue
			}
			c := cutter{Track: t, offset: offset(t, m.Timescale)}
			for i := range t.Samples {
				if s := int(t.Samples[i].Source); s < n && (of[s] == nil || of[s] == t) {
					out[s], of[s] = min(out[s], c.presented(i)), t
				}
			}
		}
	}
	return out
}

// offset is what the edit list adds to composition times: empty edits, less what one stretch of media
// leaves out at its start.
func offset(t *media.Track, movieScale uint32) time.Duration {
	var empty time.Duration
	for _, e := range t.Edits {
		if e.Media >= 0 {
			return empty - duration(e.Media, t.Timescale)
		}
		empty += duration(e.Duration, movieScale)
	}
	return empty
}

// sameSource returns the end of the samples from i on that lie in one source.
func sameSource(t *media.Track, i int) int {
	end := i + 1
	for end < len(t.Samples) && t.Samples[end].Source == t.Samples[i].Source {
		end++
	}
	return end
}

// cutter cuts what a track has of a piece.
type cutter struct {
	*media.Track
	offset time.Duration // presentation time less composition time
	Piece
	begin time.Duration // presentation time at which the piece begins
}

// cut cuts samples i to end, which came from the piece.
func (c *cutter) cut(i, end int) []Run {
	switch {
	case len(c.Fragments) == 0:
		return c.cutLengths(i, end)
	case c.Kind == media.Video && c.begins(i, end) == len(c.Fragments):
		return c.cutSync(i, end)
	}
	return c.cutTimes(i, end)
}

// begins counts the runs that cutting at sync samples makes.
func (c *cutter) begins(i, end int) int {
	n := 0
	for k := i; k < end; k++ {
		if c.Samples[k].Sync || k == i {
			n++
		}
	}
	return n
}

// run makes the run of samples i to end.
func (c *cutter) run(i, end int) Run {
	return Run{Track: c.ID, Kind: c.Kind, Piece: c.Number, First: i + 1, Samples: end - i}
}

// cutLengths cuts by length alone, for nothing is known of fragments.
func (c *cutter) cutLengths(i, end int) (runs []Run) {
	for i < end {
		k := i + 1
		for k < end && c.since(i, k) < runLength {
			k++
		}
		runs = append(runs, c.run(i, k))
		i = k
	}
	return runs
}

// cutSync cuts pictures where a fragment begins: each begins with a sync sample, and there are as many.
// The first picture of a fragment was taken when the fragment starts, if nothing better is known.
func (c *cutter) cutSync(i, end int) (runs []Run) {
	for n := 0; i < end; n++ {
		k := i + 1
		for k < end && !c.Samples[k].Sync {
			k++
		}
		r := c.run(i, k)
		r.Fragment, r.At = c.Fragments[n], c.Fragments[n].Producer
		if !c.Taken.IsZero() {
			r.At = c.taken(i)
		}
		runs = append(runs, r)
		i = k
	}
	return runs
}

// cutTimes cuts where the producer times of the fragments say, counted from the first sample.
func (c *cutter) cutTimes(i, end int) (runs []Run) {
	starts := starts(c.Fragments)
	for first, n := i, 0; i < end; {
		for n+1 < len(starts) && c.since(first, i) >= starts[n+1] {
			n++
		}
		k := i + 1
		for k < end && (n+1 == len(starts) || c.since(first, k) < starts[n+1]) {
			k++
		}
		r := c.run(i, k)
		r.Fragment, r.ByTime = c.Fragments[n], true
		r.At = c.taken(i)
		runs = append(runs, r)
		i = k
	}
	return runs
}

// taken is when sample i was taken: its distance from where the piece begins.
func (c *cutter) taken(i int) time.Time {
	begun := c.Taken
	if begun.IsZero() {
		begun = c.Fragments[0].Producer
	}
	return begun.Add(c.presented(i) - c.begin)
}

// starts returns when each fragment begins after the first one; never falling, whatever the producer's
// clock does.
func starts(fs []archive.Fragment) []time.Duration {
	out := make([]time.Duration, len(fs))
	for i, f := range fs {
		out[i] = max(f.Producer.Sub(fs[0].Producer), out[max(i-1, 0)])
	}
	return slices.Clip(out)
}

// presented is the presentation time of sample i.
func (c *cutter) presented(i int) time.Duration {
	return duration(c.Composition(i), c.Timescale) + c.offset
}

// since returns the time from decoding sample i to decoding sample k.
func (c *cutter) since(i, k int) time.Duration {
	return duration(c.Samples[k].Time-c.Samples[i].Time, c.Timescale)
}

func duration(ticks int64, scale uint32) time.Duration {
	return time.Duration(media.Rescale(ticks, scale, uint32(time.Second)))
}
