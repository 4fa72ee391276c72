package hls

import (
	"cmp"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Moment says what the wall clock showed when something was presented.
type Moment struct {
	At   time.Duration // on the presentation timeline
	Wall time.Time
}

// Split cuts a movie into parts where its pictures, or its sound if it has none, change their
// configuration, and at those moments at which the wall clock does not go on as before: the first picture
// that decoding can start at from then on. The first moment begins the movie. Without moments the
// wall clock is not known. Samples keep their times.
func Split(m *media.Movie, moments []Moment) []Part {
	lead := m.Find(media.Video)
	if lead == nil {
		lead = m.Find(media.Audio)
	}
	if lead == nil || len(lead.Samples) == 0 {
		return []Part{{Movie: m}}
	}
	moments = jumps(moments)
	v := view{lead, m.Timescale}
	cuts := v.cuts(moments)
	var parts []Part
	for i, from := range cuts {
		to := len(lead.Samples)
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		p := Part{Movie: run(m, lead, from, to, i == 0)}
		if now, ok := last(moments, v.shown(from)); ok {
			p.Start, p.At = now.Wall, now.At
		}
		parts = append(parts, p)
	}
	return parts
}

// jump is by how much presentation and wall clock must part for it to be told: less is rounding, and a
// camera's clock that drifts.
const jump = 100 * time.Millisecond

// jumps leaves the first moment and those at which the wall clock does not go on as before.
func jumps(moments []Moment) []Moment {
	var out []Moment
	for _, m := range moments {
		if n := len(out); n > 0 {
			if off := m.Wall.Sub(out[n-1].Wall) - (m.At - out[n-1].At); off.Abs() < jump {
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// slack is how far a moment may lie behind the picture it means, because of rounding.
const slack = 10 * time.Millisecond

// last returns the last moment that is not after at, or the first of all.
func last(moments []Moment, at time.Duration) (Moment, bool) {
	if len(moments) == 0 {
		return Moment{}, false
	}
	now := moments[0]
	for _, m := range moments {
		if m.At <= at+slack {
			now = m
		}
	}
	return now, true
}

// view puts a track on the presentation timeline of its movie.
type view struct {
	*media.Track
	scale uint32 // of the movie
}

// at is the presentation time of a time of the track.
func (v view) at(ticks int64) time.Duration {
	for _, e := range v.Edits {
		if e.Media >= 0 {
			ticks -= e.Media
			break
		}
		ticks += media.Rescale(e.Duration, v.scale, v.Timescale)
	}
	return time.Duration(media.Rescale(ticks, v.Timescale, uint32(time.Second)))
}

func (v view) shown(i int) time.Duration { return v.at(v.Composition(i)) }

// cuts returns the first sample of each part, the first being 0.
func (v view) cuts(moments []Moment) []int {
	cuts := []int{0}
	next := 1 // in moments
	for i := 1; i < len(v.Samples); i++ {
		s := &v.Samples[i]
		due := false
		for s.Sync && next < len(moments) && moments[next].At <= v.shown(i)+slack {
			due = true
			next++
		}
		if due || s.Config != v.Samples[i-1].Config {
			cuts = append(cuts, i)
		}
	}
	return cuts
}

// run returns the movie with samples from to to of lead and what is played beside them.
func run(m *media.Movie, lead *media.Track, from, to int, first bool) *media.Movie {
	part := *m
	part.Tracks = nil
	v := view{lead, m.Timescale}
	for _, t := range m.Tracks {
		a, b := from, to
		if t != lead {
			a, b = 0, len(t.Samples)
			if !first {
				a = view{t, m.Timescale}.index(v.shown(from))
			}
			if to < len(lead.Samples) {
				b = view{t, m.Timescale}.index(v.shown(to))
			}
		}
		some := samples(t, a, b)
		if text := (view{t, m.Timescale}); t.Kind == media.Text {
			going(some, t, a, text.ticks(v.shown(from)))
			if to < len(lead.Samples) {
				ending(some, text.ticks(v.shown(to)))
			}
		}
		part.Tracks = append(part.Tracks, some)
	}
	if !first {
		part.Chapters = nil
	}
	return &part
}

// going lets text that was shown when the part began, at ticks, go on in it. part are the samples of
// t from a on.
func going(part, t *media.Track, a int, ticks int64) {
	if a == 0 || ticks <= t.Samples[a-1].Time || len(part.Samples) > 0 && part.Samples[0].Time <= ticks {
		return
	}
	s := t.Samples[a-1]
	if len(part.Samples) == 0 {
		part.End = s.Time + t.Duration(a-1)
	}
	config := slices.IndexFunc(part.Configs, t.Configs[s.Config].Same)
	if part.End <= ticks || config < 0 {
		return
	}
	s.Config, s.Time = uint16(config), ticks
	part.Samples = slices.Insert(part.Samples, 0, s)
}

// ending lets text end with its part, at ticks.
func ending(part *media.Track, ticks int64) {
	if n := len(part.Samples); n > 0 && part.Samples[n-1].Time < ticks {
		part.End = min(part.End, ticks)
	}
}

// ticks is a presentation time in ticks of the track.
func (v view) ticks(at time.Duration) int64 {
	return media.Rescale(int64(at-v.at(0)), uint32(time.Second), v.Timescale)
}

// index returns the first sample that is decoded at a presentation time or later.
func (v view) index(at time.Duration) int {
	i, _ := slices.BinarySearchFunc(v.Samples, at, func(s media.Sample, at time.Duration) int { return cmp.Compare(v.at(s.Time), at) })
	return i
}

// samples returns a track with samples from to to, and only the configurations that they need.
func samples(t *media.Track, from, to int) *media.Track {
	c := *t
	if to < len(t.Samples) {
		c.End = t.Samples[to].Time
	}
	c.Samples, c.Configs = slices.Clone(t.Samples[from:to]), nil
	if from == to {
		c.End, c.Configs = 0, t.Configs
		return &c
	}
	at := map[uint16]uint16{}
	for i := range c.Samples {
		s := &c.Samples[i]
		n, known := at[s.Config]
		if !known {
			n = uint16(len(c.Configs))
			at[s.Config], c.Configs = n, append(c.Configs, t.Configs[s.Config])
		}
		s.Config = n
	}
	return &c
}
