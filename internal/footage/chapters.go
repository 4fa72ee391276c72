package footage

import (
	"cmp"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

const (
	maxChapters = 255 // that files can hold: a chpl box counts them in a byte
	maxMarks    = 100 // of the clock: more are no help to people
)

// steps are the distances that chapters on marks of the clock can have.
var steps = []time.Duration{
	time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// Chapters are the movie's own chapters and those on marks of the clock: at the start, and where a minute,
// ten minutes or an hour begins by the clock in its zone, whichever is the least that makes no more
// than 100 of them. Where the clock jumps over a mark, the chapter is where it does. The movie's own
// are all kept; at the same place they win. There are at most 255 in all.
func Chapters(m *media.Movie, runs []origin.Run, o ClockOptions) []media.Chapter {
	out := slices.Clone(m.Chapters)
	room := maxChapters - len(out)
	marks := marks(ticks(m, runs, o.Clock), o, room)
	for _, c := range marks[:min(len(marks), max(0, room))] {
		if !slices.ContainsFunc(m.Chapters, func(own media.Chapter) bool { return (own.At - c.At).Abs() < time.Millisecond }) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b media.Chapter) int { return cmp.Compare(a.At, b.At) })
	return out
}

// marks are the chapters on marks of the clock, by the least step that makes few enough.
func marks(ts []tick, o ClockOptions, room int) []media.Chapter {
	var cs []media.Chapter
	for _, step := range steps {
		if cs = marksBy(ts, o, step); len(cs) <= min(maxMarks, room) {
			return cs
		}
	}
	return cs[:min(len(cs), 1)]
}

func marksBy(ts []tick, o ClockOptions, step time.Duration) []media.Chapter {
	var cs []media.Chapter
	last := int64(unknown)
	for _, k := range ts {
		title := o.text(k.second)
		if title == "" {
			continue
		}
		_, offset := time.Unix(k.second, 0).In(o.zone()).Zone()
		mark := floor(k.second+int64(offset), int64(step/time.Second))
		if mark != last {
			cs = append(cs, media.Chapter{At: max(0, k.at), Title: title})
		}
		last = mark
	}
	return cs
}

// floor divides, rounded down.
func floor(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
