package mp4_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// tool runs ffmpeg or ffprobe and returns what it prints.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing, and it is the judge of these files: `make test` installs it", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &complaints)
	}
	return string(out)
}

// made lets ffmpeg make a file.
func made(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	tool(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-bitexact"}, args...), path)...)
	return path
}

func open(t *testing.T, path string) *media.Movie {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := mp4.Read(f, info.Size())
	if err != nil {
		t.Fatalf("Read(%s): %v", path, err)
	}
	return m
}

// save lays m out, writes it to a file and holds what is read back against what was laid out.
func save(t *testing.T, m *media.Movie, o mp4.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "laid.mp4")
	if err := os.WriteFile(path, laid(t, m, o), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// packets returns what ffprobe sees of each track: times, sizes, flags and hashes of the samples.
func packets(t *testing.T, path, stream string) []string {
	t.Helper()
	out := tool(t, "ffprobe", "-v", "error", "-select_streams", stream, "-show_data_hash", "sha256",
		"-show_entries", "packet=pts,dts,size,flags,data_hash", "-of", "csv", path)
	return strings.Split(strings.TrimSpace(out), "\n")
}

// pictures returns the hash of each decoded picture or block of sound, with its time.
func pictures(t *testing.T, path string) []string {
	t.Helper()
	out := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0", "-f", "framemd5", "-")
	return strings.Split(out, "\n")
}

// probed returns what ffprobe makes of a sample entry, and told what we make of it.
func probed(t *testing.T, path, stream string) string {
	t.Helper()
	return strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-select_streams", stream,
		"-show_entries", "stream=codec_tag_string,width,height,sample_rate,channels", "-of", "csv=p=0", path))
}

func told(c media.Config) string {
	if c.Channels != 0 {
		return fmt.Sprintf("%s,%d,%d", c.Format, c.SampleRate, c.Channels)
	}
	return fmt.Sprintf("%s,%d,%d", c.Format, c.Width, c.Height)
}

var (
	testPicture = []string{"-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=3"}
	testSound   = []string{"-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=3"}
	testPhone   = []string{"-f", "lavfi", "-i", "sine=440:sample_rate=8000:duration=3"}
	x264        = []string{"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p"}
	x265        = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2:keyint=25", "-pix_fmt", "yuv420p"}
)

func args(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestRoundTripJudgedByFFmpeg(t *testing.T) {
	aac := []string{"-c:a", "aac", "-ac", "2"} // of one channel ffmpeg says two in the entry
	for _, tc := range []struct {
		name string
		file string
		args []string
		o    mp4.Options
	}{
		{"H.264 with B-frames and AAC, moov last", "a.mp4", args(testPicture, testSound, x264, aac), mp4.Options{}},
		{"faststart, written moov last", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-movflags", "+faststart"}), mp4.Options{MoovLast: true}},
		{"64 bits", "a.mp4", args(testPicture, testSound, x264, aac), mp4.Options{Force64: true}},
		{"negative composition offsets", "a.mp4", args(testPicture, x264, []string{"-movflags", "+negative_cts_offsets"}), mp4.Options{}},
		{"ctts version 1", "a.mp4", args(testPicture, x264), mp4.Options{CTTSVersion1: true}},
		{"milliseconds", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-video_track_timescale", "1000"}), mp4.Options{}},
		{"no edit list", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-use_editlist", "0"}), mp4.Options{}},
		{"QuickTime", "a.mov", args(testPicture, testSound, x264, aac), mp4.Options{}},
		{"hvc1", "a.mp4", args(testPicture, x265, []string{"-tag:v", "hvc1"}), mp4.Options{}},
		{"Opus", "a.mp4", args(testSound, []string{"-c:a", "libopus", "-ac", "2"}), mp4.Options{}},
		{"hev1", "a.mp4", args(testPicture, x265, []string{"-tag:v", "hev1"}), mp4.Options{}},
		{"A-law alone", "a.mov", args(testPhone, []string{"-c:a", "pcm_alaw"}), mp4.Options{}},
		{"mu-law beside H.264", "a.mov", args(testPicture, testPhone, x264, []string{"-c:a", "pcm_mulaw"}), mp4.Options{}},
		{"mu-law stereo", "a.mov", args(testPhone, []string{"-ac", "2", "-c:a", "pcm_mulaw"}), mp4.Options{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := made(t, tc.file, tc.args...)
			m := open(t, in)
			out := save(t, m, tc.o)
			for i, tr := range m.Tracks {
				s := string(rune('0' + i))
				if got, want := told(tr.Configs[0]), probed(t, in, s); got != want {
					t.Errorf("track %s: want %q, got %q", s, want, got)
				}
				if d := cmp.Diff(packets(t, in, s), packets(t, out, s)); d != "" {
					t.Errorf("packets of track %s (-in +out):\n%s", s, d)
				}
			}
			if d := cmp.Diff(pictures(t, in), pictures(t, out)); d != "" {
				t.Errorf("decoded (-in +out):\n%s", d)
			}
		})
	}
}

// Entries made from the codec configuration alone must do as well as those that were read.
func TestMadeEntriesJudgedByFFmpeg(t *testing.T) {
	for _, tc := range []struct {
		name string
		file string
		args []string
	}{
		{"avc1 and mp4a", "a.mp4", args(testPicture, testSound, x264, []string{"-c:a", "aac"})},
		{"mp4a at 96 kHz", "a.mp4", args(testSound, []string{"-ar", "96000", "-c:a", "aac"})},
		{"hvc1", "a.mp4", args(testPicture, x265, []string{"-tag:v", "hvc1"})},
		{"Opus", "a.mp4", args(testSound, []string{"-c:a", "libopus"})},
		{"Opus of six channels", "a.mp4", args(testSound, []string{"-c:a", "libopus", "-ac", "6", "-mapping_family", "1"})},
		{"alaw", "a.mov", args(testPhone, []string{"-c:a", "pcm_alaw"})},
		{"ulaw stereo", "a.mov", args(testPhone, []string{"-ac", "2", "-c:a", "pcm_mulaw"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := made(t, tc.file, tc.args...)
			m := open(t, in)
			for _, tr := range m.Tracks {
				for i := range tr.Configs {
					tr.Configs[i].Entry = nil
				}
			}
			if d := cmp.Diff(pictures(t, in), pictures(t, save(t, m, mp4.Options{}))); d != "" {
				t.Errorf("decoded (-in +out):\n%s", d)
			}
		})
	}
}

// Cameras send G.711 in blocks of 20 ms, and GetClip counts in milliseconds.
func TestG711Blocks(t *testing.T) {
	const block = 160
	for _, tc := range []struct {
		name      string
		timescale uint32
		delta     int64
	}{
		{"ticks of 1/8000 s", 8000, block},
		{"ticks of 1 ms", 1000, 20},
		{"ticks of 20 ms", 50, 1}, // which ffmpeg must not take for PCM samples
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := made(t, "a.al", args(testPhone, []string{"-c:a", "pcm_alaw", "-f", "alaw"})...)
			b, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			tr := &media.Track{
				ID: 1, Kind: media.Audio, Timescale: tc.timescale, Language: "und", Handler: "sound",
				Configs: []media.Config{{Format: "alaw", Channels: 1, SampleRate: 8000}},
				End:     int64(len(b)/block) * tc.delta,
			}
			for i := range len(b) / block {
				tr.Samples = append(tr.Samples, media.Sample{
					Offset: int64(i * block), Size: block, Time: int64(i) * tc.delta, Sync: true,
				})
			}
			m := &media.Movie{
				Sources: []media.Source{{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}},
				Tracks:  []*media.Track{tr}, Timescale: 1000,
			}
			out := save(t, m, mp4.Options{})
			pcm := func(format []string, path string) string {
				return tool(t, "ffmpeg", args([]string{"-v", "error"}, format, []string{"-i", path, "-f", "md5", "-c:a", "pcm_s16le", "-"})...)
			}
			want := pcm([]string{"-f", "alaw", "-ar", "8000", "-ac", "1"}, raw)
			if got := pcm(nil, out); got != want {
				t.Errorf("decoded: want %s, got %s", want, got)
			}
			if got, want := len(packets(t, out, "0")), len(tr.Samples); got != want {
				t.Errorf("ffprobe: want %d packets, got %d", want, got)
			}
			if got, want := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=duration", "-of", "csv=p=0", out), "3.000000\n"; got != want {
				t.Errorf("ffprobe: duration: want %q, got %q", want, got)
			}
		})
	}
}

// Two clips of different size in one track: each keeps its sample entry, and all pictures decode.
func TestTwoConfigurations(t *testing.T) {
	t.Parallel()
	small := made(t, "a.mp4", args(testPicture, x264)...)
	large := made(t, "b.mp4", args([]string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=2"}, x264)...)
	a, b := open(t, small), open(t, large)
	tr, more := a.Tracks[0], b.Tracks[0]
	for _, s := range more.Samples {
		s.Time += tr.End
		s.Source, s.Config = 1, 1
		tr.Samples = append(tr.Samples, s)
	}
	tr.End += more.End
	tr.Configs = append(tr.Configs, more.Configs...)
	tr.Edits[0].Duration = 0 // ffmpeg wrote how long the first clip is
	a.Sources = append(a.Sources, b.Sources...)
	out := save(t, a, mp4.Options{})
	want := append(hashes(t, small), hashes(t, large)...)
	if d := cmp.Diff(want, hashes(t, out)); d != "" {
		t.Errorf("decoded (-apart +joined):\n%s", d)
	}
}

// hashes returns the hash of each decoded picture, at its own size.
func hashes(t *testing.T, path string) []string {
	t.Helper()
	out := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-autoscale", "0", "-f", "framemd5", "-")
	var h []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			h = append(h, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return h
}
