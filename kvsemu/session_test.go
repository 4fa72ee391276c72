package kvsemu_test

import (
	"fmt"
	"math/big"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// recorded returns what the camera cam has uploaded by evening, in order of upload.
func recorded(t testing.TB, s *kvsemu.Server) []kvsemu.Fragment {
	t.Helper()
	if s.Now == nil {
		s.Now = func() time.Time { return evening }
	}
	got, err := s.Fragments("cam", time.Unix(0, 0), evening)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(got); i++ {
		if !got[i].Server.After(got[i-1].Server) {
			t.Fatalf("fragment %d: server time %v, want after %v", i, got[i].Server, got[i-1].Server)
		}
	}
	return got
}

// sequence is the part of a fragment number that counts.
func sequence(t testing.TB, f kvsemu.Fragment) int64 {
	t.Helper()
	n, ok := new(big.Int).SetString(f.Number, 10)
	if !ok {
		t.Fatalf("fragment number %q", f.Number)
	}
	return new(big.Int).And(n.Rsh(n, 92), big.NewInt(1<<62-1)).Int64()
}

// sessions cuts fragments where their numbers jump.
func sessions(t testing.TB, all []kvsemu.Fragment) (out [][]kvsemu.Fragment) {
	t.Helper()
	for i, f := range all {
		if i == 0 || sequence(t, f) != sequence(t, all[i-1])+1 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], f)
	}
	return out
}

func TestRelative(t *testing.T) {
	const cam = "cam:gop=1s,fps=10,for=10m,jitter=9ms,sound=aac,gap=3m+1m,gap=5m+2s,again=6m+10s,codec=7m,clock=8m-1h,replay=9m+30s,server-jitter=1s"
	absolute := recorded(t, &kvsemu.Server{Cameras: cameras(t, cam)})
	got := sessions(t, recorded(t, &kvsemu.Server{Cameras: cameras(t, cam+",relative")}))
	if len(got) != 7 { // also a gap of 1 min, a second upload, what follows it, a codec, a clock and a restart
		t.Errorf("%d sessions, want 7", len(got))
	}
	k := 0
	for _, session := range got {
		if first := session[0].Producer; !first.Equal(time.Unix(0, 0)) {
			t.Errorf("session of %s begins at %v, want 1970", session[0].Number, first)
		}
		count := absolute[k].Producer.Sub(time.Unix(0, 0))
		for _, f := range session {
			want := absolute[k]
			want.Producer = want.Producer.Add(-count)
			if f != want {
				t.Fatalf("fragment %d: %+v, want %+v", k, f, want)
			}
			k++
		}
	}
	if k != len(absolute) {
		t.Errorf("%d fragments, want %d", k, len(absolute))
	}
}

func TestRelativePictures(t *testing.T) {
	const cam = "cam:gop=1s,fps=10,sound=aac,gap=1m+1m"
	var clips [][]byte
	for _, more := range []string{"", ",relative"} {
		run := start(t, &kvsemu.Server{Cameras: cameras(t, cam+more)})
		path := clipOn(t, run, "cam", "SERVER", noon.Add(2*time.Minute), noon.Add(2*time.Minute+9*time.Second))
		wantPictures(t, path, 600, 90, 0)
		if wall := judgetest.Frames(t, path)[0].Wall; !wall.Equal(noon.Add(2 * time.Minute)) {
			t.Errorf("the first picture shows %v, want the true time", wall)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		clips = append(clips, b)
	}
	if string(clips[0]) != string(clips[1]) {
		t.Error("pictures and sound differ from those with absolute times")
	}
	run := start(t, &kvsemu.Server{Cameras: cameras(t, cam+",relative")})
	if got := list(t, run, "cam", "PRODUCER", time.Unix(0, 0), time.Unix(9, 0), 100); len(got) != 20 {
		t.Errorf("%d fragments in the first ten seconds of both sessions, want 20", len(got))
	}
}

func TestClockSteps(t *testing.T) {
	const cam = "cam:gop=1s,fps=10,for=10m,clock-offset=2s,clock=5m300ms-1h,clock=3m+90s"
	s := &kvsemu.Server{Cameras: cameras(t, cam)}
	got := sessions(t, recorded(t, s))
	if len(got) != 3 {
		t.Fatalf("%d sessions, want 3", len(got))
	}
	at := noon.Add(300 * time.Millisecond) // upload
	picture := int64(0)
	for k, c := range []struct{ begin, ahead time.Duration }{
		{0, 2 * time.Second},
		{3 * time.Minute, 92 * time.Second},
		{5*time.Minute + 300*time.Millisecond, 92*time.Second - time.Hour},
	} {
		if first := got[k][0].Server.Sub(noon); first != c.begin+300*time.Millisecond {
			t.Errorf("session %d begins %v in, want %v", k, first, c.begin)
		}
		for _, f := range got[k] {
			if !f.Server.Equal(at) || f.Producer.Sub(f.Server) != c.ahead-300*time.Millisecond || f.First != picture {
				t.Fatalf("session %d: %+v, want picture %d at %v on the server's clock, the camera's %v ahead", k, f, picture, at, c.ahead)
			}
			picture += int64(f.Pictures)
			at = at.Add(time.Duration(f.Pictures) * 100 * time.Millisecond)
		}
	}
	if picture != 6000 {
		t.Errorf("%d pictures, want 6000", picture)
	}
	path := clipOn(t, start(t, s), "cam", "SERVER", noon.Add(2*time.Minute+55*time.Second), noon.Add(3*time.Minute+4*time.Second))
	for i, f := range judgetest.Frames(t, path) {
		wall := noon.Add(time.Duration(1750+i)*100*time.Millisecond + 2*time.Second)
		if i >= 50 {
			wall = wall.Add(90 * time.Second)
		}
		if !f.OK || int(f.Index) != 1750+i || !f.Wall.Equal(wall) || f.PTS != time.Duration(i)*100*time.Millisecond {
			t.Fatalf("picture %d: %+v, want one of %v", i, f, wall)
		}
	}
}

func TestClockStepOfFile(t *testing.T) {
	path := film(t, "-c:v", "libx264", "-an")
	with := func(steps ...kvsemu.ClockStep) []kvsemu.Fragment {
		cam := kvsemu.Camera{File: path, From: noon, For: 5 * time.Minute, ClockSteps: steps, Again: []kvsemu.Again{{After: 4 * time.Minute, Length: 10 * time.Second}}}
		return recorded(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": cam}})
	}
	plain, got := with(), with(kvsemu.ClockStep{After: time.Minute + time.Second, By: -time.Hour}, kvsemu.ClockStep{After: 2 * time.Minute, By: time.Minute})
	if len(got) != len(plain) {
		t.Fatalf("%d fragments, want %d", len(got), len(plain))
	}
	var steps []string
	for i, f := range got {
		by := f.Producer.Sub(plain[i].Producer)
		if !f.Server.Equal(plain[i].Server) || f.First != plain[i].First || f.Pictures != plain[i].Pictures {
			t.Fatalf("fragment %d: %+v, want %+v", i, f, plain[i])
		}
		if i == 0 || by != got[i-1].Producer.Sub(plain[i-1].Producer) {
			steps = append(steps, fmt.Sprint(plain[i].Producer.Sub(noon), by))
		}
	}
	if want := []string{"0s 0s", "1m2s -1h0m0s", "2m0s -59m0s"}; !slices.Equal(steps, want) {
		t.Errorf("the clock is off from %q, want %q", steps, want)
	}
	if n := len(sessions(t, got)); n != len(sessions(t, plain))+2 {
		t.Errorf("%d sessions, want one more for each step", n)
	}
}
