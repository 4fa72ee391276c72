package mp4_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// laid lays m out, writes it and checks that it is read back as it was meant: sizes, tables, bytes.
func laid(t testing.TB, m *media.Movie, o mp4.Options) []byte {
	t.Helper()
	f, err := mp4.Lay(m, o)
	if err != nil {
		t.Fatalf("Lay: %v", err)
	}
	var b bytes.Buffer
	n, err := f.WriteTo(&b)
	if err != nil || n != f.Size() || int64(b.Len()) != n {
		t.Fatalf("WriteTo: got %d (%d bytes, Size %d), %v", n, b.Len(), f.Size(), err)
	}
	if len(m.Tracks) == 0 {
		return b.Bytes()
	}
	got, err := mp4.Read(bytes.NewReader(b.Bytes()), n)
	if err != nil {
		t.Fatalf("Read of what was written: %v", err)
	}
	if err := mp4.Check(got, f.Movie()); err != nil {
		t.Fatalf("Check of what was written: %v", err)
	}
	checkBytes(t, got, m)
	return b.Bytes()
}

// checkBytes compares the bytes of all samples.
func checkBytes(t testing.TB, got, want *media.Movie) {
	t.Helper()
	for i, w := range want.Tracks {
		for k := range w.Samples {
			g, w := sampleBytes(t, got, got.Tracks[i].Samples[k]), sampleBytes(t, want, w.Samples[k])
			if !bytes.Equal(g, w) {
				t.Fatalf("track %d: sample %d: bytes differ", i+1, k+1)
			}
		}
	}
}

func sampleBytes(t testing.TB, m *media.Movie, s media.Sample) []byte {
	t.Helper()
	b := make([]byte, s.Size)
	if n, err := m.Sources[s.Source].ReadAt(b, s.Offset); n < len(b) {
		t.Fatalf("reading a sample: %d of %d bytes: %v", n, len(b), err)
	}
	return b
}

// pattern is a source whose bytes tell where they are, of any size without memory.
type pattern struct{ size int64 }

func (p pattern) ReadAt(b []byte, at int64) (int, error) {
	n := min(int64(len(b)), max(0, p.size-at))
	for i := range b[:n] {
		b[i] = byte((at + int64(i)) % 251)
	}
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

var (
	avcEntry = media.Config{Format: "avc1", Private: []byte{1, 0x64, 0, 0x28, 0xff, 0xe0, 0}, Width: 1280, Height: 720}
	aacEntry = media.Config{Format: "mp4a", Private: []byte{0x11, 0x90}, Channels: 2, SampleRate: 48000}
)

// film makes a movie with one video track of n samples and one of sound, interleaved second by
// second, over a source that takes no memory. Every size is size.
func film(n int, size uint32) *media.Movie {
	const fps, step = 25, 1024
	video := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Language: "eng", Handler: "v", Configs: []media.Config{avcEntry}}
	audio := &media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Language: "eng", Handler: "a", Configs: []media.Config{aacEntry}}
	at := int64(0)
	for i := range n {
		video.Samples = append(video.Samples, media.Sample{
			Offset: at, Time: int64(i) * 1000 / fps, Size: size, Shift: int32(i % 3 * 40), Sync: i%fps == 0,
		})
		at += int64(size)
		if i%fps == fps-1 {
			for range 48000 / step {
				audio.Samples = append(audio.Samples, media.Sample{Offset: at, Time: audio.End, Size: size/8 + 1, Sync: true})
				audio.End += step
				at += int64(size/8 + 1)
			}
		}
	}
	video.End = int64(n) * 1000 / fps
	m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{video, audio}}
	m.Sources = []media.Source{{ReaderAt: pattern{at}, Size: at}}
	return m
}
