package proof

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// runLength is how long a run without known fragments is at the least, unless its piece ends: as long
// as the fragments of most cameras.
const runLength = 2 * time.Second

// Cut cuts the tracks of a movie into runs, without hashes: track by track, in decode order.
// A sample's Source is the position of its piece in pieces; sources beyond those hold what was made
// to fill holes, and their runs have piece 0.
func Cut(m *media.Movie, pieces []Piece) []Run {
	var runs []Run
	for _, t := range m.Tracks {
		for i := 0; i < len(t.Samples); {
			end := sameSource(t, i)
			var p Piece
			if s := int(t.Samples[i].Source); s < len(pieces) {
				p = pieces[s]
			}
			runs = append(runs, cutStretch(t, i, end, p)...)
			i = end
		}
	}
	return runs
}

// sameSource returns the end of the samples from i on that lie in one source.
func sameSource(t *media.Track, i int) int {
	end := i + 1
	for end < len(t.Samples) && t.Samples[end].Source == t.Samples[i].Source {
		end++
	}
	return end
}

// cutStretch cuts samples i to end of a track, which came from p.
func cutStretch(t *media.Track, i, end int, p Piece) []Run {
	switch {
	case len(p.Fragments) == 0:
		return cutLengths(t, i, end, p)
	case t.Kind == media.Video && begins(t, i, end) == len(p.Fragments):
		return cutSync(t, i, end, p)
	}
	return cutTimes(t, i, end, p)
}

// begins counts the runs that cutting at sync samples makes.
func begins(t *media.Track, i, end int) int {
	n := 0
	for k := i; k < end; k++ {
		if t.Samples[k].Sync || k == i {
			n++
		}
	}
	return n
}

// run makes the run of samples i to end.
func run(t *media.Track, i, end int, p Piece) Run {
	r := Run{Track: t.ID, Kind: t.Kind, Piece: p.Number, First: i + 1, Samples: end - i}
	for k := i; k < end; k++ {
		r.Bytes += int64(t.Samples[k].Size)
	}
	return r
}

// cutLengths cuts by length alone, for nothing is known of fragments.
func cutLengths(t *media.Track, i, end int, p Piece) (runs []Run) {
	for i < end {
		k := i + 1
		for k < end && since(t, i, k) < runLength {
			k++
		}
		runs = append(runs, run(t, i, k, p))
		i = k
	}
	return runs
}

// cutSync cuts pictures where a fragment begins: each begins with a sync sample, and there are as many.
func cutSync(t *media.Track, i, end int, p Piece) (runs []Run) {
	for n := 0; i < end; n++ {
		k := i + 1
		for k < end && !t.Samples[k].Sync {
			k++
		}
		r := run(t, i, k, p)
		r.Fragment, r.At = p.Fragments[n].Number, p.Fragments[n].Producer
		runs = append(runs, r)
		i = k
	}
	return runs
}

// cutTimes cuts where the producer times of the fragments say, counted from the first sample.
func cutTimes(t *media.Track, i, end int, p Piece) (runs []Run) {
	starts := starts(p.Fragments)
	for first, n := i, 0; i < end; {
		for n+1 < len(starts) && since(t, first, i) >= starts[n+1] {
			n++
		}
		k := i + 1
		for k < end && (n+1 == len(starts) || since(t, first, k) < starts[n+1]) {
			k++
		}
		r := run(t, i, k, p)
		r.Fragment = p.Fragments[n].Number
		r.At = p.Fragments[0].Producer.Add(since(t, first, i)).Truncate(time.Millisecond)
		runs = append(runs, r)
		i = k
	}
	return runs
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

// since returns the time from decoding sample i to decoding sample k.
func since(t *media.Track, i, k int) time.Duration {
	return time.Duration(media.Rescale(t.Samples[k].Time-t.Samples[i].Time, t.Timescale, uint32(time.Second)))
}
