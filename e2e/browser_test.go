package e2e_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// Cameras here film 5 pictures a second.
const aPicture = time.Second / 5

// roll is what a clip must show: pictures from first on, and perhaps a hole.
type roll struct {
	first  uint32        // index of the first picture
	length time.Duration // of the clip
	hole   uint32        // index of the first picture behind a hole that was kept
	empty  time.Duration // how long that is
}

// shows is the index of the picture that is to be seen at a time in the clip.
func (r roll) shows(at time.Duration) uint32 {
	i := r.first + uint32(at/aPicture)
	if r.empty == 0 || i < r.hole {
		return i
	}
	return max(r.hole-1, r.first+uint32(max(0, at-r.empty)/aPicture))
}

// seeks are the beginning, and the middles of all pictures. Those are out of order, so that a
// picture which stood still is a wrong one.
func (r roll) seeks() (at []time.Duration) {
	for d := aPicture / 2; d < r.length; d += aPicture {
		at = append(at, d)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
	return append([]time.Duration{0}, at...)
}

// found says that each seek showed the right picture in the right size.
func (r roll) found(t *testing.T, name string, seeks []time.Duration, seen []judgetest.Sight, width, height int) {
	t.Helper()
	for i, s := range seen {
		if want := r.shows(seeks[i]); !s.OK || s.Index != want || s.Width != width || s.Height != height {
			t.Errorf("%s: at %v the browser shows %+v, want picture %d in %dx%d", name, seeks[i], s, want, width, height)
		}
	}
}

// played says that the pictures came in order, and none that is not the roll's.
func (r roll) played(t *testing.T, name string, seen []judgetest.Sight) {
	t.Helper()
	before, last := r.first, r.shows(r.length-1)
	for _, s := range seen {
		if !s.OK || s.Index < before || s.Index > last {
			t.Errorf("%s: behind picture %d the browser plays %+v; it ends with %d", name, before, s, last)
		}
		before = max(before, s.Index)
	}
}

// plays lets a browser seek to every picture of a clip, and play it to its end.
func (r roll) plays(t *testing.T, path string, width, height, beeps int) {
	t.Helper()
	seeks, name := r.seeks(), filepath.Base(path)
	seen := judgetest.Watch(t, judgetest.Screening{Path: path, Seeks: seeks, Rate: 4})[0]
	r.judge(t, name, seen, width, height, beeps)
}

// judge says that a browser seeked to every picture and played the clip to its end.
func (r roll) judge(t *testing.T, name string, seen judgetest.Seen, width, height, beeps int) {
	t.Helper()
	seeks := r.seeks()
	if seen.Failure != "" || len(seen.Seeks) != len(seeks) || !seen.Ended {
		t.Fatalf("%s: the browser fails with %q after %d of %d seeks, ended: %v", name, seen.Failure, len(seen.Seeks), len(seeks), seen.Ended)
	}
	r.found(t, name, seeks, seen.Seeks, width, height)
	r.played(t, name, seen.Played)
	if last := seen.Played[len(seen.Played)-1]; last.Index != r.shows(r.length-1) {
		t.Errorf("%s: playing ends with %+v, want picture %d", name, last, r.shows(r.length-1))
	}
	if off := seen.Length - r.length; off.Abs() >= aPicture {
		t.Errorf("%s: the browser says it lasts %v, want %v", name, seen.Length, r.length)
	}
	t.Logf("%s: %v, %d seeks, %d pictures played, %d beeps", name, seen.Length, len(seen.Seeks), len(seen.Played), seen.Beeps)
	// Where the machine is too busy to decode in time, a beep is heard in two parts.
	if seen.Beeps < beeps || seen.Beeps > 2*beeps {
		t.Errorf("%s: %d beeps heard, want %d", name, seen.Beeps, beeps)
	}
}

// The range begins and ends inside a picture and inside a fragment.
func TestBrowserShowsExactlyTheRange(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=2s,bframes=2,sound=aac,for=20s")
	e.report(t, "get", "door", "--from", after(3370*time.Millisecond), "--to", after(10650*time.Millisecond), "--clock", "producer", "-o", "clip.mp4")
	roll{first: 16, length: 10650*time.Millisecond - 16*aPicture}.plays(t, e.path("clip.mp4"), 320, 192, 7)
}

// Nothing was recorded from 4 s to 9 s.
func TestBrowserAndHoles(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=1s,sound=aac,for=14s,gap=4s+5s")
	for policy, want := range map[string]roll{
		"keep":    {first: 7, length: 13*time.Second - 7*aPicture, hole: 20, empty: 5 * time.Second},
		"squeeze": {first: 7, length: 8*time.Second - 7*aPicture},
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			out := policy + ".mp4"
			e.report(t, "get", "door", "--from", after(1500*time.Millisecond), "--to", after(13*time.Second), "--clock", "producer", "--gaps", policy, "-o", out)
			if n := len(chapters(t, e.path(out))); (n > 0) != (policy == "squeeze") {
				t.Errorf("%d chapters", n)
			}
			want.plays(t, e.path(out), 320, 192, 2+4) // at 2 s and 3 s, and from 9 s to 12 s
		})
	}
}

// Chromium decodes a file's H.264 with the parameter sets of its first sample entry alone. So it
// stops with an error of decoding where another configuration begins, and says so: at no time does
// it show a wrong picture. Files of one configuration it plays to their end.
func TestBrowserAndChanges(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=1s,sound=aac,for=14s,codec=4.6s,resize=9.6s+640x360")
	args := []string{"get", "door", "--from", after(600 * time.Millisecond), "--to", after(13600 * time.Millisecond), "--clock", "producer"}
	e.report(t, append(args, "-o", "one.mp4")...)
	parts := e.report(t, append(args, "--on-change", "split", "-o", "clip.mp4")...).Outputs
	if len(parts) != 3 {
		t.Fatalf("%d outputs, want 3", len(parts))
	}
	// Each begins between two beeps.
	rolls := []roll{{first: 3, length: 20 * aPicture}, {first: 23, length: 25 * aPicture}, {first: 48, length: 20 * aPicture}}
	one, change := e.path("one.mp4"), rolls[0].length
	before := []time.Duration{0, 1100 * time.Millisecond, 100 * time.Millisecond, change / 2}
	shows := []judgetest.Screening{{Path: one, Seeks: append(before, change+aPicture/2)}, {Path: one, Rate: 4}}
	for i, p := range parts {
		shows = append(shows, judgetest.Screening{Path: e.path(p.Path), Seeks: rolls[i].seeks(), Rate: 4})
	}
	seen := judgetest.Watch(t, shows...)
	rolls[0].stops(t, "one.mp4", before, seen[0], seen[1])
	for i, p := range parts {
		rolls[i].judge(t, p.Path, seen[2+i], []int{320, 320, 640}[i], []int{192, 192, 360}[i], []int{4, 5, 4}[i])
	}
}

// stops says that a browser shows the roll and nothing else of a clip that changes behind it,
// where it seeks and where it plays, and then tells of an error of decoding.
func (r roll) stops(t *testing.T, name string, before []time.Duration, seeking, playing judgetest.Seen) {
	t.Helper()
	for _, s := range []judgetest.Seen{seeking, playing} {
		if !strings.HasPrefix(s.Failure, "code 3:") {
			t.Errorf("%s: the browser's failure is %q; README says it cannot decode behind a change", name, s.Failure)
		}
	}
	if len(seeking.Seeks) != len(before) {
		t.Fatalf("%s: %d seeks succeed, want the %d before the change: %+v", name, len(seeking.Seeks), len(before), seeking.Seeks)
	}
	r.found(t, name, before, seeking.Seeks, 320, 192)
	if len(playing.Played) == 0 {
		t.Fatalf("%s: the browser plays nothing", name)
	}
	r.played(t, name, playing.Played)
	t.Logf("%s: plays up to %+v, then %s", name, playing.Played[len(playing.Played)-1], playing.Failure)
}
