package mp4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// Whatever ffmpeg writes is sound, and so is what is laid out of it again.
func TestVerifyAcceptsFFmpeg(t *testing.T) {
	aac := []string{"-c:a", "aac"}
	for _, tc := range []struct {
		name string
		file string
		args []string
	}{
		{"B-frames and AAC priming", "a.mp4", args(testPicture, testSound, x264, aac)},
		{"faststart", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-movflags", "+faststart"})},
		{"no edit list", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-use_editlist", "0"})},
		{"negative composition offsets", "a.mp4", args(testPicture, x264, []string{"-movflags", "+negative_cts_offsets"})},
		{"late pictures", "a.mp4", args([]string{"-itsoffset", "5"}, testPicture, testSound, []string{"-map", "0", "-map", "1"}, x264, aac)},
		{"late sound", "a.mp4", args(testPicture, []string{"-itsoffset", "5"}, testSound, []string{"-map", "0", "-map", "1"}, x264, aac)},
		{"late sound, QuickTime", "a.mov", args(testPicture, []string{"-itsoffset", "5"}, testSound, []string{"-map", "0", "-map", "1"}, x264, aac)},
		{"sound far longer", "a.mp4", args(testPicture, []string{"-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=9"}, x264, aac)},
		{"one picture", "a.mp4", args(testPicture, []string{"-frames:v", "1"}, x264)},
		{"slow pictures", "a.mp4", args([]string{"-f", "lavfi", "-i", "testsrc=size=160x120:rate=1/4:duration=20"}, x264)},
		{"pictures at any time", "a.mp4", args(testPicture, []string{"-vf", "setpts=N*N/25/TB,settb=1/90000", "-fps_mode", "vfr"}, x264)},
		{"pictures at any time, no edit list", "a.mp4", args(testPicture, []string{"-vf", "setpts=N*N/25/TB,settb=1/90000", "-fps_mode", "vfr"}, x264, []string{"-use_editlist", "0"})},
		{"H.265", "a.mp4", args(testPicture, x265)},
		{"A-law", "a.mov", args(testPhone, []string{"-c:a", "pcm_alaw"})},
		{"two of sound", "a.mp4", args(testPicture, testSound, testSound, []string{"-map", "0", "-map", "1", "-map", "2"}, x264, aac)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, made(t, tc.file, tc.args...))
			if err := mp4.Verify(m); err != nil {
				t.Errorf("Verify: %v", err)
			}
			for _, o := range []mp4.Options{{}, {MoovLast: true, Force64: true}} {
				if err := mp4.Verify(open(t, save(t, m, o))); err != nil {
					t.Errorf("Verify of what was laid out: %v", err)
				}
			}
		})
	}
}

// A clip that was cut out of a longer file has an edit list that hides what lies before.
func TestVerifyAcceptsCutClips(t *testing.T) {
	t.Parallel()
	in := made(t, "a.mp4", args(testPicture, testSound, x264, []string{"-c:a", "aac"})...)
	for _, cut := range [][]string{{"-ss", "1.3"}, {"-t", "1.7"}, {"-ss", "0.9", "-t", "1"}} {
		if err := mp4.Verify(open(t, made(t, "b.mp4", args(cut, []string{"-i", in, "-c", "copy"})...))); err != nil {
			t.Errorf("ffmpeg %v: Verify: %v", cut, err)
		}
	}
}

// Answers of the service are sound in all forms that are known or feared.
func TestVerifyAcceptsAnswers(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, l := range []kvsemu.Layout{{}, {KeepGaps: true}, {EditList: true, MoovLast: true}, {CTTS: 1, Large64: true}} {
		for _, c := range []kvsemu.Camera{
			{},
			{BFrames: 2, Sound: "aac"},
			{Sound: "alaw", FPS: 29.97, Jitter: 10 * time.Millisecond},
			{BFrames: 1, Gaps: []kvsemu.Gap{{After: 10 * time.Second, Length: 5 * time.Second}}},
		} {
			c.From = noon
			s := &kvsemu.Server{Clip: l, Cameras: map[string]kvsemu.Camera{"door": c}, Now: func() time.Time { return noon.Add(time.Hour) }}
			b := clipOf(t, s, noon, noon.Add(20*time.Second))
			m, err := mp4.Read(reader(b))
			if err != nil {
				t.Fatal(err)
			}
			if err := mp4.Verify(m); err != nil {
				t.Errorf("%+v, %+v: Verify: %v", l, c, err)
			}
		}
	}
}

// clipOf asks the emulator for a clip of its camera door.
func clipOf(t *testing.T, s *kvsemu.Server, from, to time.Time) []byte {
	t.Helper()
	run, err := kvsemu.Start(t.Context(), s, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Close() }()
	body := fmt.Sprintf(`{"StreamName":"door","ClipFragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":{"StartTimestamp":%d,"EndTimestamp":%d}}}`,
		from.Unix(), to.Unix())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, run.DataURL+"/getClip", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260504/us-west-2/kinesisvideo/aws4_request, SignedHeaders=host, Signature=0")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GetClip: status %d, %v, %.300s", resp.StatusCode, err, b)
	}
	return b
}

// Each problem is told by name and place.
func TestVerifyRefuses(t *testing.T) {
	m := film(100, 100)
	m.Tracks[0].Edits = []media.Edit{{Duration: 3000, Media: 40}}
	good := laid(t, m, mp4.Options{Force64: true})
	late := film(100, 100)
	late.Tracks[0].Samples[0].Sync = false
	// co64 of the first track: count, then offsets of 8 bytes; low halves are poked.
	offset := func(n int) uint32 {
		at := bytes.Index(good, []byte("co64")) + 4 + 8 + 8*n + 4
		return uint32(good[at])<<24 | uint32(good[at+1])<<16 | uint32(good[at+2])<<8 | uint32(good[at+3])
	}
	move := func(n int, to uint32) []byte { return poke(good, "co64", 8+8*n+4, to) }
	mdat := bytes.Index(good, []byte("mdat")) - 4
	short := poke(slices.Concat(good[:len(good)-8], box("free")), "mdat", 4, uint32(len(good)-mdat-8))
	for _, tc := range []struct {
		name string
		b    []byte
		says []string
	}{
		{"over the end of mdat", short, []string{"track 2: samples ", "mdat"}},
		{"two chunks at one place", move(1, offset(0)), []string{"track 1: samples 26 to 50 at byte", "samples 1 to 25"}},
		{"a byte too early", move(1, offset(1)-1), []string{"are those of track 2: samples 1 to"}},
		{"on moov", move(0, 60), []string{"track 1: samples 1 to 25 at byte 60", "mdat"}},
		{"on the header of mdat", move(0, offset(0)-1), []string{"mdat"}},
		{"a box behind mdat", slices.Concat(good, box("free", make([]byte, 8))), nil},
		{"no mdat", rename(good, "mdat", "free", 0), []string{"do not lie in one mdat box"}},
		{"not a sync sample first", laid(t, late, mp4.Options{}), []string{"track 1: ", "sample 1: ", "sync"}},
		{"an edit behind the media", poke(good, "elst", 12, 90000), []string{"track 1: ", "edit 1: shows 3.000 s from 90.000 s"}},
		{"an edit of more than there is", poke(good, "elst", 8, 9000), []string{"track 1: ", "edit 1: shows 9.000 s"}},
		{"mdhd", poke(good, "mdhd", 16, 9999), []string{"track 1: ", "mdhd: duration 9999 ticks, the samples last 4000"}},
		{"tkhd", poke(good, "tkhd", 20, 99), []string{"track 1: ", "tkhd: duration 99 ticks"}},
		{"mvhd", poke(good, "mvhd", 16, 99), []string{"mvhd: duration 99 ticks, the longest track has 3926"}},
		{"mdhd not known", poke(good, "mdhd", 16, 1<<32-1), nil},
		{"tkhd not known", poke(good, "tkhd", 20, 0), nil},
		{"fewer pictures in the table of times", poke(good, "stts", 12, 10), []string{"track 1: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := mp4.Read(reader(tc.b))
			if err != nil {
				t.Fatalf("Read: %v", err)
			}
			err = mp4.Verify(m)
			if (err == nil) != (tc.says == nil) || err != nil && !errors.Is(err, mp4.ErrMalformed) {
				t.Fatalf("Verify: %v, want ErrMalformed saying %q", err, tc.says)
			}
			for _, text := range tc.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("Verify: %v, want it to say %q", err, text)
				}
			}
		})
	}
}

// Verify never panics on what Read accepts, and accepts what was laid out of sound tables.
func FuzzVerify(f *testing.F) {
	m := film(30, 20)
	m.Tracks[0].Edits = []media.Edit{{Duration: 7, Media: -1}, {Media: 40}}
	f.Add(laid(f, m, mp4.Options{}))
	f.Add(laid(f, m, mp4.Options{MoovLast: true, Force64: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mp4.Read(reader(b))
		if err != nil || len(b) > 1<<16 {
			return
		}
		if err := mp4.Verify(m); err != nil && !errors.Is(err, mp4.ErrMalformed) && !errors.Is(err, mp4.ErrUnsupported) {
			t.Errorf("Verify: an error of no kind: %v", err)
		}
	})
}
