package e2e_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
)

// probed is one file as ffprobe and ffmpeg see it.
type probed struct {
	path         string
	video, audio []judgetest.Packet // audio is nil without an audio track
	// decodes is how long all pictures take to decode, in ticks of the video packets' timescale.
	decodes int64
	lasts   time.Duration // the longest track, as the file says
}

// probeClip asks ffprobe for all there is to know of a clip, which must be without fault.
func probeClip(t testing.TB, path string) *probed {
	t.Helper()
	p := &probed{path: path, video: judgetest.Packets(t, path, "v:0")}
	var told struct {
		Streams []struct {
			Kind  string `json:"codec_type"`
			Lasts int64  `json:"duration_ts"`
		} `json:"streams"`
		Format struct {
			Lasts string `json:"duration"`
		} `json:"format"`
	}
	text := runTool(t, "ffprobe", "-show_entries", "stream=codec_type,duration_ts:format=duration", "-of", "json", path)
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	for _, s := range told.Streams {
		switch {
		case s.Kind == "video":
			p.decodes = s.Lasts
		case p.audio == nil:
			p.audio = judgetest.Packets(t, path, "a:0")
		}
	}
	lasts, err := time.ParseDuration(told.Format.Lasts + "s")
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	p.lasts = lasts
	return p
}

// row is what became of a set, for people who compare.
type row struct {
	video, audio  tally
	pictures      int // decoded
	differ        int // of them, or of those that were expected
	seam          int64
	lipsync, grew time.Duration
	complaints    int
	tables        int64 // bytes that are not media
}

func (r row) String() string {
	return fmt.Sprintf("video %v, audio %v, %d pictures (%d differ), seam %d ticks, A/V max %.1f ms, growth %.1f ms, %d complaints, %d bytes of tables",
		r.video, r.audio, r.pictures, r.differ, r.seam, r.lipsync.Seconds()*1000, r.grew.Seconds()*1000, r.complaints, r.tables)
}

// tally compares samples by their hashes.
type tally struct{ samples, missing, repeated, changed, moved int }

func (y tally) String() string {
	return fmt.Sprintf("%d (missing %d, repeated %d, changed %d, moved %d)", y.samples, y.missing, y.repeated, y.changed, y.moved)
}

func (y tally) flawless() bool { return y.missing+y.repeated+y.changed+y.moved == 0 }

// compare holds the samples of the joined clip against those of all clips in order.
func compare(got, want []judgetest.Packet) tally {
	y := tally{samples: len(got)}
	left, known := map[string]int{}, map[string]bool{}
	for _, p := range want {
		left[p.Hash]++
		known[p.Hash] = true
	}
	for _, p := range got {
		switch left[p.Hash]--; {
		case !known[p.Hash]:
			y.changed++
		case left[p.Hash] < 0:
			y.repeated++
		}
	}
	for _, n := range left {
		y.missing += max(n, 0)
	}
	for i := range min(len(got), len(want)) {
		if got[i].Hash != want[i].Hash || got[i].Key != want[i].Key {
			y.moved++
		}
	}
	return y
}

// measure holds the joined clip against the clips it was made of.
func measure(t testing.TB, clips []*probed, out *probed) row {
	t.Helper()
	var r row
	var video, audio []judgetest.Packet
	for _, c := range clips {
		video, audio = append(video, c.video...), append(audio, c.audio...)
	}
	r.video, r.audio = compare(out.video, video), compare(out.audio, audio)
	r.tables = fileSize(t, out.path)
	for _, p := range append(slices.Clip(out.video), out.audio...) {
		r.tables -= int64(p.Size)
	}
	if !r.video.flawless() || !r.audio.flawless() {
		return r // places mean nothing then
	}
	r.seam = seamError(clips, out)
	r.lipsync, r.grew = lipsyncError(clips, out)
	return r
}

// seamError is the largest distance of a clip's first picture from where the durations of all
// clips before put it, in ticks of the joined track.
func seamError(clips []*probed, out *probed) (worst int64) {
	at, sum := 0, int64(0)
	scale := uint32(out.video[0].Timescale)
	begin := firstShown(out.video[:len(clips[0].video)])
	for _, c := range clips {
		off := firstShown(out.video[at:at+len(c.video)]) - begin - sum
		if max(off, -off) > max(worst, -worst) {
			worst = off
		}
		at += len(c.video)
		sum += media.Rescale(c.decodes, uint32(c.video[0].Timescale), scale)
	}
	return worst
}

// firstShown is when the first of some pictures is shown.
func firstShown(ps []judgetest.Packet) int64 {
	return slices.MinFunc(ps, func(a, b judgetest.Packet) int { return int(a.PTS - b.PTS) }).PTS
}

// lipsyncError is how far the sound of a clip has moved against its pictures at most, and how
// much further it did in the last quarter of the clips than in the first.
func lipsyncError(clips []*probed, out *probed) (worst, grew time.Duration) {
	var moved []time.Duration // one for each clip with sound
	v, a := 0, 0
	for _, c := range clips {
		shown := slices.IndexFunc(c.audio, func(p judgetest.Packet) bool { return !p.Discard })
		if shown >= 0 {
			was := c.audio[shown].Time() - earliest(c.video)
			is := out.audio[a+shown].Time() - earliest(out.video[v:v+len(c.video)])
			moved = append(moved, (is - was).Abs())
		}
		v, a = v+len(c.video), a+len(c.audio)
	}
	if len(moved) == 0 {
		return 0, 0
	}
	quarter := max(1, len(moved)/4)
	return slices.Max(moved), slices.Max(moved[len(moved)-quarter:]) - slices.Max(moved[:quarter])
}

func earliest(ps []judgetest.Packet) time.Duration {
	return slices.MinFunc(ps, func(a, b judgetest.Packet) int { return int(a.PTS - b.PTS) }).Time()
}

// discarded returns the indexes of packets that an edit list cuts away.
func discarded(ps []judgetest.Packet) []int {
	var at []int
	for i, p := range ps {
		if p.Discard {
			at = append(at, i)
		}
	}
	return at
}

// decoded decodes all tracks of some files and returns a hash for each picture of the first video
// tracks, file after file, and what ffmpeg complained of. Each picture keeps its own size.
func decoded(t testing.TB, paths ...string) (pictures, complaints []string) {
	t.Helper()
	var args []string
	for _, p := range paths {
		args = append(args, "-threads", "1", "-i", p)
	}
	for i := range paths {
		args = append(args, "-map", fmt.Sprintf("%d:v:0", i))
	}
	for i := range paths { // behind the pictures, so that their numbers are those of the files
		args = append(args, "-map", fmt.Sprintf("%d:a?", i))
	}
	text, said := complaining(t, "ffmpeg", append(args, "-fps_mode", "passthrough", "-autoscale", "0", "-f", "framemd5", "-")...)
	hashes := make([][]string, len(paths))
	for _, line := range nonEmpty(text) {
		var stream int
		if n, _ := fmt.Sscanf(line, "%d,", &stream); n == 1 && stream < len(paths) {
			hashes[stream] = append(hashes[stream], line[strings.LastIndex(line, " ")+1:])
		}
	}
	return slices.Concat(hashes...), nonEmpty(said)
}

// differing counts the pictures that are not what they were, those of the longer list included.
func differing(got, want []string) int {
	n := max(len(got), len(want)) - min(len(got), len(want))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			n++
		}
	}
	return n
}

// topBoxes returns the types of the boxes at the top of a file.
func topBoxes(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var kinds []string
	for at := int64(0); ; {
		var h [16]byte
		if n, err := f.ReadAt(h[:], at); n < 8 {
			if err != io.EOF || n != 0 {
				t.Fatalf("%s: box at %d: %v", path, at, err)
			}
			return kinds
		}
		size := int64(binary.BigEndian.Uint32(h[:]))
		if size == 1 {
			size = int64(binary.BigEndian.Uint64(h[8:]))
		}
		if size < 8 {
			t.Fatalf("%s: box at %d of %d bytes", path, at, size)
		}
		kinds = append(kinds, string(h[4:8]))
		at += size
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// sweptClean fails the test unless the folder of path holds neither it nor anything of its making.
func sweptClean(t testing.TB, path string) {
	t.Helper()
	left, err := filepath.Glob(path + "*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
