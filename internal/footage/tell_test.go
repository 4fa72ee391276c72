package footage_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

func TestWriteTags(t *testing.T) {
	f := archive.Fragment{Number: "9134", Producer: start, Server: start.Add(late), Length: 1960 * time.Millisecond, Size: 12345}
	rows := []footage.TagRow{
		{Fragment: f, Tags: []mkv.Tag{{Name: "motion", Value: "false"}, {Name: "a<b", Value: "\xff\n"}, {Name: "motion", Value: "maybe"}, {Name: "motion", Value: "true"}}},
		{Fragment: archive.Fragment{Number: "9135"}},
	}
	var b bytes.Buffer
	if err := footage.WriteTags(&b, rows); err != nil {
		t.Fatal(err)
	}
	want := `{"fragment":"9134","server":"2026-03-14T08:17:42.750Z","producer":"2026-03-14T08:17:35.500Z","lengthMs":1960,"bytes":12345,` +
		`"tags":{"a<b":"\ufffd\n","motion":"true"},"repeated":[{"name":"motion","value":"false"},{"name":"motion","value":"maybe"}]}` + "\n" +
		`{"fragment":"9135","lengthMs":0,"bytes":0,"tags":{}}` + "\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := footage.WriteTags(failing{}, rows); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("an error of the writer: %v", err)
	}
}

func TestWriteFrames(t *testing.T) {
	m, runs := recording{pictures: 4, reorder: true, taken: seconds(0, 30), sound: true, edits: []media.Edit{{Media: 80, Duration: 200}}}.movie()
	m.Tracks[1].Timescale, m.Tracks[1].Samples, m.Tracks[1].End = 48000, m.Tracks[1].Samples[:2], 320
	m.Tracks = append(m.Tracks, &media.Track{ID: 3, Kind: media.Text, Timescale: 1, Samples: make([]media.Sample, 1)})
	var b bytes.Buffer
	if err := footage.WriteFrames(&b, `clip "1".mp4`, m, runs); err != nil {
		t.Fatal(err)
	}
	const of1 = `{"output":"clip \"1\".mp4","track":1,"kind":"video","sample":`
	want := []string{
		of1 + `1,"producer":"2026-03-14T08:17:35.500Z","server":"2026-03-14T08:17:42.750Z","fileMs":-40,"offset":0,"bytes":100,"sync":true,"fragment":"100","shown":false}`,
		of1 + `2,"producer":"2026-03-14T08:17:35.620Z","server":"2026-03-14T08:17:42.870Z","fileMs":80,"offset":100,"bytes":100,"sync":false,"fragment":"100","shown":true}`,
		of1 + `3,"producer":"2026-03-14T08:17:35.540Z","server":"2026-03-14T08:17:42.790Z","fileMs":0,"offset":200,"bytes":100,"sync":false,"fragment":"100","shown":true}`,
		of1 + `4,"producer":"2026-03-14T08:17:35.580Z","server":"2026-03-14T08:17:42.830Z","fileMs":40,"offset":300,"bytes":100,"sync":false,"fragment":"100","shown":true}`,
		of1 + `5,"producer":"2026-03-14T08:18:05.500Z","server":"2026-03-14T08:18:12.750Z","fileMs":120,"offset":400,"bytes":100,"sync":true,"fragment":"101","shown":true}`,
		of1 + `6,"producer":"2026-03-14T08:18:05.620Z","server":"2026-03-14T08:18:12.870Z","fileMs":240,"offset":500,"bytes":100,"sync":false,"fragment":"101","shown":false}`,
		of1 + `7,"producer":"2026-03-14T08:18:05.540Z","server":"2026-03-14T08:18:12.790Z","fileMs":160,"offset":600,"bytes":100,"sync":false,"fragment":"101","shown":true}`,
		of1 + `8,"producer":"2026-03-14T08:18:05.580Z","server":"2026-03-14T08:18:12.830Z","fileMs":200,"offset":700,"bytes":100,"sync":false,"fragment":"101","shown":false}`,
		`{"output":"clip \"1\".mp4","track":2,"kind":"audio","sample":1,"fileMs":0,"offset":0,"bytes":160,"sync":true,"shown":true}`,
		`{"output":"clip \"1\".mp4","track":2,"kind":"audio","sample":2,"fileMs":3.333,"offset":0,"bytes":160,"sync":true,"shown":true}`,
	}
	if d := cmp.Diff(want, strings.Split(strings.TrimSpace(b.String()), "\n")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for s := bufio.NewScanner(&b); s.Scan(); {
		if !json.Valid(s.Bytes()) {
			t.Errorf("%s is no JSON", s.Bytes())
		}
	}
	if err := footage.WriteFrames(failing{}, "x", m, runs); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("an error of the writer: %v", err)
	}
}

// Of a block of sound that the edit list hides in part the rest is heard.
func TestWriteFramesOfSound(t *testing.T) {
	a := blocks(100)
	a.Edits = []media.Edit{{Media: 160 + 80}}
	var b bytes.Buffer
	if err := footage.WriteFrames(&b, "x", &media.Movie{Timescale: 1000, Tracks: []*media.Track{a}}, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{`"fileMs":-30,`, `"fileMs":-10,`, `"fileMs":10,`} {
		if shown := i > 0; !strings.Contains(lines[i], want) || strings.Contains(lines[i], `"shown":true`) != shown {
			t.Errorf("block %d: %s, want %s and shown %v", i, lines[i], want, shown)
		}
	}
}

func TestAt(t *testing.T) {
	m, runs := recording{pictures: 25, reorder: true, taken: seconds(0, 1, 30), edits: []media.Edit{{Media: 40 + 120}}}.movie()
	for _, c := range []struct {
		after  float64 // seconds after the start
		clock  archive.Clock
		sample int // -1: none
		rank   int
		at     float64
	}{
		{0, archive.Producer, -1, 0, 0},
		{0.119, archive.Producer, -1, 0, 0},
		{0.12, archive.Producer, 1, 0, 0.12},
		{0.159, archive.Producer, 1, 0, 0.12},
		{0.16, archive.Producer, 5, 1, 0.16},
		{0.2, archive.Producer, 6, 2, 0.2},
		{0.24, archive.Producer, 4, 3, 0.24},
		{1, archive.Producer, 25, 22, 1},
		{29, archive.Producer, 47, 46, 1.96},
		{30, archive.Producer, 50, 47, 30},
		{99, archive.Producer, 72, 71, 30.96},
		{0.12, archive.Server, -1, 0, 0},
		{0.12 + late.Seconds(), archive.Server, 1, 0, 0.12 + late.Seconds()},
	} {
		p, ok := footage.At(m, runs, start.Add(time.Duration(c.after*1e9)), c.clock)
		if ok != (c.sample >= 0) {
			t.Errorf("%v s: found %v, want %v", c.after, ok, !ok)
			continue
		}
		if at := start.Add(time.Duration(c.at * 1e9)); ok && (p.Sample != c.sample || p.Rank != c.rank || p.At.Sub(at).Abs() > time.Microsecond || p.Track != m.Tracks[0]) {
			t.Errorf("%v s: sample %d, rank %d, at %v, want %d, %d, %v", c.after, p.Sample, p.Rank, p.At, c.sample, c.rank, at)
		}
	}
	if _, ok := footage.At(&media.Movie{Tracks: []*media.Track{blocks(100)}}, runs, start, archive.Producer); ok {
		t.Error("a picture was found in sound")
	}
}

// A key frame of a synthetic film, written as a byte stream, is a picture for ffmpeg.
func TestAnnexBJudgedByFFmpeg(t *testing.T) {
	spec := film.Spec{Width: 320, Height: 192}
	key := spec.Group([]film.Picture{{Index: 1, Time: start}}, 0)[0]
	b, err := footage.AnnexB(spec.Video(), key.Data)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.h264")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-f", "framemd5", "-").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "#dimensions 0: 320x192") || strings.Count(string(out), "\n0,") != 1 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}

func TestAnnexB(t *testing.T) {
	avcC := []byte{1, 66, 0, 30, 0xff, 0xe1, 0, 3, 0x67, 1, 2, 1, 0, 2, 0x68, 3}
	hvcC := append(make([]byte, 21), 0xfd, 2, 0x20, 0, 1, 0, 2, 0x40, 9, 0x21, 0, 2, 0, 1, 0x42, 0, 1, 0x43)
	for _, c := range []struct {
		name, format  string
		config        []byte
		sample, wants string
	}{
		{"avc", "avc1", avcC, "\x00\x00\x00\x02\x65\x01\x00\x00\x00\x00\x00\x00\x00\x01\x06", "\x67\x01\x02|\x68\x03|\x65\x01|\x06"},
		{"hevc", "hvc1", hvcC, "\x00\x03\x26\x01\x07", "\x40\x09|\x42|\x43|\x26\x01\x07"},
		{"empty sample", "avc3", avcC, "", "\x67\x01\x02|\x68\x03"},
		{"short sample", "avc1", avcC, "\x00\x00\x00\x09\x65", ""},
		{"sample ends in a length", "avc1", avcC, "\x00\x00\x00", ""},
		{"huge length", "avc1", avcC, "\xff\xff\xff\xff\x65", ""},
		{"short configuration", "avc1", avcC[:10], "", ""},
		{"no configuration", "hev1", nil, "", ""},
		{"many sets, no bytes", "hvc1", append(make([]byte, 21), 3, 255, 1, 255, 255), "", ""},
		{"another codec", "mp4a", []byte{1}, "", ""},
	} {
		got, err := footage.AnnexB(media.Config{Format: c.format, Private: c.config}, []byte(c.sample))
		if c.wants == "" {
			if !errors.Is(err, footage.ErrNotCoded) {
				t.Errorf("%s: %x, %v, want ErrNotCoded", c.name, got, err)
			}
			continue
		}
		want := "\x00\x00\x00\x01" + strings.ReplaceAll(c.wants, "|", "\x00\x00\x00\x01")
		if string(got) != want || err != nil {
			t.Errorf("%s: %x, %v, want %x", c.name, got, err, want)
		}
	}
}

func FuzzAnnexB(f *testing.F) {
	f.Add("avc1", []byte{1, 66, 0, 30, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68}, []byte{0, 0, 0, 1, 0x65})
	f.Fuzz(func(t *testing.T, format string, config, sample []byte) {
		b, err := footage.AnnexB(media.Config{Format: format, Private: config}, sample)
		if err == nil && len(b) > 4*(len(config)+len(sample)) {
			t.Errorf("%d bytes of %d and %d", len(b), len(config), len(sample))
		}
	})
}

func BenchmarkWriteFramesOfAnHour(b *testing.B) {
	r := recording{pictures: 50, reorder: true}
	for i := range 1800 {
		r.taken = append(r.taken, time.Duration(i)*2*time.Second)
	}
	m, runs := r.movie()
	b.ReportAllocs()
	for b.Loop() {
		if err := footage.WriteFrames(io.Discard, "clip.mp4", m, runs); err != nil {
			b.Fatal(err)
		}
	}
}
