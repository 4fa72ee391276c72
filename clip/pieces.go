package clip

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/proof"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// clipsToSplice hands clips on by name: nothing is known of their times.
func clipsToSplice(clips []fetch.Piece) []splice.Piece {
	out := make([]splice.Piece, len(clips))
	for i, c := range clips {
		out[i] = splice.Piece{Movie: c.Movie(), Name: strconv.Quote(c.Path)}
	}
	return out
}

// parts is the parts of all fetched pieces, in playing order, as splice takes them.
type parts struct {
	pieces  []splice.Piece
	numbers []int         // of the fetched piece that each is of, from 1
	tags    [][][]mkv.Tag // of each one's fragments; nil of a clip
}

// partsOf hands fetched pieces on with their fragments, and with the holes before them: where
// nothing was recorded, or what was cannot be had or was not wanted.
func partsOf(p *plan.Plan, pieces []fetch.Piece) *parts {
	f := &parts{}
	for i, pc := range pieces {
		f.add(&p.Timeline, pc, i+1)
	}
	return f
}

// add adds the parts of the piece of a number, from 1.
func (f *parts) add(t *plan.Timeline, pc fetch.Piece, number int) {
	for k, part := range pc.Parts {
		name := fmt.Sprintf("piece %d", number)
		if len(pc.Parts) > 1 {
			name += fmt.Sprintf(", part %d", k+1)
		}
		piece := splice.Piece{Movie: part.Movie, Fragments: part.Fragments, Taken: part.Taken, Name: name, Together: pc.Engine != fetch.EngineFragments}
		if n := len(f.pieces); n > 0 {
			piece.Hole = hole(t, f.pieces[n-1].Fragments, part.Fragments)
		}
		f.pieces, f.numbers, f.tags = append(f.pieces, piece), append(f.numbers, number), append(f.tags, part.Tags)
	}
}

// hole is how long nothing is between two neighbouring parts; 0 where that is not known.
func hole(t *plan.Timeline, before, after []archive.Fragment) time.Duration {
	if len(before) == 0 || len(after) == 0 {
		return 0
	}
	return t.Between(before[len(before)-1], after[0])
}

// index is where a run of the pieces begins in them.
func (f *parts) index(run []splice.Piece) int {
	return slices.IndexFunc(f.pieces, func(p splice.Piece) bool { return p.Movie == run[0].Movie })
}

// origins tells where the samples of a movie come from that was joined of n pieces from the
// first-th on.
func (f *parts) origins(first, n int) []origin.Piece {
	out := make([]origin.Piece, n)
	for i := range out {
		out[i] = origin.Piece{Number: f.numbers[first+i], Fragments: f.pieces[first+i].Fragments, Taken: f.pieces[first+i].Taken}
	}
	return out
}

// proofs is origins, as the receipt takes them.
func (f *parts) proofs(first, n int) []proof.Piece {
	out := make([]proof.Piece, n)
	for i := range out {
		out[i] = proof.Piece{Number: f.numbers[first+i], Fragments: f.pieces[first+i].Fragments, Taken: f.pieces[first+i].Taken}
	}
	return out
}

// foreign names a codec of the pieces that MP4 has no place for; "" if there is none.
func foreign(pieces []splice.Piece) string {
	for _, p := range pieces {
		for _, t := range p.Movie.Tracks {
			i := slices.IndexFunc(t.Configs, func(c media.Config) bool { return c.Format == "" })
			if i >= 0 {
				return t.Configs[i].Codec()
			}
		}
	}
	return ""
}
