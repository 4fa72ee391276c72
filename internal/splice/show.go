package splice

import (
	"math"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// fallbackScale is the movie's timescale where no common one is in bounds.
const fallbackScale = 1000

// finish turns the lanes into a movie that shows the asked range.
func (j *join) finish() *Joined {
	m := &media.Movie{Timescale: j.movieScale(), Created: j.parts[0].Movie.Created}
	for i := range j.parts {
		m.Sources = append(m.Sources, j.parts[i].Movie.Sources[0])
	}
	m.Sources = append(m.Sources, j.silence.sources()...)
	from, to, end := j.shown(m.Timescale)
	lead := j.lane(j.parts[0].lead.key)
	first := max(from, media.Rescale(lead.begin, lead.scale, m.Timescale))
	for _, l := range j.lanes {
		if l.finish(uint32(len(m.Tracks)+1), from, to, end, m.Timescale) || l == lead {
			m.Tracks = append(m.Tracks, l.track)
		}
	}
	out := &Joined{Movie: m, Seams: j.seams, Lead: duration(first, m.Timescale), Length: duration(to-from, m.Timescale)}
	if fs := j.parts[0].Fragments; len(fs) > 0 {
		out.Start = j.parts[0].instant(out.Lead, j.options.Clock)
		m.Created = out.Start
	}
	m.Chapters = j.chapters(out.Start, from, to, m.Timescale)
	return out
}

func (j *join) movieScale() uint32 {
	s := uint32(fallbackScale)
	for _, l := range j.lanes {
		s = common(s, l.scale)
	}
	return s
}

// shown returns the positions, in scale, between which the movie is shown: what the pieces' own
// edit lists show, as far as it was asked for. Nothing is wanted from end on.
func (j *join) shown(scale uint32) (from, to, end int64) {
	o := &j.options
	from, to, end = math.MaxInt64, math.MinInt64, math.MaxInt64
	for _, l := range j.lanes {
		if l.track.Samples[0].Source == 0 {
			from = min(from, media.Rescale(l.begin, l.scale, scale))
		}
		to = max(to, media.Rescale(l.stop(), l.scale, scale))
	}
	if p := &j.parts[0]; len(p.Fragments) > 0 && !o.From.IsZero() {
		from = max(from, j.picture(ticks(p.asked(o), scale), scale))
	}
	n := len(j.parts) - 1
	if len(j.parts[n].Fragments) > 0 && !o.To.IsZero() {
		end = media.Rescale(j.at[n], j.scale, scale) + ticks(j.parts[n].until(o), scale)
	}
	end = max(end, from+1)
	return from, max(min(to, end), from+1), end
}

// asked is how long after the part's start o.From is: its distance from the start of the last
// fragment that starts at or before it, but before the next one, which may have come much later on
// the server clock than it was filmed.
func (p *part) asked(o *Options) time.Duration {
	fs, n := p.Fragments, 0
	for n+1 < len(fs) && !fs[n+1].Start(o.Clock).After(o.From) {
		n++
	}
	at := fs[n].Producer.Sub(fs[0].Producer) + o.From.Sub(fs[n].Start(o.Clock))
	if n+1 < len(fs) {
		at = min(at, fs[n+1].Producer.Sub(fs[0].Producer)-time.Millisecond)
	}
	return at
}

// instant is the time on clock c of what the part shows so long after its start: footage keeps its
// distance from the start of its fragment on either clock.
func (p *part) instant(after time.Duration, c archive.Clock) time.Time {
	fs, n := p.Fragments, 0
	for n+1 < len(fs) && fs[n+1].Producer.Sub(fs[0].Producer) <= after {
		n++
	}
	return fs[n].Start(c).Add(after - fs[n].Producer.Sub(fs[0].Producer))
}

// until is how long after the part's start o.To is: its distance from the start of the last
// fragment, which lies in the part where its producer time says.
func (p *part) until(o *Options) time.Duration {
	f := p.Fragments[len(p.Fragments)-1]
	return f.Producer.Sub(p.Fragments[0].Producer) + o.To.Sub(f.Start(o.Clock))
}

// picture is the position of the last picture at or before t, so that a clip begins with a whole
// one, or t itself before the first and where there are no pictures. t lies in the first part.
func (j *join) picture(t int64, scale uint32) int64 {
	l := j.lane(j.parts[0].lead.key)
	if t <= 0 || l.key.kind != media.Video {
		return t
	}
	at := int64(0)
	for i := 0; i < len(l.track.Samples) && l.track.Samples[i].Source == 0; i++ {
		if c := media.Rescale(l.track.Composition(i)-l.reorder, l.scale, scale); c <= t {
			at = max(at, c)
		}
	}
	return at
}

// finish makes the edit list that puts the lane in its place, drops what nobody asked for, and moves
// the first sample to 0. The movie is shown between from and to, and nothing is wanted from end on,
// in the movie's scale. It returns false for a lane with nothing before end.
func (l *lane) finish(id uint32, from, to, end int64, scale uint32) bool {
	t := l.track
	stop := min(media.Rescale(to, scale, l.scale), l.stop())
	t.ID, t.Edits = id, l.edits(media.Rescale(from, scale, l.scale), media.Rescale(to, scale, l.scale), scale)
	some := l.drop(end, scale)
	if !some {
		l.shorten(1)
	}
	if n := len(t.Edits); n > 0 && t.Edits[n-1].Duration > 0 {
		l.cover(stop)
	}
	start := t.Samples[0].Time
	for i := range t.Samples {
		t.Samples[i].Time -= start
	}
	t.End -= start
	return some
}

// stop is the position to which the lane is shown by its last strand's own edit list.
func (l *lane) stop() int64 {
	if l.cut {
		return l.until
	}
	return l.track.End
}

// edits shows what the lane can show between from and to. A lane with nothing to show there shows
// its nearest tick at the end: players take a list of nothing but an empty edit for a mere delay.
func (l *lane) edits(from, to int64, movieScale uint32) []media.Edit {
	start, end := l.track.Samples[0].Time, l.track.End
	begin, stop := max(from, l.begin), min(to, l.stop())
	length := func(from, to int64) int64 { return max(1, media.Rescale(to-from, l.scale, movieScale)) }
	if begin >= stop {
		shown := media.Edit{Duration: 1, Media: min(begin, end-1) - start + l.reorder}
		return after(length(from, to)-1, shown)
	}
	shown := media.Edit{Media: begin - start + l.reorder}
	if stop < end {
		shown.Duration = length(begin, stop)
	}
	if begin > from {
		return after(length(from, begin), shown)
	}
	return after(0, shown)
}

// after makes an edit list of a delay, in the movie's scale, and what is shown then.
func after(delay int64, shown media.Edit) []media.Edit {
	switch {
	case delay > 0:
		return []media.Edit{{Duration: delay, Media: -1}, shown}
	case shown == media.Edit{}:
		return nil
	}
	return []media.Edit{shown}
}
