package splice

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxDisagreement is how far a producer time may put a piece from the end of the one before.
// Durations of last samples are guesses, tens of milliseconds off at most, but a slow camera's
// may be off by a whole one, which is allowed besides. More means that the producer's clock
// jumped, and the pieces are put back to back.
const maxDisagreement = time.Second

// anchor ties positions to producer times: all pieces up to the next gap are placed from it.
type anchor struct {
	time time.Time // zero: no producer time is known
	at   int64     // position in ticks of join.scale
}

// place decides where p, the next part, begins. Positions are never sums over seams where producer times
// are known: each is its distance in time from the anchor.
func (j *join) place(p *part) (int64, Seam) {
	if j.last == nil {
		j.anchor = anchor{time: p.taken()}
		return 0, Seam{}
	}
	pos, seam := j.follow(p, j.last, j.at)
	seam.Piece, seam.At, seam.Position = j.count, p.taken(), duration(pos, j.scale)
	return pos, seam
}

// follow places p after prev, which lies at the position at. The anchor moves only to where
// nothing ties p to it: pictures that last longer than their times allow push p back, but where
// there is room again a later part is back in its place.
func (j *join) follow(p, prev *part, at int64) (int64, Seam) {
	taken, end := p.taken(), at+prev.length(j.scale)
	if p.Hole > 0 {
		return j.skip(p, end)
	}
	if !taken.IsZero() && !j.anchor.time.IsZero() { // a new session too may go on in time
		want := j.anchor.at + ticks(taken.Sub(j.anchor.time), j.scale)
		late := duration(end-want, j.scale)
		near := late.Abs() <= maxDisagreement+duration(prev.lastPicture(j.scale), j.scale)
		if near && want > at+prev.latest(j.scale) {
			return want, Seam{Action: ActionJoin}
		}
		if near {
			return end, Seam{Action: ActionBack, VideoError: late}
		}
	}
	j.anchor = anchor{time: taken, at: end}
	return end, Seam{Action: ActionBack}
}

// taken is the producer time of the part's first picture; zero when not known.
func (p *part) taken() time.Time {
	if len(p.Fragments) == 0 {
		return time.Time{}
	}
	if p.Taken.IsZero() {
		return p.Fragments[0].Producer
	}
	return p.Taken
}

// length is how long the part's pictures last, or its sound as far as it is shown, in scale.
func (p *part) length(scale uint32) int64 {
	s := p.lead
	if s.Kind != media.Video {
		return max(media.Rescale(s.until-s.shown, s.Timescale, scale), 1)
	}
	return max(media.Rescale(s.length(), s.Timescale, scale), p.latest(scale)+1)
}

// latest is how far after the part's position its last sample is decoded and composed, in scale.
// What follows lies after it, so that pictures keep their order.
func (p *part) latest(scale uint32) int64 {
	s := p.lead
	last := s.Samples[len(s.Samples)-1].Time - s.Samples[0].Time
	if s.Kind != media.Video {
		shown := media.Rescale(last-(s.shown-s.begin()), s.Timescale, scale)
		return max(min(shown, p.length(scale)-1), 0)
	}
	return media.Rescale(max(last, s.latest-s.first), s.Timescale, scale)
}

func (p *part) lastPicture(scale uint32) int64 {
	return media.Rescale(p.lead.Duration(len(p.lead.Samples)-1), p.lead.Timescale, scale)
}

// ticks converts a time to a count of ticks, to the nearest.
func ticks(d time.Duration, scale uint32) int64 {
	return media.Rescale(int64(d), uint32(time.Second), scale)
}
