package footage_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"pgregory.net/rapid"
)

// cue is a text and when it begins, in milliseconds.
type cue struct {
	At   int64
	Text string
}

// read reads a text track out of its source.
func read(t testing.TB, track *media.Track, source media.Source) []cue {
	var out []cue
	for i, s := range track.Samples {
		b := make([]byte, s.Size)
		if _, err := source.ReadAt(b, s.Offset); err != nil || s.Offset+int64(s.Size) > source.Size {
			t.Fatalf("reading sample %d at %d of %d: %v", i, s.Offset, source.Size, err)
		}
		if n := int(binary.BigEndian.Uint16(b)); n != len(b)-2 {
			t.Errorf("sample %d says %d bytes of text, has %d", i, n, len(b)-2)
		}
		if i > 0 && s.Time <= track.Samples[i-1].Time {
			t.Errorf("sample %d at %d is not behind the one before at %d", i, s.Time, track.Samples[i-1].Time)
		}
		out = append(out, cue{s.Time, string(b[2:])})
	}
	return out
}

func TestClock(t *testing.T) {
	la := time.FixedZone("PDT", -7*3600)
	for _, c := range []struct {
		name string
		recording
		footage.ClockOptions
		want []cue
		end  int64
	}{
		{
			"two seconds",
			recording{pictures: 25, taken: seconds(0, 1)},
			footage.ClockOptions{Clock: archive.Producer, Zone: la},
			[]cue{{0, "2026-03-14 01:17:35 -0700"}, {520, "2026-03-14 01:17:36 -0700"}, {1520, "2026-03-14 01:17:37 -0700"}},
			2000,
		},
		{
			"on the server clock",
			recording{pictures: 25, taken: seconds(0)},
			footage.ClockOptions{},
			[]cue{{0, "2026-03-14 08:17:42 +0000"}, {280, "2026-03-14 08:17:43 +0000"}},
			1000,
		},
		{
			"a hole closed up",
			recording{pictures: 25, taken: seconds(0, 61.5)},
			footage.ClockOptions{Clock: archive.Producer},
			[]cue{{0, "2026-03-14 08:17:35 +0000"}, {520, "2026-03-14 08:17:36 +0000"}, {1000, "2026-03-14 08:18:37 +0000"}},
			2000,
		},
		{
			"a clock set back",
			recording{pictures: 25, taken: seconds(0.5, -3600)},
			footage.ClockOptions{Clock: archive.Producer},
			[]cue{{0, "2026-03-14 08:17:36 +0000"}, {1000, "2026-03-14 07:17:35 +0000"}, {1520, "2026-03-14 07:17:36 +0000"}},
			2000,
		},
		{
			"the start hidden",
			recording{pictures: 25, taken: seconds(0, 1), edits: []media.Edit{{Media: 520, Duration: 1200}}},
			footage.ClockOptions{Clock: archive.Producer},
			[]cue{{0, "2026-03-14 08:17:36 +0000"}, {1000, "2026-03-14 08:17:37 +0000"}},
			1200,
		},
		{
			"pictures begin late",
			recording{pictures: 25, taken: seconds(0.5), edits: []media.Edit{{Media: -1, Duration: 300}, {}}},
			footage.ClockOptions{Clock: archive.Producer},
			[]cue{{0, ""}, {300, "2026-03-14 08:17:36 +0000"}},
			1300,
		},
		{
			"reordered",
			recording{pictures: 25, reorder: true, taken: seconds(0, 1), edits: []media.Edit{{Media: 40}}},
			footage.ClockOptions{Clock: archive.Producer},
			[]cue{{0, "2026-03-14 08:17:35 +0000"}, {520, "2026-03-14 08:17:36 +0000"}, {1520, "2026-03-14 08:17:37 +0000"}},
			2000,
		},
	} {
		m, runs := c.movie()
		track, source := footage.Clock(m, runs, c.ClockOptions)
		if track == nil {
			t.Errorf("%s: no clock", c.name)
			continue
		}
		if d := cmp.Diff(c.want, read(t, track, source)); d != "" || track.End != c.end || track.Kind != media.Text || track.Timescale != 1000 {
			t.Errorf("%s: ends at %d, want %d; texts (-want +got):\n%s", c.name, track.End, c.end, d)
		}
		whole := make([]byte, source.Size)
		if _, err := source.ReadAt(whole, 0); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := iotest.TestReader(io.NewSectionReader(source, 0, source.Size), whole); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestClockIsUnknown(t *testing.T) {
	m, runs := recording{pictures: 5, taken: seconds(0)}.movie()
	for _, runs := range [][]origin.Run{nil, {{Track: 1, Kind: media.Video, Piece: 1, First: 1, Samples: 5}}, {{Track: 9, First: 1, Samples: 5}}} {
		if track, _ := footage.Clock(m, runs, footage.ClockOptions{}); track != nil {
			t.Errorf("Clock of runs %v has %d samples, want none", runs, len(track.Samples))
		}
	}
	if got := footage.Chapters(m, nil, footage.ClockOptions{}); len(got) > 0 {
		t.Errorf("Chapters without times: %v", got)
	}
	if track, _ := footage.Clock(&media.Movie{}, runs, footage.ClockOptions{}); track != nil {
		t.Error("Clock of an empty movie is not nil")
	}
}

// Of a movie of sound the sound tells the time, and silence tells none.
func TestClockOfSound(t *testing.T) {
	m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{blocks(3000)}}
	at := start.Add(500 * time.Millisecond)
	runs := []origin.Run{
		{Track: 2, Kind: media.Audio, Piece: 1, At: at, First: 1, Samples: 50, Fragment: archive.Fragment{Producer: at}},
		{Track: 2, Kind: media.Audio, First: 51, Samples: 50},
		{Track: 2, Kind: media.Audio, Piece: 2, At: at.Add(2 * time.Second), First: 101, Samples: 50, Fragment: archive.Fragment{Producer: at.Add(2 * time.Second)}},
	}
	track, source := footage.Clock(m, runs, footage.ClockOptions{Clock: archive.Producer})
	want := []cue{{0, "2026-03-14 08:17:36 +0000"}, {1000, ""}, {2000, "2026-03-14 08:17:38 +0000"}}
	if d := cmp.Diff(want, read(t, track, source)); d != "" {
		t.Errorf("texts (-want +got):\n%s", d)
	}
}

// At each picture's moment the text is the second in which it was taken.
func TestClockTellsEachPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := recording{pictures: 1 + 3*rapid.IntRange(0, 20).Draw(t, "thirds"), reorder: rapid.Bool().Draw(t, "reorder")}
		at := time.Duration(0)
		for range rapid.IntRange(1, 12).Draw(t, "fragments") {
			r.taken = append(r.taken, at)
			at += time.Duration(r.pictures)*40*time.Millisecond + time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 30_000, -5000}).Draw(t, "jump"))*time.Millisecond
		}
		r.edits = []media.Edit{{Media: int64(rapid.IntRange(0, r.pictures-1).Draw(t, "hidden")) * 40}}
		m, runs := r.movie()
		track, source := footage.Clock(m, runs, footage.ClockOptions{Clock: archive.Producer})
		if track == nil {
			t.Fatal("no clock, though a picture is shown")
		}
		b := make([]byte, source.Size)
		if _, err := source.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		v := m.Tracks[0]
		for _, run := range runs {
			for i := run.First - 1; i < run.First-1+run.Samples; i++ {
				shown := v.Composition(i) - r.edits[0].Media
				if shown < 0 {
					continue
				}
				taken := run.At.Add(time.Duration(v.Composition(i)-v.Composition(run.First-1)) * time.Millisecond)
				n, _ := slices.BinarySearchFunc(track.Samples, shown, func(s media.Sample, at int64) int { return int(s.Time-at)*2 - 1 })
				x := track.Samples[n-1]
				got := string(b[x.Offset+2 : x.Offset+int64(x.Size)])
				if want := taken.Format("2006-01-02 15:04:05 -0700"); got != want {
					t.Errorf("picture %d, shown at %d ms: clock says %q, want %q", i, shown, got, want)
				}
			}
		}
	})
}

func TestMoments(t *testing.T) {
	m, runs := recording{pictures: 25, reorder: true, taken: seconds(0, 1, 30), sound: true, edits: []media.Edit{{Media: 40 + 520}}}.movie()
	want := []footage.Moment{{0, start.Add(520 * time.Millisecond)}, {480 * time.Millisecond, start.Add(time.Second)}, {1480 * time.Millisecond, start.Add(30 * time.Second)}}
	if d := cmp.Diff(want, footage.Moments(m, runs)); d != "" {
		t.Errorf("Moments (-want +got):\n%s", d)
	}
}

func TestChapters(t *testing.T) {
	day := func(hours float64, step time.Duration) recording {
		r := recording{pictures: 1}
		for at := time.Duration(0); at < time.Duration(hours*float64(time.Hour)); at += step {
			r.taken = append(r.taken, at)
		}
		return r
	}
	for _, c := range []struct {
		name string
		recording
		own         []media.Chapter
		n           int
		first, next string
	}{
		{"seconds", day(0.001, time.Second), nil, 1, "2026-03-14 08:17:35 +0000", ""},
		{"minutes", day(1.5, time.Second), nil, 91, "2026-03-14 08:17:35 +0000", "2026-03-14 08:18:00 +0000"},
		{"ten minutes", day(16, time.Second), nil, 97, "2026-03-14 08:17:35 +0000", "2026-03-14 08:20:00 +0000"},
		{"a day", day(24, time.Second), nil, 25, "2026-03-14 08:17:35 +0000", "2026-03-14 09:00:00 +0000"},
		{"a week", day(168, time.Minute), nil, 29, "2026-03-14 08:17:35 +0000", "2026-03-14 12:00:35 +0000"},
		{"ten years", day(87600, time.Hour), nil, 1, "2026-03-14 08:17:35 +0000", ""},
		{"own at the start", day(0.1, time.Second), []media.Chapter{{Title: "gap"}, {At: time.Second / 2, Title: "x"}}, 8, "gap", "x"},
		{"little room", day(1.5, time.Second), make([]media.Chapter, 240), 240 + 10 - 1, "", ""},
		{"no room", day(1, time.Second), make([]media.Chapter, 255), 255, "", ""},
		{"too many", day(1, time.Second), make([]media.Chapter, 300), 300, "", ""},
	} {
		m, runs := c.movie()
		m.Chapters = c.own
		got := footage.Chapters(m, runs, footage.ClockOptions{Clock: archive.Producer})
		if len(got) != c.n || got[0].Title != c.first || len(got) > 1 && got[1].Title != c.next {
			t.Errorf("%s: %d chapters, want %d: %.3v", c.name, len(got), c.n, got)
		}
		if !slices.IsSortedFunc(got, func(a, b media.Chapter) int { return int(a.At - b.At) }) {
			t.Errorf("%s: not sorted: %v", c.name, got)
		}
	}
}

func TestWriteVTT(t *testing.T) {
	m, runs := recording{pictures: 25, taken: seconds(0, 61.5), edits: []media.Edit{{Media: -1, Duration: 3_600_000}, {}}}.movie()
	var b bytes.Buffer
	if err := footage.WriteVTT(&b, m, runs, "front\n-->door", footage.ClockOptions{Clock: archive.Producer}); err != nil {
		t.Fatal(err)
	}
	want := `WEBVTT

NOTE stream front -- >door, producer time

01:00:00.000 --> 01:00:00.520
2026-03-14 08:17:35 +0000

01:00:00.520 --> 01:00:01.000
2026-03-14 08:17:36 +0000

01:00:01.000 --> 01:00:02.000
2026-03-14 08:18:37 +0000
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := footage.WriteVTT(failing{}, m, runs, "", footage.ClockOptions{}); err == nil {
		t.Error("an error of the writer is not told")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// ffprobe reads the captions as we meant them.
func TestVTTJudgedByFFprobe(t *testing.T) {
	m, runs := recording{pictures: 25, taken: seconds(0, 1, 30, 31)}.movie()
	var b bytes.Buffer
	if err := footage.WriteVTT(&b, m, runs, "door", footage.ClockOptions{Clock: archive.Producer}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clip.vtt")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	want := "0.000000,0.520000 0.520000,1.000000 1.520000,0.480000 2.000000,0.520000 2.520000,1.000000 3.520000,0.480000"
	if got := strings.Join(strings.Fields(string(out)), " "); got != want {
		t.Errorf("ffprobe sees %s, want %s", got, want)
	}
	texts, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-f", "srt", "-").CombinedOutput()
	if err != nil || !strings.Contains(string(texts), "00:00:02,520 --> 00:00:03,520\n2026-03-14 08:18:06 +0000\n") {
		t.Errorf("ffmpeg: %v\n%s", err, texts)
	}
}

func BenchmarkClockOfADay(b *testing.B) {
	r := recording{pictures: 60, reorder: true}
	for i := range 43200 * 25 / 30 {
		r.taken = append(r.taken, time.Duration(i)*2400*time.Millisecond)
	}
	m, runs := r.movie()
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		track, _ := footage.Clock(m, runs, footage.ClockOptions{Clock: archive.Producer})
		if len(track.Samples) != 86402 { // one more for the half seconds at the ends, one before the first picture
			b.Fatal(fmt.Sprint(len(track.Samples)))
		}
	}
}
