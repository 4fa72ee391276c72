package splice

import (
	"math"

	"github.com/kvsclip/kvsclip/internal/media"
)

// fallbackScale is the movie's timescale where no common one is in bounds.
const fallbackScale = 1000

// finish turns the lanes into a movie that shows the asked range.
func (j *join) finish(o Options) *Joined {
	m := &media.Movie{Timescale: j.movieScale(), Created: j.parts[0].Movie.Created}
	for i := range j.parts {
		m.Sources = append(m.Sources, j.source(i))
	}
	from, to := j.shown(o)
	for i, l := range j.lanes {
		m.Tracks = append(m.Tracks, l.finish(uint32(i+1), from, to, j.scale, m.Timescale))
	}
	out := &Joined{Movie: m, Seams: j.seams, Lead: duration(from, j.scale), Length: duration(to-from, j.scale)}
	if fs := j.parts[0].Fragments; len(fs) > 0 {
		out.Start = fs[0].Start(o.Clock).Add(out.Lead)
		m.Created = out.Start
	}
	return out
}

// source is the one source of part i. A piece whose movie has several is refused by Read and
// Join's callers never make one.
func (j *join) source(i int) media.Source { return j.parts[i].Movie.Sources[0] }

func (j *join) movieScale() uint32 {
	s := uint32(fallbackScale)
	for _, l := range j.lanes {
		s = common(s, l.scale)
	}
	return s
}

// shown returns the positions between which the movie is shown.
func (j *join) shown(o Options) (from, to int64) {
	first, n := &j.parts[0], len(j.parts)-1
	from, to = j.hiddenLead(), j.end()
	if len(first.Fragments) == 0 || len(j.parts[n].Fragments) == 0 {
		return from, to
	}
	if !o.From.IsZero() {
		from = max(from, j.picture(ticks(o.From.Sub(first.Fragments[0].Start(o.Clock)), j.scale)))
	}
	if !o.To.IsZero() {
		to = max(from+1, min(to, j.ending(&j.parts[n], j.at[n], o)))
	}
	return from, to
}

// hiddenLead is what the first part's own edit list hides.
func (j *join) hiddenLead() int64 {
	s := j.parts[0].lead
	return media.Rescale(s.shown-(s.first+s.offset), s.Timescale, j.scale)
}

// end is the position at which the last lane ends, or the pictures where the last part's own
// edit list cuts them.
func (j *join) end() int64 {
	n := len(j.parts) - 1
	if s := j.parts[n].lead; s.cut() {
		return j.at[n] + media.Rescale(s.until-(s.first+s.offset), s.Timescale, j.scale)
	}
	var end int64 = math.MinInt64
	for _, l := range j.lanes {
		end = max(end, media.Rescale(l.track.End, l.scale, j.scale))
	}
	return end
}

// ending is the position of o.To: its distance from the start of the last fragment, which lies
// in its part where its producer time says.
func (j *join) ending(p *part, at int64, o Options) int64 {
	f := p.Fragments[len(p.Fragments)-1]
	inside := f.Producer.Sub(p.Fragments[0].Producer)
	return at + ticks(inside+o.To.Sub(f.Start(o.Clock)), j.scale)
}

// picture is the position of the last picture at or before t, so that a clip begins with a whole
// one. It is 0 for a t before the first, and t itself where there are no pictures. t lies in the
// first part.
func (j *join) picture(t int64) int64 {
	l := j.lanes[0]
	if t <= 0 || l.key.kind != media.Video {
		return max(0, t)
	}
	at, want := int64(0), media.Rescale(t, j.scale, l.scale)
	for i := 0; i < len(l.track.Samples) && l.track.Samples[i].Source == 0; i++ {
		if c := l.track.Composition(i) - l.reorder; c <= want {
			at = max(at, c)
		}
	}
	return media.Rescale(at, l.scale, j.scale)
}

// finish moves the lane's first sample to 0 and makes the edit list that puts it back.
func (l *lane) finish(id uint32, from, to int64, scale, movieScale uint32) *media.Track {
	t := l.track
	t.ID = id
	start := t.Samples[0].Time
	for i := range t.Samples {
		t.Samples[i].Time -= start
	}
	t.End -= start
	from, to = media.Rescale(from, scale, l.scale), media.Rescale(to, scale, l.scale)
	t.Edits = l.edits(start, from, to, movieScale)
	return t
}

// edits shows the lane, whose first sample belongs at the position start, from from to to.
func (l *lane) edits(start, from, to int64, movieScale uint32) []media.Edit {
	var out []media.Edit
	if start > from {
		out = append(out, media.Edit{Duration: media.Rescale(min(start, to)-from, l.scale, movieScale), Media: -1})
	}
	shown := media.Edit{Media: max(from-start, 0) + l.reorder}
	if end := start + l.track.End; to < end {
		shown.Duration = max(1, media.Rescale(to-max(start, from), l.scale, movieScale))
	}
	if len(out) == 0 && shown == (media.Edit{}) {
		return nil
	}
	return append(out, shown)
}
