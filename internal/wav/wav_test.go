package wav_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/wav"
)

// sounds are the formats and their silence.
var sounds = map[string]struct {
	config  media.Config
	codec   string // by ffmpeg's name
	silence []byte // a frame
}{
	"A-law":           {media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, "pcm_alaw", []byte{0xd5}},
	"mu-law stereo":   {media.Config{Format: "ulaw", Channels: 2, SampleRate: 8000}, "pcm_mulaw", []byte{0xff, 0xff}},
	"PCM, 8 bits":     {pcm("A_PCM/INT/LIT", 8, 1), "pcm_u8", []byte{0x80}},
	"PCM, 16 bits":    {pcm("A_PCM/INT/LIT", 16, 2), "pcm_s16le", make([]byte, 4)},
	"PCM, 24 bits":    {pcm("A_PCM/INT/LIT", 24, 1), "pcm_s24le", make([]byte, 3)},
	"floats, 32 bits": {pcm("A_PCM/FLOAT/IEEE", 32, 1), "pcm_f32le", make([]byte, 4)},
}

func pcm(codec string, bits, channels int) media.Config {
	return media.Config{CodecID: codec, BitDepth: bits, Channels: channels, SampleRate: 16000}
}

// recorded is a movie of n blocks of 20 ms, which are numbered bytes, in ticks of a millisecond.
func recorded(c media.Config, frame, n int) (*media.Movie, []byte) {
	block := c.SampleRate / 50 * frame
	b := make([]byte, n*block)
	for i := range b {
		b[i] = byte(i*7+i/251)&0x3f | 0x40 // also a float that is one
	}
	t := &media.Track{ID: 1, Kind: media.Audio, Timescale: 1000, Configs: []media.Config{c}, End: int64(n) * 20}
	for i := range n {
		t.Samples = append(t.Samples, media.Sample{Offset: int64(i * block), Size: uint32(block), Time: int64(i) * 20, Sync: true})
	}
	return &media.Movie{
		Timescale: 1000, Tracks: []*media.Track{t},
		Sources: []media.Source{{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}},
	}, b
}

func written(t *testing.T, m *media.Movie) []byte {
	t.Helper()
	f, err := wav.Lay(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := f.WriteTo(&b); err != nil || n != f.Size() || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, f.Size(), err)
	}
	return b.Bytes()
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &complaints)
	}
	return out.String()
}

// decoded returns the PCM samples that ffmpeg finds in a file, and holds what ffprobe says of it.
func decoded(t *testing.T, b []byte, codec string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.wav")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(tool(t, "ffprobe", "-v", "warning", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path)); got != codec {
		t.Errorf("ffprobe: want %s, got %s", codec, got)
	}
	return []byte(tool(t, "ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-f", strings.TrimPrefix(codec, "pcm_"), "-"))
}

// With an edit list that hides the first 30 ms and the last 50 ms, a hole of 100 ms in the middle
// and times that jitter by a millisecond, the sound is what is left, to the PCM sample.
func TestSoundJudgedByFFmpeg(t *testing.T) {
	const n = 50
	for name, tc := range sounds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame := len(tc.silence)
			m, b := recorded(tc.config, frame, n)
			tr := m.Tracks[0]
			for i := range tr.Samples {
				if i >= 20 {
					tr.Samples[i].Time += 100
				}
				tr.Samples[i].Time += int64(i % 2 * min(1, i/2))
			}
			tr.End += 100
			tr.Edits = []media.Edit{{Media: 30, Duration: 1020}}
			second := tc.config.SampleRate * frame
			ms := second / 1000
			want := append([]byte(nil), b[30*ms:400*ms]...)
			want = append(want, bytes.Repeat(tc.silence, 100*ms/frame)...)
			want = append(want, b[400*ms:950*ms]...)
			if d := cmp.Diff(want, decoded(t, written(t, m), tc.codec)); d != "" {
				t.Errorf("PCM samples (-want +got):\n%s", d)
			}
		})
	}
}

// A clock that goes half a percent wrong for an hour does not add up: what is off is mended before
// it is two milliseconds and a block.
func TestDrift(t *testing.T) {
	for _, wrong := range []int64{995, 1005} {
		m, _ := recorded(media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, 1, 1000)
		tr := m.Tracks[0]
		for i := range tr.Samples {
			tr.Samples[i].Time = tr.Samples[i].Time * wrong / 1000
		}
		tr.End = tr.End * wrong / 1000
		f, err := wav.Lay(m)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := tr.End*8, f.Size()-58; got < want-176 || got > want+176 {
			t.Errorf("clock at %d/1000: want about %d bytes of sound, got %d", wrong, want, got)
		}
	}
}

// A later start is silence: the file begins where the clip does.
func TestLaterStart(t *testing.T) {
	m, b := recorded(media.Config{Format: "ulaw", Channels: 1, SampleRate: 8000}, 1, 10)
	m.Tracks[0].Edits = []media.Edit{{Media: -1, Duration: 500}, {Media: 0}}
	want := append(bytes.Repeat([]byte{0xff}, 4000), b...)
	if d := cmp.Diff(want, decoded(t, written(t, m), "pcm_mulaw")); d != "" {
		t.Errorf("PCM samples (-want +got):\n%s", d)
	}
}

// hours is a source of silence without memory.
type hours struct{ size int64 }

func (h hours) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > h.size {
		return 0, io.EOF
	}
	clear(b)
	return len(b), nil
}

// head keeps the front of what is written.
type head struct{ b []byte }

func (h *head) Write(b []byte) (int, error) {
	if room := 4096 - len(h.b); room > 0 {
		h.b = append(h.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// Above 4 GiB the file is RF64, and ffprobe knows how long it is.
func TestRF64(t *testing.T) {
	const block, n = 1 << 24, 300
	c := pcm("A_PCM/INT/LIT", 16, 2)
	tr := &media.Track{ID: 1, Kind: media.Audio, Timescale: 16000, Configs: []media.Config{c}, End: n * block / 4}
	for i := range int64(n) {
		tr.Samples = append(tr.Samples, media.Sample{Offset: i * block, Size: block, Time: i * block / 4})
	}
	m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{tr}, Sources: []media.Source{{ReaderAt: hours{n * block}, Size: n * block}}}
	f, err := wav.Lay(m)
	if err != nil {
		t.Fatal(err)
	}
	var h head
	if n, err := f.WriteTo(&h); err != nil || n != f.Size() {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, f.Size(), err)
	}
	path := filepath.Join(t.TempDir(), "a.wav")
	if err := os.WriteFile(path, h.b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, f.Size()); err != nil { // the rest is a hole in the file
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(tool(t, "ffprobe", "-v", "warning", "-show_entries", "stream=duration", "-of", "csv=p=0", path)), "78643.200000"; got != want {
		t.Errorf("ffprobe: want %s s, got %s", want, got)
	}
}

func TestRefuses(t *testing.T) {
	alaw := media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}
	for _, tc := range []struct {
		name   string
		change func(m *media.Movie)
		want   error
		says   string
	}{
		{"AAC", func(m *media.Movie) { m.Tracks[0].Configs[0].Format = "mp4a" }, wav.ErrNotPCM, "the sound is AAC: name the output .m4a"},
		{"Opus", func(m *media.Movie) { m.Tracks[0].Configs[0].Format = "Opus" }, wav.ErrNotPCM, "the sound is Opus"},
		{"big endian", func(m *media.Movie) { m.Tracks[0].Configs[0] = pcm("A_PCM/INT/BIG", 16, 1) }, wav.ErrNotPCM, "A_PCM/INT/BIG"},
		{"bits", func(m *media.Movie) { m.Tracks[0].Configs[0] = pcm("A_PCM/INT/LIT", 12, 1) }, wav.ErrNotPCM, "12 bits"},
		{"no channels", func(m *media.Movie) { m.Tracks[0].Configs[0].Channels = 0 }, wav.ErrNotPCM, "0 channels"},
		{"no sound", func(m *media.Movie) { m.Tracks[0].Kind = media.Video }, wav.ErrSound, "none"},
		{"two", func(m *media.Movie) { m.Tracks = append(m.Tracks, m.Tracks[0]) }, wav.ErrSound, "several"},
		{"change", func(m *media.Movie) {
			m.Tracks[0].Configs = append(m.Tracks[0].Configs, media.Config{Format: "alaw", Channels: 1, SampleRate: 16000})
		}, wav.ErrSound, "to 16000 Hz"},
	} {
		m, _ := recorded(alaw, 1, 3)
		tc.change(m)
		if _, err := wav.Lay(m); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: want %v, saying %q; got %v", tc.name, tc.want, tc.says, err)
		}
	}
	m, _ := recorded(alaw, 1, 3)
	m.Tracks[0].Samples[2].Offset = 1 << 40
	if _, err := wav.Lay(m); err == nil {
		t.Error("a sample outside of its source: want an error")
	}
}
