package e2e_test

import (
	"bufio"
	"encoding/json"
	"image/jpeg"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// rows reads a file of JSON lines.
func rows[T any](t *testing.T, path string) (out []T) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		out = append(out, row)
	}
	return out
}

// TestGetTags writes what producers said, and takes only what is wanted.
func TestGetTags(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:fps=5,sound=aac,for=6m,tag=camera:door,tag=motion:true@2m+20s,tag=motion:true@4m+10s")
	args := []string{"get", "door", "--from", after(0), "--for", "6m", "--clock", "producer", "--trim", "fragment"}
	r := e.report(t, append(args, "--tags", "tags.ndjson", "-o", "all.mp4")...)
	type row struct {
		Fragment         string
		Server, Producer time.Time
		LengthMs, Bytes  int64
		Tags             map[string]string
	}
	all := rows[row](t, e.path("tags.ndjson"))
	moving := 0
	for i, f := range recorded(t, "door:fps=5,sound=aac,for=6m") {
		got := all[i]
		if got.Fragment == "" || !got.Producer.Equal(f.Producer) || got.LengthMs != f.Length.Milliseconds() || got.Tags["camera"] != "door" {
			t.Fatalf("row %d: %+v, want %+v", i, got, f)
		}
		if got.Tags["motion"] == "true" {
			moving++
		}
	}
	if len(all) != 180 || moving != 15 || r.Tags != "tags.ndjson" {
		t.Errorf("%d rows, %d of them moving", len(all), moving)
	}
	r = e.report(t, append(args, "--where", `tag.motion == "true"`, "-o", "moving.mp4")...)
	if r.Fragments.Fetched != 15 || r.Fragments.Skipped != 165 {
		t.Errorf("%+v", r.Fragments)
	}
	whole(t, e.path("moving.mp4"), judgetest.Run{First: 600, Last: 699}, judgetest.Run{First: 1200, Last: 1249})
	r = e.report(t, append(args, "--where", `producer < date("`+after(time.Minute)+`")`, "-o", "first.mp4")...)
	if r.Fragments.Fetched != 30 || r.Calls.GetClip != 1 {
		t.Errorf("%+v, %+v", r.Fragments, r.Calls)
	}
	e.fails(t, 3, []string{"where"}, append(args, "--where", `tag.motion == "no"`, "-o", "none.mp4")...)
	e.fails(t, 2, []string{"where"}, append(args, "--where", `tag.motion ==`, "-o", "none.mp4")...)
}

// TestGetFrames holds what is told of each frame against the file itself and the pictures in it.
func TestGetFrames(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:fps=5,sound=aac,bframes=2,for=6m,gap=2m+30s,clock-offset=-2m")
	for _, engine := range []string{"clip", "fragments"} {
		out := engine + ".mp4"
		e.report(t, "get", "door", "--from", after(-59300*time.Millisecond), "--for", "4m", "--clock", "producer", "--engine", engine, "--frames", engine+".ndjson", "-o", out)
		type row struct {
			Output, Kind, Fragment string
			Sample                 int
			Producer, Server       time.Time
			FileMs                 float64
			Offset, Bytes          int64
			Sync, Shown            bool
		}
		shown := map[time.Duration]row{}
		b, err := os.ReadFile(e.path(out))
		if err != nil {
			t.Fatal(err)
		}
		sound := 0
		for _, r := range rows[row](t, e.path(engine+".ndjson")) {
			if r.Output != out || r.Fragment == "" || r.Offset+r.Bytes > int64(len(b)) {
				t.Fatalf("%+v", r)
			}
			switch {
			case r.Kind == "audio":
				sound++
			case r.Shown:
				shown[time.Duration(r.FileMs*float64(time.Millisecond)).Round(time.Millisecond)] = r
			}
		}
		frames := whole(t, e.path(out))
		for _, f := range frames {
			r, ok := shown[f.PTS.Round(time.Millisecond)]
			if d := r.Producer.Sub(f.Wall); !ok || d.Abs() > time.Millisecond {
				t.Fatalf("engine %s: picture %d taken %v is told as %v (%v)", engine, f.Index, f.Wall, r.Producer, ok)
			}
			if d := r.Server.Sub(r.Producer); d < 2*time.Minute || d > 2*time.Minute+time.Second {
				t.Fatalf("server time is %v after the producer's", d)
			}
		}
		if len(shown) != len(frames) || sound == 0 {
			t.Errorf("engine %s: %d pictures told of %d, %d of sound", engine, len(shown), len(frames), sound)
		}
	}
}

// TestGetClockTrack adds the time on the wall to a clip.
func TestGetClockTrack(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:fps=5,for=6m,gap=2m+30s")
	r := e.report(t, "get", "door", "--from", after(0), "--for", "6m", "--clock", "producer", "--clock-track", "--tz", "America/Los_Angeles", "-o", "clip.mp4")
	whole(t, e.path("clip.mp4"))
	if got := strings.TrimSpace(string(probe(t, e.path("clip.mp4"), "-select_streams", "s", "-show_entries", "stream=codec_name", "-of", "csv=p=0"))); got != "mov_text" {
		t.Errorf("subtitles: %q", got)
	}
	encode(t, "-i", e.path("clip.mp4"), "-map", "0:s:0", e.path("clip.srt"))
	srt, err := os.ReadFile(e.path("clip.srt"))
	if err != nil {
		t.Fatal(err)
	}
	vtt, err := os.ReadFile(e.path(r.Outputs[0].Captions))
	if err != nil || !strings.HasPrefix(string(vtt), "WEBVTT") {
		t.Fatalf("%v: %.40q", err, vtt)
	}
	for what, text := range map[string]string{"clip.srt": strings.ReplaceAll(string(srt), ",", "."), "clip.vtt": string(vtt)} {
		for at, words := range map[string]string{"00:00:05.000": "2026-02-03 01:00:05", "00:02:01.000": "2026-02-03 01:02:31"} {
			_, rest, ok := strings.Cut(text, at+" -->")
			if !ok || !strings.Contains(rest[:min(120, len(rest))], words) {
				t.Errorf("%s: at %s there is no %q", what, at, words)
			}
		}
	}
	if cs := chapters(t, e.path("clip.mp4")); len(cs) < 4 {
		t.Errorf("chapters: %+v", cs)
	}
}

// TestStill writes single pictures.
func TestStill(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:fps=5,bframes=2,for=6m")
	r := e.run(t, "still", "door", "--at", after(61700*time.Millisecond), "--clock", "producer", "-o", "door.jpg", "--json")
	var got struct {
		Path, Format string
		At           time.Time
		Exact        bool
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 0 {
		t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	if want := begin.Add(61600 * time.Millisecond); !got.Exact || got.Format != "jpeg" || !got.At.Equal(want) {
		t.Errorf("%+v, want the picture of %v", got, want)
	}
	f, err := os.Open(e.path("door.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := jpeg.Decode(f); err != nil {
		t.Error(err)
	}
	if frames := judgetest.Frames(t, e.path("door.jpg")); len(frames) != 1 || frames[0].Index != 308 {
		t.Errorf("the picture is %+v, want number 308", frames)
	}
	if n := e.answered("GetMediaForFragmentList", "200"); n != 1 {
		t.Errorf("%d calls for one picture", n)
	}
	bare := &emulator{home: newHome(t, "AWS_ENDPOINT_URL="+e.url, "PATH=/nonexistent"), url: e.url}
	r = bare.run(t, "still", "door", "--at", after(61700*time.Millisecond), "--clock", "producer", "-o", "door.jpg")
	if r.code != 0 || !strings.Contains(r.stdout, "door.h264") || !strings.Contains(r.stdout, "ffmpeg") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if frames := judgetest.Frames(t, bare.path("door.h264")); len(frames) != 1 || frames[0].Index != 300 {
		t.Errorf("the key frame is %+v, want number 300", frames)
	}
	e.fails(t, 3, []string{"recorded"}, "still", "door", "--at", after(time.Hour), "--clock", "producer")
}
