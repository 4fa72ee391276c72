package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// runTool runs ffmpeg or ffprobe, which must end well and complain of nothing.
func runTool(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, complaints := complaining(t, name, args...)
	if complaints != "" {
		t.Fatalf("%s %q:\n%s", name, args, complaints)
	}
	return out
}

// complaining is runTool for files that ffmpeg may complain of.
func complaining(t testing.TB, name string, args ...string) (out, complaints string) {
	t.Helper()
	out, complaints, err := quietly(t.Context(), name, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints)
	}
	return out, complaints
}

// quietly runs ffmpeg or ffprobe so that it says nothing but complaints.
func quietly(ctx context.Context, name string, args ...string) (out, complaints string, err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", "", fmt.Errorf("%s is missing, and it makes and judges these clips: make test installs it", name)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, append([]string{"-v", "error"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", stderr.String(), fmt.Errorf("%s %q: %w", name, args, err)
	}
	return stdout.String(), stderr.String(), nil
}

// lavfi is an input of ffmpeg that it makes up.
func lavfi(source string) []string { return []string{"-f", "lavfi", "-i", source} }

// The pictures count up, and the tone rises, so that no two samples are alike.
func picturesOf(size, rate string) []string {
	return lavfi("testsrc2=size=" + size + ":rate=" + rate)
}

func toneAt(rate int) []string {
	return lavfi(fmt.Sprintf("aevalsrc=0.4*sin(2*PI*(300*t+18*t*t)):s=%d", rate))
}

// closed makes groups of 60 pictures, two to a clip, that need nothing from each other.
const closed = "keyint=60:min-keyint=60:scenecut=0:open-gop=0"

var (
	x264 = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", closed}
	// x264Other needs another SPS and PPS: CABAC, 8x8 transform, more references.
	x264Other = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", closed + ":bframes=0"}
	x264B     = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", closed + ":bframes=2:b-adapt=0"}
	x265      = []string{"-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", closed + ":bframes=2:b-adapt=0:log-level=none"}
	// x265Other needs another SPS and PPS: smaller coding trees, no loop filter over them.
	x265Other = []string{"-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", closed + ":bframes=2:b-adapt=0:ctu=16:sao=0:ref=3:log-level=none"}
)

// Sizes of the pictures; some clips have the other one.
const (
	usualSize = "320x192"
	otherSize = "352x288"
)

// stock is one coded stream, not cut into clips yet.
type stock struct {
	bytes []byte
	track *media.Track
}

// The stocks: the long ones hold twenty clips, the short ones a single one.
var (
	plain      = filmed(picturesOf(usualSize, "30"), x264, []string{"-t", "80"})
	ntsc       = filmed(picturesOf(usualSize, "30000/1001"), x264, []string{"-t", "80.08"})
	withB      = filmed(picturesOf(usualSize, "30"), x264B, []string{"-t", "80"})
	hevc       = filmed(picturesOf(usualSize, "30"), x265, []string{"-t", "80"})
	plainLarge = filmed(picturesOf(otherSize, "30"), x264, []string{"-t", "4"})
	plainOther = filmed(picturesOf(usualSize, "30"), x264Other, []string{"-t", "4"})
	hevcLarge  = filmed(picturesOf(otherSize, "30"), x265, []string{"-t", "4"})
	hevcOther  = filmed(picturesOf(usualSize, "30"), x265Other, []string{"-t", "4"})
	aac        = filmed(toneAt(48000), []string{"-ac", "2", "-c:a", "aac", "-t", "81"})
	alaw       = telephoned("alaw", "alaw")
	mulaw      = telephoned("ulaw", "mulaw")
)

// filmed returns a function that makes the stock once.
func filmed(args ...[]string) func() (*stock, error) {
	return sync.OnceValues(func() (*stock, error) {
		dir, err := os.MkdirTemp("", "kvsclip-stock-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "stock.mp4")
		if _, said, err := quietly(context.Background(), "ffmpeg", append(slices.Concat(args...), path)...); err != nil || said != "" {
			return nil, fmt.Errorf("%w\n%s", err, said)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := mp4.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return nil, err
		}
		return &stock{bytes: b, track: m.Tracks[0]}, nil
	})
}

// telephoned is filmed for G.711 in blocks of 20 ms, which ffmpeg cannot put into MP4. The format has a
// name of its own among the muxers of ffmpeg.
func telephoned(format, muxer string) func() (*stock, error) {
	return sync.OnceValues(func() (*stock, error) {
		const block = 160
		out, said, err := quietly(context.Background(), "ffmpeg", slices.Concat(toneAt(8000), []string{"-t", "81", "-f", muxer, "-"})...)
		if err != nil || said != "" {
			return nil, fmt.Errorf("%w\n%s", err, said)
		}
		t := &media.Track{
			Kind: media.Audio, Timescale: 8000, End: int64(len(out)),
			Configs: []media.Config{{Format: format, Channels: 1, SampleRate: 8000}},
		}
		for at := int64(0); at+block <= t.End; at += block {
			t.Samples = append(t.Samples, media.Sample{Offset: at, Time: at, Size: block, Sync: true})
		}
		return &stock{bytes: []byte(out), track: t}, nil
	})
}

// take is the stretch of a stock that goes into one clip: a track whose bytes lie in the stock.
type take struct {
	*media.Track
	bytes []byte
}

// samples takes n samples from first on, in ticks of scale. Each time is rounded by itself, from
// where the take begins, and the last sample lasts as long as the one before it, as in the clips
// of the service.
func (r *stock) samples(first, n int, scale uint32) take {
	t := *r.track
	t.Timescale, t.Edits, t.Samples = scale, nil, slices.Clone(r.track.Samples[first:first+n])
	ticks := func(at int64) int64 { return media.Rescale(at, r.track.Timescale, scale) }
	begin := ticks(t.Samples[0].Time)
	for i := range t.Samples {
		s := &t.Samples[i]
		composed := ticks(s.Time + int64(s.Shift))
		s.Time = ticks(s.Time) - begin
		s.Shift = int32(composed - begin - s.Time)
	}
	return take{&t, r.bytes}.ended()
}

// ended guesses how long the last sample lasts.
func (k take) ended() take {
	last := len(k.Samples) - 1
	k.End = 2*k.Samples[last].Time - k.Samples[last-1].Time
	return k
}

// between takes the samples that begin in [from, to), in ticks of clock, in ticks of scale. It
// tells too how long after from they begin.
func (r *stock) between(from, to int64, clock, scale uint32) (k take, late int64) {
	at := func(t int64) int {
		want := media.Rescale(t, clock, r.track.Timescale)
		i, _ := slices.BinarySearchFunc(r.track.Samples, want, func(s media.Sample, want int64) int { return cmp.Compare(s.Time, want) })
		return i
	}
	first := at(from)
	start := r.track.Samples[first].Time
	return r.samples(first, at(to)-first, scale), media.Rescale(start, r.track.Timescale, scale) - media.Rescale(from, clock, scale)
}

// pack writes takes as a clip, the tables in front, the bytes of all takes in turn.
func pack(t testing.TB, path string, takes ...take) {
	t.Helper()
	m := &media.Movie{Timescale: 1000}
	var b bytes.Buffer
	for next := make([]int, len(takes)); ; {
		turn := -1
		for i, k := range takes {
			if next[i] < len(k.Samples) && (turn < 0 || k.seconds(next[i]) < takes[turn].seconds(next[turn])) {
				turn = i
			}
		}
		if turn < 0 {
			break
		}
		s := &takes[turn].Samples[next[turn]]
		coded := takes[turn].bytes[s.Offset : s.Offset+int64(s.Size)]
		s.Offset = int64(b.Len())
		b.Write(coded)
		next[turn]++
	}
	for i, k := range takes {
		k.ID = uint32(i + 1)
		m.Tracks = append(m.Tracks, k.Track)
	}
	m.Sources = []media.Source{{ReaderAt: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}}
	writeMovie(t, path, m)
}

func (k take) seconds(i int) float64 { return float64(k.Samples[i].Time) / float64(k.Timescale) }

// writeMovie writes a movie to path.
func writeMovie(t testing.TB, path string, m *media.Movie) {
	t.Helper()
	laid, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatalf("laying out %s: %v", path, err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := laid.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

// made returns the stock that make makes.
func made(t testing.TB, make func() (*stock, error)) *stock {
	t.Helper()
	r, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clipName is the name of clip i of a set, from 0; people's names have spaces.
func clipName(i int) string { return fmt.Sprintf("clip %02d.mp4", i+1) }

// clipNames are the names of the first n clips of a set, in order.
func clipNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = clipName(i)
	}
	return names
}

// nonEmpty splits text into lines without their ends, and drops empty ones.
func nonEmpty(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(s string) bool { return s == "" })
}
