package origin_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/splice"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const ms = time.Millisecond

// pictures makes n, 25 a second, in groups of 50, each I B B P: decoded in the order 0 3 1 2.
func pictures(n int) *media.Track {
	t := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Configs: []media.Config{{Format: "avc1", Private: []byte{1}}}, End: int64(n) * 40}
	for i := range n {
		shown := i
		if g := i - i%50; g+50 <= n && i%50 < 48 {
			shown = []int{0, 2, -1, -1}[i%50%4] + i
		}
		t.Samples = append(t.Samples, media.Sample{Time: int64(i) * 40, Shift: int32(shown-i)*40 + 40, Sync: i%50 == 0, Size: 1})
	}
	return t
}

// sound makes n blocks in 48 kHz ticks that begin so many milliseconds after the pictures.
func sound(n int, after int64) *media.Track {
	t := &media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Configs: []media.Config{{Format: "mp4a", SampleRate: 48000}}, End: int64(n) * 1024}
	for i := range n {
		t.Samples = append(t.Samples, media.Sample{Time: int64(i) * 1024, Sync: true, Size: 1})
	}
	if after > 0 {
		t.Edits = []media.Edit{{Duration: after, Media: -1}, {}}
	}
	return t
}

// fragments makes n of two seconds from at on, which arrive ever later.
func fragments(at time.Duration, n int) (out []archive.Fragment) {
	for i := range n {
		start := at + time.Duration(2*i)*time.Second
		out = append(out, archive.Fragment{
			Number: strconv.Itoa(int(start / time.Second)), Length: 1960 * ms,
			Producer: noon.Add(start), Server: noon.Add(start + 500*ms + time.Duration(i)*10*ms),
		})
	}
	return out
}

// joined joins pieces of so many fragments each, the second with a hole before it.
func joined(t *testing.T, o splice.Options, tracks func(fragments int) []*media.Track, ns ...int) (*splice.Joined, []origin.Piece) {
	t.Helper()
	var in []splice.Piece
	var pieces []origin.Piece
	at := time.Duration(0)
	for i, n := range ns {
		m := &media.Movie{Timescale: 1000, Tracks: tracks(n), Sources: []media.Source{{ReaderAt: strings.NewReader(""), Size: 1 << 20}}}
		p := splice.Piece{Movie: m, Fragments: fragments(at, n)}
		if i == 1 {
			p.Hole = 10 * time.Second
		}
		in, pieces = append(in, p), append(pieces, origin.Piece{Number: i + 1, Fragments: p.Fragments})
		if at += time.Duration(2*n) * time.Second; i == 0 {
			at += 10 * time.Second
		}
	}
	j, err := splice.Join(in, o)
	if err != nil {
		t.Fatal(err)
	}
	return j, pieces
}

// film has pictures with B-frames and sound that begins 15 ms after them.
func film(fragments int) []*media.Track {
	v := pictures(50 * fragments)
	v.Edits = []media.Edit{{Media: 40}}
	return []*media.Track{v, sound(fragments*93, 15)}
}

// Each sample is told with its fragment, and with the time it was taken, to the tick, wherever it lies
// in the joined movie.
func TestCutTellsWhenEachSampleWasTaken(t *testing.T) {
	alone := func(fragments int) []*media.Track { return film(fragments)[1:] }
	for name, c := range map[string]struct {
		o      splice.Options
		tracks func(int) []*media.Track
		into   time.Duration // of the first block in its piece
	}{
		"closed up":        {splice.Options{}, film, 15 * ms},
		"kept":             {splice.Options{Keep: true}, film, 15 * ms},
		"from the middle":  {splice.Options{From: noon.Add(1300 * ms)}, film, 15 * ms},
		"sound alone":      {splice.Options{}, alone, 0},
		"sound alone kept": {splice.Options{Keep: true}, alone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			j, pieces := joined(t, c.o, c.tracks, 2, 3)
			for _, r := range origin.Cut(j.Movie, pieces) {
				tr := j.Movie.Tracks[slices.IndexFunc(j.Movie.Tracks, func(t *media.Track) bool { return t.ID == r.Track })]
				if r.Piece == 0 {
					continue
				}
				first := slices.IndexFunc(tr.Samples, func(m media.Sample) bool { return int(m.Source) == r.Piece-1 })
				begun := tr.Composition(first) // of the piece's first picture, or first block
				for k := r.First - 1; k < r.End()-1; k++ {
					in := ticks(tr.Composition(k)-begun, tr.Timescale)
					want := pieces[r.Piece-1].Fragments[0].Producer.Add(in)
					if tr.Kind == media.Audio {
						want = want.Add(c.into)
					}
					got := r.Time(archive.Producer, ticks(tr.Composition(k)-tr.Composition(r.First-1), tr.Timescale))
					if d := got.Sub(want).Abs(); d > 2 {
						t.Fatalf("sample %d of %s: taken at %v, want %v", k+1, r.Kind, got, want)
					}
					if d := got.Sub(r.Fragment.Producer); d < -25*ms || d > 2*time.Second+25*ms {
						t.Fatalf("sample %d of %s: %v after the start of fragment %s", k+1, r.Kind, d, r.Fragment.Number)
					}
				}
			}
		})
	}
}

// Sound can come before the picture in a fragment. Then both keep their own times, whether pictures are
// told apart by sync samples or by time.
func TestSoundComesFirst(t *testing.T) {
	const before = 120 * ms
	for name, syncs := range map[string]func(i int) bool{
		"a sync sample a fragment": func(i int) bool { return i%50 == 0 },
		"all sync samples":         func(int) bool { return true },
	} {
		v := pictures(100)
		for i := range v.Samples {
			v.Samples[i].Sync = syncs(i)
		}
		v.Edits = []media.Edit{{Duration: int64(before / ms), Media: -1}, {Media: 40}}
		m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{v, sound(190, 0)}, Sources: []media.Source{{ReaderAt: strings.NewReader(""), Size: 1 << 20}}}
		fs := fragments(0, 2)
		taken := fs[0].Producer.Add(before)
		j, err := splice.Join([]splice.Piece{{Movie: m, Fragments: fs, Taken: taken}}, splice.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[media.Kind]time.Duration{media.Video: before, media.Audio: 0}
		for _, r := range origin.Cut(j.Movie, []origin.Piece{{Number: 1, Fragments: fs, Taken: taken}}) {
			tr := j.Movie.Tracks[slices.IndexFunc(j.Movie.Tracks, func(t *media.Track) bool { return t.ID == r.Track })]
			in := want[r.Kind] + ticks(tr.Composition(r.First-1)-tr.Composition(0), tr.Timescale)
			if got := r.At.Sub(noon); (got - in).Abs() > 2 {
				t.Errorf("%s: %s from sample %d on was taken %v after noon, want %v", name, r.Kind, r.First, got, in)
			}
		}
	}
}

func ticks(n int64, scale uint32) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(scale)
}

// On the server clock footage keeps its distance from the start of its fragment.
func TestTimeOnTheServerClock(t *testing.T) {
	r := origin.Run{Fragment: fragments(10*time.Second, 1)[0], At: noon.Add(10*time.Second + 20*ms)}
	for c, want := range map[archive.Clock]time.Duration{archive.Producer: 10120 * ms, archive.Server: 10620 * ms} {
		if got := r.Time(c, 100*ms).Sub(noon); got != want {
			t.Errorf("%v time: %v after noon, want %v", c, got, want)
		}
	}
	if got := (origin.Run{}).Time(archive.Server, time.Second); !got.IsZero() {
		t.Errorf("nothing is known: %v, want no time", got)
	}
}

// Runs of what came from no piece, and of pieces without fragments, have neither fragment nor time.
func TestCutWithoutFragments(t *testing.T) {
	j, pieces := joined(t, splice.Options{Keep: true}, film, 1, 1)
	pieces[1].Fragments = nil
	for _, r := range origin.Cut(j.Movie, pieces) {
		if known := r.Piece == 1; known == r.At.IsZero() || known == (r.Fragment.Number == "") {
			t.Errorf("piece %d: fragment %q at %v", r.Piece, r.Fragment.Number, r.At)
		}
	}
}

// Whatever the movie, every sample is in one run, and runs keep to one piece.
func TestCutCoversEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := &media.Track{ID: 1, Kind: rapid.SampledFrom([]media.Kind{media.Video, media.Audio, media.Text}).Draw(t, "kind"), Timescale: 1000}
		for range rapid.IntRange(0, 80).Draw(t, "samples") {
			tr.Samples = append(tr.Samples, media.Sample{Time: tr.End, Source: rapid.Uint16Range(0, 3).Draw(t, "source"), Sync: rapid.Bool().Draw(t, "sync")})
			tr.End += rapid.Int64Range(1, 3000).Draw(t, "duration")
		}
		var pieces []origin.Piece
		for i := range rapid.IntRange(0, 3).Draw(t, "pieces") {
			pieces = append(pieces, origin.Piece{Number: i + 1, Fragments: fragments(0, rapid.IntRange(0, 5).Draw(t, "fragments"))})
		}
		next := 1
		for _, r := range origin.Cut(&media.Movie{Tracks: []*media.Track{tr}, Timescale: 1000}, pieces) {
			if r.First != next || r.Samples < 1 {
				t.Fatalf("run of %d samples from %d on, want it from %d on", r.Samples, r.First, next)
			}
			for _, m := range tr.Samples[r.First-1 : r.End()-1] {
				if want := int(m.Source) + 1; want <= len(pieces) && r.Piece != want || want > len(pieces) && r.Piece != 0 {
					t.Fatalf("run of piece %d holds a sample of source %d", r.Piece, m.Source)
				}
			}
			next = r.End()
		}
		if next != len(tr.Samples)+1 {
			t.Fatalf("runs end before sample %d of %d", next, len(tr.Samples))
		}
	})
}
