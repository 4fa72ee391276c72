package splice

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// wallFormat is RFC 3339 with milliseconds: how precisely the service tells times.
const wallFormat = "2006-01-02T15:04:05.000Z07:00"

// closed is a hole that was closed up.
type closed struct {
	at    int64     // position of the part behind it
	taken time.Time // when that part's first picture was taken, on Options.Clock
}

// closeUp remembers that p lies behind a hole that was closed up, if it does and its time is known.
func (j *join) closeUp(p *part, pos int64, seam Seam) {
	if seam.Action == ActionGap && len(p.Fragments) > 0 {
		j.closed = append(j.closed, closed{at: pos, taken: p.began(j.options.Clock)})
	}
}

// chapters tell where holes were closed up, by when the pictures behind them were taken, on
// Options.Clock: one at the start, and one at each hole before the position to, which is in the
// movie's scale. Without holes, or where the start is not known, there are none.
func (j *join) chapters(to int64) []media.Chapter {
	o := &j.opening
	if o.start.IsZero() {
		return nil
	}
	var cs []media.Chapter
	for _, c := range j.closed {
		if at := media.Rescale(c.at, j.scale, j.movie); o.from < at && at < to {
			cs = append(cs, media.Chapter{At: duration(at-o.from, j.movie), Title: c.taken.UTC().Format(wallFormat)})
		}
	}
	if len(cs) > 0 && !o.told {
		cs = append([]media.Chapter{{Title: o.start.UTC().Format(wallFormat)}}, cs...)
		o.told = true
	}
	return cs
}
