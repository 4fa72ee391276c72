package fetch

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/plan"
)

// An answer without pictures is not whole.
func TestAnswerWithoutPictures(t *testing.T) {
	fs := []archive.Fragment{{Number: "1", Length: 2 * time.Second}, {Number: "2", Length: 2 * time.Second}}
	sound := &media.Track{Kind: media.Audio, Timescale: 48000, End: 1024, Samples: make([]media.Sample, 1)}
	for name, m := range map[string]*media.Movie{"no tracks": {}, "one block of sound": {Tracks: []*media.Track{sound}}} {
		if err := check(Piece{Piece: plan.Piece{Fragments: fs}, Movie: m}, true); err == nil {
			t.Errorf("%s: taken for two whole fragments", name)
		}
	}
}
