package splice_test

import (
	"math"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// eps is what float arithmetic may be off, in seconds.
const eps = 1e-7

// failer is what the checks need of *testing.T and *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// shot is a sample as a player presents it. The player is an own reading of ISO/IEC 14496-12,
// 8.6.6 (edit lists), and shares no code with splice.
type shot struct {
	media.Sample
	at    float64 // seconds from the start of the presentation, also where it is hidden
	until float64 // where the next one in presentation order begins
	shown bool    // some of it

	config media.Config
}

// play presents a track. An edit list has empty edits and one stretch.
func play(t failer, m *media.Movie, tr *media.Track) []shot {
	t.Helper()
	delay, start, stop := 0.0, 0.0, math.Inf(1)
	for i, e := range tr.Edits {
		d := float64(e.Duration) / float64(m.Timescale)
		if e.Media == -1 {
			delay += d
			continue
		}
		if i != len(tr.Edits)-1 {
			t.Fatalf("edit %d of %d shows media, want only the last", i, len(tr.Edits))
		}
		start = float64(e.Media) / float64(tr.Timescale)
		if e.Duration > 0 {
			stop = delay + d
		}
	}
	scale := float64(tr.Timescale)
	var composed []int64
	for i := range tr.Samples {
		composed = append(composed, tr.Samples[i].Time+int64(tr.Samples[i].Shift))
	}
	slices.Sort(composed)
	var out []shot
	for _, m := range tr.Samples {
		c := m.Time + int64(m.Shift)
		k, _ := slices.BinarySearch(composed, c+1)
		end := float64(c + tr.Duration(len(tr.Samples)-1)) // of the last one shown
		if k < len(composed) {
			end = float64(composed[k])
		}
		sh := shot{Sample: m, config: tr.Configs[m.Config], at: delay + float64(c)/scale - start, until: delay + end/scale - start}
		sh.shown = sh.until > delay+eps && sh.at < stop-eps
		out = append(out, sh)
	}
	return out
}

// length is how long a movie's presentation is, in seconds.
func length(t failer, m *media.Movie) float64 {
	t.Helper()
	end := 0.0
	for _, tr := range m.Tracks {
		stop, delay := 0.0, 0.0
		for _, e := range tr.Edits {
			stop += float64(e.Duration) / float64(m.Timescale)
			if e.Media < 0 {
				delay = stop
			}
		}
		if n := len(tr.Edits); n == 0 || tr.Edits[n-1].Media < 0 || tr.Edits[n-1].Duration == 0 {
			for _, sh := range play(t, m, tr) {
				stop = max(stop, sh.until, delay)
			}
		}
		end = max(end, stop)
	}
	return end
}

// shots presents what the joined movie has of piece i in its first track of kind k.
func shots(t failer, m *media.Movie, i int, k media.Kind) []shot {
	t.Helper()
	for _, tr := range m.Tracks {
		of := func(s shot) bool { return int(s.Source) != i }
		if out := slices.DeleteFunc(play(t, m, tr), of); tr.Kind == k && len(out) > 0 {
			return out
		}
	}
	t.Fatalf("piece %d: its %s is gone", i, k)
	return nil
}

// first is the presentation time of the earliest shot.
func first(shots []shot) float64 {
	at := math.Inf(1)
	for _, s := range shots {
		at = min(at, s.at)
	}
	return at
}

// join joins and checks everything that holds for every outcome: each sample once, in order and
// untouched, times rising, each with its configuration, and pictures of one piece at the same
// distances as before.
func join(t failer, pieces []splice.Piece, o splice.Options) *splice.Joined {
	t.Helper()
	j, err := splice.Join(pieces, o)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	if len(j.Seams) != len(pieces)-1 || len(j.Movie.Sources) < len(pieces) || len(j.Movie.Sources) > len(pieces) && !o.Keep {
		t.Fatalf("Join: %d seams, %d sources of %d pieces", len(j.Seams), len(j.Movie.Sources), len(pieces))
	}
	if !o.To.IsZero() {
		return j // some of it is left out: see ended
	}
	out := make([]map[media.Kind][][]shot, len(pieces)) // by piece and kind, track by track
	for i := range out {
		out[i] = map[media.Kind][][]shot{}
	}
	for _, tr := range j.Movie.Tracks {
		rising(t, tr, len(pieces))
		for i, shots := range byPiece(play(t, j.Movie, tr), len(pieces)) {
			if len(shots) > 0 {
				out[i][tr.Kind] = append(out[i][tr.Kind], shots)
			}
		}
	}
	for i, p := range pieces {
		nth := map[media.Kind]int{}
		for _, in := range p.Movie.Tracks {
			if n := nth[in.Kind]; len(in.Samples) > 0 {
				if n >= len(out[i][in.Kind]) {
					t.Fatalf("piece %d: its %s %d is gone", i, in.Kind, n)
				}
				carried(t, i, in.Kind, play(t, p.Movie, in), out[i][in.Kind][n])
				nth[in.Kind]++
			}
		}
	}
	return j
}

// byPiece sorts shots by the piece they come from.
func byPiece(shots []shot, n int) [][]shot {
	out := make([][]shot, n)
	for _, s := range shots {
		if int(s.Source) < n { // and not silence
			out[s.Source] = append(out[s.Source], s)
		}
	}
	return out
}

// rising checks decode times, and that the sources of n pieces come one after the other.
func rising(t failer, tr *media.Track, n int) {
	t.Helper()
	last := uint16(0)
	for i := range tr.Samples {
		if tr.Duration(i) <= 0 {
			t.Fatalf("track %d: sample %d lasts %d ticks", tr.ID, i, tr.Duration(i))
		}
		source := tr.Samples[i].Source
		if int(source) >= n {
			continue // silence
		}
		if source < last {
			t.Fatalf("track %d: sample %d is of piece %d, after one of piece %d", tr.ID, i, source, last)
		}
		last = source
	}
	if tr.Samples[0].Time != 0 {
		t.Fatalf("track %d starts at %d, want 0", tr.ID, tr.Samples[0].Time)
	}
}

// carried checks that the samples of one track of piece i are in the joined movie, one by one.
func carried(t failer, i int, kind media.Kind, before, after []shot) {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("piece %d: %d samples of %s, want %d", i, len(after), kind, len(before))
	}
	start, origin := first(before), first(after)
	for k, b := range before {
		a := after[k]
		if a.Offset != b.Offset || a.Size != b.Size || a.Sync != b.Sync || !a.config.Same(b.config) {
			t.Fatalf("piece %d: sample %d of %s is %+v, want the bytes of %+v", i, k, kind, a.Sample, b.Sample)
		}
		if moved := (a.at - origin) - (b.at - start); kind == media.Video && math.Abs(moved) > eps {
			t.Fatalf("piece %d: picture %d moved by %f s against its first", i, k, moved)
		}
	}
}

// ended checks that trimmed has of every track of whole what an exact end leaves, at end seconds of
// whole: in decode order all up to the last sample that is presented before end, as far apart as
// they were, and nothing when there is none.
func ended(t failer, whole, trimmed *media.Movie, end float64) {
	t.Helper()
	var tracks []*media.Track
	var ends []int64 // of the last sample's decode duration
	for _, w := range whole.Tracks {
		n := 0
		for i, sh := range play(t, whole, w) {
			if sh.at < end-eps {
				n = i + 1
			}
		}
		if n > 0 {
			c := *w
			c.Samples = w.Samples[:n]
			tracks = append(tracks, &c)
			ends = append(ends, w.Samples[n-1].Time+w.Duration(n-1))
		}
	}
	if len(tracks) != len(trimmed.Tracks) {
		t.Fatalf("%d tracks begin before the end, the movie has %d", len(tracks), len(trimmed.Tracks))
	}
	for k, w := range tracks {
		got := trimmed.Tracks[k]
		if len(got.Samples) != len(w.Samples) {
			t.Fatalf("track %d has %d samples up to the end at %f s, want %d of %d", got.ID, len(got.Samples), end, len(w.Samples), len(whole.Tracks[k].Samples))
		}
		before, after := play(t, whole, w), play(t, trimmed, got)
		for i := range after {
			a, b := after[i], before[i]
			if a.Sample != b.Sample || a.config.Format != b.config.Format {
				t.Fatalf("track %d: sample %d is %+v, want %+v", got.ID, i, a.Sample, b.Sample)
			}
			if a.shown && a.until > a.at+0.002 && math.Abs(a.at-after[0].at-b.at+before[0].at) > eps {
				t.Fatalf("track %d: sample %d is at %f s, want %f s after the first", got.ID, i, a.at, b.at-before[0].at)
			}
		}
		mapped(t, trimmed, got)
		if got.End != ends[k] {
			less := *got
			less.End = ends[k]
			if beyond(trimmed, &less) < eps {
				t.Fatalf("track %d ends at %d, want %d: that is all that is shown", got.ID, got.End, ends[k])
			}
		}
		if used := slices.MaxFunc(got.Samples, func(a, b media.Sample) int { return int(a.Config) - int(b.Config) }); int(used.Config) != len(got.Configs)-1 {
			t.Fatalf("track %d has %d sample entries, want %d: no sample needs more", got.ID, len(got.Configs), used.Config+1)
		}
	}
}

// mapped checks that no edit shows more than there is, to a tick of the movie.
func mapped(t failer, m *media.Movie, tr *media.Track) {
	t.Helper()
	if over := beyond(m, tr); over > eps+1/float64(m.Timescale) {
		t.Fatalf("track %d: its edits %v show %f s behind the end of the media", tr.ID, tr.Edits, over)
	}
}

// beyond is how much an edit shows behind the end of the last sample, in seconds; negative where
// media is left.
func beyond(m *media.Movie, tr *media.Track) float64 {
	end, most := int64(0), math.Inf(-1)
	for i := range tr.Samples {
		end = max(end, tr.Composition(i)+tr.Duration(i))
	}
	for _, e := range tr.Edits {
		if e.Media >= 0 {
			most = max(most, float64(e.Media-end)/float64(tr.Timescale)+float64(e.Duration)/float64(m.Timescale))
		}
	}
	return most
}

// apart is how much later than in its piece the sound of piece i comes against the pictures, in
// seconds, by its first shown sample.
func apart(t failer, i int, p splice.Piece, j *splice.Joined) float64 {
	t.Helper()
	bv, ba := play(t, p.Movie, p.Movie.Find(media.Video)), play(t, p.Movie, p.Movie.Find(media.Audio))
	av, aa := shots(t, j.Movie, i, media.Video), shots(t, j.Movie, i, media.Audio)
	k := slices.IndexFunc(ba, func(s shot) bool { return s.shown && s.at > -eps })
	return (aa[k].at - first(av)) - (ba[k].at - first(bv))
}

// diff fails where got is not want.
func diff[T any](t failer, call string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", call, d)
	}
}
