//go:build linux

package e2e_test

import "testing"

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
