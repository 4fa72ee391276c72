package splice

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// wallFormat is RFC 3339 with milliseconds: how precisely the service tells times.
const wallFormat = "2006-01-02T15:04:05.000Z07:00"

// chapters tell where holes were closed up, by when the pictures behind them were taken, on
// Options.Clock: one at the start, and one at each hole. Without holes, or where the start is not
// known, there are none. The movie is shown between from and to, in the movie's scale.
func (j *join) chapters(start time.Time, from, to int64, scale uint32) []media.Chapter {
	if start.IsZero() {
		return nil
	}
	cs := []media.Chapter{{Title: start.UTC().Format(wallFormat)}}
	for _, s := range j.seams {
		at := media.Rescale(j.at[s.Piece], j.scale, scale)
		if fs := j.parts[s.Piece].Fragments; s.Action == ActionGap && len(fs) > 0 && from < at && at < to {
			cs = append(cs, media.Chapter{At: duration(at-from, scale), Title: fs[0].Start(j.options.Clock).UTC().Format(wallFormat)})
		}
	}
	if len(cs) == 1 {
		return nil
	}
	return cs
}
