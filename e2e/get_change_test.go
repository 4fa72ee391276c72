package e2e_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// stage is a stretch of a recording, 5 pictures a second, in which nothing changes.
type stage struct {
	length time.Duration
	size   string // "320x192"
	sound  string // codec of the sound as ffprobe names it; "" for none
}

// pictures is how many it has.
func (s stage) pictures() int { return int(s.length / (time.Second / 5)) }

// changing are cameras that change, and what they film between the changes.
var changing = map[string]struct {
	camera string
	stages []stage
}{
	"codec, size, sound": {
		"door:size=320x192,fps=5,gop=1s,sound=aac,for=1m40s,codec=20s,resize=40s+640x360,track=1m+none,track=1m20s+aac",
		[]stage{{20 * time.Second, "320x192", "aac"}, {20 * time.Second, "320x192", "aac"}, {20 * time.Second, "640x360", "aac"}, {20 * time.Second, "640x360", ""}, {20 * time.Second, "640x360", "aac"}},
	},
	"sound comes and goes": {
		"door:size=320x192,fps=5,gop=1s,bframes=2,for=1m,track=20s+alaw,track=40s+none",
		[]stage{{20 * time.Second, "320x192", ""}, {20 * time.Second, "320x192", "pcm_alaw"}, {20 * time.Second, "320x192", ""}},
	},
	"sizes there and back": {
		"door:size=640x360,fps=5,gop=2s,for=48s,resize=16s+320x192,resize=32s+640x360",
		[]stage{{16 * time.Second, "640x360", ""}, {16 * time.Second, "320x192", ""}, {16 * time.Second, "640x360", ""}},
	},
	"other sound": {
		"door:size=320x192,fps=5,gop=2s,sound=alaw,for=40s,track=20s+aac",
		[]stage{{20 * time.Second, "320x192", "pcm_alaw"}, {20 * time.Second, "320x192", "aac"}},
	},
	"twice in a second": {
		"door:size=320x192,fps=5,gop=1s,for=21s,codec=10.2s,resize=10.6s+640x360",
		[]stage{{10200 * time.Millisecond, "320x192", ""}, {400 * time.Millisecond, "320x192", ""}, {10400 * time.Millisecond, "640x360", ""}},
	},
}

func TestGetChangeIsOneFile(t *testing.T) {
	t.Parallel()
	for name, tc := range changing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", tc.camera, "--edit-list")
			for _, clock := range []string{"producer", "server"} {
				out := clock + ".mp4"
				report := e.report(t, "get", "door", "--from", after(0), "--to", after(3*time.Minute), "--clock", clock, "-o", out)
				if len(report.Outputs) != 1 {
					t.Fatalf("%d outputs", len(report.Outputs))
				}
				frames := whole(t, e.path(out), judgetest.Run{Last: uint32(total(tc.stages)) - 1})
				onWall(t, out, frames)
				sized(t, e.path(out), tc.stages)
				heard(t, e.path(out), frames, tc.stages)
			}
		})
	}
}

func total(stages []stage) (pictures int) {
	for _, s := range stages {
		pictures += s.pictures()
	}
	return pictures
}

// onWall says that the pictures are shown as they were taken, to a millisecond.
func onWall(t *testing.T, out string, frames []judgetest.Frame) {
	t.Helper()
	for _, f := range frames {
		if off := f.PTS - frames[0].PTS - f.Wall.Sub(frames[0].Wall); off.Abs() > time.Millisecond || frames[0].PTS != 0 {
			t.Fatalf("%s: picture %d, taken at %v, is shown at %v, %v off", out, f.Index, f.Wall, f.PTS, off)
		}
	}
}

// sized says that each picture decodes to the size it was filmed in.
func sized(t *testing.T, path string, stages []stage) {
	t.Helper()
	var want []string
	for _, s := range stages {
		want = append(want, slices.Repeat([]string{strings.ReplaceAll(s.size, "x", ",")}, s.pictures())...)
	}
	got := strings.Fields(string(probe(t, path, "-select_streams", "v:0", "-show_entries", "frame=width,height", "-of", "csv=p=0")))
	for i := range got {
		got[i] = strings.TrimRight(got[i], ",") // of side data
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: the sizes of %d pictures are not those of the %d filmed: %v", filepath.Base(path), len(got), len(want), slices.Compact(got))
	}
}

// codecs are the codecs of the tracks of a kind, "a" or "v", in the order of the file.
func codecs(t *testing.T, path, kind string) []string {
	t.Helper()
	return strings.Fields(string(probe(t, path, "-select_streams", kind, "-show_entries", "stream=codec_name", "-of", "csv=p=0")))
}

// heard says that there is a beep at each second that was filmed with sound, in a track for each
// codec, and none at any other.
func heard(t *testing.T, path string, frames []judgetest.Frame, stages []stage) {
	t.Helper()
	var want []string
	for _, s := range stages {
		if s.sound != "" && !slices.Contains(want, s.sound) {
			want = append(want, s.sound)
		}
	}
	if got := codecs(t, path, "a"); !slices.Equal(got, want) {
		t.Fatalf("%s: tracks of sound %v, want %v", filepath.Base(path), got, want)
	}
	if len(want) > 0 {
		beeping(t, path, frames, stages, want[0])
	}
	for i, codec := range want[min(1, len(want)):] {
		only := filepath.Join(t.TempDir(), "only.mp4")
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-map", "0:a:"+strconv.Itoa(i+1), "-c", "copy", only).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		beeping(t, only, frames, stages, codec)
	}
}

// beeping holds the beeps of the first track of sound against the stages with sound in a codec. A
// beep of a stage's first second may be cut.
func beeping(t *testing.T, path string, frames []judgetest.Frame, stages []stage, codec string) {
	t.Helper()
	beeps := judgetest.Beeps(t, path)
	late := judgetest.LipSync(frames, beeps)
	if furthest(late) > lateBound {
		t.Errorf("%s: %s is up to %v off its pictures", filepath.Base(path), codec, furthest(late))
	}
	at, n := time.Duration(0), 0
	for _, s := range stages {
		in := 0
		for _, b := range beeps {
			if at-lateBound <= b && b < at+s.length-lateBound {
				in++
			}
		}
		if seconds := int(s.length / time.Second); s.sound == codec && in < seconds-1 || s.sound != codec && in > 0 {
			t.Errorf("%s: %d beeps in %s in the %d s from %v on, filmed with %q", filepath.Base(path), in, codec, seconds, at, s.sound)
		}
		at, n = at+s.length, n+in
	}
	if n != len(beeps) {
		t.Errorf("%s: %d of %d beeps lie outside the recording", filepath.Base(path), len(beeps)-n, len(beeps))
	}
}

func TestGetChangeSplits(t *testing.T) {
	t.Parallel()
	for name, tc := range changing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", tc.camera, "--edit-list")
			report := e.report(t, "get", "door", "--from", after(0), "--to", after(3*time.Minute), "--clock", "producer", "--on-change", "split", "-o", "clip.mp4")
			if len(report.Outputs) != len(tc.stages) || exists(e.path("clip.mp4")) {
				t.Fatalf("%d outputs, clip.mp4 there: %v; want one for each of %d configurations", len(report.Outputs), exists(e.path("clip.mp4")), len(tc.stages))
			}
			first := uint32(0)
			for i, o := range report.Outputs {
				n := uint32(tc.stages[i].pictures())
				e.configuration(t, o, judgetest.Run{First: first, Last: first + n - 1}, tc.stages[i])
				first += n
			}
			tidied(t, e.home)
		})
	}
}

// configuration judges one file of a clip that was split where the recording changes.
func (e *emulator) configuration(t *testing.T, o clip.Output, want judgetest.Run, s stage) {
	t.Helper()
	path := e.path(o.Path)
	frames := whole(t, path, want)
	if len(frames) == 0 {
		return
	}
	onWall(t, o.Path, frames)
	sized(t, path, []stage{s})
	heard(t, path, frames, []stage{s})
	if !o.From.Equal(frames[0].Wall) || !strings.HasPrefix(filepath.Base(o.Path), "clip_"+frames[0].Wall.Format("20060102T150405")) {
		t.Errorf("%s: told to begin at %v, and its first picture was taken at %v", o.Path, o.From, frames[0].Wall)
	}
	for _, track := range o.Tracks {
		if len(track.Codecs) > 0 {
			t.Errorf("%s: configurations %v, want one", o.Path, track.Codecs)
		}
	}
	if o.SHA256 != fileHash(t, path) {
		t.Errorf("%s: another hash is told", o.Path)
	}
}

// Both kinds of split together make a file for each stretch without hole and change.
func TestGetChangeAndGapsSplit(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,fps=5,gop=1s,for=1m20s,codec=20s,gap=40s+10s,resize=1m+640x360")
	report := e.report(t, "get", "door", "--from", after(0), "--to", after(80*time.Second), "--clock", "producer", "--on-change", "split", "--gaps", "split", "-o", "clip.mp4")
	var names []string
	first := uint32(0)
	for i, o := range report.Outputs {
		n := uint32([]int{100, 100, 50, 100}[min(i, 3)])
		onWall(t, o.Path, whole(t, e.path(o.Path), judgetest.Run{First: first, Last: first + n - 1}))
		names, first = append(names, filepath.Base(o.Path)), first+n
	}
	want := []string{"clip_20260203T090000Z.mp4", "clip_20260203T090020Z.mp4", "clip_20260203T090050Z.mp4", "clip_20260203T090100Z.mp4"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}
