package mp4_test

import (
	"bytes"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// phone makes a QuickTime-like file with n PCM samples of G.711 in one chunk, each counted as one
// sample of one byte, although there is a byte for each channel.
func phone(t *testing.T, n uint32, channels int) ([]byte, int64) {
	t.Helper()
	size := n * uint32(channels)
	m := &media.Movie{
		Timescale: 1000,
		Sources:   []media.Source{{ReaderAt: zeros{int64(size)}, Size: int64(size)}},
		Tracks: []*media.Track{{
			ID: 1, Kind: media.Audio, Timescale: 8000, Language: "und", End: int64(n),
			Configs: []media.Config{{Format: "ulaw", Channels: channels, SampleRate: 8000}},
			Samples: []media.Sample{{Size: size, Sync: true}},
		}},
	}
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var head headWriter
	_, _ = f.WriteTo(&head) // stops at the first media byte
	b := head.b
	b = poke(poke(b, "stts", 8, n), "stts", 12, 1)
	b = poke(poke(b, "stsz", 4, 1), "stsz", 8, n)
	return poke(b, "stsc", 12, n), f.Size()
}

// An hour of telephone sound is 28.8 million samples in QuickTime's counting; they are folded.
func TestFold(t *testing.T) {
	for _, tc := range []struct {
		n        uint32
		channels int
		blocks   int
		last     uint32 // bytes of the last block
	}{
		{5, 1, 1, 5},
		{1023, 1, 1, 1023},
		{1024, 1, 1, 1024},
		{1025, 1, 2, 1},
		{1025, 2, 2, 2},
		{8000 * 3600, 1, 28125, 1024},
	} {
		b, size := phone(t, tc.n, tc.channels)
		m, err := mp4.Read(tablesOnly{bytes.NewReader(b), size}, size)
		if err != nil {
			t.Errorf("%d samples: Read: %v", tc.n, err)
			continue
		}
		tr := m.Tracks[0]
		last := tr.Samples[len(tr.Samples)-1]
		if len(tr.Samples) != tc.blocks || last.Size != tc.last || tr.End != int64(tc.n) {
			t.Errorf("%d samples: want %d blocks, the last of %d bytes; got %d of %d, end %d",
				tc.n, tc.blocks, tc.last, len(tr.Samples), last.Size, tr.End)
		}
		if want := int64(tc.blocks-1) * 1024; last.Time != want || last.Offset+int64(last.Size) != size {
			t.Errorf("%d samples: last block at tick %d, byte %d: want %d, the end", tc.n, last.Time, last.Offset, want)
		}
		m.Sources[0].ReaderAt = zeros{size}
		laid(t, m, mp4.Options{})
	}
}
