package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
)

// scene makes clip number i of a camera, two seconds long, in the layout of the service.
func scene(t testing.TB, path string, i int) {
	t.Helper()
	video := made(t, plain).samples(i*perClip, 60, msScale)
	audio, _ := made(t, aac).between(int64(4*i), int64(4*i+2), 1, msScale)
	pack(t, path, video, audio)
}

// hidden makes a clip whose edit list shows only media of 500 to 1500 ms, or as far as given.
func hidden(t testing.TB, path string, e media.Edit) {
	t.Helper()
	video := made(t, plain).samples(0, 60, msScale)
	video.Edits = []media.Edit{e}
	pack(t, path, video)
}

// cutAt keeps only the first bytes of a file.
func cutAt(t testing.TB, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func scribble(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A clip that cannot be joined is named, with the reason, and OUT is as it was before.
func TestJoinRefuses(t *testing.T) {
	ffmpegClip := func(args ...string) func(testing.TB, string) {
		return func(t testing.TB, path string) {
			runTool(t, "ffmpeg", append(slices.Concat(picturesOf(usualSize, "30"), x264, []string{"-t", "4"}, args), path)...)
		}
	}
	for _, tc := range []struct {
		name  string
		make  func(t testing.TB, path string)
		code  int
		kind  string
		words []string
	}{
		{"noise", func(t testing.TB, path string) {
			scribble(t, path, bytes.Repeat([]byte("these are not the boxes you look for "), 1000))
		}, 1, "failed", []string{"not an MP4 file"}},
		{"Matroska", ffmpegClip("-f", "matroska"), 1, "failed", []string{"not an MP4 file"}},
		{"empty", func(t testing.TB, path string) { scribble(t, path, nil) }, 1, "failed", []string{"ends before its contents"}},
		{"cut in the media bytes", func(t testing.TB, path string) {
			scene(t, path, 1)
			cutAt(t, path, fileSize(t, path)/2)
		}, 1, "failed", []string{"ends before its contents"}},
		{"a byte short", func(t testing.TB, path string) {
			scene(t, path, 1)
			cutAt(t, path, fileSize(t, path)-1)
		}, 1, "failed", []string{"ends before its contents"}},
		{"cut in the tables", func(t testing.TB, path string) {
			scene(t, path, 1)
			cutAt(t, path, 300)
		}, 1, "failed", []string{"ends before its contents"}},
		{"cut before its tables", func(t testing.TB, path string) {
			ffmpegClip()(t, path) // moov behind mdat
			cutAt(t, path, fileSize(t, path)-3000)
		}, 1, "failed", []string{"ends before its contents"}},
		{"movie fragments", ffmpegClip("-movflags", "frag_keyframe+empty_moov"), 1, "failed", []string{"movie fragments"}},
		{"missing", func(testing.TB, string) {}, 7, "local", []string{"no such file"}},
		{
			"pictures hidden at the start", func(t testing.TB, path string) { hidden(t, path, media.Edit{Media: 500}) },
			1, "cannotJoin",
			[]string{"hides pictures at the start", "without loss"},
		},
		{
			"pictures hidden at the end", func(t testing.TB, path string) { hidden(t, path, media.Edit{Duration: 1500}) },
			1, "cannotJoin",
			[]string{"hides pictures at the end", "without loss"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			for _, dir := range []string{"one", "other"} {
				if err := os.Mkdir(h.path(dir), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			scene(t, h.path("first.mp4"), 0)
			scene(t, h.path(filepath.Join("one", "clip.mp4")), 1)
			wrong := filepath.Join("other", "clip.mp4") // the folder is what tells it from its neighbour
			tc.make(t, h.path(wrong))
			scene(t, h.path("last.mp4"), 3)
			args := []string{"join", "first.mp4", filepath.Join("one", "clip.mp4"), wrong, "last.mp4", "--json", "-o", "out.mp4"}
			words := append([]string{strconv.Quote(wrong)}, tc.words...)

			refusal(t, h.fails(t, tc.code, words, args...), tc.code, tc.kind, words)
			sweptClean(t, h.path("out.mp4"))

			old := []byte("what was here before")
			scribble(t, h.path("out.mp4"), old)
			h.fails(t, tc.code, words, append(args, "--force")...)
			keeps(t, h.path("out.mp4"), old)
		})
	}
}

// refusal checks the one JSON object of a failed run.
func refusal(t *testing.T, r ended, code int, kind string, words []string) {
	t.Helper()
	var told struct {
		Error struct {
			Code                           int
			Kind, Message, Hint, RequestID string
		}
	}
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&told); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	e := told.Error
	if e.Code != code || e.Kind != kind || e.Hint == "" {
		t.Errorf("error %+v, want code %d, kind %q and a hint", e, code, kind)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("message %q says nothing of %q", e.Message, w)
		}
	}
	if strings.Contains(e.Hint, "kvsclip get") {
		t.Errorf("hint %q is for another command", e.Hint)
	}
}

// keeps checks that a file is as it was, and that nothing lies beside it.
func keeps(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes, %v, want those from before", path, len(got), err)
	}
	sweptClean(t, path+".")
}

func TestJoinKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	scene(t, h.path("a.mp4"), 0)
	scene(t, h.path("b.mp4"), 1)
	old := []byte("precious")
	scribble(t, h.path("out.mp4"), old)
	refusal(t, h.fails(t, 7, []string{"out.mp4", "exists", "--force"}, "join", "a.mp4", "b.mp4", "-o", "out.mp4", "--json"), 7, "exists", []string{"out.mp4"})
	keeps(t, h.path("out.mp4"), old)

	h.fails(t, 7, []string{"folder"}, "join", "a.mp4", "-o", ".")
	h.fails(t, 7, []string{"nowhere"}, "join", "a.mp4", "-o", filepath.Join("nowhere", "out.mp4"))
	h.fails(t, 2, []string{"-o OUT"}, "join", "a.mp4")
	h.fails(t, 2, []string{"clips"}, "join", "-o", "new.mp4")
	sweptClean(t, h.path("new.mp4"))

	// With --force a clip may even become the whole.
	a, b := probeClip(t, h.path("a.mp4")), probeClip(t, h.path("b.mp4"))
	h.report(t, "join", "a.mp4", "b.mp4", "-o", "a.mp4", "--force")
	joined(t, h.path("a.mp4"), a, b)
	sweptClean(t, h.path("a.mp4."))
}

// joined checks that out is the clips one after the other, and that ffmpeg decodes it in silence.
func joined(t *testing.T, path string, clips ...*probed) row {
	t.Helper()
	out := probeClip(t, path)
	r := measure(t, clips, out)
	pictures, said := decoded(t, path)
	r.pictures, r.complaints = len(pictures), len(said)
	t.Logf("%s: %v", filepath.Base(path), r)
	if !r.video.flawless() || !r.audio.flawless() || r.seam != 0 || r.lipsync > lateBound || len(said) > 0 {
		t.Errorf("%s: %v; ffmpeg says %q", path, r, said)
	}
	return r
}

func TestJoinOneClip(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	encodedApart(x264B, true)(t, h.path("one.mp4"), 0)
	one := probeClip(t, h.path("one.mp4"))
	report := h.report(t, "join", "one.mp4", "-o", "out.mp4")
	if report.Pieces != 1 || len(report.Seams) != 0 {
		t.Errorf("reported %d pieces and %d seams, want 1 and 0", report.Pieces, len(report.Seams))
	}
	joined(t, h.path("out.mp4"), one)
	want, _ := decoded(t, one.path)
	if got, _ := decoded(t, h.path("out.mp4")); !slices.Equal(got, want) {
		t.Errorf("%d pictures decode, not as %d did before", len(got), len(want))
	}
}

// The order is that of the arguments, whatever the names are. A clip may come twice.
func TestJoinOrder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	names := []string{"z last.mp4", "Füße & 'quotes' \"too\".mp4", "-o.mp4", "a.mp4", "a.mp4", "%d 100%.mp4"}
	if os.PathSeparator != '/' {
		names[1] = "Füße & 'quotes'.mp4"
	}
	var parts []*probed
	for i, name := range names {
		if i != 4 {
			scene(t, h.path(name), 10-i)
		}
		parts = append(parts, probeClip(t, h.path(name)))
	}
	r := h.run(t, append([]string{"join", "-q", "-o", "all of it.mp4", "--"}, names...)...)
	if r.code != 0 || r.stdout != "all of it.mp4\n" || r.stderr != "" {
		t.Fatalf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
	twice := len(parts[3].video)
	out := probeClip(t, h.path("all of it.mp4"))
	row := measure(t, parts, out)
	if row.video.moved+row.video.missing+row.video.changed != 0 || row.audio.moved+row.audio.missing+row.audio.changed != 0 {
		t.Errorf("joined in another order than asked: %v", row)
	}
	if len(out.video) != len(names)*twice {
		t.Errorf("%d pictures, want %d of each of %d clips", len(out.video), twice, len(names))
	}
}

// Clips need not have the same tracks: sound alone, another codec, none at all.
func TestJoinDifferentTracks(t *testing.T) {
	coded := func(pictures, sound func() (*stock, error)) func(testing.TB, string, int) {
		return func(t testing.TB, path string, i int) {
			var all []take
			if pictures != nil {
				video := made(t, pictures).samples(i*perClip, perClip, msScale)
				signedOffsets(video.Track, nil, 0)
				all = append(all, video)
			}
			if sound != nil {
				k, _ := made(t, sound).between(int64(4*i), int64(4*i+4), 1, msScale)
				all = append(all, k)
			}
			pack(t, path, all...)
		}
	}
	for _, tc := range []struct {
		name   string
		clips  []func(testing.TB, string, int)
		tracks []track
	}{
		{
			"sound alone in the middle",
			[]func(testing.TB, string, int){coded(plain, aac), coded(nil, aac), coded(plain, aac)},
			[]track{{"v:0", []int{0, 2}}, {"a:0", []int{0, 1, 2}}},
		},
		{
			"sound alone",
			[]func(testing.TB, string, int){coded(nil, aac), coded(nil, aac)},
			[]track{{"a:0", []int{0, 1}}},
		},
		{
			"pictures, then sound too",
			[]func(testing.TB, string, int){coded(plain, nil), coded(plain, aac), coded(plain, nil)},
			[]track{{"v:0", []int{0, 1, 2}}, {"a:0", []int{1}}},
		},
		{
			"H.265 between H.264",
			[]func(testing.TB, string, int){coded(plain, aac), coded(hevc, aac), coded(plain, aac)},
			[]track{{"v:0", []int{0, 2}}, {"v:1", []int{1}}, {"a:0", []int{0, 1, 2}}},
		},
		{
			"A-law after AAC",
			[]func(testing.TB, string, int){coded(plain, aac), coded(plain, alaw)},
			[]track{{"v:0", []int{0, 1}}, {"a:0", []int{0}}, {"a:1", []int{1}}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			for i, make := range tc.clips {
				make(t, h.path(clipName(i)), i)
			}
			report := h.report(t, append([]string{"join", "-o", "out.mp4"}, clipNames(len(tc.clips))...)...)
			if got := len(report.Outputs[0].Tracks); got != len(tc.tracks) {
				t.Errorf("reported %d tracks, want %d", got, len(tc.tracks))
			}
			for _, k := range tc.tracks {
				k.judge(t, h, "out.mp4")
			}
			if _, said := complaining(t, "ffmpeg", "-i", h.path("out.mp4"), "-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"); said != "" {
				t.Errorf("ffmpeg says %s", said)
			}
		})
	}
}

// track is one track of a joined clip, and the clips that its samples come from, by index.
type track struct {
	stream string
	clips  []int
}

// judge checks that the samples of the clips are in the track and begin when their clip does: each
// lasts four seconds.
func (k track) judge(t *testing.T, h *home, out string) {
	t.Helper()
	got := judgetest.Packets(t, h.path(out), k.stream)
	for _, i := range k.clips {
		want := judgetest.Packets(t, h.path(clipName(i)), k.stream[:2]+"0")
		if len(got) < len(want) {
			t.Fatalf("%s: clip %d: %d packets left, want %d", k.stream, i+1, len(got), len(want))
		}
		if y := compare(got[:len(want)], want); !y.flawless() {
			t.Errorf("%s: clip %d: %v", k.stream, i+1, y)
		}
		if off := earliest(got[:len(want)]).Seconds() - earliest(want).Seconds() - float64(4*i); off < -lateBound.Seconds() || off > lateBound.Seconds() {
			t.Errorf("%s: clip %d begins %.3f s from where it should", k.stream, i+1, off)
		}
		got = got[len(want):]
	}
	if len(got) > 0 {
		t.Errorf("%s: %d packets of no clip", k.stream, len(got))
	}
}

// What edit lists hide at the two ends of the whole stays hidden, and stays there for decoders.
func TestJoinHiddenAtTheEnds(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	hidden(t, h.path("a.mp4"), media.Edit{Media: 500})
	scene(t, h.path("b.mp4"), 1)
	hidden(t, h.path("c.mp4"), media.Edit{Duration: 1500})
	var want []string
	for _, name := range []string{"a.mp4", "b.mp4", "c.mp4"} {
		shown, said := decoded(t, h.path(name))
		if len(said) > 0 {
			t.Fatalf("%s: ffmpeg says %q", name, said)
		}
		want = append(want, shown...)
	}
	h.report(t, "join", "a.mp4", "b.mp4", "c.mp4", "-o", "out.mp4")
	got, said := decoded(t, h.path("out.mp4"))
	if n := differing(got, want); n > 0 || len(said) > 0 || len(want) >= 180 {
		t.Errorf("%d pictures shown, %d of them others than the %d of the clips; ffmpeg says %q", len(got), n, len(want), said)
	}
	if got := len(judgetest.Packets(t, h.path("out.mp4"), "v:0")); got < 165 {
		t.Errorf("%d pictures in the file: those needed to decode from the start are missing", got)
	}
}
