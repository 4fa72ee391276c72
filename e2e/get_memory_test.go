//go:build linux

package e2e_test

import (
	"os"
	"testing"
)

// TestGetNeedsLittleMemory holds a clip of 200 MB against what a clip of any length may need.
func TestGetNeedsLittleMemory(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,sound=aac,rate=8M,for=3m20s")
	r, peak := e.watched(t, "get", "door", "--from", after(0), "--for", "3m20s", "--clock", "producer", "-o", "clip.mp4", "--json")
	report := r.report(t)
	if n := report.Outputs[0].Bytes; n < 200e6 {
		t.Fatalf("the clip has only %d bytes", n)
	}
	whole(t, e.path("clip.mp4"))
	t.Logf("%.0f MiB at the peak for a clip of %.0f MB, in %d ms", peak, float64(report.Outputs[0].Bytes)/1e6, report.ElapsedMs)
	most := 122. // 128 MB
	if raced {
		most *= 10 // as the race detector's manual has it
	}
	if peak > most {
		t.Errorf("%.0f MiB at the peak, want at most %.0f", peak, most)
	}
}

// TestGetPipeNeedsLittleMemory holds what six hours on standard output need against three: in one hour
// all pieces there are can be under way at once.
func TestGetPipeNeedsLittleMemory(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--points=false", "--camera", "door:size=320x192,fps=5,gop=4s,sound=alaw,for=6h")
	peak := map[string]float64{}
	for _, length := range []string{"3h", "6h"} {
		r, most := e.watched(t, "get", "door", "--from", after(0), "--for", length, "--clock", "producer", "--share", "10000", "-o", "-")
		if r.code != 0 {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		peak[length] = most
		if err := os.WriteFile(e.path(length+".mp4"), []byte(r.stdout), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(samples(t, e.path("6h.mp4"), "v:0")); n != 6*3600*5 {
		t.Errorf("%d pictures in six hours", n)
	}
	t.Logf("%.0f MiB at the peak for three hours, %.0f for six", peak["3h"], peak["6h"])
	if most := 1.25*peak["3h"] + 8; peak["6h"] > most && !raced {
		t.Errorf("%.0f MiB at the peak for six hours, want at most %.0f", peak["6h"], most)
	}
}
