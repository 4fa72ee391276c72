package mp4_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// day is how many pictures 30 a second make in 24 h; film adds 4.8 million blocks of sound.
const day = 24 * 3600 * 30

// tablesOnly is a file whose media bytes read as zeros.
type tablesOnly struct {
	*bytes.Reader
	size int64
}

func (r tablesOnly) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.Reader.ReadAt(b, at)
	if n == len(b) || at >= r.size {
		return n, err
	}
	return len(b), nil
}

// headWriter keeps what comes before the media bytes.
type headWriter struct{ b []byte }

func (w *headWriter) Write(b []byte) (int, error) {
	if w.b == nil {
		w.b = bytes.Clone(b)
		return len(b), nil
	}
	return 0, io.ErrShortWrite
}

func BenchmarkRead(b *testing.B) {
	f, err := mp4.Lay(film(day, 4000), mp4.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var head headWriter
	_, _ = f.WriteTo(&head) // stops at the first media byte
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mp4.Read(tablesOnly{bytes.NewReader(head.b), f.Size()}, f.Size()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLay(b *testing.B) {
	m := film(day, 4000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mp4.Lay(m, mp4.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// The worst interleaving: a chunk for every sample.
func BenchmarkLayScattered(b *testing.B) {
	m := film(day, 4000)
	for _, t := range m.Tracks {
		for i := range t.Samples {
			t.Samples[i].Offset = int64(i) * 8000
			t.Samples[i].Size = 2000
		}
	}
	m.Sources = []media.Source{{ReaderAt: pattern{1 << 40}, Size: 1 << 40}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mp4.Lay(m, mp4.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteTo(b *testing.B) {
	m := film(25000, 20000)
	m.Sources[0].ReaderAt = zeros{m.Sources[0].Size}
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(f.Size())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.WriteTo(struct{ io.Writer }{io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
}
