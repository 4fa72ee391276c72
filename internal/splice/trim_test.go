package splice_test

import (
	"math"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// fragments gives a piece n fragments of the same length; they arrive ever later.
func fragments(p splice.Piece, n int, each time.Duration) splice.Piece {
	f := p.Fragments[0]
	p.Fragments = nil
	for i := range n {
		g := f
		g.Producer, g.Server = f.Producer.Add(time.Duration(i)*each), f.Server.Add(time.Duration(i)*(each+10*ms))
		p.Fragments = append(p.Fragments, g)
	}
	return p
}

// On the server clock a fragment can come later than it was filmed. What is asked for then is told
// from the fragment that holds the instant, not from the piece's first.
func TestTrimOfFragmentsThatCameLate(t *testing.T) {
	f := func(filmed, came time.Duration) archive.Fragment {
		return archive.Fragment{Number: filmed.String(), Producer: noon.Add(filmed), Server: noon.Add(came), Length: 1960 * ms}
	}
	p := piece(0, video(150))
	p.Fragments = []archive.Fragment{f(0, 0), f(2*s, 62*s), f(4*s, 64500*ms)} // the network was away for a minute
	for from, want := range map[time.Duration]struct{ shown, start time.Duration }{
		1 * s:       {1 * s, 1 * s},
		1970 * ms:   {1960 * ms, 1960 * ms},
		30 * s:      {1960 * ms, 1960 * ms},
		62 * s:      {2 * s, 62 * s},
		63 * s:      {3 * s, 63 * s},
		64400 * ms:  {3960 * ms, 63960 * ms},
		64500 * ms:  {4 * s, 64500 * ms},
		65499 * ms:  {4960 * ms, 65460 * ms},
		time.Minute: {1960 * ms, 1960 * ms},
	} {
		j := join(t, []splice.Piece{p}, splice.Options{From: noon.Add(from)})
		if j.Lead != want.shown || !j.Start.Equal(noon.Add(want.start)) {
			t.Errorf("from %v: shown from %v on, at %v; want %v, at %v", from, j.Lead, j.Start.Sub(noon), want.shown, want.start)
		}
	}
}

// A clip begins with the last picture at or before the asked start and ends at the asked end, for
// pictures and sound alike. What lies before stays in the file, unseen; what lies behind is left
// out.
func TestTrim(t *testing.T) {
	late := func(d time.Duration) time.Time { return noon.Add(500*ms + d) }
	for name, c := range map[string]struct {
		o        splice.Options
		from, to time.Duration // what is shown, from the first picture
	}{
		"nothing asked":                   {splice.Options{}, 0, 8 * s},
		"producer: before the first":      {splice.Options{Clock: archive.Producer, From: noon.Add(-s)}, 0, 8 * s},
		"producer: at the first":          {splice.Options{Clock: archive.Producer, From: noon}, 0, 8 * s},
		"producer: just before a picture": {splice.Options{Clock: archive.Producer, From: noon.Add(1399 * ms)}, 1360 * ms, 8 * s},
		"producer: at a picture":          {splice.Options{Clock: archive.Producer, From: noon.Add(1400 * ms)}, 1400 * ms, 8 * s},
		"producer: just after":            {splice.Options{Clock: archive.Producer, From: noon.Add(1401 * ms)}, 1400 * ms, 8 * s},
		"producer: after the first piece": {splice.Options{Clock: archive.Producer, From: noon.Add(5 * s)}, 3960 * ms, 8 * s},
		"producer: end":                   {splice.Options{Clock: archive.Producer, To: noon.Add(7501 * ms)}, 0, 7501 * ms},
		"producer: end after all":         {splice.Options{Clock: archive.Producer, To: noon.Add(time.Hour)}, 0, 8 * s},
		"producer: both":                  {splice.Options{Clock: archive.Producer, From: noon.Add(50 * ms), To: noon.Add(6100 * ms)}, 40 * ms, 6100 * ms},
		"server: start":                   {splice.Options{From: late(1401 * ms)}, 1400 * ms, 8 * s},
		"server: end in the last one":     {splice.Options{To: late(7501 * ms)}, 0, 7491 * ms}, // which came 10 ms late
		"server: both":                    {splice.Options{From: late(79 * ms), To: late(6510 * ms)}, 40 * ms, 6500 * ms},
	} {
		for kind, film := range map[string]func() []*media.Track{
			"plain": func() []*media.Track { return []*media.Track{video(100), sound(187)} },
			"B-frames": func() []*media.Track {
				return []*media.Track{reordered(100, 40), edited(sound(187), media.Edit{Duration: 40, Media: -1}, media.Edit{})}
			},
			"B-frames, edit": func() []*media.Track {
				return []*media.Track{edited(reordered(100, 40), media.Edit{Media: 40}), sound(187)}
			},
			"negative shift": func() []*media.Track { return []*media.Track{reordered(100, 0), sound(187)} },
			"priming": func() []*media.Track {
				return []*media.Track{video(100), edited(sound(189), media.Edit{Duration: 4000, Media: 1024})}
			},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				pieces := []splice.Piece{
					fragments(piece(0, film()...), 2, 2*s), fragments(piece(4*s, film()...), 2, 2*s),
				}
				j := join(t, pieces, c.o)
				trimmed(t, j, c.from.Seconds(), c.to.Seconds())
				whole := join(t, pieces, splice.Options{})
				ended(t, whole.Movie, j.Movie, first(shots(t, whole.Movie, 0, media.Video))+c.to.Seconds())
				if got := j.Lead - c.from; got.Abs() > 1 {
					t.Errorf("Lead %v, want %v", j.Lead, c.from)
				}
				if got := j.Length - (c.to - c.from); got.Abs() > 1 {
					t.Errorf("Length %v, want %v", j.Length, c.to-c.from)
				}
			})
		}
	}
}

// trimmed checks that what lies in [from, to) after the first picture is shown, and nothing else.
func trimmed(t *testing.T, j *splice.Joined, from, to float64) {
	t.Helper()
	origin := first(play(t, j.Movie, j.Movie.Find(media.Video)))
	if math.Abs(origin+from) > eps {
		t.Errorf("the first picture is at %f s, want %f: %f is the first shown", origin, -from, from)
	}
	for _, tr := range j.Movie.Tracks {
		for k, sh := range play(t, j.Movie, tr) {
			at, until := sh.at-origin, sh.until-origin
			want := until > from+2*eps && at < to-2*eps
			if sh.shown != want && math.Abs(at-to) > 2*eps && math.Abs(until-from) > 2*eps && sh.until-sh.at > 0.001 && at >= 0 {
				t.Errorf("%s sample %d from %f to %f s: shown %v, want %v", tr.Kind, k, at, until, sh.shown, want)
			}
		}
	}
	if got := length(t, j.Movie); math.Abs(got-(to-from)) > 1e-6 {
		t.Errorf("the movie is %f s long, want %f", got, to-from)
	}
}

// A range of one instant still shows something.
func TestTrimToNothing(t *testing.T) {
	p := piece(0, video(25), sound(47))
	j := join(t, []splice.Piece{p}, splice.Options{Clock: archive.Producer, From: noon.Add(500 * ms), To: noon.Add(400 * ms)})
	if j.Length <= 0 || j.Length > ms || j.Lead != 480*ms {
		t.Errorf("Lead %v, Length %v; want 480ms and a tick", j.Lead, j.Length)
	}
}

// A track that ends before the asked start keeps its samples, and a tick of one shows. One that
// begins behind the asked end is left out.
func TestTrimLeavesATrackOut(t *testing.T) {
	pieces := []splice.Piece{piece(0, video(25), sound(10)), piece(s, with(video(25), hevc)), piece(2*s, with(video(25), hevc), regular(media.Audio, 8000, alaw, 50, 160, 8000))}
	j := join(t, pieces, splice.Options{Clock: archive.Producer, From: noon.Add(500 * ms), To: noon.Add(1500 * ms)})
	if got := length(t, j.Movie); math.Abs(got-1.02) > eps {
		t.Errorf("the movie is %f s long, want 1.02", got)
	}
	if len(j.Movie.Tracks) != 3 {
		t.Errorf("%d tracks, want 3", len(j.Movie.Tracks))
	}
	for _, tr := range j.Movie.Tracks {
		shown := 0
		for _, sh := range play(t, j.Movie, tr) {
			if sh.shown {
				shown++
			}
		}
		if want := map[string]int{"avc1": 13, "hvc1": 13, "mp4a": 1}[tr.Configs[0].Format]; shown != want {
			t.Errorf("%s: %d samples shown, want %d", tr.Configs[0].Format, shown, want)
		}
	}
}

// The piece's own edit list still hides what it hid, at the start and at the end.
func TestTrimKeepsOwnEdits(t *testing.T) {
	a := piece(0, edited(video(25), media.Edit{Media: 200}), sound(47))
	b := piece(s, edited(video(25), media.Edit{Duration: 600}), edited(sound(47), media.Edit{Duration: 600}))
	j := join(t, []splice.Piece{a, b}, splice.Options{})
	v := play(t, j.Movie, j.Movie.Tracks[0])
	if v[4].shown || !v[5].shown || !v[25+14].shown || v[25+15].shown {
		t.Errorf("shown: pictures 4 %v, 5 %v, 39 %v, 40 %v; want false, true, true, false", v[4].shown, v[5].shown, v[39].shown, v[40].shown)
	}
	if j.Lead != 200*ms || !j.Start.Equal(noon.Add(700*ms)) {
		t.Errorf("Lead %v, Start %v; want 200ms and 700 ms after noon", j.Lead, j.Start)
	}
}

// A picture may be shown for longer than the next one takes to be decoded. The last one lasts then
// until the end, for edits must not show what is not there.
func TestTrimCoversTheEnd(t *testing.T) {
	pieces := []splice.Piece{piece(0, shownAt(track(media.Video, 1000, avc, 160, 0, 40, 80, 120), 0, 100, 600, 700))}
	for _, to := range []time.Duration{140 * ms, 141 * ms, 500 * ms, 600 * ms, 601 * ms} {
		j := join(t, pieces, splice.Options{Clock: archive.Producer, To: noon.Add(to)})
		ended(t, join(t, pieces, splice.Options{}).Movie, j.Movie, to.Seconds())
		if over := beyond(j.Movie, j.Movie.Tracks[0]); j.Length != to || over > eps {
			t.Errorf("to %v: Length %v, %f s of it behind the media", to, j.Length, over)
		}
	}
}

// Sample entries that nothing needs any more are left out.
func TestTrimDropsConfigurations(t *testing.T) {
	pieces := []splice.Piece{piece(0, video(25), sound(47)), piece(s, with(video(25), avc2), sound(47))}
	for to, want := range map[time.Duration]int{999 * ms: 1, s: 1, 1001 * ms: 2} {
		j := join(t, pieces, splice.Options{Clock: archive.Producer, To: noon.Add(to)})
		ended(t, join(t, pieces, splice.Options{}).Movie, j.Movie, to.Seconds())
		if n := len(j.Movie.Tracks[0].Configs); n != want {
			t.Errorf("to %v: %d sample entries, want %d", to, n, want)
		}
	}
}

// The track of the first picture stays even if only sound begins before the end.
func TestTrimKeepsAPicture(t *testing.T) {
	p := piece(0, edited(video(25), media.Edit{Duration: 70, Media: -1}, media.Edit{}), sound(47))
	j := join(t, []splice.Piece{p}, splice.Options{Clock: archive.Producer, To: noon.Add(-20 * ms)})
	if len(j.Movie.Tracks) != 2 || len(j.Movie.Tracks[0].Samples) != 1 || len(j.Movie.Tracks[1].Samples) != 3 {
		t.Errorf("%d tracks, want 1 picture and 3 blocks", len(j.Movie.Tracks))
	}
	if got := length(t, j.Movie); math.Abs(got-0.05) > eps {
		t.Errorf("the movie is %f s long, want 0.05", got)
	}
}
