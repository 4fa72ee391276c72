package footage

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// Moment is when something of a movie is presented, and when it was taken.
type Moment struct {
	At   time.Duration // presentation time: edit lists are applied
	Wall time.Time     // zero if not known
}

// Moments are where fragments begin to be shown, on the producer clock, in order of At: one for each
// run of the pictures whose time is known, or of the sound if there are no pictures.
func Moments(m *media.Movie, runs []origin.Run) []Moment {
	var out []Moment
	for _, shown := range watch(m, runs, archive.Producer) {
		if len(shown) > 0 && !shown[0].Wall.IsZero() {
			out = append(out, shown[0].Moment)
		}
	}
	slices.SortStableFunc(out, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	return out
}

// moment is a Moment of one sample.
type moment struct {
	Moment
	sample int // index in its track
}

// leading is the kind that tells the time of a movie: pictures, or sound where there are none.
func leading(m *media.Movie) media.Kind {
	for _, t := range m.Tracks {
		if t.Kind == media.Video && len(t.Samples) > 0 {
			return media.Video
		}
	}
	return media.Audio
}

// watch goes through the runs of the leading kind, and gives what of each is shown in presentation
// order, on clock c. The slice is only lent: a day of pictures is never in memory at once.
func watch(m *media.Movie, runs []origin.Run, c archive.Clock) iter.Seq2[origin.Run, []moment] {
	kind := leading(m)
	views := map[uint32]view{}
	for _, t := range m.Tracks {
		if t.Kind == kind {
			views[t.ID] = viewOf(m, t)
		}
	}
	return func(yield func(origin.Run, []moment) bool) {
		var shown []moment
		for _, r := range runs {
			v, ok := views[r.Track]
			if !ok {
				continue
			}
			shown = v.watch(shown[:0], r, c)
			if !yield(r, shown) {
				return
			}
		}
	}
}

// watch appends the moments of the samples of r that are shown, in presentation order.
func (v view) watch(shown []moment, r origin.Run, c archive.Clock) []moment {
	for i, end := bounds(v.track, r); i < end; i++ {
		if at, ok := v.sample(i); ok {
			shown = append(shown, moment{Moment{At: at, Wall: v.wall(r, i, c)}, i})
		}
	}
	slices.SortStableFunc(shown, func(a, b moment) int { return cmp.Compare(a.At, b.At) })
	return shown
}

// bounds are the indexes of the samples of r: from the first, to the one behind the last.
func bounds(t *media.Track, r origin.Run) (from, to int) {
	to = min(len(t.Samples), max(0, r.First-1+r.Samples))
	return min(to, max(0, r.First-1)), to
}

// wall is when sample i, which lies in r, was taken; zero if not known.
func (v view) wall(r origin.Run, i int, c archive.Clock) time.Time {
	if r.At.IsZero() || r.Piece == 0 || c == archive.Server && r.Fragment.Server.IsZero() {
		return time.Time{}
	}
	n, _ := bounds(v.track, r)
	first := v.track.Composition(n)
	return r.Time(c, length(v.track.Composition(i)-first, v.track.Timescale))
}
