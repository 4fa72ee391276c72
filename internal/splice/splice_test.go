package splice_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// silent hides what of the sound comes after 1000 ms, and its priming.
var silent = media.Edit{Duration: 1000, Media: 1024}

// films are pieces of each kind that the service or a file may have.
func films() map[string][]*media.Track {
	uneven := track(media.Video, 1000, avc, 1000, 0, 40, 90, 300, 310, 800)
	audioCut := func() *media.Track { return edited(sound(48), silent) }
	return map[string][]*media.Track{
		"pictures":                  {video(25)},
		"one picture":               {track(media.Video, 1000, avc, 1, 0)},
		"with sound":                {video(25), sound(47)},
		"sound first":               {sound(47), video(25)},
		"uneven":                    {uneven, sound(40)},
		"30000/1001":                {regular(media.Video, 30000, avc, 30, 1001, 30000), sound(47)},
		"B-frames":                  {reordered(24, 40), sound(45)},
		"B-frames, edit list":       {edited(reordered(24, 40), media.Edit{Media: 40}), sound(45)},
		"B-frames, negative shift":  {reordered(24, 0), sound(45)},
		"priming":                   {video(25), edited(sound(48), media.Edit{Media: 1024})},
		"priming, cut":              {video(25), audioCut()},
		"priming and an empty edit": {video(25), edited(sound(48), media.Edit{Duration: 13, Media: -1}, media.Edit{Media: 1024})},
		"late sound":                {video(25), edited(sound(40), media.Edit{Duration: 13, Media: -1})},
		"late pictures":             {edited(video(25), media.Edit{Duration: 70, Media: -1}), sound(47)},
		"two empty edits":           {video(25), edited(sound(40), media.Edit{Duration: 5, Media: -1}, media.Edit{Duration: 6, Media: -1}, media.Edit{})},
		"hidden pictures":           {edited(video(25), media.Edit{Duration: 600, Media: 200}), sound(30)},
		"long sound":                {video(25), sound(90)},
		"sound alone":               {sound(47)},
		"A-law":                     {video(25), regular(media.Audio, 8000, alaw, 50, 160, 8000)},
		"A-law in milliseconds":     {video(25), regular(media.Audio, 1000, alaw, 50, 160, 8000)},
		"H.265":                     {with(video(25), hevc)},
		"times from 5 s on":         {later(video(25), 5000), later(sound(47), 5*48000)},
		"an empty track":            {video(25), track(media.Audio, 48000, aac, 0)},
		"two of sound":              {video(25), sound(47), sound(40)},
	}
}

// later moves a track's media by ticks, and its edit list takes it back.
func later(t *media.Track, ticks int64) *media.Track {
	for i := range t.Samples {
		t.Samples[i].Time += ticks
	}
	t.End += ticks
	return edited(t, media.Edit{Media: ticks})
}

// A movie alone comes out as it went in: presented at the same times, hidden where it was hidden.
func TestOnePieceStaysAsItIs(t *testing.T) {
	for name, tracks := range films() {
		t.Run(name, func(t *testing.T) {
			in := movie(tracks...)
			j := join(t, []splice.Piece{{Movie: in}}, splice.Options{})
			start := math.Inf(1)
			for _, tr := range tracks {
				for _, sh := range play(t, in, tr) {
					if sh.shown {
						start = min(start, max(sh.at, 0))
					}
				}
			}
			n := 0
			for _, tr := range tracks {
				if len(tr.Samples) == 0 {
					continue
				}
				out := j.Movie.Tracks[n]
				if name == "sound first" {
					out = j.Movie.Tracks[1-n]
				}
				n++
				after := play(t, j.Movie, out)
				for k, b := range play(t, in, tr) {
					if a := after[k]; math.Abs(a.at-(b.at-start)) > eps || a.shown != b.shown {
						t.Errorf("track %d, sample %d: at %f, shown %v; want %f, %v", tr.ID, k, a.at, a.shown, b.at-start, b.shown)
					}
				}
			}
			if got, want := length(t, j.Movie), length(t, in)-start; math.Abs(got-want) > eps || math.Abs(j.Length.Seconds()-want) > 1e-6 {
				t.Errorf("%f s long, Length %v; want %f s", got, j.Length, want)
			}
		})
	}
}

// seams keeps of each what tells how it was made.
func seams(j *splice.Joined) []splice.Seam {
	var out []splice.Seam
	for _, s := range j.Seams {
		out = append(out, splice.Seam{Position: s.Position, VideoError: s.VideoError, Action: s.Action})
	}
	return out
}

func TestPlace(t *testing.T) {
	type seam = splice.Seam
	gap := func(p splice.Piece) splice.Piece { p.Hole = time.Hour - s; return p }
	for name, c := range map[string]struct {
		pieces []splice.Piece
		want   []seam
	}{
		"by producer time": {
			[]splice.Piece{piece(0, video(25)), piece(1003*ms, video(25)), piece(1999*ms, video(25))},
			[]seam{{Position: 1003 * ms, Action: splice.ActionJoin}, {Position: 1999 * ms, Action: splice.ActionJoin}},
		},
		"just after the last picture": {
			[]splice.Piece{piece(0, video(25)), piece(961*ms, video(25))},
			[]seam{{Position: 961 * ms, Action: splice.ActionJoin}},
		},
		"on the last picture": {
			[]splice.Piece{piece(0, video(25)), piece(960*ms, video(25))},
			[]seam{{Position: s, VideoError: 40 * ms, Action: splice.ActionBack}},
		},
		"later pieces find their place again": {
			[]splice.Piece{piece(0, video(25)), piece(940*ms, video(20)), piece(1800*ms, video(25))},
			[]seam{{Position: s, VideoError: 60 * ms, Action: splice.ActionBack}, {Position: 1800 * ms, Action: splice.ActionJoin}},
		},
		"a second and a picture late": {
			[]splice.Piece{piece(0, video(25)), piece(2040*ms, video(25))},
			[]seam{{Position: 2040 * ms, Action: splice.ActionJoin}},
		},
		"later still: the clock jumped": {
			[]splice.Piece{piece(0, video(25)), piece(2041*ms, video(25)), piece(3043*ms, video(25))},
			[]seam{{Position: s, Action: splice.ActionBack}, {Position: 2002 * ms, Action: splice.ActionJoin}},
		},
		"clock set back": {
			[]splice.Piece{piece(0, video(25)), piece(-time.Hour, video(25)), piece(-time.Hour+998*ms, video(25))},
			[]seam{{Position: s, Action: splice.ActionBack}, {Position: 1998 * ms, Action: splice.ActionJoin}},
		},
		"clock stands still": {
			[]splice.Piece{piece(0, video(25)), piece(0, video(25)), piece(0, video(25))},
			[]seam{{Position: s, VideoError: s, Action: splice.ActionBack}, {Position: 2 * s, Action: splice.ActionBack}},
		},
		"a gap is closed up": {
			[]splice.Piece{piece(0, video(25)), gap(piece(time.Hour, video(25))), piece(time.Hour+1010*ms, video(25))},
			[]seam{{Position: s, Action: splice.ActionGap}, {Position: 2010 * ms, Action: splice.ActionJoin}},
		},
		"a gap before a file": {
			[]splice.Piece{piece(0, video(25)), gap(file(video(25)))},
			[]seam{{Position: s, Action: splice.ActionGap}},
		},
		"files": {
			[]splice.Piece{file(video(25)), file(video(24)), file(video(25))},
			[]seam{{Position: s, Action: splice.ActionBack}, {Position: 1960 * ms, Action: splice.ActionBack}},
		},
		"a file among pieces": {
			[]splice.Piece{piece(0, video(25)), file(video(25)), piece(2010*ms, video(25)), piece(3021*ms, video(25))},
			[]seam{{Position: s, Action: splice.ActionBack}, {Position: 2 * s, Action: splice.ActionBack}, {Position: 3011 * ms, Action: splice.ActionJoin}},
		},
		"another configuration": {
			[]splice.Piece{piece(0, video(25)), piece(s, with(video(25), avc2)), piece(2*s, video(25))},
			[]seam{{Position: s, Action: splice.ActionConfig}, {Position: 2 * s, Action: splice.ActionConfig}},
		},
		"another codec": {
			[]splice.Piece{piece(0, video(25)), piece(s, with(video(25), hevc)), piece(2*s, video(25))},
			[]seam{{Position: s, Action: splice.ActionJoin}, {Position: 2 * s, Action: splice.ActionJoin}},
		},
		"B-frames": {
			[]splice.Piece{piece(0, reordered(24, 40)), piece(962*ms, reordered(24, 40)), piece(1921*ms, video(25))},
			[]seam{{Position: 962 * ms, Action: splice.ActionJoin}, {Position: 1921 * ms, Action: splice.ActionJoin}},
		},
		"the last picture is shown long after its decoding": {
			[]splice.Piece{file(shownAt(track(media.Video, 1000, avc, 120, 0, 40, 80), 0, 500, 40)), file(video(25))},
			[]seam{{Position: 501 * ms, Action: splice.ActionBack}},
		},
		"a slow camera": {
			[]splice.Piece{piece(0, track(media.Video, 1000, avc, 5001, 0, 5000)), piece(10*s, video(25))},
			[]seam{{Position: 5001 * ms, Action: splice.ActionBack}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := join(t, c.pieces, splice.Options{})
			diff(t, "Join: seams", c.want, seams(j))
			for i, sm := range j.Seams {
				at := first(shots(t, j.Movie, i+1, media.Video))
				if math.Abs(at-sm.Position.Seconds()) > eps {
					t.Errorf("seam %d: the picture is at %f s, Position says %v", i+1, at, sm.Position)
				}
			}
		})
	}
}

// shownAt sets the composition times.
func shownAt(t *media.Track, at ...int64) *media.Track {
	for i, c := range at {
		t.Samples[i].Shift = int32(c - t.Samples[i].Time)
	}
	return t
}

func TestTracksAndConfigurations(t *testing.T) {
	j := join(t, []splice.Piece{
		piece(0, video(25), sound(47)),
		piece(s, with(video(25), avc2), sound(47)),
		piece(2*s, with(video(25), hevc)),
		piece(3*s, video(25), regular(media.Audio, 8000, alaw, 50, 160, 8000)),
	}, splice.Options{})
	var got [][3]any
	for _, tr := range j.Movie.Tracks {
		got = append(got, [3]any{tr.Configs[0].Format, len(tr.Configs), len(tr.Samples)})
	}
	diff(t, "tracks: format, configurations, samples", [][3]any{
		{"avc1", 2, 75}, {"hvc1", 1, 25}, {"mp4a", 1, 94}, {"alaw", 1, 50},
	}, got)
	for i, tr := range j.Movie.Tracks {
		if tr.ID != uint32(i+1) {
			t.Errorf("track %d has ID %d", i, tr.ID)
		}
	}
	for i, want := range []float64{0, 1, 2, 3} {
		if got := first(shots(t, j.Movie, i, media.Video)); math.Abs(got-want) > eps {
			t.Errorf("piece %d starts at %f s, want %f", i, got, want)
		}
	}
}

// A second track of pictures that is longer than the first reaches over the seam; its pictures
// keep their times, in decode order one after the other.
func TestSecondTrackOfPictures(t *testing.T) {
	j := join(t, []splice.Piece{piece(0, video(25), video(28)), piece(s, video(25), video(28))}, splice.Options{})
	if tr := j.Movie.Tracks[1]; tr.Samples[28].Shift >= 0 || tr.Composition(28) != 1000 {
		t.Errorf("the second track goes on with %+v, want it to be shown at 1000 ms", tr.Samples[28])
	}
}

func TestOtherTimescales(t *testing.T) {
	for name, scales := range map[string][3]uint32{
		"common":        {1000, 90000, 48000},
		"same":          {90000, 90000, 90000},
		"none in bound": {999_983, 1_000_003, 90000},
		"largest":       {math.MaxUint32, math.MaxUint32 - 1, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			var pieces []splice.Piece
			for i, sc := range scales {
				pieces = append(pieces, piece(time.Duration(i)*s, regular(media.Video, sc, avc, 25, 1, 25)))
			}
			j, err := splice.Join(pieces, splice.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rising(t, j.Movie.Tracks[0], len(pieces))
			for i := range scales {
				if got := first(shots(t, j.Movie, i, media.Video)); math.Abs(got-float64(i)) > 2e-6 {
					t.Errorf("piece %d starts at %.9f s, want %d", i, got, i)
				}
			}
		})
	}
}

func TestStart(t *testing.T) {
	p := piece(0, video(25))
	p.Movie.Created = noon.Add(time.Hour)
	for name, c := range map[string]struct {
		o     splice.Options
		start time.Duration
	}{
		"whole":             {splice.Options{}, 500 * ms},
		"producer":          {splice.Options{Clock: archive.Producer}, 0},
		"producer, trimmed": {splice.Options{Clock: archive.Producer, From: noon.Add(99 * ms)}, 80 * ms},
		"server, trimmed":   {splice.Options{From: noon.Add(599 * ms)}, 580 * ms},
	} {
		j := join(t, []splice.Piece{p}, c.o)
		if !j.Start.Equal(noon.Add(c.start)) || !j.Movie.Created.Equal(j.Start) {
			t.Errorf("%s: Start %v, Created %v; want noon + %v", name, j.Start, j.Movie.Created, c.start)
		}
	}
	// Sound that starts before the first picture is shown, and no picture with it.
	early := piece(0, edited(video(25), media.Edit{Duration: 70, Media: -1}, media.Edit{}), sound(47))
	if j := join(t, []splice.Piece{early}, splice.Options{}); j.Lead != 0 || !j.Start.Equal(noon.Add(500*ms)) || j.Length != 1070*ms {
		t.Errorf("sound first: Lead %v, Start %v, Length %v; want 0, noon + 500ms, 1.07s", j.Lead, j.Start, j.Length)
	}
	f := file(video(25))
	f.Movie.Created = noon
	if j := join(t, []splice.Piece{f}, splice.Options{}); !j.Start.IsZero() || !j.Movie.Created.Equal(noon) {
		t.Errorf("file: Start %v, Created %v; want zero and its own", j.Start, j.Movie.Created)
	}
}

func TestCannotJoin(t *testing.T) {
	hidden := func(n int, e media.Edit) splice.Piece { return file(edited(video(n), e)) }
	both := video(2)
	both.Configs = append(both.Configs, hevc)
	twice := file(video(1))
	twice.Movie.Sources = append(twice.Movie.Sources, twice.Movie.Sources...)
	far := track(media.Video, 1000, avc, 80, 0, 40)
	far.Samples[1].Shift = math.MaxInt32
	for name, c := range map[string]struct {
		pieces []splice.Piece
		text   string
	}{
		"no pieces":                    {nil, "1 to 65535"},
		"too many pieces":              {make([]splice.Piece, splice.MaxPieces+1), "65536 pieces"},
		"no tracks":                    {[]splice.Piece{file()}, "no samples"},
		"no samples":                   {[]splice.Piece{file(track(media.Video, 1000, avc, 0))}, "no samples"},
		"two sources":                  {[]splice.Piece{twice}, "2 sources"},
		"two codecs in a track":        {[]splice.Piece{file(both)}, "avc and hvc1"},
		"two stretches":                {[]splice.Piece{hidden(25, media.Edit{}), file(edited(video(25), media.Edit{Duration: 40}, media.Edit{Media: 200}))}, "several stretches"},
		"hidden in front of a second":  {[]splice.Piece{file(video(25)), hidden(25, media.Edit{Media: 40})}, "at the start"},
		"hidden at the end of a first": {[]splice.Piece{hidden(25, media.Edit{Duration: 960}), file(video(25))}, "at the end"},
		"offset too large":             {[]splice.Piece{file(far), file(regular(media.Video, 90000, avc, 2, 1, 25))}, "too long after"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := splice.Join(c.pieces, splice.Options{})
			if !errors.Is(err, splice.ErrCannotJoin) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("Join: %v, want ErrCannotJoin with %q", err, c.text)
			}
		})
	}
}

// What an edit list hides is only refused where whole pictures would show up.
func TestCanJoin(t *testing.T) {
	for name, pieces := range map[string][]splice.Piece{
		"part of the first picture":       {file(video(25)), file(edited(video(25), media.Edit{Media: 39}))},
		"part of a long first picture":    {file(video(25)), file(edited(track(media.Video, 1000, avc, 1080, 0, 1000, 1040), media.Edit{Media: 900}))},
		"part of the last picture":        {file(edited(video(25), media.Edit{Duration: 961})), file(video(25))},
		"pictures in front of the first":  {file(edited(video(25), media.Edit{Media: 500})), file(video(25))},
		"pictures at the end of the last": {file(video(25)), file(edited(video(25), media.Edit{Duration: 500}))},
	} {
		t.Run(name, func(t *testing.T) { join(t, pieces, splice.Options{}) })
	}
}

func TestMostPieces(t *testing.T) {
	j, err := splice.Join(slices.Repeat([]splice.Piece{file(video(1))}, splice.MaxPieces), splice.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr := j.Movie.Tracks[0]
	rising(t, tr, splice.MaxPieces)
	if n := len(tr.Samples); n != splice.MaxPieces || tr.Samples[n-1].Source != splice.MaxPieces-1 || tr.End != 40*splice.MaxPieces {
		t.Errorf("Join of %d pictures: %d samples, the last one of piece %d, %d ms", splice.MaxPieces, n, tr.Samples[n-1].Source, tr.End)
	}
}
