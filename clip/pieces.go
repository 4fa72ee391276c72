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

// of are those of the parts that a run is of. They need not follow each other: of footage that
// overlaps, what lies between two parts can end before a clock mark that both reach over.
func (f *parts) of(run []splice.Piece) *parts {
	out, i := &parts{}, 0
	for _, p := range run {
		i += slices.IndexFunc(f.pieces[i:], func(q splice.Piece) bool { return q.Movie == p.Movie })
		out.pieces, out.numbers, out.tags = append(out.pieces, p), append(out.numbers, f.numbers[i]), append(out.tags, f.tags[i])
	}
	return out
}

// origins tells where the samples of a movie come from that was joined of the parts.
func (f *parts) origins() []origin.Piece {
	out := make([]origin.Piece, len(f.pieces))
	for i := range out {
		out[i] = origin.Piece{Number: f.numbers[i], Fragments: f.pieces[i].Fragments, Taken: f.pieces[i].Taken}
	}
	return out
}

// foreign names a codec of the pieces that MP4 has no place for; "" if there is none. Where the sound
// alone is wanted, only its codecs count.
func foreign(pieces []splice.Piece, soundOnly bool) string {
	for _, p := range pieces {
		for _, t := range p.Movie.Tracks {
			if soundOnly && t.Kind != media.Audio {
				continue
			}
			i := slices.IndexFunc(t.Configs, func(c media.Config) bool { return c.Format == "" })
			if i >= 0 {
				return t.Configs[i].Codec()
			}
		}
	}
	return ""
}
