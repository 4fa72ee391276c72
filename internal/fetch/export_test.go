package fetch

import (
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/plan"
)

// Suspect judges an unlisted answer with n sync samples.
func Suspect(p plan.Piece, n int) error {
	t := &media.Track{Kind: media.Video, Samples: make([]media.Sample, n)}
	for i := range t.Samples {
		t.Samples[i].Sync = true
	}
	return suspect(Piece{Piece: p, Parts: []Part{{Movie: &media.Movie{Tracks: []*media.Track{t}}}}})
}
