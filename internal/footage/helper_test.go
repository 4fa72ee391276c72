package footage_test

import (
	"fmt"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// start is when the first picture of all tests was taken.
var start = time.Date(2026, 3, 14, 8, 17, 35, 500_000_000, time.UTC)

// late is how long after it was filmed footage arrives.
const late = 7*time.Second + 250*time.Millisecond

// recording makes a movie of fragments of so many pictures each, 40 ms apart, in the order I P B B where
// pictures are reordered. Fragment i was taken at so long after the start as taken says, and its
// pictures lie behind those before.
type recording struct {
	pictures int
	reorder  bool
	taken    []time.Duration
	edits    []media.Edit
	sound    bool
}

func (r recording) movie() (*media.Movie, []origin.Run) {
	v := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Configs: []media.Config{{Format: "avc1"}}, Edits: r.edits}
	m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{v}}
	var runs []origin.Run
	for i, taken := range r.taken {
		at := start.Add(taken)
		runs = append(runs, origin.Run{
			Track: 1, Kind: media.Video, Piece: 1, At: at, First: len(v.Samples) + 1, Samples: r.pictures,
			Fragment: archive.Fragment{Number: fmt.Sprint(100 + i), Producer: at, Server: at.Add(late)},
		})
		for k := range r.pictures {
			s := media.Sample{Time: int64(len(v.Samples)) * 40, Offset: int64(len(v.Samples)) * 100, Size: 100, Sync: k == 0}
			if r.reorder { // shown after one picture more: I 0, P 3, B 1, B 2
				s.Shift = []int32{40, 120, 0, 0}[min(k, (k-1)%3+1)]
			}
			v.Samples = append(v.Samples, s)
		}
	}
	v.End = int64(len(v.Samples)) * 40
	if r.sound {
		m.Tracks = append(m.Tracks, blocks(v.End))
		runs = append(runs, origin.Run{Track: 2, Kind: media.Audio, First: 1, Samples: len(m.Tracks[1].Samples)})
	}
	return m, runs
}

// blocks is sound of no piece, as long as that.
func blocks(ms int64) *media.Track {
	a := &media.Track{ID: 2, Kind: media.Audio, Timescale: 8000, Configs: []media.Config{{Format: "alaw"}}, End: ms * 8}
	for at := int64(0); at < a.End; at += 160 {
		a.Samples = append(a.Samples, media.Sample{Time: at, Size: 160, Sync: true})
	}
	return a
}

func seconds(ss ...float64) []time.Duration {
	var out []time.Duration
	for _, s := range ss {
		out = append(out, time.Duration(s*1e9))
	}
	return out
}
