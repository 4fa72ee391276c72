package footage

import (
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// ClockOptions say how the time on the wall is told. The zero value tells the server's, in UTC.
type ClockOptions struct {
	Zone  *time.Location // nil means UTC
	Clock archive.Clock  // whose time
}

// clockForm has the same length for every time in the years 0 to 9999. Zones are told by their offset,
// since their names have all lengths.
const clockForm = "2006-01-02 15:04:05 -0700"

// unknown stands for a second that is not known.
const unknown = math.MinInt64

// text tells a second since 1970, or returns "" if it is not known.
func (o ClockOptions) text(second int64) string {
	t := time.Unix(second, 0).In(o.zone())
	if second == unknown || t.Year() < 0 || t.Year() > 9999 {
		return ""
	}
	return t.Format(clockForm)
}

func (o ClockOptions) zone() *time.Location {
	if o.Zone == nil {
		return time.UTC
	}
	return o.Zone
}

// tick is where the second on the clock changes: at the first picture that was taken in it.
type tick struct {
	at     time.Duration // presentation time
	second int64         // since 1970; or unknown
}

// ticks are where the second changes. They follow the pictures, not the time that passes: while a
// picture stands still over a hole so does its clock.
func ticks(m *media.Movie, runs []origin.Run, c archive.Clock) []tick {
	ts := []tick{{second: unknown}}
	for _, shown := range watch(m, runs, c) {
		for i, s := range shown {
			k := tick{s.At, second(s.Wall)}
			if i == 0 || k.second != ts[len(ts)-1].second {
				ts = append(ts, k)
			}
		}
	}
	slices.SortStableFunc(ts, func(a, b tick) int { return cmp.Compare(a.at, b.at) })
	ts = slices.CompactFunc(ts, func(a, b tick) bool { return a.second == b.second })
	return ts
}

func second(wall time.Time) int64 {
	if wall.IsZero() {
		return unknown
	}
	return wall.Unix()
}

// spell is a text that is shown from one millisecond of the movie to another.
type spell struct{ from, to, second int64 }

// spells cut the whole movie into texts, the first from 0 on. Each begins in the millisecond of its
// picture; of several in one the last counts.
func spells(m *media.Movie, runs []origin.Run, c archive.Clock) []spell {
	var out []spell
	for _, k := range ticks(m, runs, c) {
		from := max(0, k.at.Milliseconds())
		if n := len(out); n > 0 && out[n-1].from == from {
			out = out[:n-1]
		}
		if n := len(out); n > 0 {
			out[n-1].to = from
		}
		out = append(out, spell{from: from, second: k.second})
	}
	last := &out[len(out)-1]
	last.to = max(last.from+1, (plays(m) + time.Millisecond - 1).Milliseconds())
	return out
}

// Clock is a track of timed text (3GPP TS 26.245: two bytes of length, UTF-8) that tells at each moment
// of the movie when the picture that is shown was taken, such as "2026-03-14 01:17:35 -0700"; the text
// is empty where that is not known. A movie without pictures goes by its sound. The track has no ID
// yet; its samples lie in the source, which is to be the only one. Track is nil if no time is known.
func Clock(m *media.Movie, runs []origin.Run, o ClockOptions) (*media.Track, media.Source) {
	t := &media.Track{
		Kind: media.Text, Timescale: 1000, Language: "und", Handler: "Clock", Configs: []media.Config{{Format: "tx3g"}},
	}
	texts := &clockTexts{options: o}
	some := false
	for i, s := range spells(m, runs, o.Clock) {
		x := media.Sample{Time: s.from, Offset: int64(i * slot), Size: uint32(slot), Sync: true}
		if o.text(s.second) == "" {
			s.second, x.Size = unknown, lengthSize
		}
		some = some || s.second != unknown
		t.Samples, t.End = append(t.Samples, x), s.to
		texts.seconds = append(texts.seconds, s.second)
	}
	if !some {
		return nil, media.Source{}
	}
	return t, media.Source{ReaderAt: texts, Size: int64(len(texts.seconds) * slot)}
}

const (
	lengthSize = 2                           // bytes of a text's length
	slot       = lengthSize + len(clockForm) // bytes that each text has for itself
)

// clockTexts are the samples of a clock, each in a slot of its own, made when they are read.
type clockTexts struct {
	options ClockOptions
	seconds []int64
}

// ReadAt makes the bytes of some samples.
func (c *clockTexts) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for at >= 0 && n < len(p) && at/int64(slot) < int64(len(c.seconds)) {
		s := c.slot(c.seconds[at/int64(slot)])
		k := copy(p[n:], s[at%int64(slot):])
		n, at = n+k, at+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *clockTexts) slot(second int64) [slot]byte {
	var s [slot]byte
	n := copy(s[lengthSize:], c.options.text(second))
	binary.BigEndian.PutUint16(s[:], uint16(n))
	return s
}
