package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// uploads tells all that a camera has uploaded, second uploads among it, in the order of arrival.
func uploads(t testing.TB, camera string) []kvsemu.Fragment {
	t.Helper()
	name, c, err := kvsemu.ParseCamera(withKey(camera, "from="+begin.Format(time.RFC3339)))
	if err != nil {
		t.Fatal(err)
	}
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{name: c}}
	fs, err := emu.Fragments(name, time.UnixMilli(0), begin.Add(24*time.Hour)) // by producer time, which may count from 1970
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(fs, func(a, b kvsemu.Fragment) int { return a.Server.Compare(b.Server) })
	return fs
}

// planned is what the tests here read of kvsclip plan --json.
type planned struct {
	Overlap  string
	Overlaps []struct {
		From, To      time.Time
		Kept, LeftOut int
		Equal         bool
		LostMs        int64
	}
	Clocks struct {
		OffsetMs, SpreadMs, LateMs int64
		Relative                   bool
		Backwards, Jumps           int
		LateFrom, LateTo           time.Time
		Use                        string
		Findings                   []string
	}
	Fragments int
}

// plan runs kvsclip plan for an hour from begin on, with --json and without.
func (h *home) plan(t testing.TB, args ...string) (p planned, text string) {
	t.Helper()
	args = append([]string{"plan", "door", "--from", after(0), "--for", "1h", "--tz", "UTC"}, args...)
	r := h.run(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(r.stdout), &p); r.code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	if r = h.run(t, args...); r.code != 0 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	return p, r.stdout
}

// all downloads an hour from begin on.
func (h *home) all(t testing.TB, out string, args ...string) *clip.Report {
	t.Helper()
	return h.report(t, append([]string{"get", "door", "--from", after(0), "--for", "1h", "-o", out}, args...)...)
}

// steady says that the times of frames go on without a break, whatever the wall clock in them
// does: every one is shown as long after the one before as pictures are apart.
func steady(t *testing.T, out string, frames []judgetest.Frame, apart time.Duration) {
	t.Helper()
	for i, f := range frames {
		if off := f.PTS - time.Duration(i)*apart; off.Abs() > time.Millisecond {
			t.Fatalf("%s: picture %d is shown %v off its place", out, f.Index, off)
		}
	}
}

// A camera whose clock cannot be trusted is whole on the server's, and the plan says to use that.
func TestGetClocksThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		keys     string
		beeps    int // seconds with sound, but for those at the ends of sessions
		findings []string
		advice   []string
	}{
		"relative":          {"relative", 149, []string{"relative"}, []string{"1970", "--clock server"}},
		"relative sessions": {"relative,codec=40s,gap=1m+40s,track=2m+none", 76, []string{"relative"}, []string{"1970", "--clock server"}},
		"set back":          {"clock=1m-1h", 147, []string{"backwards"}, []string{"set back 1 time", "--clock server"}},
		"set forward":       {"clock=1m+90s", 147, []string{"ahead", "jumps"}, []string{"ahead of the service's", "jumped ahead 1 time", "--clock server"}},
		"back and forth":    {"clock=40s-1h,clock=80s+90s,clock=2m-10m", 145, []string{"backwards", "jumps"}, []string{"set back 2 times", "jumped ahead 1 time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camera := "door:size=320x192,fps=5,gop=1s,sound=alaw,for=2m30s," + tc.keys
			e := emulate(t, "--camera", camera, "--edit-list")
			fs := uploads(t, camera)
			last := fs[len(fs)-1]
			report := e.all(t, "clip.mp4", "--clock", "server", "--trim", "fragment")
			if report.Fragments.Listed != len(fs) || report.Fragments.Fetched != len(fs) {
				t.Errorf("%+v of %d fragments", report.Fragments, len(fs))
			}
			frames := whole(t, e.path("clip.mp4"), judgetest.Run{Last: uint32(last.First) + uint32(last.Pictures) - 1})
			steady(t, "clip.mp4", frames, time.Second/5)
			late := judgetest.LipSync(frames, judgetest.Beeps(t, e.path("clip.mp4")))
			if furthest(late) > lateBound || len(late) < tc.beeps {
				t.Errorf("%d beeps of %d, at most %v off their pictures", len(late), tc.beeps, furthest(late))
			}
			e.advised(t, tc.findings, "server", tc.advice)
		})
	}
}

// advised says what the plan finds out about the clocks, on either of them.
func (e *emulator) advised(t *testing.T, findings []string, use string, advice []string) {
	t.Helper()
	p, text := e.plan(t, "--clock", "server")
	if !slices.Equal(p.Clocks.Findings, findings) || p.Clocks.Use != use || p.Clocks.Relative != slices.Contains(findings, "relative") {
		t.Errorf("clocks %+v, want findings %v and the %s clock", p.Clocks, findings, use)
	}
	for _, w := range advice {
		if !strings.Contains(text, w) {
			t.Errorf("kvsclip plan says nothing of %q:\n%s", w, text)
		}
	}
}

// Footage that came late is found on the producer clock by when it was filmed, and on the server
// clock by when it came, faster than it was filmed.
func TestGetClocksOfLateFootage(t *testing.T) {
	t.Parallel()
	const camera = "door:size=320x192,fps=5,gop=1s,sound=aac,for=12m,late=3m+4m"
	e := emulate(t, "--camera", camera, "--edit-list")
	e.all(t, "all.mp4", "--clock", "server")
	onWall(t, "all.mp4", whole(t, e.path("all.mp4"), judgetest.Run{Last: 3599}))
	e.report(t, "get", "door", "--from", after(4*time.Minute), "--for", "2m", "--clock", "producer", "-o", "filmed.mp4")
	onWall(t, "filmed.mp4", whole(t, e.path("filmed.mp4"), judgetest.Run{First: 1200, Last: 1799}))
	from, to := 7*time.Minute+300*time.Millisecond, 7*time.Minute+25*time.Second // ten times as fast
	e.report(t, "get", "door", "--from", after(from), "--to", after(to), "--clock", "server", "--trim", "fragment", "-o", "came.mp4")
	onWall(t, "came.mp4", whole(t, e.path("came.mp4"), arrived(uploads(t, camera), begin.Add(from), begin.Add(to))))
	e.advised(t, []string{"late"}, "producer", []string{"09:03:00", "late", "--clock producer"})
	if p, _ := e.plan(t, "--clock", "producer"); p.Clocks.Use != "producer" || p.Clocks.LateMs < 239_000 || p.Clocks.LateMs > 240_000 ||
		!p.Clocks.LateFrom.Equal(begin.Add(3*time.Minute)) || p.Clocks.LateTo.Before(begin.Add(6*time.Minute)) {
		t.Errorf("clocks %+v, want 4 minutes late from 3 minutes on", p.Clocks)
	}
}

// arrived is the pictures of all fragments that came in a range, which must be one run.
func arrived(fs []kvsemu.Fragment, from, to time.Time) judgetest.Run {
	fs = slices.DeleteFunc(slices.Clone(fs), func(f kvsemu.Fragment) bool { return f.Server.Before(from) || !f.Server.Before(to) })
	last := fs[len(fs)-1]
	return judgetest.Run{First: uint32(fs[0].First), Last: uint32(last.First) + uint32(last.Pictures) - 1}
}

// A camera that starts anew sends again what it holds. Each policy keeps what it says, and loses
// nothing that no kept fragment holds but what overlaps one.
func TestGetClocksOfReplayedFootage(t *testing.T) {
	t.Parallel()
	for name, camera := range map[string]string{
		"half a fragment off": "door:size=320x192,fps=5,gop=2s,sound=alaw,for=2m,replay=1m1s+20s",
		"sent again at once":  "door:size=320x192,fps=5,gop=2s,for=2m,again=40s+20s",
		"twice":               "door:size=320x192,fps=5,gop=2s,for=3m,replay=1m1s+20s,replay=2m+30s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", camera)
			fs := uploads(t, camera)
			for _, policy := range []string{"auto", "oldest", "newest", "all"} {
				for _, clock := range []string{"producer", "server"} {
					t.Run(policy+", "+clock, func(t *testing.T) { e.replayed(t, fs, policy, clock) })
				}
			}
		})
	}
}

// With kept holes, the time in the file is the time on the wall also behind footage that was sent
// again, of which one is kept.
func TestGetClocksOfReplayedFootageKeepTheWallClock(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=2s,for=2m,replay=1m1s+20s,gap=1m30s+10s")
	for _, policy := range []string{"oldest", "newest"} {
		for _, clock := range []string{"producer", "server"} {
			out := policy + "-" + clock + ".mp4"
			e.all(t, out, "--overlap", policy, "--clock", clock, "--gaps", "keep")
			frames := judgetest.Frames(t, e.path(out))
			if len(frames) < 540 {
				t.Errorf("%s: %d pictures of 550", out, len(frames))
			}
			worst := judgetest.Frame{}
			off := time.Duration(0)
			for _, f := range frames {
				if d := f.PTS - frames[0].PTS - f.Wall.Sub(frames[0].Wall); d.Abs() > off.Abs() {
					worst, off = f, d
				}
			}
			if off.Abs() > time.Millisecond {
				t.Errorf("%s: picture %d, taken at %v, is shown at %v, %v off the wall clock", out, worst.Index, worst.Wall, worst.PTS, off)
			}
		}
	}
}

// replayed downloads all with a policy and holds the pictures against the fragments that it keeps.
func (e *emulator) replayed(t *testing.T, fs []kvsemu.Fragment, policy, clock string) {
	out := policy + "-" + clock + ".mp4"
	keep := selected(fs, policy, clock)
	report := e.all(t, out, "--overlap", policy, "--clock", clock, "--trim", "fragment")
	if report.Fragments.Fetched != len(keep) {
		t.Errorf("%d fragments fetched, want %d of %d", report.Fragments.Fetched, len(keep), len(fs))
	}
	got, want := times(judgetest.Frames(t, e.path(out))), map[uint32]int{}
	for _, f := range keep {
		for i := range f.Pictures {
			want[uint32(f.First)+uint32(i)]++
		}
	}
	if diff := differ(got, want); diff != "" {
		t.Errorf("%s: %s", out, diff)
	}
	p, text := e.plan(t, "--overlap", policy, "--clock", clock)
	e.doubled(t, p, policy, fs, len(fs)-len(keep))
	if !strings.Contains(text, "overlap ") {
		t.Errorf("the plan says nothing of the overlap:\n%s", text)
	}
}

// doubled holds what a plan says of footage that was recorded twice against the recording.
func (e *emulator) doubled(t *testing.T, p planned, policy string, fs []kvsemu.Fragment, out int) {
	t.Helper()
	kept, left := 0, 0
	for _, o := range p.Overlaps {
		kept, left = kept+o.Kept, left+o.LeftOut
		if !o.From.Before(o.To) || o.Equal != (o.To.Sub(o.From) == 20*time.Second && fs[20].Producer.Equal(fs[30].Producer)) {
			t.Errorf("overlap %+v", o)
		}
	}
	if p.Overlap != policy || len(p.Overlaps) == 0 || left != out || kept == 0 || p.Fragments != len(fs)-out {
		t.Errorf("%s: %d fragments, overlaps %+v, want %d left out of %d", p.Overlap, p.Fragments, p.Overlaps, out, len(fs))
	}
}

// selected is what a policy keeps of uploads in order of arrival: one after the other, in that order or
// against it, what overlaps nothing kept before it. Footage of other sessions differs by picture
// numbers here only if it was filmed at another time.
func selected(fs []kvsemu.Fragment, policy, clock string) []kvsemu.Fragment {
	fs = slices.Clone(fs)
	equal := policy == "auto" && clock == "server" // all but what starts with an older one
	switch policy {
	case "all":
		return fs
	case "newest":
		slices.Reverse(fs)
	}
	var keep []kvsemu.Fragment
	for _, f := range fs {
		if !slices.ContainsFunc(keep, func(k kvsemu.Fragment) bool {
			return equal && k.First == f.First || !equal && k.First < f.First+int64(f.Pictures) && f.First < k.First+int64(k.Pictures)
		}) {
			keep = append(keep, f)
		}
	}
	return keep
}

// times counts how often each picture is shown; unreadable ones are picture 4294967295.
func times(frames []judgetest.Frame) map[uint32]int {
	out := map[uint32]int{}
	for _, f := range frames {
		if !f.OK {
			f.Index = 1<<32 - 1
		}
		out[f.Index]++
	}
	return out
}

// differ tells the first pictures that are not shown as often as they should be; "" if there are none.
func differ(got, want map[uint32]int) string {
	var diffs []string
	for i := range want {
		if got[i] != want[i] {
			diffs = append(diffs, fmt.Sprintf("%05d is shown %d times, not %d", i, got[i], want[i]))
		}
	}
	for i := range got {
		if want[i] == 0 {
			diffs = append(diffs, fmt.Sprintf("%05d is shown", i))
		}
	}
	slices.Sort(diffs)
	if len(diffs) == 0 {
		return ""
	}
	return fmt.Sprintf("%d pictures differ: %s", len(diffs), strings.Join(diffs[:min(5, len(diffs))], ", "))
}
