package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// bothEngines downloads one range by both engines, as a.mp4 and b.mp4, and holds them against each other.
func bothEngines(t *testing.T, e *emulator, name string, args ...string) (byClip, byFragments *clip.Report) {
	t.Helper()
	args = append([]string{"get", name}, args...)
	byClip = e.report(t, append(args, "--engine", "clip", "-o", "a.mp4")...)
	byFragments = e.report(t, append(args, "--engine", "fragments", "-o", "b.mp4")...)
	if n := byFragments.Calls; n.GetClip != 0 || n.GetMediaForFragmentList == 0 || byFragments.Engine != "fragments" || byClip.Engine != "clip" {
		t.Errorf("calls %+v by %q", n, byFragments.Engine)
	}
	if byClip.Fragments != byFragments.Fragments {
		t.Errorf("fragments: %+v and %+v", byClip.Fragments, byFragments.Fragments)
	}
	sameFootage(t, e, "a.mp4", "b.mp4")
	return byClip, byFragments
}

// sameFootage says that two clips hold the same samples at the same times.
func sameFootage(t *testing.T, e *emulator, one, other string) {
	t.Helper()
	for _, stream := range streamsOf(t, e.path(one)) {
		a, b := judgetest.Packets(t, e.path(one), stream), judgetest.Packets(t, e.path(other), stream)
		if len(a) != len(b) {
			t.Errorf("%s: %d and %d samples", stream, len(a), len(b))
			continue
		}
		worst := time.Duration(0)
		for i := range a {
			if a[i].Hash != b[i].Hash || a[i].Key != b[i].Key {
				t.Fatalf("%s: sample %d differs", stream, i+1)
			}
			worst = max(worst, (a[i].Time() - b[i].Time()).Abs())
		}
		t.Logf("%s: %d samples, times at most %v apart", stream, len(a), worst)
		if worst > time.Millisecond {
			t.Errorf("%s: times are %v apart", stream, worst)
		}
	}
}

// streamsOf names the tracks of a file, as ffprobe does.
func streamsOf(t *testing.T, path string) (out []string) {
	t.Helper()
	count := map[string]int{}
	for kind := range strings.FieldsSeq(string(probe(t, path, "-show_entries", "stream=codec_type", "-of", "csv=p=0"))) {
		letter := kind[:1]
		out = append(out, letter+":"+string(rune('0'+count[letter])))
		count[letter]++
	}
	return out
}

// TestGetEnginesAgree holds what both engines make of one range against each other.
func TestGetEnginesAgree(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		camera   string
		switches []string
		get      []string
	}{
		"b-frames and aac":      {"door:bframes=2,sound=aac,for=12m", []string{"--edit-list"}, nil},
		"alaw on a slow camera": {"door:fps=5,sound=alaw,for=30m,gop=4s", []string{"--edit-list"}, nil},
		"29.97, no sound":       {"door:fps=29.97,for=9m", nil, nil},
		"gaps":                  {"door:sound=alaw,for=12m,gap=3m+40s,gap=7m+3m", []string{"--edit-list"}, []string{"--gaps", "keep"}},
		"relative times":        {"door:relative,for=8m", nil, []string{"--clock", "server"}},
		"uploaded late":         {"door:for=12m,late=4m+3m,sound=aac", []string{"--edit-list"}, []string{"--clock", "server"}},
		"jitter":                {"door:jitter=9ms,server-jitter=700ms,for=7m,bframes=1", nil, []string{"--clock", "server"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, append(tc.switches, "--camera", tc.camera)...)
			args := append([]string{"--from", after(65500 * time.Millisecond), "--to", after(7*time.Minute - 700*time.Millisecond)}, tc.get...)
			if len(tc.get) == 0 || !slices.Contains(tc.get, "--clock") {
				args = append(args, "--clock", "producer")
			}
			_, r := bothEngines(t, e, "door", args...)
			whole(t, e.path("b.mp4"))
			if r.Fragments.Fetched != r.Fragments.Listed {
				t.Errorf("%+v", r.Fragments)
			}
		})
	}
}

// TestGetCrossCheck has the program compare a sample of its pieces itself.
func TestGetCrossCheck(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "door:bframes=2,sound=aac,for=12m")
	for _, engine := range []string{"clip", "fragments", "auto"} {
		r := e.report(t, "get", "door", "--from", after(0), "--for", "12m", "--clock", "producer", "--piece", "1m", "--engine", engine, "--cross-check", "-o", engine+".mp4")
		if r.CrossChecked == nil || *r.CrossChecked < 2 {
			t.Errorf("engine %s: cross-checked %v", engine, r.CrossChecked)
		}
	}
}

// TestGetWhatGetClipRefuses downloads streams of codecs and changes that GetClip does not take.
func TestGetWhatGetClipRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		camera string
		codecs []string
	}{
		"µ-law":                 {"door:sound=ulaw,for=6m", []string{"avc1.", "ulaw"}},
		"a change every minute": {"door:size=320x192,gop=1s,fps=10,sound=aac,for=6m,codec=1m,resize=2m+640x360,resize=3m+320x192,resize=4m+640x360,resize=5m+320x192", []string{"avc1.", "mp4a.40.2"}},
		"sound comes and goes":  {"door:sound=aac,for=6m,track=1m30s+none,track=3m+aac", []string{"avc1.", "mp4a.40.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", tc.camera)
			args := []string{"get", "door", "--from", after(0), "--for", "6m", "--clock", "producer"}
			r := e.report(t, append(args, "-o", "clip.mp4")...)
			if r.Calls.GetMediaForFragmentList == 0 || r.Fragments.Fetched != r.Fragments.Listed || r.Fragments.Listed < 180 {
				t.Errorf("calls %+v, fragments %+v", r.Calls, r.Fragments)
			}
			fs := recorded(t, tc.camera)
			last := fs[len(fs)-1]
			whole(t, e.path("clip.mp4"), judgetest.Run{First: 0, Last: uint32(last.First) + uint32(last.Pictures) - 1})
			for i, want := range tc.codecs {
				if got := r.Outputs[0].Tracks[i].Codec; !strings.HasPrefix(got, want) {
					t.Errorf("track %d is %s, want %s", i+1, got, want)
				}
			}
		})
	}
}

// TestGetSoundAlone downloads a stream without pictures.
func TestGetSoundAlone(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:pictures=none,sound=aac,for=6m,gap=3m+20s")
	r := e.report(t, "get", "door", "--from", after(10200*time.Millisecond), "--for", "5m", "--clock", "producer", "-o", "clip.m4a")
	o := r.Outputs[0]
	if len(o.Tracks) != 1 || o.Tracks[0].Kind != "audio" || len(r.Gaps) != 1 {
		t.Fatalf("%+v", r)
	}
	beeps := judgetest.Beeps(t, e.path("clip.m4a"))
	want := 280 // a second each, less the hole
	if len(beeps) < want-2 || len(beeps) > want+2 {
		t.Errorf("%d beeps, want about %d", len(beeps), want)
	}
}

// TestGetLostFragments has the service fail to find fragments that it lists.
func TestGetLostFragments(t *testing.T) {
	t.Parallel()
	camera := "door:for=6m,lost=2m+4s"
	e := emulate(t, "--lost-for", "2", "--camera", camera)
	args := []string{"get", "door", "--from", after(0), "--for", "6m", "--clock", "producer", "--engine", "fragments"}
	e.report(t, append(args, "-o", "late.mp4")...)
	whole(t, e.path("late.mp4"), judgetest.Run{First: 0, Last: 8999})

	e = emulate(t, "--camera", camera)
	lost := e.fails(t, 4, []string{"2 of 180 fragments"}, append(args, "--retries", "2", "-o", "clip.mp4")...)
	named := 0
	for _, f := range recorded(t, camera) {
		if f.Lost {
			named++
			if !strings.Contains(lost.stderr, f.Number) {
				t.Errorf("fragment %s is not named:\n%s", f.Number, lost.stderr)
			}
		}
	}
	if named != 2 || exists(e.path("clip.mp4")) {
		t.Errorf("%d fragments lost", named)
	}
	r := e.run(t, append(args, "--retries", "2", "--allow-incomplete", "-o", "clip.mp4", "--json")...)
	if r.code != 4 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	whole(t, e.path("clip.mp4"), judgetest.Run{First: 0, Last: 2999}, judgetest.Run{First: 3100, Last: 8999})
}
