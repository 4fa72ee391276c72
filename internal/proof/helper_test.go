package proof_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const (
	fps   = 5
	block = 1024 // ticks of a block of sound, of 48000 a second
)

// recorded is a joined movie of pieces, each of some fragments of two seconds, with sound if sound,
// and what was known of the pieces. Its bytes are random, seeded.
func recorded(sound bool, fragments ...int) (*media.Movie, []proof.Piece) {
	rnd := rand.New(rand.NewPCG(1, 2))
	avc := media.Config{Format: "avc1", Private: []byte{1, 0x64, 0, 0x28, 0xff, 0xe0, 0}, Width: 320, Height: 192}
	aac := media.Config{Format: "mp4a", Private: []byte{0x11, 0x88}, Channels: 1, SampleRate: 48000}
	m := &media.Movie{Timescale: 1000, Created: noon, Chapters: []media.Chapter{{Title: "one"}, {At: time.Second, Title: "two"}}}
	video := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Configs: []media.Config{avc}}
	audio := &media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Configs: []media.Config{aac}}
	var pieces []proof.Piece
	number := 0
	for i, n := range fragments {
		var data []byte
		add := func(t *media.Track, ticks int64, sync bool) {
			s := media.Sample{Offset: int64(len(data)), Time: t.End, Size: rnd.Uint32N(30), Source: uint16(i), Sync: sync}
			for range s.Size {
				data = append(data, byte(rnd.Uint32()))
			}
			t.Samples, t.End = append(t.Samples, s), t.End+ticks
		}
		p := proof.Piece{Number: i + 1}
		for range n {
			p.Fragments = append(p.Fragments, archive.Fragment{
				Number: fmt.Sprintf("9134%04d", number), Producer: noon.Add(time.Duration(number) * 2 * time.Second),
			})
			number++
			for k := range 2 * fps {
				add(video, 1000/fps, k == 0)
			}
			for sound && audio.End*1000 < video.End*48000 {
				add(audio, block, true)
			}
		}
		pieces = append(pieces, p)
		m.Sources = append(m.Sources, media.Source{ReaderAt: bytes.NewReader(data), Size: int64(len(data))})
	}
	m.Tracks = []*media.Track{video}
	if sound {
		m.Tracks = append(m.Tracks, audio)
	}
	return m, pieces
}

// written lays m out and returns the file.
func written(t testing.TB, m *media.Movie, o mp4.Options) []byte {
	t.Helper()
	f, err := mp4.Lay(m, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads a file that was written.
func read(t testing.TB, b []byte) *media.Movie {
	t.Helper()
	m, err := mp4.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hashed cuts m and hashes the runs.
func hashed(t testing.TB, m *media.Movie, pieces []proof.Piece) []proof.Run {
	t.Helper()
	runs, err := proof.Hash(t.Context(), m, proof.Cut(m, pieces))
	if err != nil {
		t.Fatal(err)
	}
	return runs
}
