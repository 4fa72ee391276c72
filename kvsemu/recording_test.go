package kvsemu_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestListingIsWholeAndUnordered(t *testing.T) {
	s := &kvsemu.Server{NoPoints: true, Cameras: cameras(t, "cam:gop=1s,fps=10,for=20m,gap=3m+1m,gap=5m+2s,codec=8m,again=10m+20s,server-jitter=3s,clock-offset=-1h")}
	run := start(t, s)
	want, err := s.Fragments("cam", noon.Add(-2*time.Hour), evening)
	if err != nil {
		t.Fatal(err)
	}
	if n := 19*60 - 2 + 20; len(want) != n {
		t.Errorf("%d fragments, want %d", len(want), n)
	}
	for _, page := range []int{1000, 100, 7} {
		got := list(t, run, "cam", "SERVER", noon, evening, page)
		if slices.IsSortedFunc(got, func(a, b listed) int { return strings.Compare(a.FragmentNumber, b.FragmentNumber) }) {
			t.Error("listed in order")
		}
		slices.SortFunc(got, func(a, b listed) int { return strings.Compare(a.FragmentNumber, b.FragmentNumber) })
		if len(got) != len(want) {
			t.Fatalf("pages of %d: %d fragments, want %d", page, len(got), len(want))
		}
		for i, f := range got {
			w := want[i]
			if f.FragmentNumber != w.Number || int64(f.ProducerTimestamp*1000+0.5) != w.Producer.UnixMilli() ||
				int64(f.ServerTimestamp*1000+0.5) != w.Server.UnixMilli() || f.FragmentSizeInBytes != w.Size || f.FragmentLengthInMilliseconds != 900 {
				t.Fatalf("fragment %d: %+v, want %+v", i, f, w)
			}
		}
	}
}

func TestRecording(t *testing.T) {
	s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,for=20m,gap=3m+1m,gap=5m+2s,codec=8m,again=10m+20s,server-jitter=3s,clock-offset=-1h"), Now: func() time.Time { return evening }}
	got, err := s.Fragments("cam", noon.Add(-2*time.Hour), evening)
	if err != nil {
		t.Fatal(err)
	}
	var sessions []int64
	picture, seq := int64(0), int64(0)
	seen := map[int64]bool{}
	for i, f := range got {
		n, _ := new(big.Int).SetString(f.Number, 10)
		if len(f.Number) != 47 || n.Bit(156) != 1 || n.BitLen() != 157 {
			t.Fatalf("fragment number %s", f.Number)
		}
		now := new(big.Int).And(new(big.Int).Rsh(n, 92), big.NewInt(1<<62-1)).Int64()
		if ms := new(big.Int).And(new(big.Int).Rsh(n, 28), new(big.Int).SetUint64(1<<64-1)).Int64(); ms != f.Server.UnixMilli() {
			t.Fatalf("server time in fragment number %d, want %d", ms, f.Server.UnixMilli())
		}
		if now != seq+1 {
			sessions = append(sessions, now)
		}
		seq = now
		if i > 0 && !f.Server.After(got[i-1].Server) {
			t.Fatalf("fragment %d: server time %v not after %v", i, f.Server, got[i-1].Server)
		}
		if again := seen[f.First]; !again && f.First != picture {
			t.Fatalf("fragment %d: first picture %d, want %d", i, f.First, picture)
		} else if !again {
			picture += int64(f.Pictures)
		}
		seen[f.First] = true
	}
	// A gap of 1 min, none for 2 s, another codec, the second upload, and what comes after it.
	if want := []int64{1001, 2001, 3001, 4001}; !slices.Equal(sessions, want) {
		t.Errorf("sessions begin at %v, want %v", sessions, want)
	}
	if picture != (20*60-62)*10 {
		t.Errorf("%d pictures, want %d", picture, (20*60-62)*10)
	}
}

func TestLiveCameraGrows(t *testing.T) {
	now := noon
	s := &kvsemu.Server{Now: func() time.Time { return now }, Cameras: map[string]kvsemu.Camera{"cam": {Ago: time.Hour}}, Lag: 100 * time.Millisecond}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{ // complete 2 s after they begin, in 300 ms, seen 100 ms later
		{0, 1799}, {399 * time.Millisecond, 1799}, {400 * time.Millisecond, 1800}, {10 * 365 * 24 * time.Hour, 1800 + 10*365*43200 - 1},
	} {
		now = noon.Add(c.after)
		got, err := s.Fragments("cam", now.Add(-time.Hour), now)
		if err != nil {
			t.Fatal(err)
		}
		if c.after > time.Hour {
			if want := int64(c.want * 50); got[len(got)-1].First+50 != want {
				t.Errorf("after %v: %d pictures, want %d", c.after, got[len(got)-1].First+50, want)
			}
			continue
		}
		all, _ := s.Fragments("cam", noon.Add(-time.Hour), now)
		if len(all) != c.want {
			t.Errorf("after %v: %d fragments, want %d", c.after, len(all), c.want)
		}
	}
}

func TestParseCamera(t *testing.T) {
	name, got, err := kvsemu.ParseCamera("dock:fps=29.97,gop=4s,bframes=2,sound=aac,from=-2h,for=1h,gap=10m+30s,gap=20m+1s,codec=20m,resize=30m+800x600," +
		"track=40m+none,again=5m+3s,jitter=20ms,server-jitter=300ms,upload=0s,rate=2M,size=320x240,clock-offset=-3s,irregular,retention=0," +
		"relative,clock=10m-1h,clock=1h10m+90s,late=10m+5m,late=20m+1m30sx2.5,replay=5m+30s,lost=6m+1s,kms=denied")
	want := kvsemu.Camera{
		FPS: 29.97, GOP: 4 * time.Second, BFrames: 2, Sound: "aac", Width: 320, Height: 240, Rate: 2_000_000,
		Ago: 2 * time.Hour, For: time.Hour,
		Gaps:    []kvsemu.Gap{{After: 10 * time.Minute, Length: 30 * time.Second}, {After: 20 * time.Minute, Length: time.Second}},
		Changes: []kvsemu.Change{{After: 20 * time.Minute}, {After: 30 * time.Minute, Width: 800, Height: 600}, {After: 40 * time.Minute, Sound: "none"}},
		Again:   []kvsemu.Again{{After: 5 * time.Minute, Length: 3 * time.Second}},
		Jitter:  20 * time.Millisecond, Irregular: true, Upload: -1, ServerJitter: 300 * time.Millisecond, ClockOffset: -3 * time.Second, Retention: -1,
		Relative:   true,
		ClockSteps: []kvsemu.ClockStep{{After: 10 * time.Minute, By: -time.Hour}, {After: 70 * time.Minute, By: 90 * time.Second}},
		Late:       []kvsemu.Late{{After: 10 * time.Minute, Length: 5 * time.Minute}, {After: 20 * time.Minute, Length: 90 * time.Second, Speed: 2.5}},
		Replays:    []kvsemu.Replay{{After: 5 * time.Minute, Length: 30 * time.Second}},
		Lost:       []kvsemu.Lost{{After: 6 * time.Minute, Length: time.Second}},
		KMS:        "denied",
	}
	if diff := cmp.Diff(want, got); name != "dock" || err != nil || diff != "" {
		t.Errorf("ParseCamera: %q, %v, want dock and (-want +got)\n%s", name, err, diff)
	}
	for text, want := range map[string]string{
		"":                      "expected a name",
		"a b":                   "expected a name",
		"c:speed=2":             "speed: unknown key",
		"c:fps":                 "fps: expected fps=VALUE",
		"c:fps=x":               "fps: expected pictures a second",
		"c:fps=1000":            "fps: expected 0.05 to 240",
		"c:gop=30s":             "gop: expected up to 20s",
		"c:sound=mp3":           "sound: expected aac, alaw, ulaw or none",
		"c:size=10x10":          "320x192",
		"c:gap=10m":             "gap: expected AFTER+LENGTH",
		"c:from=5m":             "from: expected a time before now",
		"c:resize=5m":           "resize: expected WIDTHxHEIGHT",
		"c:file=x.mp4,fps=3":    "file: a replayed file comes with its own",
		"c:retention=90m":       "retention: expected whole hours",
		"c:bframes=3":           "0 to 2 B-pictures",
		"c:server-jitter=-20ms": "server-jitter: expected 0 or more",

		"c:relative=often":            "relative: ",
		"c:clock":                     "clock: expected clock=VALUE",
		"c:clock=10m":                 "clock: expected AFTER+LENGTH or AFTER-LENGTH",
		"c:clock=-1h":                 "clock: expected AFTER+LENGTH or AFTER-LENGTH",
		"c:clock=0s+1h":               "clock: expected a step other than 0 after more than 0",
		"c:clock=10m+0s":              "clock: expected a step other than 0 after more than 0",
		"c:late=10m":                  "late: expected AFTER+LENGTH",
		"c:late=10m+5mxfast":          "late: expected AFTER+LENGTHxSPEED",
		"c:late=10m+5mx0":             "late: expected AFTER+LENGTHxSPEED",
		"c:late=10m+0s":               "late: expected a length above 0",
		"c:late=10m+5mx1":             "late: expected a speed from 1.1 to 1000",
		"c:late=10m+5mxNaN":           "late: expected a speed from 1.1 to 1000",
		"c:late=10m+5mx2,late=19m+1s": "late: expected the backlog of the one before to be gone, which takes until 20m0s",
		"c:replay=10m":                "replay: expected AFTER+LENGTH",
		"c:replay=0s+1m":              "replay: expected up to 1h after more than 0",
		"c:replay=2h+61m":             "replay: expected up to 1h after more than 0",
		"c:file=x.mp4,replay=5m+10s":  "replay: a replayed file cannot be cut at other places",
		"c:lost=10m+0s":               "lost: expected a length above 0",
		"c:kms=allowed":               "kms: expected denied",
	} {
		if _, _, err := kvsemu.ParseCamera(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCamera(%q): %v, want %q in it", text, err, want)
		}
	}
	for _, c := range []kvsemu.Camera{
		{File: "missing.mp4"},
		{From: noon, ClockOffset: -100 * 365 * 24 * time.Hour},
		{From: noon, ClockSteps: []kvsemu.ClockStep{{After: time.Hour, By: -100 * 365 * 24 * time.Hour}}},
		{From: noon, GOP: 40 * time.Millisecond, Late: []kvsemu.Late{{Length: time.Minute, Speed: 41}}},
	} {
		emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"c": c}}
		if _, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), `camera "c"`) {
			t.Errorf("Start with %+v: %v", c, err)
		}
	}
}
