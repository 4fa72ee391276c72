package e2e_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// reel is a camera whose recording is known: each picture, each fragment and each hole.
type reel struct {
	*emulator
	name      string
	sound     film.Sound
	exact     bool // answers tell to a millisecond how sound lies beside the picture
	fragments []kvsemu.Fragment
	frames    []judgetest.Frame // the whole recording, decoded once
}

// shoot starts a camera and downloads all it has recorded, as whole fragments.
func shoot(t *testing.T, camera string, switches ...string) *reel {
	t.Helper()
	name, c, err := kvsemu.ParseCamera(camera)
	if err != nil {
		t.Fatal(err)
	}
	r := &reel{name: name, sound: film.Sound(c.Sound), fragments: recorded(t, camera)}
	r.emulator = emulate(t, append(switches, "--camera", camera)...)
	report := r.report(t, "get", name, "--from", after(c.ClockOffset-time.Minute), "--to", after(c.ClockOffset+c.For+time.Minute),
		"--clock", "producer", "--trim", "fragment", "-o", "all.mp4")
	if n := len(r.fragments); report.Fragments.Fetched != n {
		t.Fatalf("%d fragments fetched of %d recorded", report.Fragments.Fetched, n)
	}
	last := r.fragments[len(r.fragments)-1]
	r.frames = whole(t, r.path("all.mp4"), judgetest.Run{First: 0, Last: uint32(last.First) + uint32(last.Pictures) - 1})
	return r
}

// holder returns the fragment that a picture is in.
func (r *reel) holder(f judgetest.Frame) kvsemu.Fragment {
	i, _ := slices.BinarySearchFunc(r.fragments, int64(f.Index), func(g kvsemu.Fragment, index int64) int {
		return cmp.Compare(g.First, index+1)
	})
	return r.fragments[max(i-1, 0)]
}

// at is when a picture was taken, on a clock: pictures keep their distance from their fragment's
// start on both.
func (r *reel) at(f judgetest.Frame, clock string) time.Time {
	g := r.holder(f)
	if clock == "producer" {
		return f.Wall
	}
	return g.Server.Add(f.Wall.Sub(g.Producer))
}

// within is the run of pictures that a range must show. By fragments it is widened to whole ones.
func (r *reel) within(from, to time.Time, clock, trim string) judgetest.Run {
	var first, last judgetest.Frame
	for _, f := range r.frames {
		if at := r.at(f, clock); !at.After(from) || !first.OK {
			first = f
		}
		if at := r.at(f, clock); at.Before(to) {
			last = f
		}
	}
	if trim == "fragment" {
		a, b := r.holder(first), r.holder(last)
		return judgetest.Run{First: uint32(a.First), Last: uint32(b.First) + uint32(b.Pictures) - 1}
	}
	return judgetest.Run{First: first.Index, Last: last.Index}
}

// spans cuts frames where nothing was recorded between two of them.
func (r *reel) spans(frames []judgetest.Frame) [][]judgetest.Frame {
	var out [][]judgetest.Frame
	for i, f := range frames {
		if i == 0 || f.Wall.Sub(frames[i-1].Wall) > 5*time.Second {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], f)
	}
	return out
}

// timing holds the times of frames against the wall clock in the pictures, and says how far the
// worst lies off from the first of its span. Holes must be closed up.
func (r *reel) timing(t *testing.T, frames []judgetest.Frame) time.Duration {
	t.Helper()
	worst := time.Duration(0)
	spans := r.spans(frames)
	for i, s := range spans {
		for _, f := range s {
			off := f.PTS - s[0].PTS - f.Wall.Sub(s[0].Wall)
			if off.Abs() > worst.Abs() {
				worst = off
			}
		}
		if i == 0 {
			continue
		}
		before := spans[i-1][len(spans[i-1])-1]
		if step, usual := s[0].PTS-before.PTS, frames[1].PTS-frames[0].PTS; step <= 0 || step > 2*usual {
			t.Errorf("picture %d is shown %v after %d, with a hole closed up between them", s[0].Index, step, before.Index)
		}
	}
	if worst.Abs() > time.Millisecond {
		t.Errorf("a picture is shown %v off its place", worst)
	}
	return worst
}

// lateness is how late each beep is against the pictures, less what the coding of the sound in
// blocks makes of it by itself.
func (r *reel) lateness(t *testing.T, path string, frames []judgetest.Frame) []time.Duration {
	t.Helper()
	beeps := judgetest.Beeps(t, path)
	late := judgetest.LipSync(frames, beeps)
	spec := film.Spec{Sound: r.sound}
	for i, beep := range beeps {
		f := frames[nearest(frames, beep)]
		second := f.Wall.Add(beep - f.PTS - late[i]).Unix()
		natural := spec.BeepAt(second)*int64(spec.BlockSize()) - second*int64(spec.SampleRate()) // PCM samples
		late[i] -= time.Duration(natural) * time.Second / time.Duration(spec.SampleRate())
	}
	return late
}

// nearest is the index of the last frame shown at or before a time.
func nearest(frames []judgetest.Frame, at time.Duration) int {
	i, _ := slices.BinarySearchFunc(frames, at, func(f judgetest.Frame, at time.Duration) int { return cmp.Compare(f.PTS, at+1) })
	return max(i-1, 0)
}

// Bounds of how far sound may be from its picture: a block of AAC at 48 kHz, which is what an
// answer without edit lists leaves open, and what rounding to milliseconds makes of the rest.
const (
	lateBound  = 21400 * time.Microsecond
	roundBound = 1200 * time.Microsecond
)

// sync holds the sound against the pictures, and says how far it is off anywhere, in the first
// quarter and in the last. A bound that holds over tens of seams leaves no room for drift.
func (r *reel) sync(t *testing.T, path string, frames []judgetest.Frame) (worst, early, end time.Duration) {
	t.Helper()
	late := r.lateness(t, path, frames)
	// A beep right behind a hole that a seam leaves in the sound does not count.
	if want := int(frames[len(frames)-1].PTS/time.Second) * 9 / 10; len(late) < want {
		t.Errorf("%s: %d beeps are heard, want at least %d", filepath.Base(path), len(late), want)
	}
	bound := lateBound
	if r.exact {
		bound = roundBound
	}
	if worst = furthest(late); worst > bound {
		t.Errorf("%s: sound is %v off its picture, want at most %v", filepath.Base(path), worst, bound)
	}
	return worst, furthest(late[:len(late)/4]), furthest(late[3*len(late)/4:])
}

// furthest is the largest of all lengths, whatever their signs.
func furthest(ds []time.Duration) time.Duration {
	worst := time.Duration(0)
	for _, d := range ds {
		worst = max(worst, d.Abs())
	}
	return worst
}

func TestGetShowsEachPictureOnceInItsPlace(t *testing.T) {
	t.Parallel()
	const events = "for=3m20s,gap=1m10s+10s,codec=2m" // in cameras with fragments of a second
	for name, tc := range map[string]struct {
		camera   string
		switches []string
	}{
		"aac":             {"door:size=320x192,sound=aac,for=8m50s,gap=1m10s+40s,codec=6m", nil},
		"aac, edit lists": {"door:size=320x192,sound=aac,for=8m50s,gap=1m10s+40s,codec=6m", []string{"--edit-list"}},
		"alaw":            {"door:size=320x192,sound=alaw,gop=1s," + events, []string{"--moov", "last", "--edit-list"}},
		"alaw, no edits":  {"door:size=320x192,sound=alaw,gop=1s," + events, []string{"--moov", "last"}},
		"b-frames":        {"door:size=320x192,bframes=2,sound=alaw,gop=1s," + events, []string{"--edit-list", "--ctts", "0"}},
		"b-frames, offsets below 0": {
			"door:size=320x192,bframes=2,sound=aac,gop=1s," + events, []string{"--ctts", "1", "--large64", "--moov", "last"},
		},
		"b-frames, no edits": {"door:size=320x192,bframes=1,sound=aac,gop=1s," + events, []string{"--content-length=false"}},
		"29.97":              {"door:size=640x360,fps=29.97,sound=alaw,gop=1s," + events, []string{"--edit-list", "--large64"}},
		"29.97, b-frames":    {"door:size=320x192,fps=29.97,bframes=2,sound=aac,gop=1s," + events, []string{"--edit-list"}},
		"23.976":             {"door:size=320x192,fps=23.976,sound=aac,for=5m,gap=1m10s+10s,codec=2m", nil},
		"irregular":          {"door:size=320x192,irregular,sound=alaw,gop=1s," + events, []string{"--edit-list", "--ctts", "1"}},
		"irregular b-frames": {"door:size=320x192,irregular,bframes=2,sound=aac,gop=1s," + events, []string{"--edit-list"}},
		"two a second":       {"door:size=320x192,fps=2,gop=2s,sound=alaw,for=8m,gap=1m10s+20s,codec=4m", []string{"--edit-list"}},
		"server jitter":      {"door:size=320x192,sound=alaw,gop=1s,server-jitter=400ms," + events, []string{"--edit-list"}},
		"clock ahead":        {"door:size=320x192,sound=aac,gop=1s,clock-offset=75s,upload=1s," + events, nil},
		"sizes":              {"door:size=320x192,sound=alaw,gop=1s,for=4m,gap=1m10s+10s,codec=2m,resize=2m40s+640x360,resize=3m+320x192", []string{"--edit-list"}},
		"gaps kept inside":   {"door:size=320x192,sound=aac,gop=1s," + events, []string{"--gaps", "keep"}},
		"sent twice":         {"door:size=320x192,sound=alaw,gop=1s,for=3m20s,again=40s+15s,gap=1m10s+10s,again=2m20s+5s", []string{"--edit-list"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shoot(t, tc.camera, tc.switches...)
			r.exact = r.sound == film.ALaw || slices.Contains(tc.switches, "--edit-list")
			r.judge(t, "all.mp4", r.frames)
			length := r.frames[len(r.frames)-1].Wall.Sub(r.frames[0].Wall)
			from, to := begin.Add(31345*time.Millisecond), begin.Add(length-13285*time.Millisecond)
			r.part(t, from, to, "server", "exact")
			r.part(t, r.fragments[20].Server, r.fragments[len(r.fragments)-10].Server, "server", "fragment")
			ahead := r.frames[0].Wall.Sub(begin)
			r.part(t, from.Add(ahead), to.Add(ahead), "producer", "exact")
		})
	}
}

// part downloads a range in many pieces and judges it.
func (r *reel) part(t *testing.T, from, to time.Time, clock, trim string) {
	t.Helper()
	out := fmt.Sprintf("%s-%s.mp4", clock, trim)
	report := r.report(t, "get", r.name, "--from", from.Format(time.RFC3339Nano), "--to", to.Format(time.RFC3339Nano),
		"--clock", clock, "--trim", trim, "--piece", "6s", "-o", out)
	if len(report.Seams) < 20 {
		t.Errorf("%s: %d seams, want at least 20", out, len(report.Seams))
	}
	want := r.within(from, to, clock, trim)
	frames := whole(t, r.path(out), want)
	if len(frames) == 0 {
		return
	}
	if frames[0].Index != want.First || frames[len(frames)-1].Index != want.Last {
		t.Errorf("%s: shows pictures %d to %d, want %v", out, frames[0].Index, frames[len(frames)-1].Index, want)
	}
	if frames[0].PTS > time.Millisecond {
		t.Errorf("%s: the first picture is shown %v after the beginning", out, frames[0].PTS)
	}
	r.judge(t, out, frames)
	if trim != "exact" {
		return
	}
	if got, want := report.Delivered.From.UTC(), r.at(frames[0], clock); got.Sub(want).Abs() > time.Millisecond {
		t.Errorf("%s: delivered from %v, and the first picture was taken at %v", out, got, want)
	}
	if got := report.Delivered.To.UTC(); !got.Equal(to) {
		t.Errorf("%s: delivered to %v, want %v", out, got, to)
	}
}

// judge logs how far times and sound are off, and fails where they are too far.
func (r *reel) judge(t *testing.T, name string, frames []judgetest.Frame) {
	t.Helper()
	off := r.timing(t, frames)
	worst, early, end := r.sync(t, r.path(name), frames)
	t.Logf("%s: pictures at most %v off; sound at most %v off, %v in the first quarter, %v in the last", name, off, worst, early, end)
}
