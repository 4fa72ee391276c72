package splice_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

func TestCut(t *testing.T) {
	plain := func() splice.Piece { return file(video(25), sound(47)) }
	both := func(first, second media.Config) splice.Piece {
		v := video(25)
		v.Configs = []media.Config{first, second}
		return file(v)
	}
	large := avc
	large.Width = 1280
	entry := avc
	entry.Entry = []byte("with a bit rate of its own")
	for name, c := range map[string]struct {
		pieces             []splice.Piece
		holes, changes, at []int // where runs begin by atHoles, by atChanges, by both
	}{
		"nothing":               {nil, nil, nil, nil},
		"one":                   {[]splice.Piece{plain()}, []int{0}, []int{0}, []int{0}},
		"a hole before all":     {[]splice.Piece{after(s, plain()), plain()}, []int{0}, []int{0}, []int{0}},
		"a hole":                {[]splice.Piece{plain(), after(s, plain()), plain()}, []int{0, 1}, []int{0}, []int{0, 1}},
		"a session":             {[]splice.Piece{plain(), after(0, plain())}, []int{0}, []int{0}, []int{0}},
		"another configuration": {[]splice.Piece{plain(), file(with(video(25), avc2), sound(47)), plain()}, []int{0}, []int{0, 1, 2}, []int{0, 1, 2}},
		"another size":          {[]splice.Piece{plain(), file(with(video(25), large), sound(47))}, []int{0}, []int{0, 1}, []int{0, 1}},
		"another codec":         {[]splice.Piece{plain(), file(with(video(25), hevc), sound(47))}, []int{0}, []int{0, 1}, []int{0, 1}},
		"another sound":         {[]splice.Piece{plain(), file(video(25), with(sound(47), mono))}, []int{0}, []int{0, 1}, []int{0, 1}},
		"sound ends":            {[]splice.Piece{plain(), file(video(25)), file(video(25))}, []int{0}, []int{0, 1}, []int{0, 1}},
		"sound begins":          {[]splice.Piece{file(video(25)), plain()}, []int{0}, []int{0, 1}, []int{0, 1}},
		"an empty track":        {[]splice.Piece{file(video(25)), file(video(25), track(media.Audio, 48000, aac, 0))}, []int{0}, []int{0}, []int{0}},
		"other boxes":           {[]splice.Piece{file(video(25)), file(with(video(25), entry))}, []int{0}, []int{0}, []int{0}},
		"tracks in other order": {[]splice.Piece{plain(), file(sound(47), video(25))}, []int{0}, []int{0}, []int{0}},
		"two of one set":        {[]splice.Piece{both(avc, avc2), both(avc2, avc)}, []int{0}, []int{0}, []int{0}},
		"one of two":            {[]splice.Piece{both(avc, avc2), both(avc, avc)}, []int{0}, []int{0, 1}, []int{0, 1}},
		"a hole, then a change": {[]splice.Piece{plain(), after(s, plain()), file(video(25))}, []int{0, 1}, []int{0, 2}, []int{0, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, how := range []struct {
				holes, changes bool
				want           []int
			}{{true, false, c.holes}, {false, true, c.changes}, {true, true, c.at}, {false, false, c.holes[:min(1, len(c.holes))]}} {
				var got []int
				n := 0
				for _, run := range splice.Cut(c.pieces, how.holes, how.changes) {
					got = append(got, n)
					for i := range run {
						if run[i].Movie != c.pieces[n].Movie {
							t.Fatalf("Cut(%v, %v): piece %d is not in its place", how.holes, how.changes, n)
						}
						n++
					}
				}
				if !slices.Equal(got, how.want) || n != len(c.pieces) {
					t.Errorf("Cut(%v, %v): runs begin at %v and hold %d pieces, want %v and %d", how.holes, how.changes, got, n, how.want, len(c.pieces))
				}
			}
		})
	}
}

// Each run can be joined with the range of all: what lies far from its footage does no harm.
func TestCutRunsTakeTheWholeRange(t *testing.T) {
	film := func(at time.Duration) splice.Piece { return piece(at, video(25), sound(47)) }
	pieces := []splice.Piece{film(0), film(s), after(time.Hour, film(time.Hour+2*s)), after(48*time.Hour, film(49*time.Hour)), film(49*time.Hour + s)}
	for _, keep := range []bool{false, true} {
		for _, clock := range []archive.Clock{archive.Server, archive.Producer} {
			o := splice.Options{Clock: clock, Keep: keep, From: pieces[0].Fragments[0].Start(clock).Add(100 * ms), To: pieces[4].Fragments[0].Start(clock).Add(500 * ms)}
			for i, run := range splice.Cut(pieces, true, true) {
				j := join(t, run, o)
				start := run[0].Fragments[0].Start(clock)
				length := []time.Duration{1920 * ms, 1003 * ms, 1500 * ms}[i] // 47 blocks of sound are 1002.7 ms
				if i == 0 {
					start = start.Add(80 * ms)
				}
				if !j.Start.Equal(start) || (j.Length-length).Abs() > 6*ms {
					t.Errorf("run %d: starts at %v, lasts %v; want %v, %v", i, j.Start, j.Length, start, length)
				}
				if len(j.Movie.Chapters) > 0 || len(j.Movie.Sources) != len(run) {
					t.Errorf("run %d: %d chapters, %d sources; want none and %d", i, len(j.Movie.Chapters), len(j.Movie.Sources), len(run))
				}
				for _, sm := range j.Seams {
					if sm.Action != splice.ActionJoin {
						t.Errorf("run %d: %+v, want a join", i, sm)
					}
				}
			}
		}
	}
	far := splice.Options{From: time.Unix(0, 0), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if j := join(t, pieces[:1], far); j.Lead != 0 || math.Abs(j.Length.Seconds()-1.0027) > 0.001 {
		t.Errorf("a range of all times: Lead %v, Length %v; want 0 and 1.0027 s", j.Lead, j.Length)
	}
}

// Chapters tell where holes were closed up, in what is shown.
func TestChapters(t *testing.T) {
	chapter := func(at time.Duration, wall time.Duration) media.Chapter {
		return media.Chapter{At: at, Title: noon.Add(wall).Format("2006-01-02T15:04:05.000Z")}
	}
	holes := func() []splice.Piece {
		return []splice.Piece{piece(0, video(25)), after(4*s, piece(5*s, video(25))), piece(6003*ms, video(25)), after(time.Hour, piece(time.Hour+7*s, video(25)))}
	}
	for name, c := range map[string]struct {
		pieces []splice.Piece
		o      splice.Options
		want   []media.Chapter
	}{
		"producer time": {holes(), splice.Options{Clock: archive.Producer}, []media.Chapter{chapter(0, 0), chapter(s, 5*s), chapter(3003*ms, time.Hour+7*s)}},
		"server time":   {holes(), splice.Options{}, []media.Chapter{chapter(0, 500*ms), chapter(s, 5500*ms), chapter(3003*ms, time.Hour+7500*ms)}},
		"a late start": {
			holes(),
			splice.Options{Clock: archive.Producer, From: noon.Add(130 * ms)},
			[]media.Chapter{chapter(0, 120*ms), chapter(880*ms, 5*s), chapter(2883*ms, time.Hour+7*s)},
		},
		"B-frames": {
			[]splice.Piece{piece(0, reordered(24, 40)), after(4*s, piece(5*s, reordered(24, 40)))},
			splice.Options{Clock: archive.Producer},
			[]media.Chapter{chapter(0, 0), chapter(960*ms, 5*s)},
		},
		"no holes":            {[]splice.Piece{piece(0, video(25)), piece(s, video(25)), after(0, piece(3*s, video(25)))}, splice.Options{}, nil},
		"kept":                {holes(), splice.Options{Keep: true}, nil},
		"nothing is known":    {[]splice.Piece{file(video(25)), after(s, file(video(25)))}, splice.Options{}, nil},
		"of one it is known":  {[]splice.Piece{piece(0, video(25)), after(s, file(video(25)))}, splice.Options{}, nil},
		"the end is before":   {holes()[:2], splice.Options{Clock: archive.Producer, To: noon.Add(4 * s)}, nil},
		"the end is just not": {holes()[:2], splice.Options{Clock: archive.Producer, To: noon.Add(5*s + ms)}, []media.Chapter{chapter(0, 0), chapter(s, 5*s)}},
	} {
		t.Run(name, func(t *testing.T) {
			j := join(t, c.pieces, c.o)
			diff(t, "Chapters", c.want, j.Movie.Chapters)
		})
	}
}
