package splice_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// opus and linear are what the tables know no duration of, and no sample entry.
var (
	opus   = media.Config{Format: "Opus", Private: []byte("OpusHead"), Channels: 2, SampleRate: 48000}
	linear = media.Config{CodecID: "A_PCM/INT/LIT", Channels: 1, SampleRate: 16000, BitDepth: 16}
	mjpg   = media.Config{CodecID: "V_MJPEG", Width: 640, Height: 360}
)

// alone are kinds of sound that pieces without pictures may have, n blocks of it.
var alone = map[string]func(n int) *media.Track{
	"AAC":                 sound,
	"AAC in milliseconds": func(n int) *media.Track { return regular(media.Audio, 1000, aac, n, 1024, 48000) },
	"A-law":               func(n int) *media.Track { return regular(media.Audio, 8000, alaw, n*16/15, 160, 8000) },
	"Opus":                func(n int) *media.Track { return regular(media.Audio, 1000, opus, n*16/15, 1, 50) },
	"PCM":                 func(n int) *media.Track { return regular(media.Audio, 1000, linear, n*16/15, 1, 50) },
}

// Sound alone lies where its times say, and goes on where it is off by up to half a block.
func TestSoundAlone(t *testing.T) {
	for name, of := range alone {
		t.Run(name, func(t *testing.T) {
			var pieces []splice.Piece
			for i := range 100 { // of 2.0053 seconds, 2.004 apart by their times
				pieces = append(pieces, piece(time.Duration(i)*2004*ms, of(94)))
			}
			j := join(t, pieces, splice.Options{})
			of := byPiece(play(t, j.Movie, j.Movie.Tracks[0]), len(pieces))
			for i, shots := range of {
				at, want := first(shots), float64(i)*2.004
				if math.Abs(at-want) > block/2+eps {
					t.Fatalf("piece %d: sound at %f s, want %f", i, at, want)
				}
				if i == 0 {
					continue
				}
				if sm := j.Seams[i-1]; sm.Action != splice.ActionJoin || math.Abs(at-want-sm.AudioError.Seconds()) > 0.001 {
					t.Fatalf("piece %d: sound at %f s, want %f; its seam says %+v", i, at, want, sm)
				}
			}
			if got := length(t, j.Movie); math.Abs(got-j.Length.Seconds()) > 0.001 || math.Abs(got-99*2.004-2.005) > 0.02 {
				t.Errorf("%f s long, Length %v", got, j.Length)
			}
		})
	}
}

// A clip of sound begins and ends at the asked instants, inside a block.
func TestSoundAloneIsTrimmedExactly(t *testing.T) {
	for name, of := range alone {
		for _, clock := range []archive.Clock{archive.Server, archive.Producer} {
			t.Run(name+"/"+clock.String(), func(t *testing.T) {
				pieces := []splice.Piece{piece(0, of(94)), piece(2*s, of(94))}
				o := splice.Options{Clock: clock, From: pieces[0].Fragments[0].Start(clock).Add(1005 * ms), To: pieces[1].Fragments[0].Start(clock).Add(1007 * ms)}
				j := join(t, pieces, o)
				if j.Lead != 1005*ms || j.Length != 2002*ms || !j.Start.Equal(o.From) {
					t.Errorf("Lead %v, Length %v, Start %v; want 1.005s, 2.002s, %v", j.Lead, j.Length, j.Start, o.From)
				}
				shots := play(t, j.Movie, j.Movie.Tracks[0])
				if at := shots[0].at; math.Abs(at+1.005) > eps {
					t.Errorf("the first block is at %f s, want -1.005", at)
				}
				if got := length(t, j.Movie); math.Abs(got-2.002) > eps {
					t.Errorf("%f s long, want 2.002", got)
				}
				if last := shots[len(shots)-1]; last.at > 2.002 || last.until < 2.002-0.003 {
					t.Errorf("the last block lasts from %f to %f s, want it over 2.002", last.at, last.until)
				}
			})
		}
	}
}

// Holes between sound alone are kept or closed up; closed ones get chapters.
func TestSoundAloneOverHoles(t *testing.T) {
	for name, of := range alone {
		t.Run(name, func(t *testing.T) {
			pieces := []splice.Piece{piece(0, of(94)), after(58*s, piece(time.Minute, of(94)))}
			kept := join(t, pieces, splice.Options{Clock: archive.Producer, Keep: true})
			if at := first(shots(t, kept.Movie, 1, media.Audio)); at != 60 || kept.Seams[0].Action != splice.ActionHeld || len(kept.Movie.Chapters) > 0 {
				t.Errorf("kept: sound at %f s, %+v, chapters %v", at, kept.Seams[0], kept.Movie.Chapters)
			}
			silence := len(kept.Movie.Sources) > 2
			if want := name != "PCM"; silence != want {
				t.Errorf("silence: %v, want %v", silence, want)
			}
			up := join(t, pieces, splice.Options{Clock: archive.Producer})
			at := first(shots(t, up.Movie, 1, media.Audio))
			want := []media.Chapter{{Title: "2026-03-14T12:00:00.000Z"}, {At: up.Seams[0].Position, Title: "2026-03-14T12:01:00.000Z"}}
			if d := cmp.Diff(want, up.Movie.Chapters); math.Abs(at-2.005) > 0.011 || d != "" {
				t.Errorf("closed up: sound at %f s, chapters (-want +got):\n%s", at, d)
			}
		})
	}
}

// Clips of sound that were encoded one by one have priming each, and an end that goes on too long. What
// is shown of each follows what is shown of the one before, to the tick.
func TestPrimingOfSoundAlone(t *testing.T) {
	var files []splice.Piece
	for range 20 {
		files = append(files, file(edited(sound(96), media.Edit{Duration: 2000, Media: 1024})))
	}
	j := join(t, files, splice.Options{})
	for i, shots := range byPiece(play(t, j.Movie, j.Movie.Tracks[0]), len(files)) {
		if at := shots[1].at; math.Abs(at-2*float64(i)) > eps {
			t.Errorf("clip %d: its first block that is heard is at %f s, want %d", i, at, 2*i)
		}
	}
	if j.Length != 40*s || j.Movie.Tracks[0].Edits[0].Media != 1024 {
		t.Errorf("Length %v, edits %v; want 40s, from 1024 on", j.Length, j.Movie.Tracks[0].Edits)
	}
}

// A piece without pictures among others has its place, and so has what follows.
func TestSoundAloneBetweenPictures(t *testing.T) {
	pieces := []splice.Piece{piece(0, video(50), sound(94)), piece(2*s, sound(94)), piece(4*s, video(50), sound(94))}
	for name, ps := range map[string][]splice.Piece{"between": pieces, "before": pieces[1:], "after": pieces[:2]} {
		j := join(t, ps, splice.Options{})
		for i, sm := range j.Seams {
			if sm.Action != splice.ActionJoin || sm.Position != time.Duration(2*i+2)*s || sm.AudioError.Abs() > 10667*time.Microsecond {
				t.Errorf("%s: seam %+v, want a join at %d s", name, sm, 2*i+2)
			}
		}
	}
}

// As Matroska is read: the constant delay of composition is taken away by an edit list without an end,
// and a later start is an empty edit. Nothing of it is hidden.
func matroska(at time.Duration, pictures, blocks int64) splice.Piece {
	v, a := reordered(100, 80), regular(media.Audio, 1000, aac, 187, 1024, 48000)
	if v.Edits = []media.Edit{{Media: 80}}; pictures > 0 {
		v.Edits = slices.Insert(v.Edits, 0, media.Edit{Duration: pictures, Media: -1})
	}
	if blocks > 0 {
		a.Edits = []media.Edit{{Duration: blocks, Media: -1}, {}}
	}
	return piece(at, v, a)
}

func TestPiecesFromMatroska(t *testing.T) {
	var pieces []splice.Piece
	for i := range 10 {
		late := []int64{0, 12, 0}
		pieces = append(pieces, matroska(time.Duration(i)*4*s, late[i%3], late[(i+1)%3]))
	}
	j := join(t, pieces, splice.Options{})
	for i, p := range pieces {
		if got := first(shots(t, j.Movie, i, media.Video)); math.Abs(got-4*float64(i)) > eps {
			t.Errorf("piece %d: its pictures are at %f s, want %d", i, got, 4*i)
		}
		if got := apart(t, i, p, j); math.Abs(got) > block/2+0.001 {
			t.Errorf("piece %d: sound is %f s late", i, got)
		}
		if i > 0 && j.Seams[i-1].Action != splice.ActionJoin {
			t.Errorf("seam %+v, want a join", j.Seams[i-1])
		}
	}
	for _, tr := range j.Movie.Tracks {
		for k, sh := range play(t, j.Movie, tr) {
			if !sh.shown || sh.at < -eps {
				t.Fatalf("%s sample %d at %f s is hidden", tr.Kind, k, sh.at)
			}
		}
	}
}

// Codecs without a sample entry are told apart by Matroska's name, and joined like others.
func TestCodecsWithoutSampleEntry(t *testing.T) {
	pieces := []splice.Piece{
		piece(0, with(video(25), mjpg), regular(media.Audio, 1000, linear, 50, 1, 50)),
		piece(s, with(video(25), mjpg), regular(media.Audio, 1000, linear, 50, 1, 50)),
		piece(2*s, with(video(25), avc), sound(46)),
	}
	j := join(t, pieces, splice.Options{})
	var got []string
	for _, tr := range j.Movie.Tracks {
		got = append(got, tr.Configs[0].Codec())
		if len(tr.Configs) != 1 {
			t.Errorf("%d configurations of %s, want 1", len(tr.Configs), got)
		}
	}
	if want := []string{"V_MJPEG", "avc1", "A_PCM/INT/LIT", "mp4a.40.2"}; !slices.Equal(got, want) {
		t.Errorf("tracks of %v, want %v", got, want)
	}
}

// Timed text of pieces is left out.
func TestTextIsLeftOut(t *testing.T) {
	text := track(media.Text, 1000, media.Config{Format: "tx3g"}, 1000, 0, 500)
	pieces := []splice.Piece{piece(0, text, video(25), sound(46)), piece(s, video(25), sound(46))}
	j, err := splice.Join(pieces, splice.Options{})
	if err != nil || len(j.Movie.Tracks) != 2 {
		t.Fatalf("Join: %v, want pictures and sound", err)
	}
	if runs := splice.Cut(pieces, false, true); len(runs) != 1 {
		t.Errorf("Cut: %d runs, want 1: text is no change", len(runs))
	}
	if _, err := splice.Join([]splice.Piece{piece(0, text)}, splice.Options{}); err == nil {
		t.Error("Join of text alone: no error")
	}
}
