package proof

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// Cut cuts the tracks of a movie into runs, without hashes: track by track, in decode order.
// A sample's Source is the position of its piece in pieces; sources beyond those hold what was made
// to fill holes, and their runs have piece 0.
func Cut(m *media.Movie, pieces []Piece) []Run {
	tracks := map[uint32]*media.Track{}
	for _, t := range m.Tracks {
		tracks[t.ID] = t
	}
	var runs []Run
	first := 0 // sample of the run's track, from 0, with which its piece begins there
	for _, o := range origin.Cut(m, pieces) {
		t := tracks[o.Track]
		if i := o.First - 1; i == 0 || t.Samples[i].Source != t.Samples[i-1].Source {
			first = i
		}
		runs = append(runs, runOf(t, o, first, pieces))
	}
	return runs
}

// runOf makes a run of an origin. Its time is in the service's milliseconds, by decode times where it
// was cut by these.
func runOf(t *media.Track, o origin.Run, first int, pieces []Piece) Run {
	r := Run{Track: o.Track, Kind: o.Kind, Piece: o.Piece, Fragment: o.Fragment.Number, At: o.At, First: o.First, Samples: o.Samples}
	i := o.First - 1
	if o.ByTime {
		r.At = pieces[t.Samples[i].Source].Fragments[0].Producer.Add(since(t, first, i)).Truncate(time.Millisecond)
	}
	for _, s := range t.Samples[i : i+o.Samples] {
		r.Bytes += int64(s.Size)
	}
	return r
}

// since returns the time from decoding sample i to decoding sample k.
func since(t *media.Track, i, k int) time.Duration {
	return time.Duration(media.Rescale(t.Samples[k].Time-t.Samples[i].Time, t.Timescale, uint32(time.Second)))
}
