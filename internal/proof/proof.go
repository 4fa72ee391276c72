// Package proof says what a clip's bytes are: hashes of its samples run by run, of its tables and of
// the boxes around them, and where a file first differs from them. It opens no file, decodes no
// picture and never judges whether a file is well made.
package proof

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// Piece is where the samples of one source of a joined movie came from. Runs of a piece whose fragments
// are not known have no fragment and no time.
type Piece = origin.Piece

// Run is consecutive samples of one track, in decode order, that came from one fragment of one piece.
// The runs of a movie hold each of its samples once.
type Run struct {
	Track uint32 // track_ID
	Kind  media.Kind
	Piece int // Piece.Number; 0 for samples that came from no piece
	// Fragment is the number of the fragment, "" if that is not known. Where sound or uneven pictures
	// are told apart by time, samples at its ends may belong to a neighbour.
	Fragment string
	At       time.Time // when its first sample was taken, on the producer clock, UTC; zero if not known
	First    int       // sample number, from 1
	Samples  int       // at least 1
	Bytes    int64
	SHA256   string // of the bytes of its samples, one after the other, hex
}

// end is the number of the sample after the run.
func (r *Run) end() int { return r.First + r.Samples }
