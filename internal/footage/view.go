package footage

import (
	"cmp"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// view is how an edit list shows a track (ISO/IEC 14496-12, 8.6.6).
type view struct {
	track     *media.Track
	stretches []stretch
}

// stretch is composition times that are shown one after the other.
type stretch struct {
	at       time.Duration // presentation time of from
	from, to int64         // composition times, ticks of the track; to is not shown
}

func viewOf(m *media.Movie, t *media.Track) view {
	v := view{track: t}
	if len(t.Edits) == 0 {
		v.stretches = []stretch{{to: math.MaxInt64}}
	}
	scale, at := cmp.Or(m.Timescale, uint32(1)), int64(0)
	for _, e := range t.Edits {
		if e.Media >= 0 {
			s := stretch{at: length(at, scale), from: e.Media, to: math.MaxInt64}
			if e.Duration > 0 {
				s.to = e.Media + media.Rescale(e.Duration, scale, t.Timescale)
			}
			v.stretches = append(v.stretches, s)
		}
		at += e.Duration
	}
	return v
}

// place returns when what has composition time c is presented. What the edit list hides has the time
// it would have beside what is shown, which is negative before the start.
func (v view) place(c int64) (at time.Duration, shown bool) {
	var near stretch
	for i, s := range v.stretches {
		if s.from <= c && c < s.to {
			return s.at + length(c-s.from, v.track.Timescale), true
		}
		if i == 0 || s.from <= c {
			near = s
		}
	}
	return near.at + length(c-near.from, v.track.Timescale), false
}

// sample returns when sample i is presented, and whether it is. A picture counts by its beginning, as
// players and ffmpeg take it; of a block of sound that is shown in part the rest is heard.
func (v view) sample(i int) (at time.Duration, shown bool) {
	c := v.track.Composition(i)
	at, shown = v.place(c)
	if shown || v.track.Kind != media.Audio {
		return at, shown
	}
	end := c + v.track.Duration(i)
	for _, s := range v.stretches {
		if c < s.from && s.from < end {
			return s.at + length(c-s.from, v.track.Timescale), true
		}
	}
	return at, false
}

// end is when the last of the track that is shown ends.
func (v view) end() time.Duration {
	last := int64(0)
	for i := range v.track.Samples {
		last = max(last, v.track.Composition(i)+v.track.Duration(i))
	}
	end := time.Duration(0)
	for _, s := range v.stretches {
		if to := min(s.to, last); to > s.from {
			end = max(end, s.at+length(to-s.from, v.track.Timescale))
		}
	}
	return end
}

// plays is how long the pictures and the sound of a movie are presented.
func plays(m *media.Movie) time.Duration {
	end := time.Duration(0)
	for _, t := range m.Tracks {
		if t.Kind != media.Text {
			end = max(end, viewOf(m, t).end())
		}
	}
	return end
}

func length(ticks int64, scale uint32) time.Duration {
	return time.Duration(media.Rescale(ticks, scale, uint32(time.Second)))
}
