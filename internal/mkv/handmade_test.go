package mkv_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"testing"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// Documents made by hand, byte by byte: the package's writer is not asked, so that reader and writer
// cannot agree on a mistake.

// el is an element with a size of eight bytes, as ffmpeg writes masters.
func el(id uint32, contents ...[]byte) []byte {
	all := bytes.Join(contents, nil)
	return append(head(id, 1<<56|uint64(len(all)), 8), all...)
}

// short is an element with the shortest size there is.
func short(id uint32, contents ...[]byte) []byte {
	all := bytes.Join(contents, nil)
	n := 1
	for uint64(len(all)) >= 1<<(7*n)-1 {
		n++
	}
	return append(head(id, 1<<(7*n)|uint64(len(all)), n), all...)
}

// open is the header of an element of unknown size, n bytes long.
func open(id uint32, n int) []byte { return head(id, 1<<(7*n)|(1<<(7*n)-1), n) }

func head(id uint32, size uint64, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, id)[bits.LeadingZeros32(id)/8:]
	return append(b, binary.BigEndian.AppendUint64(nil, size)[8-n:]...)
}

func num(id uint32, v uint64) []byte { return short(id, binary.BigEndian.AppendUint64(nil, v)) }

func str(id uint32, s string) []byte { return short(id, []byte(s)) }

func cat(bs ...[]byte) []byte { return bytes.Join(bs, nil) }

var (
	ebml    = short(0x1A45DFA3, num(0x42F7, 1), num(0x42F2, 4), num(0x42F3, 8), str(0x4282, "matroska\x00"), num(0x4285, 2))
	segment = open(0x18538067, 8)
	void    = short(0xEC, make([]byte, 9))
	crc     = short(0xBF, []byte{1, 2, 3, 4})
	picture = short(0xAE, num(0xD7, 1), num(0x83, 1), str(0x86, "V_MJPEG\x00\x00\x00"), short(0xE0, num(0xB0, 320), num(0xBA, 192)))
	sound   = short(0xAE, num(0xD7, 2), num(0x83, 2), str(0x86, "A_PCM/INT/LIT"), short(0xE1, short(0xB5, []byte{0x46, 0xFA, 0, 0}), num(0x9F, 1), num(0x6264, 16)))
	tracks  = el(0x1654AE6B, picture, sound)
	info    = el(0x1549A966, num(0x2AD7B1, 1000000))
	begin   = cat(ebml, segment, info, tracks)
)

func timecode(v uint64) []byte { return num(0xE7, v) }

// frame is a SimpleBlock.
func frame(track byte, time int16, key bool, payload ...byte) []byte {
	flags := byte(0)
	if key {
		flags = 0x80
	}
	return short(0xA3, block(track, time, flags, payload...))
}

func block(track byte, time int16, flags byte, payload ...byte) []byte {
	return append([]byte{0x80 | track, byte(uint16(time) >> 8), byte(time), flags}, payload...)
}

// tags is a Tags element of names and values in turn.
func tags(pairs ...string) []byte {
	var all []byte
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, short(0x67C8, str(0x45A3, pairs[i]), str(0x4487, pairs[i+1]))...)
	}
	return el(0x1254C367, short(0x7373, all))
}

const aws = "AWS_KINESISVIDEO_"

// kvs is the service's tags before a cluster.
func kvs(number, server, producer string) []byte {
	return tags(aws+"FRAGMENT_NUMBER", number, aws+"SERVER_TIMESTAMP", server, aws+"PRODUCER_TIMESTAMP", producer)
}

// readAll returns all fragments, and the error they end with if it is not io.EOF.
func readAll(r io.Reader, o mkv.Options) (fs []*mkv.Fragment, err error) {
	d := mkv.NewDecoder(r, o)
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, mkv.ErrTruncated) {
			return fs, nil
		}
		if err != nil {
			return fs, err
		}
		fs = append(fs, f)
	}
}

func mustRead(t testing.TB, b []byte) []*mkv.Fragment {
	t.Helper()
	fs, err := readAll(bytes.NewReader(b), mkv.Options{})
	if err != nil {
		t.Fatalf("Next: %v, want none after %d fragments", err, len(fs))
	}
	return fs
}
