package mp4_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// zeros is a source of any size.
type zeros struct{ size int64 }

func (z zeros) ReadAt(b []byte, at int64) (int, error) {
	n := min(int64(len(b)), max(0, z.size-at))
	clear(b[:n])
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// sparse keeps the first bytes and the last of what is written, and counts the rest, which must
// be zeros. It can be read again.
type sparse struct {
	head, tail []byte
	size       int64
}

const sparseKeep = 1 << 16

func (s *sparse) Write(b []byte) (int, error) {
	if len(s.head) < sparseKeep {
		s.head = append(s.head, b...)
	} else if len(b) < sparseKeep {
		s.tail = append(s.tail, b...)
	} else if b[0] != 0 || b[len(b)-1] != 0 {
		return 0, fmt.Errorf("byte %d: not zero", s.size)
	}
	s.size += int64(len(b))
	return len(b), nil
}

func (s *sparse) ReadAt(b []byte, at int64) (int, error) {
	n := min(int64(len(b)), s.size-at)
	clear(b[:n])
	if at < int64(len(s.head)) {
		copy(b[:n], s.head[at:])
	}
	if from := s.size - int64(len(s.tail)); at >= from {
		copy(b[:n], s.tail[at-from:])
	}
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// zeroFilm makes a movie of one track whose media bytes are size zeros.
func zeroFilm(size int64) *media.Movie {
	const each = 1 << 30
	t := &media.Track{ID: 1, Kind: media.Video, Timescale: 1, Language: "und", Handler: "v", Configs: []media.Config{avcEntry}}
	for at := int64(0); at < size; at += each {
		t.Samples = append(t.Samples, media.Sample{Offset: at, Time: t.End, Size: uint32(min(each, size-at)), Sync: true})
		t.End++
	}
	return &media.Movie{Timescale: 1, Tracks: []*media.Track{t}, Sources: []media.Source{{ReaderAt: zeros{size}, Size: size}}}
}

// Where 32 bits end, the size of mdat and the chunk offsets grow, each when it must.
func TestAround32Bits(t *testing.T) {
	const limit = 1<<32 - 1
	for _, o := range []mp4.Options{{}, {MoovLast: true}} {
		probe, err := mp4.Lay(zeroFilm(limit-1<<20), o)
		if err != nil {
			t.Fatal(err)
		}
		overhead := probe.Size() - (limit - 1<<20) // of the narrow form
		before := overhead
		if o.MoovLast {
			before = 32 + 8 // ftyp with four brands, and the header of mdat
		}
		for _, tc := range []struct {
			size       int64
			co64, wide bool
		}{
			{limit - before - 1, false, false},
			{limit - before, false, false},
			{limit - before + 1, true, false},
			{limit - 8, true, false},
			{limit - 7, true, true},
		} {
			f, err := mp4.Lay(zeroFilm(tc.size), o)
			if err != nil {
				t.Fatal(err)
			}
			extra := f.Size() - tc.size - overhead
			want := int64(0)
			if tc.co64 {
				want += 4 * 4 // one for each chunk
			}
			if tc.wide {
				want += 8
			}
			if extra != want {
				t.Errorf("MoovLast %v, %d media bytes: want %d bytes more, got %d", o.MoovLast, tc.size, want, extra)
			}
		}
	}
}

// A file of more than 4 GiB is written, through memory, and its tables are found again.
func TestMoreThan4GiB(t *testing.T) {
	for _, o := range []mp4.Options{{}, {MoovLast: true}} {
		f, err := mp4.Lay(zeroFilm(4<<30+5), o)
		if err != nil {
			t.Fatal(err)
		}
		var s sparse
		if n, err := f.WriteTo(&s); err != nil || n != f.Size() {
			t.Fatalf("WriteTo: want %d bytes, got %d, %v", f.Size(), n, err)
		}
		got, err := mp4.Read(&s, s.size)
		if err != nil {
			t.Fatal(err)
		}
		if err := mp4.Check(got, f.Movie()); err != nil {
			t.Error(err)
		}
		last := got.Tracks[0].Samples[len(got.Tracks[0].Samples)-1]
		if last.Offset <= 1<<32 || last.Size != 5 {
			t.Errorf("last sample: %d bytes at %d", last.Size, last.Offset)
		}
		if !bytes.Contains(append(s.head, s.tail...), []byte("co64")) {
			t.Error("no co64")
		}
	}
}

// A 64-bit size is written when asked for, and read although it is not needed.
func TestLongHeader(t *testing.T) {
	b := laid(t, film(25, 10), mp4.Options{MoovLast: true, Force64: true})
	at := bytes.Index(b, []byte("mdat")) - 4
	if got := binary.BigEndian.Uint32(b[at:]); got != 1 {
		t.Errorf("size of mdat: want 1 (64 bits follow), got %d", got)
	}
}
