package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// TestGetMatroska writes Matroska, which must hold what the MP4 does.
func TestGetMatroska(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:size=320x192,fps=5,bframes=2,sound=aac,for=12m,gap=5m+1m,codec=8m")
	args := []string{"get", "door", "--from", after(62 * time.Second), "--for", "9m", "--clock", "producer", "--trim", "fragment"}
	e.report(t, append(args, "-o", "clip.mp4", "--on-change", "split")...)
	e.report(t, append(args, "-o", "clip.mkv")...)
	mkv := judgetest.Frames(t, e.path("clip.mkv"))
	whole(t, e.path("clip.mkv"), judgetest.Run{First: mkv[0].Index, Last: mkv[len(mkv)-1].Index})
	parts, err := filepath.Glob(e.path("clip_*.mp4"))
	if err != nil || len(parts) != 2 {
		t.Fatalf("%q, %v", parts, err)
	}
	n := 0
	for _, p := range parts {
		n += len(judgetest.Frames(t, p))
	}
	if n != len(mkv) || len(mkv) < 8*60*5 {
		t.Errorf("%d pictures in Matroska, %d in MP4", len(mkv), n)
	}
	if cs := chapters(t, e.path("clip.mkv")); len(cs) == 0 {
		t.Error("no chapter marks the gap")
	}
}

// TestGetSoundOnly takes the sound out of footage with pictures.
func TestGetSoundOnly(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "aac:sound=aac,for=3m", "--camera", "alaw:sound=alaw,for=3m", "--camera", "mute:for=1m")
	args := []string{"--from", after(10300 * time.Millisecond), "--for", "2m", "--clock", "producer"}
	for stream, out := range map[string]string{"aac": "aac.m4a", "alaw": "alaw.wav"} {
		e.report(t, append(append([]string{"get", stream}, args...), "-o", out)...)
		if got := streamsOf(t, e.path(out)); !slices.Equal(got, []string{"a:0"}) {
			t.Errorf("%s holds %v", out, got)
		}
		beeps := judgetest.Beeps(t, e.path(out))
		if len(beeps) != 120 || beeps[0] < 650*time.Millisecond || beeps[0] > 750*time.Millisecond {
			t.Errorf("%s: %d beeps, the first at %v", out, len(beeps), beeps[0])
		}
		if d := beeps[len(beeps)-1] - beeps[0]; (d - 119*time.Second).Abs() > 30*time.Millisecond {
			t.Errorf("%s: beeps are spread over %v", out, d)
		}
	}
	e.fails(t, 2, []string{".m4a"}, append(append([]string{"get", "aac"}, args...), "-o", "aac.wav")...)
	e.fails(t, 2, []string{"sound"}, append([]string{"get", "mute", "--from", after(0), "--for", "1m"}, "-o", "mute.m4a")...)
}

// TestGetPlaylist writes HLS, which ffmpeg reads and Chromium plays.
func TestGetPlaylist(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:fps=5,sound=aac,for=4m,gap=1m+30s", "--camera", "turn:fps=5,for=3m,resize=1m+800x600")
	r := e.report(t, "get", "door", "--from", after(0), "--for", "3m", "--clock", "producer", "--format", "hls", "-o", "door/")
	if o := r.Outputs[0]; o.Path != filepath.Join("door", "index.m3u8") || !exists(e.path(o.Media)) {
		t.Fatalf("%+v", o)
	}
	frames := judgetest.Frames(t, e.path("door/index.m3u8"))
	if a := judgetest.Count(frames, judgetest.Run{First: 0, Last: 749}); !a.Flawless() {
		t.Errorf("%+v", a)
	}
	b, err := os.ReadFile(e.path("door/index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"#EXT-X-PROGRAM-DATE-TIME:2026-02-03T09:00:00.000Z", "2026-02-03T09:01:30.", "#EXT-X-ENDLIST", "#EXT-X-MAP"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the playlist says nothing of %q", want)
		}
	}
	e.report(t, "get", "turn", "--from", after(0), "--for", "2m", "--clock", "producer", "-o", "turn.m3u8")
	b, err = os.ReadFile(e.path("turn.m3u8"))
	if err != nil || strings.Count(string(b), "#EXT-X-MAP") != 2 || !strings.Contains(string(b), "#EXT-X-DISCONTINUITY") {
		t.Errorf("%v\n%s", err, b)
	}
}

// TestGetPlaylistPlaysInABrowser has Chromium seek in a playlist and play it to its end.
func TestGetPlaylistPlaysInABrowser(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:size=320x192,fps=5,gop=2s,sound=aac,for=30s,resize=20s+640x360")
	e.report(t, "get", "door", "--from", after(0), "--for", "30s", "--clock", "producer", "--format", "hls", "-o", "door/")
	seeks := []time.Duration{500 * time.Millisecond, 13100 * time.Millisecond, 25300 * time.Millisecond, 7500 * time.Millisecond}
	// Chromium 156 now and then fails to seek back to the beginning of any playlist with two configurations.
	path := e.path("door/index.m3u8")
	seen := judgetest.Watch(t, judgetest.Screening{Path: path, Seeks: seeks}, judgetest.Screening{Path: path, Rate: 4})
	if seen[0].Failure != "" || len(seen[0].Seeks) != len(seeks) || seen[1].Failure != "" || !seen[1].Ended {
		t.Fatalf("the browser fails with %q after %d seeks, playing with %q, ended: %v", seen[0].Failure, len(seen[0].Seeks), seen[1].Failure, seen[1].Ended)
	}
	for i, s := range seen[0].Seeks {
		if want := uint32(seeks[i] / aPicture); !s.OK || s.Index != want {
			t.Errorf("at %v the browser shows %+v, want picture %d", seeks[i], s, want)
		}
	}
}

// TestGetEvery cuts files at clock marks.
func TestGetEvery(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:fps=5,sound=aac,for=40m,gap=14m+4m")
	r := e.report(t, "get", "door", "--from", after(3*time.Minute+2300*time.Millisecond), "--to", after(33*time.Minute), "--clock", "producer",
		"--every", "10m", "-o", "{stream}/{from:%H%M%S}_{n:02}.mp4", "--tz", "UTC")
	want := []string{"door/090302_01.mp4", "door/091000_02.mp4", "door/092000_03.mp4", "door/093000_04.mp4"}
	var got []string
	for _, o := range r.Outputs {
		got = append(got, filepath.ToSlash(o.Path))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	marks := []time.Duration{3*time.Minute + 2200*time.Millisecond, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 33 * time.Minute}
	for i, o := range r.Outputs {
		frames := whole(t, e.path(o.Path))
		first, last := frames[0], frames[len(frames)-1]
		if d := first.Wall.Sub(begin); d != marks[i] {
			t.Errorf("%s begins %v after the camera, want %v", o.Path, d, marks[i])
		}
		if d := last.Wall.Sub(begin) + 200*time.Millisecond; d != marks[i+1] {
			t.Errorf("%s ends %v after the camera, want %v", o.Path, d, marks[i+1])
		}
		if i > 0 {
			continue
		}
	}
	if n := r.Fragments.Fetched; n != r.Fragments.Listed {
		t.Errorf("%+v", r.Fragments)
	}
}

// TestGetNames tells of templates that make no sense, and makes harmless what comes from outside.
func TestGetNames(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:for=1m")
	args := []string{"get", "door", "--from", after(0), "--for", "30s", "--clock", "producer"}
	e.fails(t, 2, []string{"{colour}", "{stream}"}, append(args, "-o", "{colour}.mp4")...)
	r := e.report(t, append(args, "-o", "{region}/{stream}-{clock}-{from}.mkv")...)
	if got := filepath.ToSlash(r.Outputs[0].Path); got != "us-west-2/door-producer-20260203T090000Z.mkv" {
		t.Errorf("got %q", got)
	}
}
