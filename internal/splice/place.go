package splice

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxDisagreement is how far a producer time may put a piece from the end of the one before.
// Durations of last samples are guesses, tens of milliseconds off at most; more than this means
// that the producer's clock jumped, and the pieces are put back to back.
const maxDisagreement = time.Second

// anchor ties positions to producer times: all pieces up to the next gap are placed from it.
type anchor struct {
	time time.Time // zero: no producer time is known
	at   int64     // position in ticks of join.scale
}

// place decides where part i begins. Positions are never sums over seams where producer times
// are known: each is its distance in time from the anchor.
func (j *join) place(i int) (int64, Seam) {
	taken := j.parts[i].taken()
	seam := Seam{Piece: i, At: taken}
	if i == 0 {
		j.anchor = anchor{time: taken}
		return 0, seam
	}
	prev := &j.parts[i-1]
	end := j.at[i-1] + prev.length(j.scale)
	pos := end
	switch {
	case taken.IsZero() || j.anchor.time.IsZero():
		seam.Action = ActionBack
	case !j.parts[i].Continues:
		seam.Action = ActionGap
	default:
		want := j.anchor.at + ticks(taken.Sub(j.anchor.time), j.scale)
		if j.fits(want, end, prev.lastPicture(j.scale)) {
			pos, seam.Action = want, ActionJoin
		} else {
			seam.Action, seam.VideoError = ActionBack, duration(end-want, j.scale)
		}
	}
	if seam.Action != ActionJoin {
		j.anchor = anchor{time: taken, at: pos}
	}
	seam.Position = duration(pos, j.scale)
	return pos, seam
}

// fits says that a picture at want follows the one before it, whose part ends at end.
func (j *join) fits(want, end, lastPicture int64) bool {
	return want > end-lastPicture && duration(max(want-end, end-want), j.scale) <= maxDisagreement
}

// taken is the producer time of the part's first fragment; zero when not known.
func (p *part) taken() time.Time {
	if len(p.Fragments) == 0 {
		return time.Time{}
	}
	return p.Fragments[0].Producer
}

// length is how long the part's pictures last, in scale.
func (p *part) length(scale uint32) int64 {
	return media.Rescale(p.lead.End-p.lead.Samples[0].Time, p.lead.Timescale, scale)
}

func (p *part) lastPicture(scale uint32) int64 {
	return media.Rescale(p.lead.Duration(len(p.lead.Samples)-1), p.lead.Timescale, scale)
}

// ticks converts a time to a count of ticks, to the nearest.
func ticks(d time.Duration, scale uint32) int64 {
	return media.Rescale(int64(d), uint32(time.Second), scale)
}
