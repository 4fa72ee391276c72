package mkv_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// BenchmarkBesideFFmpeg reads the same half gigabyte in turn with ffmpeg, which copies it to nowhere. A
// gigabyte a second is promised.
func BenchmarkBesideFFmpeg(b *testing.B) {
	path, size := benchmarked(b)
	var ratios, speeds []float64
	for b.Loop() {
		began := time.Now()
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := readAll(f, mkv.Options{}); err != nil {
			b.Fatal(err)
		}
		_ = f.Close() // only read from
		ours := time.Since(began)
		began = time.Now()
		if out, err := exec.CommandContext(b.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0", "-c", "copy", "-f", "null", "-").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		ratios = append(ratios, time.Since(began).Seconds()/ours.Seconds())
		speeds = append(speeds, float64(size)/1e6/ours.Seconds())
	}
	slices.Sort(ratios)
	slices.Sort(speeds)
	b.ReportMetric(ratios[len(ratios)/2], "x-faster-than-ffmpeg")
	b.ReportMetric(speeds[len(speeds)/2], "median-MB/s")
	if speeds[len(speeds)/2] < 1000 {
		b.Errorf("%.0f MB/s, want 1000", speeds[len(speeds)/2])
	}
}
