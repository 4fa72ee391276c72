package mp4_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// ceiling is what reading and writing a fuzzed file may allocate: a fixed part, and one for each
// byte (a sample of one byte takes 32 bytes of tables, and those are built, copied and read back).
func ceiling(size int) uint64 { return 8<<20 + 2048*uint64(size) }

// What the crashers in testdata/fuzz/FuzzRead were:
//   - far_data_reference: a sample entry that names data reference 47032 of 1, for which as many
//     were written.
//
// FuzzRead reads anything. What is accepted keeps the promises of package media, can be laid out,
// and is read back the same.
func FuzzRead(f *testing.F) {
	m := film(30, 20)
	m.Tracks[0].Edits = []media.Edit{{Duration: 7, Media: -1}, {Media: 40}}
	f.Add(laid(f, m, mp4.Options{}))
	f.Add(laid(f, m, mp4.Options{MoovLast: true, Force64: true, CTTSVersion1: true}))
	m.Chapters = []media.Chapter{{Title: "x"}, {At: 1e9, Title: "\u20ac"}}
	f.Add(laid(f, m, mp4.Options{}))
	phone := film(30, 1)
	phone.Tracks = phone.Tracks[1:]
	phone.Tracks[0].Configs = []media.Config{{Format: "ulaw", Channels: 1, SampleRate: 8000}}
	f.Add(poke(laid(f, phone, mp4.Options{}), "stsz", 4, 1))
	hevc := film(3, 20)
	hevc.Tracks[0].Configs = []media.Config{{Format: "hev1", Private: []byte{1}, Width: 1, Height: 1}}
	f.Add(laid(f, hevc, mp4.Options{}))
	told := film(30, 20)
	told.Tracks[1].Configs = []media.Config{{Format: "Opus", Private: []byte("OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"), Channels: 1, SampleRate: 48000}}
	subtitled(told, 2)
	f.Add(laid(f, told, mp4.Options{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return // longer files show nothing new
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		again(t, b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > ceiling(len(b)) {
			t.Errorf("%d bytes allocated for a file of %d", n, len(b))
		}
	})
}

// again reads b, checks it, writes it and reads it back.
func again(t *testing.T, b []byte) {
	m, err := mp4.Read(reader(b))
	if err != nil {
		for _, known := range []error{mp4.ErrNotMP4, mp4.ErrTruncated, mp4.ErrFragmented, mp4.ErrMalformed, mp4.ErrUnsupported} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("Read: an error of no kind: %v", err)
	}
	checkPromises(t, m)
	if err := mp4.Dump(&bytes.Buffer{}, m); err != nil {
		t.Fatalf("Dump: %v", err)
	}
	f, err := mp4.Lay(m, mp4.Options{})
	if errors.Is(err, mp4.ErrUnsupported) {
		return // such as a decode duration of 2^31 ticks
	}
	if err != nil {
		t.Fatalf("Lay of what Read accepted: %v", err)
	}
	if f.Size() < 8<<20 { // samples may share bytes, which are then written for each
		laid(t, m, mp4.Options{})
	}
}

// checkPromises holds m against the comments of package media.
func checkPromises(t *testing.T, m *media.Movie) {
	t.Helper()
	if len(m.Tracks) == 0 || m.Timescale == 0 {
		t.Fatalf("%d tracks, timescale %d", len(m.Tracks), m.Timescale)
	}
	for _, tr := range m.Tracks {
		if tr.ID == 0 || tr.Timescale == 0 || len(tr.Language) != 3 {
			t.Fatalf("track: ID %d, timescale %d, language %q", tr.ID, tr.Timescale, tr.Language)
		}
		for i, s := range tr.Samples {
			if tr.Duration(i) < 1 {
				t.Fatalf("sample %d: duration %d", i+1, tr.Duration(i))
			}
			if s.Offset < 0 || s.Offset+int64(s.Size) > m.Sources[0].Size || int(s.Config) >= len(tr.Configs) {
				t.Fatalf("sample %d: %+v in %d bytes, %d entries", i+1, s, m.Sources[0].Size, len(tr.Configs))
			}
		}
	}
}

// FuzzInBand puts the parameter sets of anything in band: it is refused, or written to the byte
// that is told.
func FuzzInBand(f *testing.F) {
	f.Add("avc1", []byte{1, 0x64, 0, 0x28, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68})
	f.Add("hvc1", append(make([]byte, 21), 3, 1, 0xa0, 0, 1, 0, 2, 0x40, 1))
	f.Fuzz(func(t *testing.T, format string, private []byte) {
		m := film(50, 20)
		m.Tracks[0].Configs = []media.Config{{Format: format, Private: private, Width: 16, Height: 16}}
		var b bytes.Buffer
		fr := mp4.NewFragmenter(&b)
		fr.InBand, fr.Repeat = true, true
		if fr.Init(m) != nil {
			return
		}
		_, err := fr.Write(m)
		if fr.Size() != int64(b.Len()) {
			t.Errorf("Size: want %d, got %d", b.Len(), fr.Size())
		}
		if err != nil && !errors.Is(err, mp4.ErrMalformed) && !errors.Is(err, mp4.ErrUnsupported) {
			t.Errorf("Write: %v", err)
		}
	})
}
