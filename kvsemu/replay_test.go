package kvsemu_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestReplay(t *testing.T) {
	const cam = "cam:gop=2s,fps=10,for=10m,replay=5m1s+30s"
	got := sessions(t, recorded(t, &kvsemu.Server{Cameras: cameras(t, cam)}))
	if len(got) != 2 {
		t.Fatalf("%d sessions, want 2", len(got))
	}
	starts := map[time.Time]bool{}
	for i, f := range got[0] {
		starts[f.Producer] = true
		if f.First != int64(i)*20 {
			t.Fatalf("before the restart: %+v, want picture %d", f, i*20)
		}
	}
	next := int64(2710) - 20 // half a fragment and up to a fragment early
	if first := got[1][0].First; first <= next || first > 2710 {
		t.Errorf("sends again from picture %d on, want up to a fragment before 2710", first)
	}
	next = got[1][0].First
	for i, f := range got[1] {
		if f.First != next || !f.Producer.Equal(noon.Add(time.Duration(f.First)*100*time.Millisecond)) {
			t.Fatalf("after the restart: %+v, want picture %d at its time", f, next)
		}
		if f.First < 3010 && starts[f.Producer] {
			t.Errorf("%+v begins where another does", f)
		}
		if at := f.Server.Sub(noon.Add(5*time.Minute + time.Second)); f.First < 3010 && at != 300*time.Millisecond+time.Duration(i)*20*time.Millisecond {
			t.Errorf("%+v arrives %v after the restart, want a burst", f, at)
		}
		next += int64(f.Pictures)
	}
	if next != 6000 {
		t.Errorf("%d pictures, want 6000", next)
	}
}

// wantShown checks what ffmpeg sees: pictures from first on, up to n of them, at the times they show.
func wantShown(t *testing.T, path string, first, n int, walls map[uint32]time.Time) {
	t.Helper()
	frames := judgetest.Frames(t, path)
	if len(frames) != n {
		t.Errorf("%d pictures, want %d", len(frames), n)
	}
	for i, f := range frames {
		if !f.OK || int(f.Index) != first+i {
			t.Fatalf("picture %d: index %d (readable: %v), want %d", i, f.Index, f.OK, first+i)
		}
		if wall, ok := walls[f.Index]; ok && !wall.Equal(f.Wall) {
			t.Errorf("picture %d shows %v, want %v as the first time", f.Index, f.Wall, wall)
		}
		walls[f.Index] = f.Wall
	}
}

func TestReplayPictures(t *testing.T) {
	for name, cam := range map[string]string{
		"steady":    "cam:gop=1s,fps=10,replay=1m+5s",
		"irregular": "cam:gop=1s,fps=10,irregular,bframes=2,sound=aac,replay=1m+5s",
	} {
		t.Run(name, func(t *testing.T) {
			s := &kvsemu.Server{Cameras: cameras(t, cam)}
			run := start(t, s)
			var old, again []kvsemu.Fragment
			for _, f := range recorded(t, s) {
				if in := f.Server.Sub(noon); in < time.Minute && f.First >= 545 {
					old = append(old, f)
				} else if in >= time.Minute && f.First < 630 {
					again = append(again, f)
				}
			}
			walls := map[uint32]time.Time{}
			clip := func(of []kvsemu.Fragment) string {
				return clipOn(t, run, "cam", "SERVER", of[0].Server, of[len(of)-1].Server)
			}
			wantShown(t, clip(old), 550, 50, walls)
			wantShown(t, clip(again), 545, 85, walls)
			if len(walls) != 85 {
				t.Errorf("%d different pictures, want 85", len(walls))
			}
			both := map[uint32]int{}
			for _, f := range judgetest.Frames(t, clipBetween(t, run, "cam", noon.Add(57250*time.Millisecond), noon.Add(61*time.Second+500*time.Millisecond))) {
				both[f.Index]++
			}
			for index, n := range both {
				if want := map[bool]int{true: 2, false: 1}[index >= 580 && index < 600]; n != want {
					t.Errorf("a clip of both has picture %d %d times, want %d", index, n, want)
				}
			}
		})
	}
}

func TestReplayOfMore(t *testing.T) {
	for cam, c := range map[string]struct {
		sessions int
		again    int64 // first picture that is sent again
		n        int64 // pictures sent again
	}{
		"cam:gop=1s,fps=10,for=5m,gap=2m+1m,replay=3m+1m20s":  {2, 995, 205},         // also ends the gap
		"cam:gop=1s,fps=10,for=5m,gap=2m+1m,replay=3m+30s":    {2, -1, 0},            // nothing was filmed
		"cam:gop=1s,fps=10,for=5m,gap=1m+1s,replay=2m+80s":    {2, 395, 1190 - 395},  // over a short gap
		"cam:gop=1s,fps=10,for=5m,codec=1m,replay=2m+80s":     {4, 395, 1200 - 395},  // needs a session more
		"cam:gop=1s,fps=10,for=5m,clock=1m-1h,replay=2m+80s":  {4, 395, 1200 - 395},  // likewise
		"cam:gop=1s,fps=10,for=5m,replay=2m+10s,replay=3m+2m": {3, 1095, 105 + 1205}, // not again what was sent again
		"cam:gop=1s,fps=10,for=5m,replay=1m+30m":              {2, 0, 600},           // since the beginning
		"cam:gop=100ms,fps=10,for=5m,replay=1m+10s":           {2, 500, 100},         // has no middle
		"cam:gop=1s,fps=10,for=5m,replay=5m+10s":              {1, -1, 0},            // after its end
		"cam:gop=1s,fps=10,for=5m,again=1m+10s,replay=70s+5s": {3, 600, 100 + 55},    // right after a second upload
	} {
		t.Run(cam, func(t *testing.T) {
			got := recorded(t, &kvsemu.Server{Cameras: cameras(t, cam)})
			if n := len(sessions(t, got)); n != c.sessions {
				t.Errorf("%d sessions, want %d", n, c.sessions)
			}
			next, first, n := int64(0), int64(-1), int64(0)
			for _, f := range got {
				switch {
				case f.First > next:
					t.Fatalf("picture %d comes before %d", f.First, next)
				case f.First < next:
					if n += int64(f.Pictures); first < 0 {
						first = f.First
					}
				default:
					next += int64(f.Pictures)
				}
			}
			if first != c.again || n != c.n {
				t.Errorf("%d pictures again from %d on, want %d from %d", n, first, c.n, c.again)
			}
		})
	}
}
