package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// wantPictures checks that ffmpeg sees pictures first to first+n-1 in a clip, each once, when they
// should be shown after the first one; shifted by gaps that were closed.
func wantPictures(t *testing.T, path string, first, n int, closed time.Duration) {
	t.Helper()
	frames := judgetest.Frames(t, path)
	if len(frames) != n {
		t.Fatalf("%d pictures, want %d", len(frames), n)
	}
	for i, f := range frames {
		if !f.OK || int(f.Index) != first+i {
			t.Fatalf("picture %d: index %d (readable: %v), want %d", i, f.Index, f.OK, first+i)
		}
		took, want := f.PTS-frames[0].PTS, f.Wall.Sub(frames[0].Wall)
		if took != want && took != want-closed {
			t.Fatalf("picture %d: shown after %v, want %v, or %v less", i, took, want, closed)
		}
	}
}

func TestClipLayouts(t *testing.T) {
	cams := []string{
		"plain:gop=1s,fps=10", "b:gop=1s,bframes=2,sound=aac", "law:gop=1s,fps=29.97,bframes=1,sound=alaw",
		"odd:gop=1s,irregular,sound=aac,bframes=2", "late:gop=1s,sound=aac,clock-offset=17ms,server-jitter=400ms",
	}
	for n, layout := range []kvsemu.Layout{
		{}, {EditList: true}, {MoovLast: true, CTTS: 1}, {Large64: true, Chunked: true}, {KeepGaps: true, EditList: true, CTTS: 1},
	} {
		run := start(t, &kvsemu.Server{Cameras: cameras(t, cams...), Clip: layout})
		for _, text := range cams {
			name, c, _ := kvsemu.ParseCamera(text)
			if n > 1 && c.BFrames < 2 {
				continue // nothing of these differs further
			}
			t.Run(fmt.Sprintf("%s%+v", name, layout), func(t *testing.T) {
				from := noon.Add(c.ClockOffset + 1500*time.Millisecond)
				path := clipBetween(t, run, name, from, from.Add(3*time.Second))
				per := map[string]int{"plain": 10, "law": 30}[name]
				if per == 0 {
					per = 25
				}
				if c.Irregular {
					if got := len(judgetest.Packets(t, path, "v:0")); got != 3*per {
						t.Errorf("%d pictures, want %d", got, 3*per)
					}
				} else {
					wantPictures(t, path, 2*per, 3*per, 0)
				}
				timebase := "0" // one tick a picture
				if c.Irregular {
					timebase = "-1" // ticks of the file: pictures can be closer
				}
				program(t, nil, "ffmpeg", "-v", "error", "-i", path, "-enc_time_base", timebase, "-f", "null", "-")
				wantTracks(t, path, c.Sound != "")
				if layout.EditList && !c.Irregular && c.Sound != "" {
					wantLipSync(t, path)
				}
			})
		}
	}
}

// wantLipSync checks that sound and picture of a clip with edit lists belong together.
func wantLipSync(t *testing.T, path string) {
	t.Helper()
	errs := judgetest.LipSync(judgetest.Frames(t, path), judgetest.Beeps(t, path))
	if len(errs) == 0 {
		t.Error("no beep in the clip")
	}
	for _, e := range errs {
		if e < -3*time.Millisecond || e > 25*time.Millisecond {
			t.Errorf("lip sync is %v off, want an audio block at most", e)
		}
	}
}

// wantTracks checks what the packager of the service is known to write.
func wantTracks(t *testing.T, path string, sound bool) {
	t.Helper()
	var out struct {
		Streams []struct {
			Codec    string            `json:"codec_name"`
			Type     string            `json:"codec_type"`
			TimeBase string            `json:"time_base"`
			Tags     map[string]string `json:"tags"`
		} `json:"streams"`
		Format struct {
			Tags map[string]string `json:"tags"`
		} `json:"format"`
	}
	text := program(t, nil, "ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", path)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	want := []string{"USP Video Handler"}
	if sound {
		want = append(want, "USP Sound Handler")
	}
	if len(out.Streams) != len(want) {
		t.Fatalf("%d tracks, want %d", len(out.Streams), len(want))
	}
	for i, s := range out.Streams {
		if s.TimeBase != "1/1000" || s.Tags["handler_name"] != want[i] || s.Tags["language"] != "eng" {
			t.Errorf("track %d: %+v", i, s)
		}
	}
	if got := out.Format.Tags["creation_time"]; got != "2026-05-04T20:00:00.000000Z" {
		t.Errorf("creation time %q, want the time of packaging", got)
	}
}

func TestClipClosesGaps(t *testing.T) {
	const cam = "cam:gop=1s,fps=10,gap=2500ms+10s"
	for keep, closed := range map[bool]time.Duration{false: 10 * time.Second, true: 0} {
		run := start(t, &kvsemu.Server{Cameras: cameras(t, cam), Clip: kvsemu.Layout{KeepGaps: keep}})
		wantPictures(t, clipBetween(t, run, "cam", noon, noon.Add(14*time.Second)), 0, 45, closed)
	}
}

func TestClipEnds(t *testing.T) {
	cams := cameras(t, "cam:gop=1s,fps=10", "wide:gop=1s,fps=10,rate=8M")
	hour := func(run *kvsemu.Running, name string) int {
		return len(judgetest.Packets(t, clipBetween(t, run, name, noon, noon.Add(time.Hour)), "v:0")) / 10
	}
	if got := hour(start(t, &kvsemu.Server{Cameras: cams}), "cam"); got != 200 {
		t.Errorf("%d fragments, want 200", got)
	}
	if got := hour(start(t, &kvsemu.Server{Cameras: cams, ClipFragments: 7}), "cam"); got != 7 {
		t.Errorf("%d fragments, want 7", got)
	}
	if got := hour(start(t, &kvsemu.Server{Cameras: cams}), "wide"); got != 99 {
		t.Errorf("%d fragments of 1 MB, want 99", got)
	}
	if got := hour(start(t, &kvsemu.Server{Cameras: cams, ClipBytes: 1000}), "wide"); got != 1 {
		t.Errorf("%d fragments, want one, whatever its size", got)
	}
}

func TestClipIsInclusive(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10")})
	wantPictures(t, clipBetween(t, run, "cam", noon.Add(time.Second), noon.Add(2*time.Second)), 10, 20, 0)
	wantPictures(t, clipBetween(t, run, "cam", noon.Add(1001*time.Millisecond), noon.Add(2999*time.Millisecond)), 20, 10, 0)
}

func TestClipOldestDuplicateWins(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,again=2s+3s")})
	if got := len(list(t, run, "cam", "PRODUCER", noon, noon.Add(9*time.Second), 100)); got != 13 {
		t.Errorf("%d fragments listed, want 10 and 3 again", got)
	}
	wantPictures(t, clipBetween(t, run, "cam", noon, noon.Add(9*time.Second)), 0, 100, 0)
	server := 300 * time.Millisecond // upload
	wantPictures(t, clipOn(t, run, "cam", "SERVER", noon.Add(server), noon.Add(9*time.Second+server)), 0, 100, 0)
}

func TestClipRefusesChanges(t *testing.T) {
	cams := cameras(t, "codec:gop=1s,codec=5s", "size:gop=1s,resize=5s+800x600", "track:gop=1s,track=5s+aac")
	for code, want := range map[string]string{"": "InvalidCodecPrivateDataException", "MediaChanged": "MediaChanged"} {
		run := start(t, &kvsemu.Server{Cameras: cams, ChangeCode: code})
		for name := range cams {
			body := between("ClipFragmentSelector", name, "PRODUCER", noon, noon.Add(9*time.Second))
			if status, got, text := call(t, run.DataURL+"/getClip", body); status != 400 || got != want {
				t.Errorf("%s: %d %s %s, want 400 %s", name, status, got, text, want)
			}
			wantPictures(t, clipBetween(t, run, name, noon, noon.Add(4*time.Second)), 0, 125, 0)
			wantPictures(t, clipBetween(t, run, name, noon.Add(5*time.Second), noon.Add(9*time.Second)), 125, 125, 0)
		}
	}
}

// film makes a file to replay.
func film(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	program(t, nil, "ffmpeg", append(append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=6",
		"-f", "lavfi", "-i", "sine=frequency=440:duration=6:sample_rate=48000", "-shortest", "-preset", "ultrafast", "-g", "50",
	}, args...), path)...)
	return path
}

func TestClipReplaysFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		tag  string
	}{
		{"h264 with B-frames", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac"}, "avc1"},
		{"h265", []string{"-c:v", "libx265", "-x265-params", "log-level=error:open-gop=0:keyint=50:min-keyint=50", "-tag:v", "hvc1", "-c:a", "aac"}, "hev1"},
		{"without sound", []string{"-c:v", "libx264", "-an"}, "avc1"},
	} {
		for _, layout := range []kvsemu.Layout{{HEVCTag: "hev1"}, {HEVCTag: "hev1", EditList: true}} {
			t.Run(fmt.Sprint(c.name, layout.EditList), func(t *testing.T) {
				cam := kvsemu.Camera{File: film(t, c.args...), From: noon}
				run := start(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": cam}, Clip: layout})
				fragments := list(t, run, "cam", "PRODUCER", noon, noon.Add(time.Minute-time.Millisecond), 1000)
				if len(fragments) < 30 {
					t.Errorf("%d fragments a minute, want 30 or more", len(fragments))
				}
				path := clipBetween(t, run, "cam", noon, noon.Add(13*time.Second))
				program(t, nil, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-")
				got := program(t, nil, "ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-of", "csv=p=0",
					"-show_entries", "stream=codec_tag_string,nb_read_packets", path)
				if want := c.tag + ",350\n"; got != want { // 0, 2, 4 ... 12 s
					t.Errorf("tag and pictures %q, want %q", got, want)
				}
			})
		}
	}
}

func TestClipRefusesCodecs(t *testing.T) {
	cam := kvsemu.Camera{File: film(t, "-c:v", "mpeg4", "-an"), From: noon}
	run := start(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": cam}})
	status, code, _ := call(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Minute)))
	if status != 400 || code != "UnsupportedStreamMediaTypeException" {
		t.Errorf("%d %s, want 400 UnsupportedStreamMediaTypeException", status, code)
	}
}

func TestClipsAreAlike(t *testing.T) {
	var first []byte
	for range 2 {
		run := start(t, &kvsemu.Server{Seed: 5, Cameras: cameras(t, "cam:gop=1s,sound=aac,bframes=1,jitter=9ms,server-jitter=200ms")})
		b, err := os.ReadFile(clipBetween(t, run, "cam", noon, noon.Add(4*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && string(first) != string(b) {
			t.Error("two servers with one seed differ")
		}
		first = b
	}
}
