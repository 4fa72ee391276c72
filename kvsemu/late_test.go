package kvsemu_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestLate(t *testing.T) {
	const upload = 300 * time.Millisecond
	for late, c := range map[string]struct {
		speed int64
		over  time.Duration // after the beginning
	}{
		"late=10m+5m":     {10, 10*time.Minute + 5*time.Minute*10/9},
		"late=10m+5mx4":   {4, 10*time.Minute + 5*time.Minute*4/3},
		"late=10m1s+5mx2": {2, 20*time.Minute + time.Second}, // a fragment was under way
	} {
		t.Run(late, func(t *testing.T) {
			begin := 10 * time.Minute
			if late == "late=10m1s+5mx2" {
				begin += time.Second
			}
			plain := recorded(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=2s,fps=10,for=30m")})
			got := recorded(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=2s,fps=10,for=30m,"+late)})
			if len(got) != 900 || len(sessions(t, got)) != 1 {
				t.Fatalf("%d fragments in %d sessions, want 900 in one", len(got), len(sessions(t, got)))
			}
			for i, f := range got {
				want := plain[i].Server
				if at := time.Duration(i) * 2 * time.Second; at >= begin && at < c.over {
					want = noon.Add(begin + 5*time.Minute + (at-begin)/time.Duration(c.speed) + upload)
				}
				if !f.Server.Equal(want) || !f.Producer.Equal(plain[i].Producer) || f.First != plain[i].First {
					t.Fatalf("fragment %d: %+v, want it to arrive at %v", i, f, want)
				}
			}
		})
	}
}

func TestLateCanBeListedWhenItCame(t *testing.T) {
	const upload = 300 * time.Millisecond
	for _, c := range []struct {
		after time.Duration
		want  int
	}{
		{10*time.Minute + upload, 300},
		{15*time.Minute + upload - time.Millisecond, 300},
		{15*time.Minute + upload + 199*time.Millisecond, 300},
		{15*time.Minute + upload + 200*time.Millisecond, 301}, // 2 s take 200 ms
		{15*time.Minute + upload + time.Second, 305},
		{16*time.Minute + upload, 480}, // the backlog is gone
		{20*time.Minute + upload, 600},
	} {
		s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=2s,fps=10,late=10m+5m"), Now: func() time.Time { return noon.Add(c.after) }}
		if got := recorded(t, s); len(got) != c.want {
			t.Errorf("after %v: %d fragments, want %d", c.after, len(got), c.want)
		}
	}
}

func TestLateFragmentUnderWay(t *testing.T) {
	const upload = 300 * time.Millisecond
	for after, want := range map[time.Duration]int{10*time.Minute + 3*time.Second: 300, 15*time.Minute + time.Second + upload: 300, 15*time.Minute + 1100*time.Millisecond + upload: 301} {
		s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=2s,fps=10,late=10m1s+5m"), Now: func() time.Time { return noon.Add(after) }}
		if got := recorded(t, s); len(got) != want { // its second half comes with the backlog
			t.Errorf("after %v: %d fragments, want %d", after, len(got), want)
		}
	}
}

func TestLateWithEverything(t *testing.T) {
	const cam = "cam:gop=1s,fps=10,for=30m,server-jitter=3s,gap=11m+1m,codec=13m,again=14m+20s,clock=15m-1m,late=10m+4mx2,late=25m+1m,replay=16m+10s"
	s := &kvsemu.Server{Cameras: cameras(t, cam)}
	next := int64(0)
	for _, f := range recorded(t, s) { // which looks at server times
		if f.First > next {
			t.Fatalf("picture %d comes before %d", f.First, next)
		}
		next = max(next, f.First+int64(f.Pictures))
		if in := f.Server.Sub(noon); in > 10*time.Minute+4*time.Second && in < 14*time.Minute || in > 25*time.Minute+4*time.Second && in < 26*time.Minute {
			t.Fatalf("picture %d arrives %v in, when the network was away", f.First, in)
		}
	}
	if next != 29*60*10 {
		t.Errorf("%d pictures, want %d", next, 29*60*10)
	}
	run := start(t, s)
	wantPictures(t, clipBetween(t, run, "cam", noon.Add(9*time.Minute+58*time.Second), noon.Add(10*time.Minute+3*time.Second)), 5980, 60, 0)
}
