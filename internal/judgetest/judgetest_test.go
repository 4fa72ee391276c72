package judgetest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
)

var small = film.Spec{Width: 320, Height: 192}

// wantTimes holds each picture's time of showing against what its index says.
func wantTimes(t *testing.T, frames []judgetest.Frame, begin uint32) {
	t.Helper()
	for i, f := range frames {
		want := (time.Duration(f.Index) - time.Duration(begin)) * time.Second / fps
		if f.PTS != want || !f.Wall.Equal(start.Add(time.Duration(f.Index)*time.Second/fps)) {
			t.Fatalf("picture %d: got %+v, want it at %v", i, f, want)
		}
	}
}

func TestRightClips(t *testing.T) {
	for name, c := range map[string]struct {
		spec film.Spec
		late time.Duration // at most, by the nature of the sound
	}{
		"A-law":            {film.Spec{Sound: film.ALaw}, 0},
		"AAC, B-pictures":  {film.Spec{Sound: film.AAC, BFrames: 2}, 19 * time.Millisecond},
		"one B-picture":    {film.Spec{Width: 322, Height: 200, BFrames: 1, Sound: film.ALaw}, 0},
		"720p, variant, B": {film.Spec{Width: 1280, Height: 720, BFrames: 2, Variant: 3, Sound: film.AAC}, 19 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newClip(t, c.spec, 9).write(t)
			frames := judgetest.Frames(t, path)
			want := judgetest.Account{Last: 9*fps - 1, N: 9 * fps}
			if diff := cmp.Diff(want, judgetest.Count(frames, judgetest.Run{Last: 9*fps - 1})); diff != "" {
				t.Errorf("Count (-want +got):\n%s", diff)
			}
			wantTimes(t, frames, 0)
			late := judgetest.LipSync(frames, judgetest.Beeps(t, path))
			if len(late) != 9 || slices.Min(late) < -time.Millisecond/2 || slices.Max(late) > c.late+time.Millisecond/2 {
				t.Errorf("LipSync: %v, want 9 from 0 to %v", late, c.late)
			}
		})
	}
}

// What an edit list cuts away is not seen; everything else moves up.
func TestEditListCuts(t *testing.T) {
	for _, b := range []int{0, 2} {
		c := newClip(t, film.Spec{Width: 320, Height: 192, BFrames: b, Sound: film.ALaw}, 4)
		c.movie.Tracks[0].Edits[0].Media += 10 * videoRate / fps
		c.movie.Tracks[1].Edits[0].Media += 10 * 8000 / fps
		path := c.write(t)
		frames := judgetest.Frames(t, path)
		if a := judgetest.Count(frames, judgetest.Run{First: 10, Last: 99}); !a.Flawless() || a.N != 90 {
			t.Errorf("Count: %+v, want 10 to 99", a)
		}
		wantTimes(t, frames, 10)
		wantLate(t, path, 0, 0, 0, 0)
		hidden := 0
		for _, p := range judgetest.Packets(t, path, "v:0") {
			if p.Discard {
				hidden++
			}
		}
		if hidden != 10 {
			t.Errorf("%d packets are marked to be discarded, want 10", hidden)
		}
	}
}

// wantLate compares LipSync to half a millisecond.
func wantLate(t *testing.T, path string, want ...time.Duration) {
	t.Helper()
	got := judgetest.LipSync(judgetest.Frames(t, path), judgetest.Beeps(t, path))
	if !slices.EqualFunc(got, want, func(a, b time.Duration) bool { return (a - b).Abs() < time.Millisecond/2 }) {
		t.Errorf("LipSync: %v, want %v", got, want)
	}
}

func TestSizeChangesInTheMiddle(t *testing.T) {
	c := newClip(t, small, 2)
	video := c.movie.Tracks[0]
	for i, spec := range []film.Spec{{}, {Width: 1280, Height: 720, Variant: 1}, {Width: 854, Height: 480}, small} {
		c.spec = spec
		video.Configs = append(video.Configs, c.spec.Video())
		c.film(video, uint32(2+i)*fps, uint16(1+i))
	}
	frames := judgetest.Frames(t, c.write(t))
	if a := judgetest.Count(frames, judgetest.Run{Last: 6*fps - 1}); !a.Flawless() {
		t.Errorf("Count: %+v, want a flawless account", a)
	}
	wantTimes(t, frames, 0)
}

// Sound missing in the middle leaves later sound where it was.
func TestGapInTheSound(t *testing.T) {
	for _, sound := range []film.Sound{film.ALaw, film.AAC} {
		t.Run(string(sound), func(t *testing.T) {
			t.Parallel()
			c := newClip(t, film.Spec{Width: 320, Height: 192, Sound: sound}, 8)
			rate := c.spec.SampleRate() / c.spec.BlockSize()
			drop(c.movie.Tracks[1], 2*rate, 5*rate)
			path := c.write(t)
			late := judgetest.LipSync(judgetest.Frames(t, path), judgetest.Beeps(t, path))
			if len(late) != 5 || slices.Min(late) < -time.Millisecond || slices.Max(late) > 20*time.Millisecond {
				t.Errorf("LipSync: %v, want 5 of at most 19 ms", late)
			}
		})
	}
}

// The rest of a beep behind a gap is not a beep.
func TestGapEndsInABeep(t *testing.T) {
	c := newClip(t, film.Spec{Width: 320, Height: 192, Sound: film.ALaw}, 4)
	beep := 44 + 50                                // block of the second beep, 880 ms + 1 s behind the start
	drop(c.movie.Tracks[1], beep-20, beep+2)       // from silence into the beep
	drop(c.movie.Tracks[1], beep+50-22+2, beep+38) // from within the next to silence
	wantLate(t, c.write(t), 0, 0, 0)
}

func TestLateSound(t *testing.T) {
	c := newClip(t, film.Spec{Width: 320, Height: 192, Sound: film.ALaw}, 4)
	c.movie.Tracks[1].Edits[0].Media = 480 // 60 ms; the pictures are cut less
	wantLate(t, c.write(t), -60*time.Millisecond, -60*time.Millisecond, -60*time.Millisecond, -60*time.Millisecond)
}

// Coarse ticks, as the service's files have.
func TestTicksOfAMillisecond(t *testing.T) {
	c := newClip(t, film.Spec{Width: 320, Height: 192, Sound: film.AAC}, 9)
	for _, track := range c.movie.Tracks {
		coarsen(track)
	}
	path := c.write(t)
	frames := judgetest.Frames(t, path)
	wantTimes(t, frames, 0)
	late := judgetest.LipSync(frames, judgetest.Beeps(t, path))
	if len(late) != 9 || slices.Min(late) < -2*time.Millisecond || slices.Max(late) > 21*time.Millisecond {
		t.Errorf("LipSync: %v, want 9 of at most 19 ms", late)
	}
}

// coarsen converts a track to ticks of a millisecond.
func coarsen(t *media.Track) {
	to := func(v int64) int64 { return media.Rescale(v, t.Timescale, 1000) }
	for i := range t.Samples {
		t.Samples[i].Time, t.Samples[i].Shift = to(t.Samples[i].Time), int32(to(int64(t.Samples[i].Shift)))
	}
	t.End, t.Edits[0].Media = to(t.End), to(t.Edits[0].Media)
	t.Timescale = 1000
}

func TestCountSeesMistakes(t *testing.T) {
	c := newClip(t, small, 3)
	frames := judgetest.Frames(t, c.write(t))
	read := func(indexes ...int) (out []judgetest.Frame) {
		for _, i := range indexes {
			if i < 0 {
				out = append(out, judgetest.Frame{})
				continue
			}
			out = append(out, frames[i])
		}
		return out
	}
	for name, c := range map[string]struct {
		frames   []judgetest.Frame
		expected []judgetest.Run
		want     judgetest.Account
	}{
		"nothing":           {nil, nil, judgetest.Account{}},
		"nothing but hoped": {nil, []judgetest.Run{{First: 3, Last: 5}}, judgetest.Account{Missing: 3}},
		"one":               {read(7), nil, judgetest.Account{First: 7, Last: 7, N: 1}},
		"missing":           {read(1, 2, 5, 6), nil, judgetest.Account{Missing: 2, First: 1, Last: 6, N: 4}},
		"gap is expected":   {read(1, 2, 5, 6), []judgetest.Run{{First: 1, Last: 2}, {First: 5, Last: 6}}, judgetest.Account{First: 1, Last: 6, N: 4}},
		"ends are missing":  {read(2, 3), []judgetest.Run{{First: 1, Last: 4}}, judgetest.Account{Missing: 2, First: 2, Last: 3, N: 2}},
		"repeated":          {read(1, 2, 2, 3), nil, judgetest.Account{Repeated: 1, First: 1, Last: 3, N: 4}},
		"second repeated":   {read(1, 2, 3, 2, 3, 4), nil, judgetest.Account{Repeated: 2, First: 1, Last: 4, N: 6}},
		"out of place":      {read(1, 3, 2, 4), nil, judgetest.Account{Misplaced: 1, First: 1, Last: 4, N: 4}},
		"not expected":      {read(1, 2, 3), []judgetest.Run{{First: 1, Last: 2}}, judgetest.Account{Misplaced: 1, First: 1, Last: 3, N: 3}},
		"unreadable":        {read(1, -1, 3), nil, judgetest.Account{Missing: 1, Unreadable: 1, First: 1, Last: 3, N: 3}},
	} {
		if diff := cmp.Diff(c.want, judgetest.Count(c.frames, c.expected...)); diff != "" {
			t.Errorf("%s: Count (-want +got):\n%s", name, diff)
		}
	}
}

func TestPackets(t *testing.T) {
	c := newClip(t, film.Spec{Width: 320, Height: 192, BFrames: 1, Sound: film.AAC}, 2)
	path := c.write(t)
	packets := judgetest.Packets(t, path, "v:0")
	if len(packets) != 2*fps {
		t.Fatalf("%d packets, want %d", len(packets), 2*fps)
	}
	for i, p := range packets {
		s := c.movie.Tracks[0].Samples[i]
		want := judgetest.Packet{
			PTS: s.Time + int64(s.Shift) - c.shift(), DTS: s.Time - c.shift(), Timescale: videoRate,
			Size: int(s.Size), Key: s.Sync, Hash: p.Hash,
		}
		if p != want || len(p.Hash) != 64 {
			t.Fatalf("packet %d: got %+v, want %+v", i, p, want)
		}
	}
	if got := packets[len(packets)-1].Time(); got != 2*time.Second-2*time.Second/fps { // a B-picture
		t.Errorf("the last packet is shown at %v", got)
	}
	if n := len(judgetest.Packets(t, path, "a:0")); n != 93 {
		t.Errorf("%d audio packets, want 93", n)
	}
}
