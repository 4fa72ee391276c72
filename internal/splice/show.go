package splice

import (
	"math"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// fallbackScale is the movie's timescale where no common one is in bounds.
const fallbackScale = 1000

// opening is how the movie begins. It is known with the first part.
type opening struct {
	from        int64     // position, in the movie's scale, from which the movie is shown
	lead        *lane     // of the first part's lead
	taken, came time.Time // when its first picture was taken, on the producer's clock and the server's; zero when not known
	start       time.Time // see Joined.Start
	created     time.Time // see media.Movie.Created
	told        bool      // the first chapter was
}

// open decides how the movie begins with p, its first part, whose samples alone are in the lanes.
func (j *join) open(p *part) {
	o := &j.opening
	o.lead, o.created, o.from = j.lane(p.lead.key), p.Movie.Created, math.MaxInt64
	for _, l := range j.lanes {
		if len(l.track.Samples) > 0 {
			o.from = min(o.from, media.Rescale(l.begin, l.scale, j.movie))
		}
	}
	if len(p.Fragments) == 0 {
		return
	}
	o.taken, o.came = p.taken(), p.began(archive.Server)
	if !j.options.From.IsZero() {
		o.from = max(o.from, j.picture(ticks(p.asked(&j.options), j.movie), j.movie))
	}
	o.start = p.instant(j.hidden(), j.options.Clock)
	o.created = o.start
}

// hidden is the media before the first picture that is shown.
func (j *join) hidden() time.Duration {
	o := &j.opening
	return duration(max(o.from, media.Rescale(o.lead.begin, o.lead.scale, j.movie)), j.movie)
}

// finish turns the lanes into a movie that shows the asked range.
func (j *join) finish() *Joined {
	table, pieces, place := j.table(func(int) bool { return true })
	to, end := j.until()
	out := j.joined(to, opened(table), pieces)
	for _, l := range j.lanes {
		n := len(l.track.Samples)
		if !l.finish(j.opening.from, to, end, j.movie) && l != j.opening.lead {
			continue
		}
		if len(l.track.Samples) < n {
			l.forget()
		}
		l.leave(l.track)
		if len(table) > len(pieces) {
			renumber(l.track.Samples, place)
		}
		l.track.ID = uint32(len(out.Movie.Tracks) + 1)
		out.Movie.Tracks = append(out.Movie.Tracks, l.track)
	}
	return out
}

// joined is the movie as it is by now, shown up to the position to in its scale, but without tracks,
// and what there is to tell of it.
func (j *join) joined(to int64, sources []media.Source, pieces []int) *Joined {
	o := &j.opening
	return &Joined{
		Movie: &media.Movie{Sources: sources, Timescale: j.movie, Created: o.created, Chapters: j.chapters(to)},
		Seams: j.seams, Pieces: pieces, Lead: j.hidden(), Length: duration(to-o.from, j.movie), Start: o.start,
	}
}

// until returns the position, in the movie's scale, up to which the movie is shown if the last part
// is the last of all: what the pieces' own edit lists show, as far as it was asked for. Nothing is
// wanted from end on.
func (j *join) until() (to, end int64) {
	o := &j.options
	to, end = math.MinInt64, math.MaxInt64
	for _, l := range j.lanes {
		to = max(to, media.Rescale(l.stop(), l.scale, j.movie))
	}
	if len(j.last.Fragments) > 0 && !o.To.IsZero() {
		end = media.Rescale(j.at, j.scale, j.movie) + ticks(j.last.until(o), j.movie)
	}
	end = max(end, j.opening.from+1, j.floor)
	return max(min(to, end), j.opening.from+1), end
}

// asked is how long after the part's start o.From is: its distance from the start of the last
// fragment that starts at or before it, but before the next one, which may have come much later on
// the server clock than it was filmed.
func (p *part) asked(o *Options) time.Duration {
	fs, n := p.Fragments, 0
	for n+1 < len(fs) && !fs[n+1].Start(o.Clock).After(o.From) {
		n++
	}
	at := fs[n].Producer.Sub(p.taken()) + o.From.Sub(fs[n].Start(o.Clock))
	if n+1 < len(fs) {
		at = min(at, fs[n+1].Producer.Sub(p.taken())-time.Millisecond)
	}
	return at
}

// instant is the time on clock c of what the part shows so long after its start: footage keeps its
// distance from the start of its fragment on either clock.
func (p *part) instant(after time.Duration, c archive.Clock) time.Time {
	fs, n := p.Fragments, 0
	for n+1 < len(fs) && fs[n+1].Producer.Sub(p.taken()) <= after {
		n++
	}
	return fs[n].Start(c).Add(after - fs[n].Producer.Sub(p.taken()))
}

// until is how long after the part's start o.To is: its distance from the start of the last
// fragment, which lies in the part where its producer time says.
func (p *part) until(o *Options) time.Duration {
	f := p.Fragments[len(p.Fragments)-1]
	return f.Producer.Sub(p.taken()) + o.To.Sub(f.Start(o.Clock))
}

// picture is the position of the last picture at or before t, so that a clip begins with a whole
// one, or t itself before the first and where there are no pictures. Both are in scale, and in the
// first part, which is the only one yet.
func (j *join) picture(t int64, scale uint32) int64 {
	l := j.opening.lead
	if t <= 0 || l.key.kind != media.Video {
		return t
	}
	at := int64(0)
	for i := range l.track.Samples {
		if c := media.Rescale(l.track.Composition(i)-l.reorder, l.scale, scale); c <= t {
			at = max(at, c)
		}
	}
	return at
}

// finish makes the edit list that puts the lane in its place, and drops what nobody asked for. The
// movie is shown between from and to, and nothing is wanted from end on, in the movie's scale. It
// returns false for a lane that has nothing before end, nor had: it keeps one sample.
func (l *lane) finish(from, to, end int64, scale uint32) bool {
	t := l.track
	stop := min(media.Rescale(to, scale, l.scale), l.stop())
	t.Edits = l.edits(media.Rescale(from, scale, l.scale), media.Rescale(to, scale, l.scale), scale)
	some := l.drop(end, scale)
	if !some {
		l.shorten(max(0, 1-l.handed))
	}
	if n := len(t.Edits); n > 0 && t.Edits[n-1].Duration > 0 {
		l.cover(stop)
	}
	return some || l.handed > 0
}

// leave moves the samples of t, which come out of the lane, so that the lane's first is at 0.
func (l *lane) leave(t *media.Track) {
	for i := range t.Samples {
		t.Samples[i].Time -= l.start
	}
	t.End -= l.start
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
	end := l.track.End
	begin, stop := max(from, l.begin), min(to, l.stop())
	if begin >= stop {
		shown := media.Edit{Duration: 1, Media: min(begin, end-1) - l.start + l.reorder}
		return after(l.lasts(from, to, movieScale)-1, shown)
	}
	es := l.open(from, movieScale)
	if stop >= end {
		return es
	}
	if es == nil {
		es = []media.Edit{{}}
	}
	es[len(es)-1].Duration = l.lasts(begin, stop, movieScale)
	return es
}

// open shows what the lane can show from from on.
func (l *lane) open(from int64, movieScale uint32) []media.Edit {
	begin := max(from, l.begin)
	shown := media.Edit{Media: begin - l.start + l.reorder}
	if begin > from {
		return after(l.lasts(from, begin, movieScale), shown)
	}
	return after(0, shown)
}

// lasts is how long it is from one position to another, in the movie's scale, and a tick at least.
func (l *lane) lasts(from, to int64, movieScale uint32) int64 {
	return max(1, media.Rescale(to-from, l.scale, movieScale))
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
