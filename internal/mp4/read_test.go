package mp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// box makes a box.
func box(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(b, kind...), body...)
}

// rename gives the nth box of a type, from 0, another one, which hides or changes it.
func rename(b []byte, kind, to string, nth int) []byte {
	b = bytes.Clone(b)
	at := 0
	for ; nth >= 0; nth-- {
		at += bytes.Index(b[at:], []byte(kind)) + 4
	}
	copy(b[at-4:], to)
	return b
}

// poke writes 32 bits at n bytes behind the first box type of a kind.
func poke(b []byte, kind string, n int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[bytes.Index(b, []byte(kind))+4+n:], v)
	return b
}

func TestReadRefuses(t *testing.T) {
	m := film(50, 100)
	m.Tracks[0].Edits = []media.Edit{{Duration: 100, Media: 0}}
	good := laid(t, m, mp4.Options{})
	last := laid(t, m, mp4.Options{MoovLast: true})
	for _, tc := range []struct {
		name string
		b    []byte
		want error
		says string
	}{
		{"empty", nil, mp4.ErrTruncated, "box at byte 0"},
		{"seven bytes", good[:7], mp4.ErrTruncated, "got 7"},
		{"text", []byte("<html><body>Forbidden</body></html>"), mp4.ErrNotMP4, "l><b"},
		{"cut in mdat", good[:len(good)-1], mp4.ErrTruncated, `box "mdat"`},
		{"cut in moov", last[:len(last)-1], mp4.ErrTruncated, `box "moov"`},
		{"cut before moov", last[:bytes.Index(last, []byte("moov"))-4], mp4.ErrTruncated, "no moov"},
		{"trailing bytes", append(bytes.Clone(good), 0, 0), mp4.ErrTruncated, "got 2"},
		{"movie fragments", slices.Concat(good[:32], box("moof"), good[32:]), mp4.ErrFragmented, "moof"},
		{"mvex", slices.Concat(good[:32], box("moov", box("mvex"))), mp4.ErrFragmented, "mvex"},
		{"no mdat", good[:bytes.Index(good, []byte("mdat"))-4], mp4.ErrTruncated, "track 1: 50 samples of 100 bytes"},
		{"sample size", poke(good, "stsz", 4, 1<<31), mp4.ErrTruncated, "50 samples of 2147483648 bytes"},
		{"sample count", poke(good, "stsz", 8, 1<<32-1), mp4.ErrUnsupported, "4294967295 samples"},
		{"more samples than chunks hold", poke(good, "stsz", 8, 51), mp4.ErrMalformed, "stsc and stco"},
		{"chunk offset", poke(good, "stco", 8, 1<<31), mp4.ErrTruncated, "track 1: sample 1: 100 bytes at 2147483648"},
		{"fewer times than samples", poke(good, "stts", 8, 49), mp4.ErrMalformed, "stts: 49 samples"},
		{"sync sample out of range", poke(good, "stss", 8, 51), mp4.ErrMalformed, "sync sample 51"},
		{"sample entry out of range", poke(good, "stsc", 16, 2), mp4.ErrMalformed, "sample entry 2 of 1"},
		{"edit at half speed", poke(good, "elst", 16, 0x8000), mp4.ErrUnsupported, "rate 32768/65536"},
		{"edit at no time", poke(good, "elst", 12, 1<<32-2), mp4.ErrMalformed, "media time -2"},
		{"samples elsewhere", poke(good, "url ", 0, 0), mp4.ErrUnsupported, "another file"},
		{"same track twice", poke(good[:len(good):len(good)], "tkhd", 12, 2), mp4.ErrMalformed, "track_ID 2"},
		{"no timescale", poke(good, "mdhd", 12, 0), mp4.ErrMalformed, "timescale 0"},
		{"no tracks", rename(rename(good, "vide", "text", 0), "soun", "hint", 0), mp4.ErrUnsupported, "none of video or audio"},
		{"no stbl", rename(good, "stbl", "free", 0), mp4.ErrMalformed, "no box stbl"},
		{"encrypted", rename(good, "avc1", "encv", 1), mp4.ErrUnsupported, "encrypted"},
		{"no avcC", rename(good, "avcC", "free", 0), mp4.ErrMalformed, "no box avcC"},
		{"no esds", rename(good, "esds", "free", 0), mp4.ErrMalformed, "no box esds"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := mp4.Read(reader(tc.b))
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Read: want %v, saying %q; got %v", tc.want, tc.says, err)
			}
		})
	}
}

// All boxes are put where no offset moves.
func TestReadAccepts(t *testing.T) {
	m := film(50, 100)
	b := laid(t, m, mp4.Options{MoovLast: true})
	want, err := mp4.Read(reader(b))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("moov")) - 4
	for name, b := range map[string][]byte{
		"unknown boxes":       slices.Concat(b[:at], box("free", []byte("x")), box("uuid", make([]byte, 16)), b[at:], box("sidx"), box("meta")),
		"a second mdat":       slices.Concat(b[:at], box("mdat", []byte("xy")), b[at:]),
		"a second moov":       slices.Concat(b, box("moov")),
		"mdat to the end":     slices.Concat(b, []byte{0, 0, 0, 0}, []byte("mdat"), []byte("xyz")),
		"moov of 64-bit size": slices.Concat(b[:at], []byte{0, 0, 0, 1}, []byte("moov"), binary.BigEndian.AppendUint64(nil, uint64(len(b)-at+8)), b[at+8:]),
		"moov to the end":     poke0(b, at),
	} {
		got, err := mp4.Read(reader(b))
		if err != nil {
			t.Errorf("%s: Read: %v", name, err)
			continue
		}
		if err := mp4.Check(got, want); err != nil {
			t.Errorf("%s: Check: %v", name, err)
		}
	}
}

func poke0(b []byte, at int) []byte {
	b = bytes.Clone(b)
	clear(b[at : at+4])
	return b
}

// Tracks that are neither video nor audio are left out, the others stay.
func TestOtherTracksAreSkipped(t *testing.T) {
	b := rename(laid(t, film(50, 100), mp4.Options{}), "vide", "tmcd", 0)
	m, err := mp4.Read(reader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Tracks) != 1 || m.Tracks[0].Kind != media.Audio {
		t.Errorf("Read: want the audio track alone, got %d tracks", len(m.Tracks))
	}
}

// stz2 is read in its three widths (ISO/IEC 14496-12, 8.7.3.3).
func TestCompactSizes(t *testing.T) {
	for _, tc := range []struct {
		bits  byte
		table []byte
		want  []uint32
	}{
		{4, []byte{0x12, 0x30, 0, 0}, []uint32{1, 2, 3}},
		{8, []byte{1, 2, 200, 0}, []uint32{1, 2, 200}},
		{16, []byte{0, 1, 1, 0, 0, 3}, []uint32{1, 256, 3}},
	} {
		m := film(3, 0) // sizes of 0 are written one by one: 12 bytes of table
		m.Tracks = m.Tracks[:1]
		b := append(laid(t, m, mp4.Options{}), make([]byte, 300)...)
		b = poke0(b, bytes.Index(b, []byte("mdat"))-4) // mdat to the end
		at := bytes.Index(b, []byte("stsz"))
		copy(b[at:], "stz2")
		b[at+4+7] = tc.bits
		copy(b[at+4+12:], tc.table)
		got, err := mp4.Read(reader(b))
		if err != nil {
			t.Errorf("%d bits: Read: %v", tc.bits, err)
			continue
		}
		for i, s := range got.Tracks[0].Samples {
			if s.Size != tc.want[i] {
				t.Errorf("%d bits: sample %d: want %d bytes, got %d", tc.bits, i+1, tc.want[i], s.Size)
			}
		}
	}
}

// An entry that is not known is kept to the byte, and two different ones are not the same.
func TestUnknownEntries(t *testing.T) {
	entry := func(last byte) []byte { return box("av01", make([]byte, 78), box("av1C", []byte{0x81, last})) }
	m := film(50, 100)
	m.Tracks[0].Configs = []media.Config{
		{Format: "av01", Entry: entry(1), Private: entry(1)[86:]},
		{Format: "av01", Entry: entry(2), Private: entry(2)[86:]},
	}
	for i := 25; i < 50; i++ {
		m.Tracks[0].Samples[i].Config = 1
	}
	got, err := mp4.Read(reader(laid(t, m, mp4.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Tracks[0].Configs; c[0].Same(c[1]) || !bytes.Equal(c[1].Entry, entry(2)) {
		t.Errorf("entries: got %x and %x", c[0].Entry, c[1].Entry)
	}
}

func TestLayRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*media.Movie)
		want   error
		says   string
	}{
		{"movie timescale", func(m *media.Movie) { m.Timescale = 0 }, mp4.ErrMalformed, "timescale 0"},
		{"track timescale", func(m *media.Movie) { m.Tracks[0].Timescale = 0 }, mp4.ErrMalformed, "track 1"},
		{"kind", func(m *media.Movie) { m.Tracks[0].Kind = "data" }, mp4.ErrUnsupported, `kind "data"`},
		{"ID twice", func(m *media.Movie) { m.Tracks[1].ID = 1 }, mp4.ErrMalformed, "twice"},
		{"late start", func(m *media.Movie) { m.Tracks[0].Samples[0].Time = 1 }, mp4.ErrUnsupported, "first sample at tick 1"},
		{"time stands", func(m *media.Movie) { m.Tracks[0].Samples[2].Time = 40 }, mp4.ErrMalformed, "sample 2: malformed: decode duration 0"},
		{"end before the last", func(m *media.Movie) { m.Tracks[0].End = 0 }, mp4.ErrMalformed, "sample 50: malformed: decode duration -1960"},
		{"day-long sample", func(m *media.Movie) { m.Tracks[0].End = 1 << 32 }, mp4.ErrUnsupported, "sample 50: not supported: decode duration"},
		{"past the source", func(m *media.Movie) { m.Sources[0].Size-- }, mp4.ErrTruncated, "track 2: sample 92: 13 bytes at 6183"},
		{"no such source", func(m *media.Movie) { m.Tracks[0].Samples[3].Source = 1 }, mp4.ErrMalformed, "sample 4"},
		{"no such entry", func(m *media.Movie) { m.Tracks[0].Samples[3].Config = 1 }, mp4.ErrMalformed, "sample entry 1 of 1"},
		{"no configuration", func(m *media.Movie) { m.Tracks[0].Configs = []media.Config{{Format: "avc1"}} }, mp4.ErrUnsupported, "no codec configuration"},
		{"format", func(m *media.Movie) { m.Tracks[0].Configs = []media.Config{{Format: "vp9"}} }, mp4.ErrUnsupported, `"vp9"`},
		{"broken entry", func(m *media.Movie) {
			m.Tracks[0].Configs = []media.Config{{Format: "avc1", Entry: make([]byte, 90)}}
		}, mp4.ErrMalformed, "do not make a box"},
	} {
		m := film(50, 100)
		tc.change(m)
		if _, err := mp4.Lay(m, mp4.Options{}); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: Lay: want %v, saying %q; got %v", tc.name, tc.want, tc.says, err)
		}
	}
	if _, err := mp4.Lay(film(5, 1), mp4.Options{Brand: "x"}); !errors.Is(err, mp4.ErrUnsupported) {
		t.Errorf("brand of one character: Lay: got %v", err)
	}
}

// A source that ends early must not give a file with a hole.
func TestSourceEndsEarly(t *testing.T) {
	m := film(50, 100)
	m.Sources[0].ReaderAt = pattern{m.Sources[0].Size - 1}
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := f.WriteTo(&b); err == nil || n != int64(b.Len()) || !strings.Contains(err.Error(), "source 0") {
		t.Errorf("WriteTo: got %d of %d bytes written, %v", n, b.Len(), err)
	}
}
