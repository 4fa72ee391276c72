package footage

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// Picture is one picture of a movie.
type Picture struct {
	Track  *media.Track
	Sample int // index in Track.Samples
	// Rank is its place among the track's pictures that are shown, in presentation order, from 0: in
	// ffmpeg's words select=eq(n\,Rank), of the file as its edit list has it.
	Rank int
	At   time.Time // when it was taken
}

// At finds the picture that was the latest on clock c at an instant: the last one that was taken at or
// before it, of those that the movie shows. It returns false if there is none, or no times are known.
func At(m *media.Movie, runs []origin.Run, when time.Time, c archive.Clock) (Picture, bool) {
	var p Picture
	if leading(m) != media.Video {
		return p, false
	}
	var at time.Duration
	for r, shown := range watch(m, runs, c) {
		for _, s := range shown {
			if s.Wall.IsZero() || s.Wall.After(when) || p.Track != nil && s.Wall.Before(p.At) {
				continue
			}
			p, at = Picture{Track: trackOf(m, r.Track), Sample: s.sample, At: s.Wall}, s.At
		}
	}
	if p.Track == nil {
		return p, false
	}
	p.Rank = rank(viewOf(m, p.Track), at)
	return p, true
}

func trackOf(m *media.Movie, id uint32) *media.Track {
	for _, t := range m.Tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// rank counts the samples that are shown before a presentation time.
func rank(v view, before time.Duration) int {
	n := 0
	for i := range v.track.Samples {
		if at, shown := v.sample(i); shown && at < before {
			n++
		}
	}
	return n
}
