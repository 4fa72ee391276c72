package proof_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/proof"
	"pgregory.net/rapid"
)

// brief is what tests compare of a run.
type brief struct {
	track, piece   int
	fragment       string
	at             time.Duration // after noon; -1 if not known
	first, samples int
}

func briefs(runs []proof.Run) (out []brief) {
	for _, r := range runs {
		b := brief{int(r.Track), r.Piece, r.Fragment, r.At.Sub(noon), r.First, r.Samples}
		if r.At.IsZero() {
			b.at = -1
		}
		out = append(out, b)
	}
	return out
}

func wantRuns(t *testing.T, m *media.Movie, pieces []proof.Piece, want []brief) {
	t.Helper()
	got := briefs(proof.Cut(m, pieces))
	if len(got) != len(want) {
		t.Fatalf("Cut: got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("Cut: run %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestCutBySyncSamples(t *testing.T) {
	m, pieces := recorded(false, 2, 1)
	wantRuns(t, m, pieces, []brief{
		{1, 1, "91340000", 0, 1, 10},
		{1, 1, "91340001", 2 * time.Second, 11, 10},
		{1, 2, "91340002", 4 * time.Second, 21, 10},
	})
}

// Sound has no sync samples that tell, and goes by producer time.
func TestCutSoundByTime(t *testing.T) {
	m, pieces := recorded(true, 2, 1)
	blocks := func(from, n int) time.Duration {
		return time.Duration(int64(n-from) * block * int64(time.Second) / 48000).Truncate(time.Millisecond)
	}
	wantRuns(t, m, pieces, []brief{
		{1, 1, "91340000", 0, 1, 10},
		{1, 1, "91340001", 2 * time.Second, 11, 10},
		{1, 2, "91340002", 4 * time.Second, 21, 10},
		{2, 1, "91340000", 0, 1, 94},
		{2, 1, "91340001", blocks(0, 94), 95, 94},
		{2, 2, "91340002", 4 * time.Second, 189, 94},
	})
}

// Where there are more sync samples than fragments, time tells pictures apart too.
func TestCutPicturesByTime(t *testing.T) {
	m, pieces := recorded(false, 2)
	m.Tracks[0].Samples[5].Sync = true
	wantRuns(t, m, pieces, []brief{
		{1, 1, "91340000", 0, 1, 10},
		{1, 1, "91340001", 2 * time.Second, 11, 10},
	})
}

// A clock that jumps back gives its fragments no samples of a time before, and loses none.
func TestCutWithAClockThatJumps(t *testing.T) {
	m, pieces := recorded(false, 3)
	m.Tracks[0].Samples[5].Sync = true
	pieces[0].Fragments[1].Producer = noon.Add(-time.Hour)
	wantRuns(t, m, pieces, []brief{
		{1, 1, "91340001", 0, 1, 20},
		{1, 1, "91340002", 4 * time.Second, 21, 10},
	})
}

func TestCutWithoutFragments(t *testing.T) {
	m, pieces := recorded(false, 2)
	pieces[0].Fragments = nil
	wantRuns(t, m, pieces, []brief{{1, 1, "", -1, 1, 10}, {1, 1, "", -1, 11, 10}})
}

// Samples of a source beyond the pieces came from no piece.
func TestCutFiller(t *testing.T) {
	m, pieces := recorded(false, 1, 1, 1)
	for i := 20; i < 30; i++ {
		m.Tracks[0].Samples[i].Source = 7
	}
	wantRuns(t, m, pieces, []brief{
		{1, 1, "91340000", 0, 1, 10},
		{1, 2, "91340001", 2 * time.Second, 11, 10},
		{1, 0, "", -1, 21, 10},
	})
}

// Whatever the pieces are, every sample is in one run, and runs keep to one piece.
func TestCutCoversEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := &media.Track{ID: 1, Kind: rapid.SampledFrom([]media.Kind{media.Video, media.Audio}).Draw(t, "kind"), Timescale: 1000}
		for range rapid.IntRange(0, 80).Draw(t, "samples") {
			tr.Samples = append(tr.Samples, media.Sample{
				Time: tr.End, Source: rapid.Uint16Range(0, 3).Draw(t, "source"), Sync: rapid.Bool().Draw(t, "sync"),
				Size: rapid.Uint32Range(0, 9).Draw(t, "size"),
			})
			tr.End += rapid.Int64Range(1, 3000).Draw(t, "duration")
		}
		var pieces []proof.Piece
		for i := range rapid.IntRange(0, 3).Draw(t, "pieces") {
			p := proof.Piece{Number: i + 1}
			for range rapid.IntRange(0, 5).Draw(t, "fragments") {
				at := noon.Add(time.Duration(rapid.Int64Range(-5000, 20000).Draw(t, "producer")) * time.Millisecond)
				p.Fragments = append(p.Fragments, archive.Fragment{Number: "1", Producer: at})
			}
			pieces = append(pieces, p)
		}
		next := 0
		for _, r := range proof.Cut(&media.Movie{Tracks: []*media.Track{tr}}, pieces) {
			if r.First != next+1 || r.Samples < 1 {
				t.Fatalf("run of %d samples from %d on, after sample %d", r.Samples, r.First, next)
			}
			bytes := int64(0)
			for _, s := range tr.Samples[next : next+r.Samples] {
				piece := int(s.Source) + 1
				if int(s.Source) >= len(pieces) {
					piece = 0
				}
				if r.Piece != piece {
					t.Fatalf("run of piece %d holds a sample of piece %d", r.Piece, piece)
				}
				bytes += int64(s.Size)
			}
			if r.Bytes != bytes {
				t.Fatalf("run of %d bytes: want %d", r.Bytes, bytes)
			}
			next += r.Samples
		}
		if next != len(tr.Samples) {
			t.Fatalf("runs end at sample %d of %d", next, len(tr.Samples))
		}
	})
}
