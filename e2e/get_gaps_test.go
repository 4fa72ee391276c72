package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// TestGetGaps downloads three holes with each policy, on both clocks. The range begins and ends
// inside a recorded span.
func TestGetGaps(t *testing.T) {
	t.Parallel()
	const minutes = 3 * time.Minute
	for name, tc := range map[string]struct {
		camera   string
		switches []string
		length   time.Duration
		policies []clip.Gaps
	}{
		"half an hour": {
			"door:size=320x192,fps=4,sound=aac,for=31m,gap=5m+10s,gap=12m+2m,gap=20m+45s", nil,
			30 * time.Minute,
			[]clip.Gaps{clip.GapsKeep},
		},
		"b-frames, server jitter": {
			"door:size=320x192,fps=12.5,bframes=2,sound=alaw,gop=1s,server-jitter=400ms,for=3m,gap=35s+10.3s,gap=1m+1m0.3s,gap=2m20s+15.3s",
			[]string{"--edit-list"},
			minutes - 20*time.Second,
			[]clip.Gaps{clip.GapsKeep, clip.GapsSqueeze, clip.GapsSplit},
		},
		"jitter, aac": {
			"door:size=320x192,fps=10,jitter=20ms,bframes=1,sound=aac,for=3m,gap=35s+10.3s,gap=1m+1m0.3s,gap=2m20s+15.3s",
			[]string{"--edit-list", "--gaps", "keep"},
			minutes - 20*time.Second,
			[]clip.Gaps{clip.GapsKeep, clip.GapsSqueeze, clip.GapsSplit},
		},
		"29.97, no sound": {
			"door:size=320x192,fps=29.97,gop=1s,for=1m30s,gap=15s+10s,gap=30s+30s,gap=1m10s+6s", nil,
			75 * time.Second,
			[]clip.Gaps{clip.GapsKeep, clip.GapsSqueeze, clip.GapsSplit},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shoot(t, tc.camera, tc.switches...)
			r.exact = r.sound == film.ALaw || slices.Contains(tc.switches, "--edit-list")
			for _, policy := range tc.policies {
				for _, clock := range []string{"producer", "server"} {
					t.Run(string(policy)+", "+clock, func(t *testing.T) { r.threeHoles(t, policy, clock, tc.length) })
				}
			}
		})
	}
}

// threeHoles downloads a range with three holes and judges what became of them.
func (r *reel) threeHoles(t *testing.T, policy clip.Gaps, clock string, length time.Duration) {
	from := begin.Add(8330 * time.Millisecond)
	to := from.Add(length)
	out := fmt.Sprintf("%s-%s.mp4", policy, clock)
	report := r.report(t, "get", r.name, "--from", from.Format(time.RFC3339Nano), "--to", to.Format(time.RFC3339Nano),
		"--clock", clock, "--gaps", string(policy), "-o", out)
	if report.GapPolicy != policy {
		t.Errorf("gap policy %q is told, want %q", report.GapPolicy, policy)
	}
	want := r.within(from, to, clock, "exact")
	switch policy {
	case clip.GapsKeep:
		r.kept(t, out, report, clock, want)
	case clip.GapsSqueeze:
		r.squeezed(t, out, report, clock, want)
	case clip.GapsSplit:
		r.split(t, out, report, clock, want)
	}
}

// kept judges a clip in which holes last as long as they did.
func (r *reel) kept(t *testing.T, out string, report *clip.Report, clock string, want judgetest.Run) {
	t.Helper()
	frames := whole(t, r.path(out), want)
	r.gapsTold(t, report, frames, clock)
	worst := time.Duration(0)
	for _, f := range frames {
		worst = max(worst, (f.PTS - frames[0].PTS - f.Wall.Sub(frames[0].Wall)).Abs())
	}
	t.Logf("%s: over %v and %d holes, pictures are at most %v off the wall clock", out, frames[len(frames)-1].PTS, len(report.Gaps), worst)
	if worst > time.Millisecond || frames[0].PTS != 0 {
		t.Errorf("%s: a picture is %v off the wall clock, the first one shown at %v", out, worst, frames[0].PTS)
	}
	r.lasts(t, report, frames)
	if cs := chapters(t, r.path(out)); len(cs) != 0 {
		t.Errorf("%s: chapters %v where no hole was closed up", out, cs)
	}
	if r.sound != film.None {
		r.quietHoles(t, out, frames)
	}
}

// lasts says that what is told of the length of a clip with kept holes is the time on the wall.
func (r *reel) lasts(t *testing.T, report *clip.Report, frames []judgetest.Frame) {
	t.Helper()
	got := time.Duration(report.Delivered.DurationMs) * time.Millisecond
	last := frames[len(frames)-1]
	if more := got - last.Wall.Sub(frames[0].Wall); more < 0 || more > 500*time.Millisecond { // a picture in fps=4, and jitter
		t.Errorf("%v are delivered, and %v passed between the first picture and the last", got, last.Wall.Sub(frames[0].Wall))
	}
}

// gapsTold says that a report tells each hole between the frames where it was, on the clock.
func (r *reel) gapsTold(t *testing.T, report *clip.Report, frames []judgetest.Frame, clock string) {
	t.Helper()
	spans := r.spans(frames)
	if len(spans) != 4 || len(report.Gaps) != 3 {
		t.Fatalf("%d spans, gaps %v: want 3 holes", len(spans), report.Gaps)
	}
	for i, g := range report.Gaps {
		last := spans[i][len(spans[i])-1]
		early := g.From.Sub(r.at(last, clock))                                                      // the last picture lasts until then
		shorter := spans[i+1][0].Wall.Sub(last.Wall) - time.Duration(g.DurationMs)*time.Millisecond // by how long that one lasts
		if early < 0 || early > 300*time.Millisecond || !g.To.Equal(r.at(spans[i+1][0], clock)) || shorter < 0 || shorter > 300*time.Millisecond {
			t.Errorf("gap %d: told as %+v, and it was between %v and %v", i+1, g, r.at(last, clock), r.at(spans[i+1][0], clock))
		}
	}
}

// quietHoles says that the sound covers the holes without a break, is silent there, and is beside
// its pictures everywhere else.
func (r *reel) quietHoles(t *testing.T, out string, frames []judgetest.Frame) {
	t.Helper()
	spec := film.Spec{Sound: r.sound}
	one := time.Duration(spec.BlockSize()) * time.Second / time.Duration(spec.SampleRate())
	packets := judgetest.Packets(t, r.path(out), "a:0")
	worst := time.Duration(0)
	for i, p := range packets[1:] {
		worst = max(worst, (p.Time() - packets[i].Time() - one).Abs())
	}
	if worst > one {
		t.Errorf("%s: %v between two blocks of sound of %v", out, worst, one)
	}
	r.silentHoles(t, out, frames, one)
	late := r.lateness(t, r.path(out), frames)
	seconds := 0
	for _, s := range r.spans(frames) {
		seconds += int(s[len(s)-1].PTS-s[0].PTS) / int(time.Second)
	}
	bound := lateBound
	if r.exact {
		bound = roundBound
	}
	t.Logf("%s: blocks at most %v apart, sound at most %v off its picture in %d beeps", out, worst, furthest(late), len(late))
	if furthest(late) > bound || len(late) < seconds*9/10 || len(late) > seconds+8 {
		t.Errorf("%s: %d beeps in %d recorded seconds, at most %v off, want %v", out, len(late), seconds, furthest(late), bound)
	}
}

// silentHoles says that each hole is silent, to a block, from the end of its last picture on.
func (r *reel) silentHoles(t *testing.T, out string, frames []judgetest.Frame, one time.Duration) {
	t.Helper()
	spans, silences := r.spans(frames), silent(t, r.path(out), 2*time.Second)
	if len(silences) != len(spans)-1 {
		t.Fatalf("%s: %d long silences, want one in each of %d holes: %v", out, len(silences), len(spans)-1, silences)
	}
	for i, s := range silences {
		last, next := spans[i][len(spans[i])-1].PTS, spans[i+1][0].PTS
		if s[0] > last+300*time.Millisecond+one || s[1] < next-one-time.Millisecond || s[1] > next+time.Second+one {
			t.Errorf("%s: silent from %v to %v, and the hole is between %v and %v", out, s[0], s[1], last, next)
		}
	}
}

// squeezed judges a clip in which holes are closed up: each is a chapter mark.
func (r *reel) squeezed(t *testing.T, out string, report *clip.Report, clock string, want judgetest.Run) {
	t.Helper()
	frames := whole(t, r.path(out), want)
	r.gapsTold(t, report, frames, clock)
	r.timing(t, frames)
	spans, cs := r.spans(frames), chapters(t, r.path(out))
	if len(cs) != len(spans) {
		t.Fatalf("%s: %d chapters, want one for each of %d spans: %v", out, len(cs), len(spans), cs)
	}
	for i, c := range cs {
		f := spans[i][0]
		at, err := time.Parse(time.RFC3339, c.title)
		if err != nil || at.Sub(r.at(f, clock)).Abs() > time.Millisecond || (c.at-f.PTS).Abs() > time.Millisecond {
			t.Errorf("%s: chapter %q at %v, %v; picture %d is shown at %v and was taken at %v", out, c.title, c.at, err, f.Index, f.PTS, r.at(f, clock))
		}
	}
	if r.sound != film.None {
		loose := *r
		loose.exact = false // behind a closed hole sound goes on in its blocks, up to half a one off
		loose.sync(t, r.path(out), frames)
	}
}

// split judges a clip that became one file a span.
func (r *reel) split(t *testing.T, out string, report *clip.Report, clock string, want judgetest.Run) {
	t.Helper()
	if exists(r.path(out)) || len(report.Outputs) != 4 {
		t.Fatalf("%d outputs, %s there: %v", len(report.Outputs), out, exists(r.path(out)))
	}
	var all []judgetest.Frame
	next := want.First
	for _, o := range report.Outputs {
		frames := judgetest.Frames(t, r.path(o.Path))
		if len(frames) == 0 {
			t.Fatalf("%s: no pictures", o.Path)
		}
		last := frames[len(frames)-1]
		r.span(t, out, o, frames, clock, judgetest.Run{First: next, Last: last.Index})
		if n := len(r.spans(frames)); n != 1 {
			t.Errorf("%s: shows %d spans", o.Path, n)
		}
		next, all = last.Index+1, append(all, frames...)
	}
	if a := judgetest.Count(all, want); !a.Flawless() {
		t.Errorf("all files together: %+v, want %v", a, want)
	}
	r.gapsTold(t, report, all, clock)
	tidied(t, r.home)
}

// span judges one file of a clip that was split, which must show all pictures of a run.
func (r *reel) span(t *testing.T, out string, o clip.Output, frames []judgetest.Frame, clock string, want judgetest.Run) {
	t.Helper()
	if a := judgetest.Count(frames, want); !a.Flawless() || frames[0].PTS != 0 {
		t.Errorf("%s: %+v, first shown at %v, want a flawless clip of %v", o.Path, a, frames[0].PTS, want)
	}
	first := r.at(frames[0], clock)
	if o.From.Sub(first).Abs() > time.Millisecond {
		t.Errorf("%s: told to begin at %v, and its first picture was taken at %v", o.Path, o.From, first)
	}
	if name := fmt.Sprintf("%s_%s.mp4", strings.TrimSuffix(out, ".mp4"), o.From.UTC().Format("20060102T150405Z")); filepath.Base(o.Path) != name {
		t.Errorf("%s: want the name to be %s", o.Path, name)
	}
	if o.SHA256 != fileHash(t, r.path(o.Path)) {
		t.Errorf("%s: another hash is told", o.Path)
	}
	r.timing(t, frames)
	if r.sound != film.None {
		r.sync(t, r.path(o.Path), frames)
	}
}

// A range that begins and ends in holes has nothing of what lies outside them.
func TestGetGapsAtTheEndsOfTheRange(t *testing.T) {
	t.Parallel()
	r := shoot(t, "door:size=320x192,fps=5,sound=aac,for=3m,gap=30s+30s,gap=1m20s+10s,gap=2m+30s")
	want := []judgetest.Run{{First: 150, Last: 249}, {First: 250, Last: 399}}
	for _, policy := range []clip.Gaps{clip.GapsKeep, clip.GapsSqueeze} {
		out := string(policy) + ".mp4"
		report := r.report(t, "get", r.name, "--from", after(40*time.Second), "--to", after(140*time.Second), "--clock", "producer", "--gaps", string(policy), "-o", out)
		frames := whole(t, r.path(out), want...)
		if frames[0].PTS != 0 {
			t.Errorf("%s: the first picture is shown at %v", out, frames[0].PTS)
		}
		var told []int64
		for _, g := range report.Gaps {
			told = append(told, g.DurationMs)
		}
		if !slices.Equal(told, []int64{20_000, 10_000, 20_000}) {
			t.Errorf("%s: gaps of %v ms are told, want 20 s, 10 s and 20 s", out, told)
		}
		for _, f := range frames {
			if off := f.PTS - f.Wall.Sub(frames[0].Wall); policy == clip.GapsKeep && off.Abs() > time.Millisecond {
				t.Fatalf("%s: picture %d is %v off the wall clock", out, f.Index, off)
			}
		}
	}
}

// On the server clock a hole lasts as long as it did also where the producer's clock cannot tell:
// where it starts anew with each session, or was set in the hole. The sets are taken out of want.
func TestGetGapsKeptOnTheServerClock(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		keys string
		set  time.Duration // of the clock that pictures show, between 1m and 1m40s
	}{
		"relative":          {"relative,gap=20s+10s,gap=1m+40s", 0},
		"set back":          {"gap=20s+10s,gap=1m+40s,clock=70s-1h", -time.Hour},
		"set forward":       {"gap=20s+10s,gap=1m+40s,clock=70s+10m", 10 * time.Minute},
		"sent twice":        {"gap=20s+10s,gap=1m+40s,again=30s+10s", 0},
		"hole in late ones": {"gap=20s+10s,gap=1m+40s,late=50s+60s", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=1s,sound=alaw,for=2m30s,"+tc.keys)
			e.all(t, "clip.mp4", "--clock", "server", "--gaps", "keep", "--trim", "fragment")
			frames := whole(t, e.path("clip.mp4"), judgetest.Run{Last: 499})
			for i, f := range frames {
				if f.Index >= 250 {
					frames[i].Wall = f.Wall.Add(-tc.set)
				}
			}
			onWall(t, "clip.mp4", frames)
		})
	}
}

// What people read tells each gap, whatever becomes of it.
func TestGetGapsAreToldToPeople(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=2,for=3m,gap=35s+10s,gap=1m+1m")
	for policy, words := range map[string]string{"squeeze": "closed up", "keep": "kept", "split": "one file"} {
		r := e.run(t, "get", "door", "--from", after(0), "--for", "3m", "--clock", "producer", "--gaps", policy, "--tz", "UTC", "-o", policy+".mp4")
		for _, w := range []string{"2 gaps", words, "09:00:35", "09:00:45", "(10s)", "09:01:00", "09:02:00", "(1m)"} {
			if r.code != 0 || !strings.Contains(r.stdout, w) {
				t.Errorf("--gaps %s: exit code %d, says nothing of %q:\n%s%s", policy, r.code, w, r.stdout, r.stderr)
			}
		}
	}
}

// probe runs ffprobe on a file, which must not complain, and returns what it prints.
func probe(t testing.TB, path string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffprobe", append(append([]string{"-v", "error"}, args...), path)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffprobe %q: %v\n%s", path, err, &complaints)
	}
	return out
}

// chapter is a chapter mark as ffprobe finds it.
type chapter struct {
	at    time.Duration
	title string
}

func chapters(t testing.TB, path string) (cs []chapter) {
	t.Helper()
	var found struct {
		Chapters []struct {
			Start float64 `json:"start_time,string"` // seconds
			Tags  struct{ Title string }
		}
	}
	if err := json.Unmarshal(probe(t, path, "-show_chapters", "-of", "json"), &found); err != nil {
		t.Fatal(err)
	}
	for _, c := range found.Chapters {
		cs = append(cs, chapter{time.Duration(c.Start * 1e9), c.Tags.Title})
	}
	return cs
}

// detected is what the filter silencedetect says, in seconds.
var detected = regexp.MustCompile(`silence_(?:start|end): ([0-9.]+)`)

// silent returns where the sound of a file is silent for as long as least or longer.
func silent(t testing.TB, path string, least time.Duration) (silences [][2]time.Duration) {
	t.Helper()
	filter := fmt.Sprintf("silencedetect=noise=-40dB:d=%g", least.Seconds())
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-hide_banner", "-copyts", "-i", path, "-map", "0:a:0", "-af", filter, "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", path, err, out)
	}
	for i, m := range detected.FindAllSubmatch(out, -1) {
		s, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			silences = append(silences, [2]time.Duration{})
		}
		silences[len(silences)-1][i%2] = time.Duration(s * 1e9)
	}
	return silences
}
