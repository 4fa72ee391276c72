package footage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// filmed is a recording whose pictures can be seen: with B-pictures, and 5 s missing in the middle.
func filmed() (*media.Movie, []origin.Run) {
	spec := film.Spec{Width: 320, Height: 192, BFrames: 2}
	m, runs := recording{pictures: 25, taken: seconds(0, 1, 7, 8)}.movie()
	v := m.Tracks[0]
	v.Configs, v.Edits = []media.Config{spec.Video()}, []media.Edit{{Media: 40 + 280}}
	var bytesOf []byte
	for _, r := range runs {
		var pictures []film.Picture
		for i := range r.Samples {
			pictures = append(pictures, film.Picture{Index: uint32(r.First + i), Time: r.At.Add(time.Duration(i) * 40 * time.Millisecond)})
		}
		for i, c := range spec.Group(pictures, 0) {
			s := &v.Samples[r.First-1+i]
			s.Offset, s.Size, s.Shift = int64(len(bytesOf)), uint32(len(c.Data)), int32(c.Display-i+1)*40
			bytesOf = append(bytesOf, c.Data...)
		}
	}
	m.Sources = []media.Source{{ReaderAt: bytes.NewReader(bytesOf), Size: int64(len(bytesOf))}}
	return m, runs
}

// written lays the movie out with its clock, and writes it.
func written(t *testing.T, m *media.Movie, runs []origin.Run) (string, *mp4.File) {
	t.Helper()
	track, source := footage.Clock(m, runs, footage.ClockOptions{Clock: archive.Producer})
	track.ID = 7
	for i := range track.Samples {
		track.Samples[i].Source = 1
	}
	m = &media.Movie{Timescale: m.Timescale, Tracks: []*media.Track{m.Tracks[0], track}, Sources: append(m.Sources, source)}
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, f
}

// The clock in the file is the one that can be seen in its pictures.
func TestClockJudgedByItsPictures(t *testing.T) {
	m, runs := filmed()
	path, _ := written(t, m, runs)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-map", "0:s:0", "-f", "webvtt", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var vtt bytes.Buffer
	if err := footage.WriteVTT(&vtt, m, runs, "door", footage.ClockOptions{Clock: archive.Producer}); err != nil {
		t.Fatal(err)
	}
	inFile, beside := cues(t, string(out)), cues(t, vtt.String())
	if fmt.Sprint(inFile) != fmt.Sprint(beside) {
		t.Errorf("in the file are\n%v\nin the captions\n%v", inFile, beside)
	}
	frames := judgetest.Frames(t, path)
	if len(frames) != 93 {
		t.Fatalf("ffmpeg shows %d pictures, want 93", len(frames))
	}
	for _, f := range frames {
		text := ""
		for _, c := range inFile {
			if c.At <= f.PTS.Milliseconds() {
				text = c.Text
			}
		}
		if want := f.Wall.Format("2006-01-02 15:04:05 +0000"); !f.OK || text != want {
			t.Errorf("at %v the picture says %s, the clock %q", f.PTS, want, text)
		}
	}
}

// cues reads WebVTT: when each cue begins, and its text.
func cues(t *testing.T, vtt string) (out []cue) {
	for _, block := range strings.Split(vtt, "\n\n") {
		head, text, _ := strings.Cut(strings.TrimSpace(block), "\n")
		if from, _, ok := strings.Cut(head, " --> "); ok {
			at, err := time.ParseDuration("0h" + strings.Replace(from[len(from)-9:], ":", "m", 1) + "s")
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, cue{at.Milliseconds(), text})
		}
	}
	return out
}

// What the lines say of each picture is what ffprobe finds, and ffmpeg decodes.
func TestFramesJudgedByFFprobe(t *testing.T) {
	m, runs := filmed()
	path, file := written(t, m, runs)
	var b bytes.Buffer
	if err := footage.WriteFrames(&b, "clip.mp4", file.Movie(), runs); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frames := judgetest.Frames(t, path)
	packets := judgetest.Packets(t, path, "v:0")
	lines := json.NewDecoder(&b)
	for i, p := range packets {
		var l struct {
			FileMs        float64
			Offset, Bytes int
			Sync, Shown   bool
			Producer      time.Time
		}
		if err := lines.Decode(&l); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(whole[l.Offset : l.Offset+l.Bytes])
		if at := float64(p.Time()) / 1e6; at != l.FileMs || p.Discard == l.Shown || p.Key != l.Sync || !strings.HasSuffix(p.Hash, hex.EncodeToString(sum[:])) {
			t.Errorf("sample %d: %+v, ffprobe says at %v ms %+v", i+1, l, at, p)
		}
		for _, f := range frames {
			if l.Shown && float64(f.PTS.Milliseconds()) == l.FileMs && !f.Wall.Equal(l.Producer) {
				t.Errorf("sample %d: taken at %v, its picture says %v", i+1, l.Producer, f.Wall)
			}
		}
	}
	if err := lines.Decode(&struct{}{}); err != io.EOF {
		t.Errorf("there are lines left: %v", err)
	}
}

// The rank of a picture is where ffmpeg shows it.
func TestAtJudgedByFFmpeg(t *testing.T) {
	m, runs := filmed()
	path, _ := written(t, m, runs)
	frames := judgetest.Frames(t, path)
	for after := 280 * time.Millisecond; after < 9*time.Second; after += 70 * time.Millisecond {
		p, ok := footage.At(m, runs, start.Add(after), archive.Producer)
		if !ok || p.Rank >= len(frames) {
			t.Fatalf("after %v: %+v, %v", after, p, ok)
		}
		if got := frames[p.Rank].Wall; !got.Equal(p.At) || got.After(start.Add(after)) {
			t.Errorf("after %v: picture %d says %v, At %v", after, p.Rank, got, p.At)
		}
		if n := p.Rank + 1; n < len(frames) && !frames[n].Wall.After(start.Add(after)) {
			t.Errorf("after %v: picture %d was there already", after, n)
		}
	}
}
