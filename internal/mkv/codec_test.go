package mkv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
)

// tool runs a program and returns what it says, which is an error if it complains.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, complaints.String())
	}
	return out.String()
}

// made has ffmpeg make a file.
func made(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	tool(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), path)...)
	return path
}

func annexB(nals ...[]byte) (out []byte) {
	for _, n := range nals {
		out = append(append(out, 0, 0, 0, 1), n...)
	}
	return out
}

// Records made of parameter sets equal those that ffmpeg makes.
func TestRecordsOfAnnexB(t *testing.T) {
	for _, tc := range []struct {
		codec   string
		profile string
		pixels  string
		size    string
	}{
		{"libx264", "baseline", "yuv420p", "320x240"},
		{"libx264", "high", "yuv420p", "322x182"},
		{"libx264", "high422", "yuv422p10le", "162x98"},
		{"libx264", "high444", "yuv444p", "161x97"},
		{"libx264", "high", "yuv420p", "1920x1080"},
		{"libx265", "main", "yuv420p", "320x240"},
		{"libx265", "main", "yuv420p", "322x182"},
		{"libx265", "main422-10", "yuv422p10le", "162x98"},
		{"libx265", "main10", "yuv420p10le", "1920x1080"},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			args := []string{
				"-f", "lavfi", "-i", "testsrc=size=" + tc.size + ":rate=5:duration=1", "-c:v", tc.codec,
				"-profile:v", tc.profile, "-pix_fmt", tc.pixels, "-preset", "ultrafast", "-tag:v", "hvc1",
			}
			track, codec := Track{CodecID: codecHEVC, Type: TypeVideo}, hevc
			if tc.codec == "libx264" {
				args, track.CodecID, codec = args[:len(args)-2], codecAVC, avc
			} else {
				args = append(args, "-x265-params", "log-level=none")
			}
			c := configOf(t, made(t, "a.mp4", args...))
			sets, lengthSize, err := codec.sets(c.Private)
			if err != nil || lengthSize != 4 {
				t.Fatalf("reading ffmpeg's record: lengths of %d bytes, %v", lengthSize, err)
			}
			track.Private = annexB(sets...)
			got, err := track.Config()
			if err != nil {
				t.Fatal(err)
			}
			if w := fmt.Sprintf("%dx%d", got.Width, got.Height); w != tc.size {
				t.Errorf("size: want %s, got %s", tc.size, w)
			}
			if d := cmp.Diff(compared(c.Private, tc.codec), compared(got.Private, tc.codec)); d != "" {
				t.Errorf("record (-ffmpeg +ours):\n%s", d)
			}
			again, _, err := codec.sets(got.Private)
			if d := cmp.Diff(ofKinds(sets, tc.codec), again); d != "" || err != nil {
				t.Errorf("parameter sets (-ffmpeg +ours):\n%s\n%v", d, err)
			}
		})
	}
}

// compared is what of a record is compared: all of it, but of H.265 without the parameter sets,
// beside which ffmpeg keeps SEI.
func compared(record []byte, codec string) []byte {
	if codec == "libx265" {
		return record[:22]
	}
	return record
}

// ofKinds leaves out the SEI that ffmpeg adds.
func ofKinds(sets [][]byte, codec string) (out [][]byte) {
	for _, s := range sets {
		if codec == "libx264" || hevcType(s) <= hevcPPS {
			out = append(out, s)
		}
	}
	return out
}

func TestConfigs(t *testing.T) {
	wave := func(tag, channels uint16, rate uint32, bits byte) []byte {
		b := binary.LittleEndian.AppendUint16(nil, tag)
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(b, channels), rate)
		return append(b, 0, 0, 0, 0, byte(channels), 0, bits, 0, 0, 0)
	}
	head := []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
	film := film.Spec{}.Video()
	for _, tc := range []struct {
		name string
		t    Track
		want media.Config
	}{
		{"avcC as it is", Track{Type: TypeVideo, CodecID: codecAVC, Private: film.Private, Width: 10, Height: 20}, media.Config{Format: "avc1", Private: film.Private, Width: 10, Height: 20}},
		{"avcC, size of the pictures", Track{Type: TypeVideo, CodecID: codecAVC, Private: film.Private}, media.Config{Format: "avc1", Private: film.Private, Width: 640, Height: 360}},
		{"AAC, told wrongly", Track{Type: TypeAudio, CodecID: codecAAC, Private: []byte{0x11, 0x90}, Channels: 1, SampleRate: 8000}, media.Config{Format: "mp4a", Private: []byte{0x11, 0x90}, Channels: 2, SampleRate: 48000}},
		{"AAC of old", Track{Type: TypeAudio, CodecID: "A_AAC/MPEG4/LC", Channels: 1, SampleRate: 48000}, media.Config{Format: "mp4a", Private: []byte{0x11, 0x88}, Channels: 1, SampleRate: 48000}},
		{"HE-AAC, rate of the core", Track{Type: TypeAudio, CodecID: codecAAC, Private: []byte{0x2b, 0x11, 0x88, 0x00}, Channels: 2, SampleRate: 48000}, media.Config{Format: "mp4a", Private: []byte{0x2b, 0x11, 0x88, 0x00}, Channels: 2, SampleRate: 24000}},
		{"A-law", Track{Type: TypeAudio, CodecID: codecACM, Private: wave(6, 1, 8000, 0), Channels: 2, SampleRate: 1}, media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}},
		{"mu-law", Track{Type: TypeAudio, CodecID: codecACM, Private: wave(7, 2, 16000, 8)}, media.Config{Format: "ulaw", Channels: 2, SampleRate: 16000}},
		{"PCM of Windows", Track{Type: TypeAudio, CodecID: codecACM, Private: wave(1, 2, 16000, 16)}, media.Config{Private: wave(1, 2, 16000, 16), Channels: 2, SampleRate: 16000, BitDepth: 16}},
		{"ADPCM of Windows", Track{Type: TypeAudio, CodecID: codecACM, Private: wave(2, 1, 8000, 4)}, media.Config{Private: wave(2, 1, 8000, 4), Channels: 1, SampleRate: 8000}},
		{"Opus", Track{Type: TypeAudio, CodecID: codecOpus, Private: head, SampleRate: 44100}, media.Config{Format: "Opus", Private: head, Channels: 2, SampleRate: 48000}},
		{"PCM", Track{Type: TypeAudio, CodecID: "A_PCM/INT/LIT", Channels: 1, SampleRate: 44100, BitDepth: 24}, media.Config{Channels: 1, SampleRate: 44100, BitDepth: 24}},
		{"Motion JPEG", Track{Type: TypeVideo, CodecID: "V_MS/VFW/FOURCC", Private: []byte("MJPG"), Width: 1, Height: 2}, media.Config{Private: []byte("MJPG"), Width: 1, Height: 2}},
		{"text", Track{Type: TypeSubtitle, CodecID: codecText}, media.Config{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.CodecID = tc.t.CodecID
			got, err := tc.t.Config()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Config (-want +got):\n%s", d)
			}
		})
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		t    Track
		want error
	}{
		{"H.264 without CodecPrivate", Track{CodecID: codecAVC}, ErrUnsupported},
		{"H.264, rubbish", Track{CodecID: codecAVC, Private: []byte("rubbish")}, ErrMalformed},
		{"H.264, an SPS alone", Track{CodecID: codecAVC, Private: annexB([]byte{0x67, 66, 0, 30})}, ErrMalformed},
		{"H.265, short", Track{CodecID: codecHEVC, Private: make([]byte, 22)}, ErrMalformed},
		{"AAC, short", Track{CodecID: codecAAC, Private: []byte{0x11}}, ErrMalformed},
		{"AAC of no rate", Track{CodecID: codecAAC, Channels: 1, SampleRate: 1}, ErrUnsupported},
		{"G.711, short", Track{CodecID: codecACM, Private: make([]byte, 15)}, ErrMalformed},
		{"Opus of six channels without OpusHead", Track{CodecID: codecOpus, Channels: 6}, ErrMalformed},
	} {
		if c, err := tc.t.Config(); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %+v, %v, want %v", tc.name, c, err, tc.want)
		}
	}
}

// What producers write for each codec; and Config is the way back.
func TestTrackOf(t *testing.T) {
	opus := []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
	for _, tc := range []struct {
		c    media.Config
		k    media.Kind
		want Track
	}{
		{film.Spec{}.Video(), media.Video, Track{Number: 3, Type: TypeVideo, CodecID: codecAVC, Private: film.Spec{}.Video().Private, Width: 640, Height: 360}},
		{media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, media.Audio, Track{
			Number: 3, Type: TypeAudio, CodecID: codecACM, Channels: 1, SampleRate: 8000,
			Private: []byte{6, 0, 1, 0, 0x40, 0x1f, 0, 0, 0xe8, 3, 0, 0, 1, 0, 0, 0, 0, 0},
		}},
		{media.Config{Format: "mp4a", Private: []byte{0x11, 0x90}, Channels: 2, SampleRate: 48000}, media.Audio, Track{Number: 3, Type: TypeAudio, CodecID: codecAAC, Private: []byte{0x11, 0x90}, Channels: 2, SampleRate: 48000}},
		{media.Config{Format: "Opus", Private: opus, Channels: 2, SampleRate: 48000}, media.Audio, Track{Number: 3, Type: TypeAudio, CodecID: codecOpus, Private: opus, Channels: 2, SampleRate: 48000}},
		{media.Config{CodecID: "V_MJPEG", Width: 1, Height: 2}, media.Video, Track{Number: 3, Type: TypeVideo, CodecID: "V_MJPEG", Width: 1, Height: 2}},
	} {
		got, err := TrackOf(tc.c, tc.k, 3)
		if d := cmp.Diff(tc.want, got); d != "" || err != nil {
			t.Errorf("TrackOf(%s) (-want +got): %v\n%s", tc.c.Format, err, d)
		}
		back, err := got.Config()
		tc.c.CodecID = tc.want.CodecID
		if d := cmp.Diff(tc.c, back); d != "" || err != nil {
			t.Errorf("Config of TrackOf(%s) (-want +got): %v\n%s", tc.c.Format, err, d)
		}
	}
	for _, c := range []media.Config{{Format: "mp4v", Private: []byte{1}}, {}, {Format: "avc1"}} {
		if got, err := TrackOf(c, media.Video, 1); !errors.Is(err, ErrUnsupported) {
			t.Errorf("TrackOf(%+v): got %+v, %v", c, got, err)
		}
	}
}

// No bytes from a camera make Config panic, and what it makes is sound.
func TestConfigOfAnything(t *testing.T) {
	ids := []string{codecAVC, codecHEVC, codecAAC, "A_AAC/MPEG4/SSR", codecACM, codecOpus, "V_MJPEG"}
	rapid.Check(t, func(t *rapid.T) {
		track := Track{Type: TypeVideo, CodecID: rapid.SampledFrom(ids).Draw(t, "codec"), Channels: rapid.IntRange(0, 9).Draw(t, "channels")}
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([][]byte{{0, 0, 1}, {0, 0, 0, 1}, {0x67}, {0x68}, {0x40, 1}, {0x42, 1}, {0x44, 1}, []byte("OpusHead")}),
			rapid.SliceOf(rapid.Byte())), 0, 8).Draw(t, "private")
		track.Private = bytes.Join(parts, nil)
		c, err := track.Config()
		if err == nil && (c.Width < 0 || c.Height < 0 || c.Width > 1<<16 || c.Channels < 0) {
			t.Fatalf("Config: %+v", c)
		}
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Fatalf("Config: %v", err)
		}
	})
}

// configOf returns the first configuration of an MP4.
func configOf(t *testing.T, path string) media.Config {
	t.Helper()
	return movieOf(t, path).Tracks[0].Configs[0]
}
