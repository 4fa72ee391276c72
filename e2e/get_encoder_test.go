package e2e_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// takeLength is how long the takes of encoders are: 25 pictures a second.
const takeLength = 20 * time.Second

// TestGetWithRealEncoders replays what real encoders make of a film: the field in its pictures
// stays readable.
func TestGetWithRealEncoders(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--edit-list", "--camera", "film:size=320x192,sound=alaw,for=20s")
	e.report(t, "get", "film", "--from", after(0), "--for", takeLength.String(), "--clock", "producer", "-o", "film.mp4")
	for name, tc := range map[string]struct {
		encode   []string
		switches []string
		block    time.Duration // of sound: what answers without edit lists, and the takes' loops, leave open
	}{
		"x264 with b-frames and aac": {
			[]string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-b_strategy", "2", "-x264-params", "keyint=50:scenecut=0:open-gop=0", "-c:a", "aac", "-ar", "48000"},
			[]string{"--edit-list"},
			lateBound,
		},
		"x264 with negative offsets and aac at 16 kHz": {
			[]string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-x264-params", "keyint=25:scenecut=0", "-c:a", "aac", "-ar", "16000"},
			[]string{"--ctts", "1"},
			64 * time.Millisecond,
		},
		"x264 with alaw": {
			[]string{"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", "50", "-c:a", "pcm_alaw", "-f", "mov"},
			[]string{"--edit-list"},
			0,
		},
		"x265 with b-frames and aac": {
			[]string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=error:keyint=50:bframes=3:open-gop=0:scenecut=0", "-c:a", "aac", "-ar", "48000"},
			[]string{"--edit-list", "--moov", "last"},
			lateBound,
		},
		"x265 as hev1 alone": {
			[]string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=50:bframes=0", "-an"},
			[]string{"--hevc-tag", "hev1"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			take := h.path("take.mp4")
			encode(t, append(append([]string{"-i", e.path("film.mp4"), "-crf", "14", "-pix_fmt", "yuv420p"}, tc.encode...), take)...)
			pictures := uint32(takeLength / (40 * time.Millisecond))
			whole(t, take, judgetest.Run{First: 0, Last: pictures - 1})
			r := emulate(t, append(tc.switches, "--camera", "door:file="+take+",for=2m")...)
			get := []string{"get", "door", "--from", after(13300 * time.Millisecond), "--to", after(97700 * time.Millisecond), "--clock", "producer", "--piece", "4s"}
			report := r.report(t, append(get, "-o", "clip.mp4")...)
			loops(t, r.path("clip.mp4"), pictures, 332, 2443)
			if strings.Contains(strings.Join(tc.encode, " "), "-an") {
				return
			}
			frames := judgetest.Frames(t, r.path("clip.mp4"))
			late := judgetest.LipSync(frames, judgetest.Beeps(t, r.path("clip.mp4")))
			source := judgetest.LipSync(judgetest.Frames(t, take), judgetest.Beeps(t, take))
			t.Logf("%d seams; sound is %v to %v late, in the take %v to %v", len(report.Seams),
				slices.Min(late), slices.Max(late), slices.Min(source), slices.Max(source))
			if len(late) < 80 || slices.Max(late) > slices.Max(source)+tc.block+roundBound || slices.Min(late) < slices.Min(source)-tc.block-roundBound {
				t.Errorf("%d beeps are heard %v to %v late", len(late), slices.Min(late), slices.Max(late))
			}
		})
	}
}

// loops judges a clip of a take that is played over and over: each picture follows the one before
// 40 ms later, from picture first to before picture end as numbered through all loops.
func loops(t *testing.T, path string, pictures, first, end uint32) {
	t.Helper()
	frames := judgetest.Frames(t, path)
	missing, repeated, worst := 0, 0, time.Duration(0)
	for i, f := range frames {
		if want := (first + uint32(i)) % pictures; !f.OK || f.Index != want {
			t.Fatalf("picture %d of the clip says %+v, want %d", i, f, want)
		}
		worst = max(worst, (f.PTS - frames[0].PTS - time.Duration(i)*40*time.Millisecond).Abs())
	}
	if len(frames) != int(end-first) || worst > time.Millisecond {
		t.Errorf("%d pictures at most %v off, want %d", len(frames), worst, end-first)
	}
	t.Logf("%d pictures in %d loops: %d missing, %d repeated, at most %v off", len(frames), end/pictures+1, missing, repeated, worst)
}

// encode runs ffmpeg, which must not complain.
func encode(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
}
