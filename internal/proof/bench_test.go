package proof_test

import (
	"bytes"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

// A minute of 8 Mbit/s with sound: what get --receipt costs, and verify where something differs.
func BenchmarkCheck(b *testing.B) {
	m, pieces := recorded(true, 30)
	size := int64(0)
	for _, t := range m.Tracks {
		for i := range t.Samples {
			s := &t.Samples[i]
			if s.Offset, s.Size = size, 400; t.Kind == media.Video {
				s.Size = 200_000
			}
			size += int64(s.Size)
		}
	}
	m.Sources[0] = media.Source{ReaderAt: bytes.NewReader(make([]byte, size)), Size: size}
	runs := hashed(b, m, pieces)
	file := read(b, written(b, m, mp4.Options{}))
	b.SetBytes(size)
	for b.Loop() {
		if err := proof.Check(b.Context(), file, runs); err != nil {
			b.Fatal(err)
		}
	}
}
