package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Lengths of the header of a box without and with a 64-bit size (ISO/IEC 14496-12, 4.2).
const (
	shortHeader = 8
	longHeader  = 16
)

// firstBoxes are the types a file may begin with. Any other type means ErrNotMP4.
var firstBoxes = map[string]bool{
	"ftyp": true, "styp": true, "moov": true, "moof": true, "mdat": true, "free": true,
	"skip": true, "wide": true, "uuid": true, "pnot": true, "pdin": true, "meta": true, "sidx": true,
}

// span is where a box at the top of a file lies, in bytes.
type span struct {
	kind       string
	start, end int64
	header     int64
}

// findMoov walks the boxes at the top of a file and returns the first moov. It goes to the end of
// the file, so that a file that was cut inside mdat is found out although its moov came first.
func findMoov(r io.ReaderAt, size int64) (span, error) {
	var moov span
	for n, at := 0, int64(0); at < size || n == 0; n++ {
		if n == maxBoxes {
			return moov, unsupported("more than %d boxes", maxBoxes)
		}
		b, err := boxAt(r, at, size)
		if len(b.kind) == 4 && n == 0 && !firstBoxes[b.kind] {
			return moov, fmt.Errorf("first box %q: %w", b.kind, ErrNotMP4)
		}
		if b.kind == "moof" {
			return moov, fmt.Errorf("box moof at byte %d: %w", at, ErrFragmented)
		}
		if err != nil {
			return moov, err
		}
		if b.kind == "moov" && moov.kind == "" {
			moov = b
		}
		at = b.end
	}
	if moov.kind == "" {
		return moov, fmt.Errorf("no moov box in %d bytes: %w", size, ErrTruncated)
	}
	return moov, nil
}

// boxAt reads the header of the box at byte at. Even with an error the type is set if it is known.
func boxAt(r io.ReaderAt, at, size int64) (span, error) {
	var h [longHeader]byte
	b := span{start: at, header: shortHeader}
	n, err := r.ReadAt(h[:min(longHeader, size-at)], at)
	if n < shortHeader {
		if err != nil && !errors.Is(err, io.EOF) {
			return b, fmt.Errorf("box at byte %d: %w", at, err)
		}
		return b, fmt.Errorf("box at byte %d: want a header of 8 bytes, got %d: %w", at, n, ErrTruncated)
	}
	b.kind = string(h[4:8])
	length := uint64(binary.BigEndian.Uint32(h[:4]))
	switch length {
	case 0: // to the end of the file
		length = uint64(size - at)
	case 1:
		if n < longHeader {
			return b, fmt.Errorf("box %q at byte %d: want a header of 16 bytes, got %d: %w", b.kind, at, n, ErrTruncated)
		}
		length, b.header = binary.BigEndian.Uint64(h[8:]), longHeader
	}
	if length < uint64(b.header) {
		return b, malformed("box %q at byte %d: size %d is less than its header", b.kind, at, length)
	}
	if length > uint64(size-at) {
		return b, fmt.Errorf("box %q at byte %d: want %d bytes, got %d: %w", b.kind, at, length, size-at, ErrTruncated)
	}
	b.end = at + int64(length)
	return b, nil
}

// atom is a box in memory.
type atom struct {
	kind string
	raw  []byte // with header
	body []byte // without
}

// eachAtom calls f for each box in b, in order. It stops without error where fewer than eight bytes
// or a size of 0 are left: QuickTime ends some lists so.
func eachAtom(b []byte, f func(atom) error) error {
	for len(b) >= shortHeader {
		kind, header := string(b[4:8]), shortHeader
		length := uint64(binary.BigEndian.Uint32(b))
		if length == 0 {
			return nil
		}
		if length == 1 && len(b) >= longHeader {
			length, header = binary.BigEndian.Uint64(b[8:]), longHeader
		}
		if length < uint64(header) || length > uint64(len(b)) {
			return malformed("box %q: size %d, with %d bytes left around it", kind, length, len(b))
		}
		if err := f(atom{kind: kind, raw: b[:length], body: b[header:length]}); err != nil {
			return err
		}
		b = b[length:]
	}
	return nil
}

// child returns the first box of a kind in b, and false if there is none before the list ends or
// breaks.
func child(b []byte, kind string) (atom, bool) {
	var found atom
	stop := errors.New("found")
	err := eachAtom(b, func(a atom) error {
		if a.kind == kind {
			found = a
			return stop
		}
		return nil
	})
	return found, errors.Is(err, stop)
}
