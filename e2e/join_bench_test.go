//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
)

// BenchmarkJoin joins twenty clips of 51.6 MB, in turn with what else could be done with those
// bytes: copying them, copying them and waiting for the disk as kvsclip does, and ffmpeg's concat,
// which is what AWS's sample runs. It writes 4 GB a round, so it asks for KVSCLIP_BENCH=1; the median
// wants -benchtime 5x.
func BenchmarkJoin(b *testing.B) {
	if os.Getenv("KVSCLIP_BENCH") != "1" {
		b.Skip("set KVSCLIP_BENCH=1 to write 4 GB a round")
	}
	h := newHome(b)
	names := clipNames(clipCount)
	bigClips(b, h, names)
	list := ""
	for _, n := range names {
		list += fmt.Sprintf("file '%s'\n", h.path(n))
	}
	scribble(b, h.path("list.txt"), []byte(list))
	// cp copies what a first, unmeasured join has made: the same bytes, but for the tables.
	h.report(b, append([]string{"join", "-o", "same.mp4"}, names...)...)
	size := fileSize(b, h.path("same.mp4"))
	rivals := []rival{
		{name: "cp", args: []string{"cp", "same.mp4", "OUT"}},
		{name: "cp-flushed", args: []string{"sh", "-c", "cp same.mp4 OUT && sync OUT"}},
		{name: "ffmpeg", args: []string{"ffmpeg", "-v", "error", "-nostdin", "-f", "concat", "-safe", "0", "-i", "list.txt", "-c", "copy", "-f", "mp4", "OUT"}},
	}
	own := rival{name: "kvsclip", args: append([]string{program, "join", "-q", "-o", "OUT"}, names...)}
	for b.Loop() {
		own.race(b, h)
		for i := range rivals {
			rivals[i].race(b, h)
		}
	}
	b.Logf("%d bytes, %d rounds, kvsclip: median %.2f s, peak %.1f MiB", size, len(own.seconds), median(own.seconds), median(own.peak))
	for _, r := range rivals {
		var ratios []float64
		for i := range r.seconds {
			ratios = append(ratios, own.seconds[i]/r.seconds[i])
		}
		b.Logf("kvsclip takes %.2f [%.2f to %.2f] times as long as %s: median %.2f s, peak %.1f MiB",
			median(ratios), slices.Min(ratios), slices.Max(ratios), r.name, median(r.seconds), median(r.peak))
		b.ReportMetric(median(ratios), "x-"+r.name)
	}
	b.ReportMetric(median(own.peak), "MiB-peak")
	b.ReportMetric(0, "ns/op") // absolute times of a shared machine say nothing
}

// rival is one way to make one file of the clips' bytes. OUT in its arguments is that file.
type rival struct {
	name          string
	args          []string
	seconds, peak []float64 // peak is in MiB
}

// race runs the rival into a fresh file, when nothing else waits to be written.
func (r *rival) race(b *testing.B, h *home) {
	b.Helper()
	out := h.path("out-" + r.name)
	args := slices.Clone(r.args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "OUT", out)
	}
	syscall.Sync()
	cmd := exec.CommandContext(b.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = h.dir, h.env
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan float64)
	over := make(chan struct{})
	go func() { ended <- watchMemory(cmd.Process.Pid, over) }()
	err := cmd.Wait()
	r.seconds = append(r.seconds, time.Since(began).Seconds())
	close(over)
	r.peak = append(r.peak, <-ended)
	if err != nil {
		b.Fatalf("%q: %v\n%s", args, err, &said)
	}
	if err := os.Remove(out); err != nil {
		b.Fatal(err)
	}
}

// bigClips makes clips of 30 s in full HD at 13.6 Mbit/s, with sound. Their bytes are the same.
func bigClips(b *testing.B, h *home, names []string) {
	b.Helper()
	const fps, seconds, size = 30, 30, 57_300 // bytes of a picture
	spec := film.Spec{Width: 1920, Height: 1080, Sound: film.AAC}
	video := take{Track: &media.Track{Kind: media.Video, Timescale: msScale, Configs: []media.Config{spec.Video()}}}
	for s := range uint32(seconds) {
		var pictures []film.Picture
		for i := range uint32(fps) {
			n := s*fps + i
			pictures = append(pictures, film.Picture{Index: n, Time: begin.Add(time.Duration(n) * time.Second / fps)})
		}
		for i, c := range spec.Group(pictures, size) {
			video.Samples = append(video.Samples, media.Sample{
				Offset: int64(len(video.bytes)), Size: uint32(c.Size()), Sync: c.Sync, Time: int64(s)*1000 + int64(i)*1000/fps,
			})
			video.bytes = c.AppendTo(video.bytes)
		}
	}
	config, _ := spec.Audio()
	audio := take{Track: &media.Track{Kind: media.Audio, Timescale: msScale, Configs: []media.Config{config}}}
	for n := int64(0); n*1024 < seconds*48000; n++ {
		block := spec.Block(n)
		audio.Samples = append(audio.Samples, media.Sample{Offset: int64(len(audio.bytes)), Size: uint32(len(block)), Sync: true, Time: n * 1024 * 1000 / 48000})
		audio.bytes = append(audio.bytes, block...)
	}
	pack(b, h.path(names[0]), video.ended(), audio.ended())
	clip, err := os.ReadFile(h.path(names[0]))
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range names[1:] {
		scribble(b, h.path(n), clip)
	}
}
