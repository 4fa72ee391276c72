package film_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// noon is when all films here begin: not on a whole second.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 120e6, time.UTC)

// pictures returns n pictures 40 ms apart, numbered from first on.
func pictures(first uint32, n int) []film.Picture {
	ps := make([]film.Picture, n)
	for i := range ps {
		ps[i] = film.Picture{Index: first + uint32(i), Time: noon.Add(time.Duration(i) * 40 * time.Millisecond)}
	}
	return ps
}

// annexB returns the parameter sets of an avcC and samples with start codes (H.264, annex B).
func annexB(avcC []byte, samples ...film.Coded) []byte {
	start := []byte{0, 0, 0, 1}
	spsEnd := 8 + int(binary.BigEndian.Uint16(avcC[6:]))
	out := append(append([]byte{}, start...), avcC[8:spsEnd]...)
	out = append(append(out, start...), avcC[spsEnd+3:]...)
	for _, c := range samples {
		for b := c.AppendTo(nil); len(b) > 0; {
			n := 4 + binary.BigEndian.Uint32(b)
			out = append(append(out, start...), b[4:n]...)
			b = b[n:]
		}
	}
	return out
}

// keep writes bytes to a file of the test.
func keep(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantPictures compares what ffmpeg sees with the pictures filmed.
func wantPictures(t *testing.T, path string, want []film.Picture) {
	t.Helper()
	frames := judgetest.Frames(t, path)
	if len(frames) != len(want) {
		t.Fatalf("got %d pictures, want %d", len(frames), len(want))
	}
	for i, f := range frames {
		if !f.OK || f.Index != want[i].Index || !f.Wall.Equal(want[i].Time) {
			t.Fatalf("picture %d: got %+v, want %+v", i, f, want[i])
		}
	}
}
