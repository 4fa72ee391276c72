package splice_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
	"pgregory.net/rapid"
)

// Whether a fragment begins with the picture, or with sound long before it: what counts is when the
// picture was taken. Pieces whose fragments begin earlier, on both clocks, make the same movie with the
// same seams, chapters and times.
func TestTakenProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := recording(t)
		for i := range pieces {
			if i > 0 {
				pieces[i].Hole = time.Duration(rapid.SampledFrom([]int{0, 0, 4000}).Draw(t, "hole")) * ms
			}
		}
		o := asked(t, pieces)
		sooner := make([]splice.Piece, len(pieces))
		for i, p := range pieces {
			sooner[i] = begun(p, time.Duration(rapid.IntRange(0, 900).Draw(t, "sooner"))*ms)
		}
		for what, of := range map[string]func([]splice.Piece) *splice.Joined{
			"Join":   func(ps []splice.Piece) *splice.Joined { return joined(t, ps, o) },
			"Stream": func(ps []splice.Piece) *splice.Joined { return begin(t, ps[0], o) },
		} {
			want, got := of(pieces), of(sooner)
			sameTimes(t, what, want, got)
		}
	})
}

// begun lets the fragments of a piece begin sooner, on both clocks. Its pictures stay where they are.
func begun(p splice.Piece, sooner time.Duration) splice.Piece {
	if len(p.Fragments) == 0 {
		return p
	}
	p.Taken = p.Fragments[0].Producer
	p.Fragments = append([]archive.Fragment(nil), p.Fragments...)
	for i := range p.Fragments {
		f := &p.Fragments[i]
		f.Producer, f.Server = f.Producer.Add(-sooner), f.Server.Add(-sooner)
	}
	return p
}

// begin returns what a Stream makes of its first piece.
func begin(t failer, p splice.Piece, o splice.Options) *splice.Joined {
	j, err := splice.NewStream(o).Add(p)
	if err != nil {
		t.Fatalf("Add: %v", err)
	}
	return j
}

// sameTimes holds the times of two movies against each other.
func sameTimes(t failer, what string, want, got *splice.Joined) {
	t.Helper()
	if got.Lead != want.Lead || got.Length != want.Length || !got.Start.Equal(want.Start) {
		t.Fatalf("%s: Lead %v, Length %v, Start %v; want %v, %v, %v", what, got.Lead, got.Length, got.Start, want.Lead, want.Length, want.Start)
	}
	diff(t, what+": seams", want.Seams, got.Seams)
	diff(t, what+": chapters", want.Movie.Chapters, got.Movie.Chapters)
	for i, tr := range want.Movie.Tracks {
		if i >= len(got.Movie.Tracks) {
			t.Fatalf("%s: %d tracks, want %d", what, len(got.Movie.Tracks), len(want.Movie.Tracks))
		}
		diff(t, what+": "+string(tr.Kind), times(tr), times(got.Movie.Tracks[i]))
	}
}

// times are the parts of a track that say when.
func times(t *media.Track) media.Track {
	return media.Track{ID: t.ID, Kind: t.Kind, Timescale: t.Timescale, Samples: t.Samples, End: t.End, Edits: t.Edits}
}
