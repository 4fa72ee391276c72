package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
)

// Twenty clips of each layout become one: every sample once and unchanged, every picture decoded
// as before, seams in their place and the sound beside its pictures.
func TestJoin(t *testing.T) {
	for _, s := range sets() {
		name, _, _ := strings.Cut(s.name, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.test(t)
		})
	}
}

func (s set) test(t *testing.T) {
	h := newHome(t)
	var parts []*probed
	var paths []string
	for i, name := range clipNames(clipCount) {
		path := h.path(name)
		s.make(t, path, i)
		parts, paths = append(parts, probeClip(t, path)), append(paths, path)
	}
	report := h.report(t, append([]string{"join", "-o", "joined clip.mp4"}, clipNames(clipCount)...)...)
	out := probeClip(t, h.path("joined clip.mp4"))
	r := measure(t, parts, out)
	want, said := decoded(t, paths...)
	if len(said) > 0 || len(want) != clipCount*perClip {
		t.Fatalf("the clips themselves: %d pictures, want %d; ffmpeg says %q", len(want), clipCount*perClip, said)
	}
	got, said := decoded(t, out.path)
	r.pictures, r.differ, r.complaints = len(got), differing(got, want), len(said)
	t.Logf("%s: %v", s.name, r)
	s.judge(t, r, parts, out)
	if len(said) > 0 {
		t.Errorf("ffmpeg says %d lines, the first %q", len(said), said[0])
	}
	s.judgeReport(t, report, out)
}

// judge fails the test for everything in the row that is not as it must be.
func (s set) judge(t *testing.T, r row, parts []*probed, out *probed) {
	t.Helper()
	if !r.video.flawless() || !r.audio.flawless() {
		t.Errorf("samples: video %v, audio %v", r.video, r.audio)
	}
	if r.differ > 0 {
		t.Errorf("%d of %d pictures decode otherwise than in their clips", r.differ, r.pictures)
	}
	if r.seam != 0 {
		t.Errorf("a seam is off by %d ticks of 1/%d s", r.seam, out.video[0].Timescale)
	}
	most, growth := lateBound, time.Millisecond
	if s.guessed {
		most, growth = lateBound/2, lateBound/2
	}
	if r.lipsync > most || r.grew > growth {
		t.Errorf("sound moved against the pictures by %v, %v more in the end: want at most %v, and %v", r.lipsync, r.grew, most, growth)
	}
	if got, want := discarded(out.audio), discarded(parts[0].audio); len(got) > len(want) {
		t.Errorf("audio packets %v are cut away, want those of the first clip at most: %v", got, want)
	}
	if got := discarded(out.video); len(got) > 0 {
		t.Errorf("pictures %v are cut away", got)
	}
	// Tables take some 20 bytes a sample. Media bytes written twice would take hundreds.
	if most := int64(4096 + 40*(len(out.video)+len(out.audio))); r.tables > most {
		t.Errorf("%d bytes are not media, want at most %d", r.tables, most)
	}
	kinds := topBoxes(t, out.path)
	if moov := slices.Index(kinds, "moov"); moov < 0 || moov > slices.Index(kinds, "mdat") {
		t.Errorf("boxes %q: want moov before mdat", kinds)
	}
}

// judgeReport holds what the program reports against what ffprobe sees.
func (s set) judgeReport(t *testing.T, r *clip.Report, out *probed) {
	t.Helper()
	if r.Pieces != clipCount || len(r.Seams) != clipCount-1 || len(r.Outputs) != 1 {
		t.Fatalf("reported %d pieces, %d seams, %d outputs, want %d, %d, 1", r.Pieces, len(r.Seams), len(r.Outputs), clipCount, clipCount-1)
	}
	for i, m := range r.Seams {
		if m.Piece != i+2 || m.VideoErrorMs != 0 || m.AudioErrorMs < -21.4 || m.AudioErrorMs > 21.4 {
			t.Errorf("seam %d is reported as %+v", i+1, m)
		}
	}
	b, err := os.ReadFile(out.path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	o := r.Outputs[0]
	if o.Path != "joined clip.mp4" || o.Bytes != int64(len(b)) || o.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("reported %q of %d bytes, SHA-256 %s, want %d bytes, %x", o.Path, o.Bytes, o.SHA256, len(b), sum)
	}
	if off := time.Duration(o.DurationMs)*time.Millisecond - out.lasts; off.Abs() > 2*time.Millisecond {
		t.Errorf("reported to last %d ms, ffprobe says %v", o.DurationMs, out.lasts)
	}
	told := fmt.Sprintf("%s %d, %s %d", o.Tracks[0].Kind, o.Tracks[0].Samples, "audio", len(out.audio))
	if len(o.Tracks) > 1 {
		told = fmt.Sprintf("%s %d, %s %d", o.Tracks[0].Kind, o.Tracks[0].Samples, o.Tracks[1].Kind, o.Tracks[1].Samples)
	}
	if want := fmt.Sprintf("video %d, audio %d", len(out.video), len(out.audio)); told != want {
		t.Errorf("reported tracks: %s, want %s", told, want)
	}
	if got := max(1, len(o.Tracks[0].Codecs)); got != max(1, s.codecs) {
		t.Errorf("reported codecs %q, want %d", o.Tracks[0].Codecs, max(1, s.codecs))
	}
}
