package splice_test

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// BenchmarkJoin joins a day: 480 pieces of three minutes, 6.6 million samples.
func BenchmarkJoin(b *testing.B) {
	v := regular(media.Video, 1000, avc, 5400, 1, 30)
	for name, a := range map[string]*media.Track{
		"48 kHz":       sound(8437),
		"milliseconds": regular(media.Audio, 1000, aac, 8437, 1024, 48000),
	} {
		var pieces []splice.Piece
		for i := range 480 {
			pieces = append(pieces, piece(time.Duration(i)*180*s, v, a))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := splice.Join(pieces, splice.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
