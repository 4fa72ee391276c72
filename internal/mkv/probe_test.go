package mkv_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// run runs ffmpeg or ffprobe and returns what it prints. Complaints do not count: ffprobe complains
// of what the service really sends.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing, and it is the judge of these files: `make test` installs it", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &complaints)
	}
	return out.String()
}

// film has ffmpeg make a Matroska file of four seconds.
func film(t testing.TB, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mkv")
	in := []string{
		"-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=25:duration=4",
		"-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=4",
	}
	run(t, "ffmpeg", append(append(in, args...), path)...)
	return load(t, path)
}

func load(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func store(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// packet is a frame as ffprobe sees it.
type packet struct {
	PTS  int64 // nanoseconds
	Size int64
	Hash string
	Key  bool
}

// probe returns ffprobe's packets of a stream such as "v:0" or "a:0", in file order.
func probe(t testing.TB, path, stream string) (out []packet) {
	t.Helper()
	text := run(t, "ffprobe", "-v", "quiet", "-select_streams", stream, "-show_data_hash", "sha256",
		"-show_entries", "packet=pts,size,flags,data_hash:stream=time_base", "-of", "flat", path)
	scale := int64(0)
	var key []string
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"`)
		if key = strings.Split(name, "."); len(key) != 4 {
			continue // side data
		}
		if key[3] == "time_base" {
			scale, _ = strconv.ParseInt(strings.TrimPrefix(value, "1/"), 10, 64)
			continue
		}
		if key[2] == strconv.Itoa(len(out)) {
			out = append(out, packet{})
		}
		p := &out[len(out)-1]
		switch key[3] {
		case "pts":
			p.PTS, _ = strconv.ParseInt(value, 10, 64)
		case "size":
			p.Size, _ = strconv.ParseInt(value, 10, 64)
		case "flags":
			p.Key = strings.Contains(value, "K")
		case "data_hash":
			p.Hash = strings.TrimPrefix(value, "SHA256:")
		}
	}
	if scale == 0 {
		t.Fatalf("%s: no stream %s", path, stream)
	}
	for i := range out {
		out[i].PTS = media.Rescale(out[i].PTS, uint32(scale), 1e9)
	}
	return out
}

// ours returns the decoder's blocks of a track.
func ours(stream []byte, fs []*mkv.Fragment, track uint64) (out []packet) {
	for _, f := range fs {
		for _, b := range f.Blocks {
			if b.Track == track {
				sum := sha256.Sum256(stream[b.Offset : b.Offset+b.Size])
				out = append(out, packet{(f.Timecode + b.Time) * f.Header.Scale, b.Size, hex.EncodeToString(sum[:]), b.Key})
			}
		}
	}
	return out
}

// same compares packets. intra: each is a key to ffprobe, whatever its flag says.
func same(t *testing.T, what string, want, got []packet, intra bool) {
	t.Helper()
	if intra {
		for _, list := range [][]packet{want, got} {
			for i := range list {
				list[i].Key = true
			}
		}
	}
	if len(want) == 0 {
		t.Errorf("%s: ffprobe sees no packets", what)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: %d packets, ffprobe sees %d (-ffprobe +ours):\n%.2000s", what, len(got), len(want), d)
	}
}

// Every file that ffmpeg makes is read as ffprobe reads it.
func TestFilesOfFFmpeg(t *testing.T) {
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-c:a", "aac"}
	tests := []struct {
		name  string
		args  []string
		sound int64 // nanoseconds by which ffprobe takes sound to be earlier: CodecDelay
	}{
		{"H.264 with B-frames and AAC", x264, 0},
		{"short clusters", append(slices.Clone(x264), "-cluster_time_limit", "200"), 0},
		{"small clusters", append(slices.Clone(x264), "-cluster_size_limit", "3000"), 0},
		{"live", append(slices.Clone(x264), "-live", "1"), 0},
		{"index in front", append(slices.Clone(x264), "-reserve_index_space", "2000"), 0},
		{"H.265", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3", "-c:a", "libmp3lame"}, 0},
		{"Motion JPEG and PCM", []string{"-c:v", "mjpeg", "-c:a", "pcm_s16le"}, 0},
		{"Motion JPEG and G.711", []string{"-c:v", "mjpeg", "-c:a", "pcm_mulaw", "-ar", "8000"}, 0},
		{"VP9 and Opus", []string{"-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"}, 6_500_000},
		{"only sound", []string{"-vn", "-c:a", "aac"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := film(t, tt.args...)
			fs := mustRead(t, b)
			path := store(t, "same.mkv", b)
			if end := fs[len(fs)-1].To; end != int64(len(b)) {
				t.Errorf("the last fragment ends at byte %d of %d", end, len(b))
			}
			for _, track := range fs[0].Header.Tracks {
				stream, sound := "v:0", track.Type == mkv.TypeAudio
				want := []packet(nil)
				if sound {
					stream = "a:0"
				}
				want = probe(t, path, stream)
				got := ours(b, fs, track.Number)
				if sound && tt.sound > 0 { // in whole ticks
					for i := range want {
						got[i].PTS = want[i].PTS + (got[i].PTS-want[i].PTS-tt.sound)/1_500_000*1_500_000
					}
				}
				same(t, fmt.Sprintf("track %d", track.Number), want, got, sound)
			}
		})
	}
}
