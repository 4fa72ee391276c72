package mp4_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// drawTrack draws a track over sources of 4 KiB: samples anywhere, in any order, of any entry.
func drawTrack(t *rapid.T, id uint32, sources int) *media.Track {
	k := rapid.SampledFrom([]media.Kind{media.Video, media.Audio}).Draw(t, "kind")
	entry := map[media.Kind]media.Config{media.Video: avcEntry, media.Audio: aacEntry}[k]
	tr := &media.Track{
		ID: id, Kind: k, Language: "eng", Handler: "h",
		Timescale: rapid.Uint32Range(1, 1<<32-1).Draw(t, "timescale"),
		Configs:   slices.Repeat([]media.Config{entry}, rapid.IntRange(1, 3).Draw(t, "entries")),
	}
	next, source := int64(0), 0
	for range rapid.IntRange(0, 40).Draw(t, "samples") {
		s := media.Sample{Time: tr.End, Sync: k == media.Audio || rapid.Bool().Draw(t, "sync")}
		s.Size = rapid.Uint32Range(0, 64).Draw(t, "size")
		s.Shift = rapid.SampledFrom([]int32{0, 0, 1, 1000, -7, 1<<31 - 1, -1 << 31}).Draw(t, "shift")
		s.Config = uint16(rapid.IntRange(0, len(tr.Configs)-1).Draw(t, "entry"))
		if rapid.IntRange(0, 3).Draw(t, "jump") == 0 || next+int64(s.Size) > 4096 {
			source, next = rapid.IntRange(0, sources-1).Draw(t, "source"), rapid.Int64Range(0, 4096-64).Draw(t, "offset")
		}
		s.Source, s.Offset = uint16(source), next
		next += int64(s.Size)
		tr.Samples = append(tr.Samples, s)
		tr.End += rapid.SampledFrom([]int64{1, 40, 40, 1<<31 - 1}).Draw(t, "duration")
	}
	for range rapid.IntRange(0, 2).Draw(t, "edits") {
		tr.Edits = append(tr.Edits, media.Edit{
			Duration: rapid.Int64Range(0, 1<<40).Draw(t, "edit"), Media: rapid.Int64Range(-1, 1<<40).Draw(t, "media"),
		})
	}
	return tr
}

// Whatever is laid out is read back with the same tables and bytes.
func TestTablesSurvive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &media.Movie{Timescale: rapid.Uint32Range(1, 1<<20).Draw(rt, "timescale")}
		if rapid.Bool().Draw(rt, "created") {
			m.Created = time.Unix(rapid.Int64Range(-2e9, 1e10).Draw(rt, "at"), 0).UTC()
		}
		for range rapid.IntRange(0, 3).Draw(rt, "chapters") {
			at := time.Duration(rapid.Int64Range(0, 1<<62).Draw(rt, "chapter at"))
			m.Chapters = append(m.Chapters, media.Chapter{At: at, Title: rapid.String().Draw(rt, "title")})
		}
		slices.SortFunc(m.Chapters, func(a, b media.Chapter) int { return int(min(1, max(-1, a.At-b.At))) })
		for range 2 {
			m.Sources = append(m.Sources, media.Source{ReaderAt: pattern{4096}, Size: 4096})
		}
		for i := range rapid.IntRange(1, 3).Draw(rt, "tracks") {
			m.Tracks = append(m.Tracks, drawTrack(rt, uint32(i+1), 2))
		}
		o := mp4.Options{MoovLast: rapid.Bool().Draw(rt, "last"), Force64: rapid.Bool().Draw(rt, "64")}
		laid(t, m, o)
	})
}

// Bytes of a later source that are decoded between those of earlier ones lie between them.
func TestFillingLiesInItsHole(t *testing.T) {
	m := film(100, 1000)
	audio := m.Tracks[1]
	size := m.Sources[0].Size
	m.Sources = append(m.Sources, media.Source{ReaderAt: pattern{size}, Size: size}, media.Source{ReaderAt: pattern{300}, Size: 300})
	var filled []media.Sample // the first half, three of the third source, the second half out of the second source
	half := len(audio.Samples) / 2
	filled = append(filled, audio.Samples[:half]...)
	for i := range int64(3) {
		filled = append(filled, media.Sample{Offset: 100 * i, Size: 100, Source: 2, Sync: true})
	}
	for _, s := range audio.Samples[half:] {
		s.Source = 1
		filled = append(filled, s)
	}
	for i := range filled {
		filled[i].Time = int64(i) * 1024
	}
	audio.Samples, audio.End = filled, int64(len(filled))*1024
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	laid(t, m, mp4.Options{})
	got := f.Movie().Tracks[1].Samples
	for i := 1; i < len(got); i++ {
		if got[i].Offset < got[i-1].Offset {
			t.Errorf("block %d lies at %d, behind the one before at %d", i, got[i].Offset, got[i-1].Offset)
		}
	}
}

// A source whose tracks cover it is copied in one go: its interleaving stays as it was.
func TestInterleavingStays(t *testing.T) {
	m := film(100, 1000)
	b := laid(t, m, mp4.Options{})
	want := make([]byte, m.Sources[0].Size)
	if _, err := m.Sources[0].ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(b, want) {
		t.Error("the media bytes were put in another order")
	}
}

// A decode duration of 0 is legal in a file and not in media.Track; composition times must stay.
func TestZeroDurations(t *testing.T) {
	m := film(4, 10)
	m.Tracks = m.Tracks[:1]
	b := laid(t, m, mp4.Options{})
	// Turn the one run of stts, 4 of 40 ms, into durations of 0.
	at := bytes.Index(b, []byte("stts")) + 12
	copy(b[at+4:], []byte{0, 0, 0, 0})
	got, err := mp4.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	tr := got.Tracks[0]
	for i := range tr.Samples {
		if want := int64(m.Tracks[0].Samples[i].Shift); tr.Samples[i].Time != int64(i) || tr.Composition(i) != want {
			t.Errorf("sample %d: decoded at %d, composed at %d: want %d, %d", i+1, tr.Samples[i].Time, tr.Composition(i), i, want)
		}
	}
	if tr.End != 4 {
		t.Errorf("End: want 4, got %d", tr.End)
	}
	laid(t, got, mp4.Options{})
}

// An edit to the end must show the last sample whole, also when the movie's ticks are coarse.
func TestEditToTheEnd(t *testing.T) {
	m := film(10, 10)
	m.Tracks = m.Tracks[:1]
	m.Timescale = 7
	m.Tracks[0].Edits = []media.Edit{{Duration: 3, Media: -1}, {Media: 40}}
	got, err := mp4.Read(reader(laid(t, m, mp4.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	// The last composition ends at 440 ms (sample 9 with a shift of 80 ms): 400 ms from 40 on.
	want := []media.Edit{{Duration: 3, Media: -1}, {Duration: 3, Media: 40}} // 2.8 ticks, rounded up
	if e := got.Tracks[0].Edits; !slices.Equal(e, want) {
		t.Errorf("edits: want %v, got %v", want, e)
	}
}

func TestDump(t *testing.T) {
	m := film(5, 10)
	m.Tracks[0].Edits = []media.Edit{{Media: 40}}
	m.Created = time.Date(2024, 3, 15, 7, 12, 13, 0, time.UTC)
	var b bytes.Buffer
	if err := mp4.Dump(&b, m); err != nil {
		t.Fatal(err)
	}
	const want = `movie timescale 1000 created 2024-03-15T07:12:13Z
source 0: 50 bytes
track 1 video timescale 1000 language eng handler "v": 1 configurations, 5 samples, end 200
  configuration 0: avc1 1280x720 private 7:2d1ed956 entry 0:00000000
  edit from 40 for 0
  samples 1+1: time 0 duration 40 shift 0 sync source 0 at 0 bytes 10
  samples 2+1: time 40 duration 40 shift 40 source 0 at 10 bytes 10
  samples 3+1: time 80 duration 40 shift 80 source 0 at 20 bytes 10
  samples 4+1: time 120 duration 40 shift 0 source 0 at 30 bytes 10
  samples 5+1: time 160 duration 40 shift 40 source 0 at 40 bytes 10
track 2 audio timescale 48000 language eng handler "a": 1 configurations, 0 samples, end 0
  configuration 0: mp4a 2 channels 48000 Hz private 2:e20fa2ab entry 0:00000000
`
	if got := b.String(); got != want {
		t.Errorf("Dump: got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckNamesTheDifference(t *testing.T) {
	for name, change := range map[string]func(*media.Movie){
		"movie timescale":          func(m *media.Movie) { m.Timescale++ },
		"creation time":            func(m *media.Movie) { m.Created = time.Unix(1, 0) },
		"tracks: want":             func(m *media.Movie) { m.Tracks = m.Tracks[:1] },
		"track 1: header":          func(m *media.Movie) { m.Tracks[0].End++ },
		"track 1: edits":           func(m *media.Movie) { m.Tracks[0].Edits = []media.Edit{{}} },
		"track 2: configuration 1": func(m *media.Movie) { m.Tracks[1].Configs[0].Channels = 1 },
		"track 1: sample 3":        func(m *media.Movie) { m.Tracks[0].Samples[2].Size++ },
	} {
		got := film(5, 10)
		got.Tracks[1].Configs = slices.Clone(got.Tracks[1].Configs)
		change(got)
		if err := mp4.Check(got, film(5, 10)); err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte(name)) {
			t.Errorf("Check: want %q, got %v", name, err)
		}
	}
}

func reader(b []byte) (*bytes.Reader, int64) { return bytes.NewReader(b), int64(len(b)) }
