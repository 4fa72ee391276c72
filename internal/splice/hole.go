package splice

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
)

// maxJitter is how far the distances of two pieces may lie apart by the producer's clock and by
// the server's. Arrival jitters with the network by less; a producer's clock that was set meanwhile
// is off by more, and says nothing then of how long a hole lasted.
const maxJitter = 2 * time.Second

// skip places p after the hole before it. end is where the part before ends.
func (j *join) skip(p *part, end int64) (int64, Seam) {
	pos, seam := end, Seam{Action: ActionGap}
	if j.options.Keep {
		want := j.wall(p, end)
		pos = max(end, want)
		seam = Seam{Action: ActionHeld, VideoError: duration(pos-want, j.scale)}
	}
	j.anchor = anchor{time: p.taken(), at: pos}
	return pos, seam
}

// wall is the position of p by the clock on the wall: its distance in time from the movie's first
// part. Producer times say when pictures were taken, so they count wherever they can be believed.
// Without any times p comes as long after end as its hole lasts.
func (j *join) wall(p *part, end int64) int64 {
	first := &j.opening
	if first.taken.IsZero() || p.taken().IsZero() {
		return end + ticks(p.Hole, j.scale)
	}
	taken, came := p.taken().Sub(first.taken), p.began(archive.Server).Sub(first.came)
	if j.options.Wall == archive.Producer || (taken-came).Abs() <= maxJitter {
		return ticks(taken, j.scale)
	}
	return ticks(came, j.scale)
}

// began is when the first picture of p was taken, on clock c: it keeps its distance from the start of
// its fragment on either clock. p has fragments.
func (p *part) began(c archive.Clock) time.Time {
	return p.Fragments[0].Start(c).Add(p.taken().Sub(p.Fragments[0].Producer))
}

// fill puts silence before p, the next part, where its sound belongs at the position natural, if a kept hole
// or pieces without this sound lie between it and the lane's last strand. Players that go by blocks
// of sound, not by their times, keep time then.
func (j *join) fill(l *lane, p *part, natural int64) {
	if _, ok := l.latest(); !j.options.Keep || l.key.kind != media.Audio || !ok {
		return
	}
	if l.part == j.count-1 && p.Hole == 0 {
		return
	}
	j.silence.fill(l, natural, &j.sources)
}
