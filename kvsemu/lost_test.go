package kvsemu_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestLost(t *testing.T) {
	s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,lost=1m+10s,again=65s+10s")}
	run := start(t, s)
	if got := list(t, run, "cam", "PRODUCER", noon, noon.Add(89*time.Second), 100); len(got) != 100 {
		t.Errorf("%d fragments listed, want 90 and 10 again", len(got))
	}
	n := 0
	for i, f := range recorded(t, s) {
		if lost := f.First >= 600 && f.First < 700 && i < 75; f.Lost != lost {
			t.Errorf("%+v, want lost: %v", f, lost)
		}
		if f.Lost {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d fragments lost, want 10", n)
	}
	wantPictures(t, clipBetween(t, run, "cam", noon.Add(50*time.Second), noon.Add(59*time.Second)), 500, 100, 0)
	want := 550 // up to 599, then what was uploaded again
	for _, f := range judgetest.Frames(t, clipBetween(t, run, "cam", noon.Add(55*time.Second), noon.Add(69*time.Second))) {
		if want == 600 {
			want = 650
		}
		if !f.OK || int(f.Index) != want {
			t.Fatalf("picture %d, want %d", f.Index, want)
		}
		want++
	}
	if want != 700 {
		t.Errorf("the clip ends before picture %d, want 700", want)
	}
}

func TestAllIsLost(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,lost=1m+20m")})
	for _, clock := range []string{"PRODUCER", "SERVER"} {
		body := between("ClipFragmentSelector", "cam", clock, noon.Add(time.Minute+time.Second), noon.Add(2*time.Minute))
		if status, code, text := call(t, run.DataURL+"/getClip", body); status != 404 || code != "ResourceNotFoundException" {
			t.Errorf("%s: %d %s %s, want 404 ResourceNotFoundException", clock, status, code, text)
		}
	}
	path := clipBetween(t, run, "cam", noon.Add(time.Minute), noon.Add(time.Hour)) // 200 fragments behind 1200 that are lost
	wantPictures(t, path, 21*600, 2000, 0)
}
