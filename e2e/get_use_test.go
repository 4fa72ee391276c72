package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

func TestGetTakesWhatTheSampleTakes(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,sound=aac,gop=2s,for=8m,clock-offset=30s,upload=0s")
	minute := judgetest.Run{First: 2 * 60 * 25, Last: 7*60*25 - 1} // 09:02:00 to 09:07:00 UTC
	for name, args := range map[string][]string{
		"as in the sample": {
			"--start-timestamp", "2026-02-03T01:02:00-08:00", "--end-timestamp", "2026-02-03T01:07:00-08:00",
			"--fragment-selector-type", "SERVER_TIMESTAMP", "--chunk-size-minutes", "3",
		},
		"underscores":     {"--start_timestamp", "2026-02-03T01:02:00-08:00", "--end_timestamp", "2026-02-03T01:07:00-08:00"},
		"producer":        {"--from", "2026-02-03T09:02:30Z", "--to", "2026-02-03T09:07:30Z", "--selector-type", "PRODUCER_TIMESTAMP"},
		"offset of hours": {"--from", "2026-02-03 10:02", "--to", "2026-02-03 10:07", "--tz-offset", "1", "--piece", "1m"},
		"zone":            {"--from", "2026-02-03T10:02:00", "--to", "2026-02-03T10:07:00", "--tz", "Europe/Berlin"},
		"epoch":           {"--from", "1770109320", "--for", "5m", "--retries", "3", "-j", "2"},
		"milliseconds":    {"--from", "1770109320000", "--to", "1770109620000", "--share", "50"},
		"limited":         {"--from", "1770109320", "--for", "5m", "--limit-rate", "20M", "--engine", "clip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			report := h.report(t, append([]string{"get", "door", "--endpoint-url", e.url, "-o", "clip.mp4"}, args...)...)
			frames := whole(t, h.path("clip.mp4"), minute)
			if len(frames) != 7500 || frames[len(frames)-1].PTS != 299960*time.Millisecond {
				t.Errorf("%d pictures, the last shown at %v, want 7500 in 5m", len(frames), frames[len(frames)-1].PTS)
			}
			if report.Outputs[0].DurationMs != 300_000 {
				t.Errorf("reported to last %d ms, want 300000", report.Outputs[0].DurationMs)
			}
			if name == "as in the sample" && report.Pieces != 2 {
				t.Errorf("%d pieces, want 2 of three minutes", report.Pieces)
			}
		})
	}
}

func TestGetMergesAsAsked(t *testing.T) {
	t.Parallel()
	for name, camera := range map[string]string{
		"b-frames, aac": "door:size=320x192,sound=aac,bframes=2,gop=1s,for=6m,gap=2m+40s",
		"changes, alaw": "door:size=320x192,sound=alaw,gop=1s,for=6m,codec=2m,resize=3m+640x360",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", camera)
			get := func(merge, out string) []string {
				return []string{
					"get", "door", "--from", after(0), "--for", "6m", "--clock", "producer", "--trim", "fragment",
					"--piece", "30s", "--merge", merge, "-o", out,
				}
			}
			native := e.report(t, get("native", "clip.mp4")...)
			frames := whole(t, e.path("clip.mp4"))
			none := e.report(t, get("none", "part.mp4")...)
			if len(none.Outputs) != native.Pieces {
				t.Fatalf("%d files of %d pieces", len(none.Outputs), native.Pieces)
			}
			var want content
			var apart []judgetest.Frame
			for i, o := range none.Outputs {
				if want := fmt.Sprintf("part-%03d.mp4", i+1); o.Path != want {
					t.Errorf("piece %d is named %s, want %s", i+1, o.Path, want)
				}
				c := contentOf(t, e.path(o.Path))
				want.video, want.audio = append(want.video, c.video...), append(want.audio, c.audio...)
				apart = append(apart, judgetest.Frames(t, e.path(o.Path))...)
			}
			want.equal(t, contentOf(t, e.path("clip.mp4")))
			if a := judgetest.Count(apart); !a.Flawless() || a.N != len(frames) {
				t.Errorf("the pieces show %+v, the clip %d pictures", a, len(frames))
			}
			t.Logf("%d pieces, %d pictures and %d blocks of sound with the bytes of the answers", native.Pieces, len(want.video), len(want.audio))
			if strings.Contains(camera, "resize") {
				return // the ffmpeg program cannot join these
			}
			e.report(t, get("ffmpeg", "ffmpeg.mp4")...) // which writes parameter sets into the samples
			whole(t, e.path("ffmpeg.mp4"), judgetest.Run{First: 0, Last: frames[len(frames)-1].Index})
			tidied(t, e.home)
		})
	}
}

func TestGetTellsScripts(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,sound=aac,for=8m,gap=3m+30s")
	args := []string{"get", "door", "--from", after(0), "--for", "8m", "--clock", "producer"}
	r := e.run(t, append(args, "--json")...)
	var out map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("standard output: %v in %s", err, r.stdout)
	}
	var keys []string
	listKeys("", out, &keys)
	for _, want := range []string{
		"stream", "region", "clock", "requested.from", "requested.to", "delivered.from", "delivered.to", "delivered.durationMs",
		"outputs.path", "outputs.bytes", "outputs.sha256", "outputs.durationMs", "outputs.tracks.kind", "outputs.tracks.codec",
		"outputs.tracks.samples", "outputs.tracks.width", "outputs.tracks.height", "fragments.listed", "fragments.fetched",
		"gaps.from", "gaps.to", "gaps.durationMs", "seams.piece", "seams.at", "seams.videoErrorMs", "seams.audioErrorMs", "seams.action",
		"pieces", "calls.ListFragments", "calls.GetClip", "calls.throttled", "calls.retried", "bytesFetched", "elapsedMs", "estimatedCostUSD",
	} {
		if !slices.Contains(keys, want) {
			t.Errorf("the JSON has no %s: %s", want, r.stdout)
		}
	}
	want := map[string]any{"from": "2026-02-03T09:00:00.000Z", "to": "2026-02-03T09:08:00.000Z"}
	if !reflect.DeepEqual(out["requested"], want) {
		t.Errorf("requested: %v, want %v", out["requested"], want)
	}
	if !strings.HasPrefix(r.stderr, "kvsclip: fetching 225 fragments") {
		t.Errorf("standard error: %q", r.stderr)
	}
	const name = "door_20260203T090000Z_20260203T090800Z.mp4"
	whole(t, e.path(name), judgetest.Run{First: 0, Last: 225*50 - 1})

	quiet := e.run(t, append(args, "-q", "--force")...)
	if quiet.code != 0 || quiet.stderr != "" || quiet.stdout != name+"\n" {
		t.Errorf("-q: %d, %q, %q", quiet.code, quiet.stdout, quiet.stderr)
	}
	plain := e.run(t, append(args, "-o", "other.mp4")...)
	for _, want := range []string{"other.mp4\n", "225 of 225 fragments", "1 gap", "mp4a.40.2"} {
		if !strings.Contains(plain.stdout, want) {
			t.Errorf("nothing about %q in %q", want, plain.stdout)
		}
	}
	log := e.run(t, append(args, "-o", "third.mp4", "-v", "--log-format", "json")...)
	for line := range strings.Lines(log.stderr) {
		if !json.Valid([]byte(line)) {
			t.Errorf("--log-format json: %q", line)
		}
	}
	dry := e.run(t, append(args, "-o", "fourth.mp4", "-n", "--json")...)
	if dry.code != 0 || !strings.Contains(dry.stdout, `"pieces":[`) {
		t.Errorf("-n: %d, %s%s", dry.code, dry.stdout, dry.stderr)
	}
	if files, _ := filepath.Glob(e.path("fourth*")); files != nil {
		t.Errorf("-n wrote %v", files)
	}
	tidied(t, e.home)
}

// listKeys adds the names of all values in v, those of lists without their positions.
func listKeys(at string, v any, keys *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			listKeys(strings.TrimPrefix(at+"."+k, "."), w, keys)
		}
	case []any:
		*keys = append(*keys, at)
		for _, w := range v {
			listKeys(at, w, keys)
		}
	default:
		*keys = append(*keys, at)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	h := newHome(t, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_REGION=")
	r := h.run(t, "demo", "-o", "demo.mp4")
	if r.code != 0 || !strings.Contains(r.stdout, "Every fragment that was listed is in the file, once") {
		t.Fatalf("kvsclip demo: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	frames := whole(t, h.path("demo.mp4"))
	demo := &reel{sound: film.AAC}
	off := demo.timing(t, frames)
	late := furthest(demo.lateness(t, h.path("demo.mp4"), frames))
	t.Logf("%d pictures in %d spans, at most %v off; sound at most %v off", len(frames), len(demo.spans(frames)), off, late)
	if late > lateBound {
		t.Errorf("sound is %v off its picture, want at most %v", late, lateBound)
	}
	tidied(t, h)
	h.fails(t, 7, []string{"--force"}, "demo", "-o", "demo.mp4")
}
