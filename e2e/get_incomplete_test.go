package e2e_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// lacking is a camera of 5 pictures a second and 2 minutes, some of which cannot be had.
type lacking struct {
	*emulator
	listed  int
	numbers []string        // of the fragments that cannot be had
	first   time.Time       // producer time of the first of them
	had     []judgetest.Run // all pictures that can be had
}

// lose starts a camera that has lost something.
func lose(t *testing.T, keys string) *lacking {
	t.Helper()
	camera := "door:size=320x192,fps=5,gop=2s,sound=aac,for=2m," + keys
	l := &lacking{emulator: emulate(t, "--camera", camera)}
	before := true
	for _, f := range uploads(t, camera) {
		l.listed++
		run := judgetest.Run{First: uint32(f.First), Last: uint32(f.First) + uint32(f.Pictures) - 1}
		switch {
		case f.Lost:
			if l.numbers = append(l.numbers, f.Number); l.first.IsZero() {
				l.first = f.Producer
			}
		case before:
			l.had = append(l.had, run)
		default:
			l.had[len(l.had)-1].Last = run.Last
		}
		before = f.Lost
	}
	return l
}

// get is the arguments of a download of everything.
func (l *lacking) get(out, clock string, more ...string) []string {
	return append([]string{"get", "door", "--from", after(0), "--to", after(2*time.Minute + 300*time.Millisecond), "--clock", clock, "-o", out}, more...)
}

// allowed runs with --allow-incomplete and --json, which must exit with 4, and returns the report.
func (l *lacking) allowed(t *testing.T, args []string) *clip.Report {
	t.Helper()
	r := l.run(t, append(args, "--allow-incomplete", "--json")...)
	var report clip.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); r.code != 4 || err != nil {
		t.Fatalf("exit code %d, want 4; %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	var told []string
	for _, m := range report.Missing {
		told = append(told, m.Fragment)
		if m.Reason == "" || m.Bytes == 0 || !m.From.Before(m.To.Time) {
			t.Errorf("told as missing: %+v", m)
		}
	}
	if !slices.Equal(told, l.numbers) || report.Fragments.Listed != l.listed || report.Fragments.Fetched != l.listed-len(told) {
		t.Errorf("%+v, missing %v, want %v", report.Fragments, told, l.numbers)
	}
	return &report
}

func TestGetIncomplete(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{
		"in the middle":      "lost=40s+10s,lost=1m20s+4s",
		"one fragment":       "lost=30s+2s",
		"at the beginning":   "lost=0s+12s",
		"at the end":         "lost=1m50s+10s",
		"all but one":        "lost=0s+50s,lost=52s+68s",
		"beside a real hole": "gap=20s+10s,lost=34s+6s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lose(t, keys)
			for _, clock := range []string{"producer", "server"} {
				l.refused(t, clock)
				out := clock + ".mp4"
				report := l.allowed(t, l.get(out, clock))
				if len(report.Outputs) != 1 || report.Outputs[0].SHA256 != fileHash(t, l.path(out)) {
					t.Errorf("outputs %+v", report.Outputs)
				}
				frames := whole(t, l.path(out), l.had...)
				if late := judgetest.LipSync(frames, judgetest.Beeps(t, l.path(out))); furthest(late) > lateBound {
					t.Errorf("%s: sound is %v off its pictures", out, furthest(late))
				}
				steady(t, out, frames, time.Second/5)
				l.delivered(t, report, frames, clock)
			}
			tidied(t, l.home)
		})
	}
}

// delivered says that what is told to be delivered goes from the first picture to the end of the last.
func (l *lacking) delivered(t *testing.T, report *clip.Report, frames []judgetest.Frame, clock string) {
	t.Helper()
	from, to := frames[0].Wall, frames[len(frames)-1].Wall.Add(time.Second/5)
	if clock == "server" {
		from, to = from.Add(300*time.Millisecond), to.Add(300*time.Millisecond)
	}
	if d := report.Delivered; !d.From.Equal(from) || !d.To.Equal(to) {
		t.Errorf("%s clock: delivered %v to %v, want %v to %v", clock, d.From, d.To, from, to)
	}
}

// refused says that without the flag nothing is written, and what is missing is named.
func (l *lacking) refused(t *testing.T, clock string) {
	t.Helper()
	r := l.fails(t, 4, []string{"footage that was listed cannot be had", "--allow-incomplete"}, l.get("refused.mp4", clock, "--json")...)
	if exists(l.path("refused.mp4")) {
		t.Error("there is a clip")
	}
	first := l.first
	if clock == "server" {
		first = first.Add(300 * time.Millisecond)
	}
	var out struct {
		Error struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || out.Error.Code != 4 || !strings.Contains(out.Error.Message, first.Format("2006-01-02T15:04:05.000Z")) {
		t.Errorf("%v, error %+v, want code 4 and a name of what is missing at %v", err, out.Error, first)
	}
	r = l.run(t, l.get("refused.mp4", clock, "--allow-incomplete", "-q")...) // goes on, and tidies up
	if r.code != 4 {
		t.Errorf("exit code %d when run again\n%s", r.code, r.stderr)
	}
	whole(t, l.path("refused.mp4"), l.had...)
	remove(t, l.path("refused.mp4"))
}

// The hole that lost footage leaves is treated as any other.
func TestGetIncompleteHolesAreHoles(t *testing.T) {
	t.Parallel()
	l := lose(t, "lost=40s+10s,lost=1m20s+4s")
	for _, clock := range []string{"producer", "server"} {
		l.allowed(t, l.get(clock+"-keep.mp4", clock, "--gaps", "keep"))
		frames := whole(t, l.path(clock+"-keep.mp4"), l.had...)
		onWall(t, clock+"-keep.mp4", frames)
		held(t, l.path(clock+"-keep.mp4"), frames)
		l.allowed(t, l.get(clock+"-squeeze.mp4", clock))
		var at []time.Duration
		for _, c := range chapters(t, l.path(clock+"-squeeze.mp4")) {
			at = append(at, c.at)
		}
		if !slices.Equal(at, []time.Duration{0, 40 * time.Second, 70 * time.Second}) {
			t.Errorf("%s clock: chapters at %v, want one at 0 and at each hole", clock, at)
		}
		report := l.allowed(t, l.get(clock+"-split.mp4", clock, "--gaps", "split"))
		if len(report.Outputs) != 3 {
			t.Fatalf("%s clock: %d files, want 3", clock, len(report.Outputs))
		}
		for i, o := range report.Outputs {
			onWall(t, o.Path, whole(t, l.path(o.Path), l.had[i]))
		}
	}
	tidied(t, l.home)
}

// held says that the sound of a clip with kept holes is silent in them, and beside its pictures.
func held(t *testing.T, path string, frames []judgetest.Frame) {
	t.Helper()
	if late := judgetest.LipSync(frames, judgetest.Beeps(t, path)); furthest(late) > lateBound || len(late) < 100 {
		t.Errorf("%s: %d beeps, at most %v off their pictures", path, len(late), furthest(late))
	}
	silences := silent(t, path, 2*time.Second)
	if len(silences) != 2 || silences[0][0] > 40*time.Second || silences[0][1] < 49970*time.Millisecond ||
		silences[1][0] > 80*time.Second || silences[1][1] < 83970*time.Millisecond {
		t.Errorf("%s: silent %v, want it from 40 s to 50 s and from 80 s to 84 s", path, silences)
	}
}

// People are told when footage is missing, and that the clip is there all the same.
func TestGetIncompleteIsToldToPeople(t *testing.T) {
	t.Parallel()
	l := lose(t, "lost=40s+10s,lost=1m20s+4s")
	r := l.fails(t, 4, []string{"7 fragments", "--allow-incomplete"}, l.get("clip.mp4", "producer", "--allow-incomplete", "--tz", "UTC")...)
	for _, w := range []string{
		"7 fragments MISSING", "09:00:40 UTC to 2026-02-03 09:00:49.800 UTC, 5 fragments from " + l.numbers[0] + " on: ",
		"09:01:20 UTC to 2026-02-03 09:01:23.800 UTC, 2 fragments from " + l.numbers[5] + " on: ", "53 of 60 fragments", "clip.mp4",
	} {
		if !strings.Contains(r.stdout, w) {
			t.Errorf("nothing is said of %q:\n%s", w, r.stdout)
		}
	}
	if strings.Contains(r.stderr, "run the same command again") {
		t.Errorf("the clip is written and its pieces are gone, so there is nothing to go on with:\n%s", r.stderr)
	}
}

// Where nothing at all can be had there is no clip, allowed or not.
func TestGetIncompleteOfEverything(t *testing.T) {
	t.Parallel()
	l := lose(t, "lost=0s+2m")
	for _, more := range [][]string{nil, {"--allow-incomplete"}} {
		l.fails(t, 4, []string{"cannot be had"}, l.get("clip.mp4", "producer", more...)...)
		if exists(l.path("clip.mp4")) {
			t.Errorf("%q: there is a clip", more)
		}
	}
	if l.had != nil || len(l.numbers) != 60 {
		t.Fatalf("the camera has %v", l.had)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
