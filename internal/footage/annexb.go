package footage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/kvsclip/kvsclip/internal/media"
)

// ErrNotCoded means that a sample cannot be written as a byte stream.
var ErrNotCoded = errors.New("not a sound coded picture")

// AnnexB writes a sample as the byte stream of ISO/IEC 14496-10 or 23008-2, annex B: the parameter sets
// of avcC or hvcC, then the sample's NAL units, with a start code before each. A player that knows
// nothing else can show a key frame of it. Errors wrap ErrNotCoded.
func AnnexB(c media.Config, sample []byte) ([]byte, error) {
	b := body{b: c.Private}
	var out []byte
	var lengthSize int
	switch c.Format {
	case "avc1", "avc3":
		out, lengthSize = b.avcC()
	case "hvc1", "hev1":
		out, lengthSize = b.hvcC()
	default:
		return nil, fmt.Errorf("%w: %s has no byte stream", ErrNotCoded, c.Codec())
	}
	if b.err != nil {
		return nil, fmt.Errorf("%w: codec configuration of %d bytes: %w", ErrNotCoded, len(c.Private), b.err)
	}
	b = body{b: sample}
	for len(b.b) > 0 {
		out = unit(out, b.take(b.number(lengthSize)))
	}
	if b.err != nil {
		return nil, fmt.Errorf("%w: sample of %d bytes: %w", ErrNotCoded, len(sample), b.err)
	}
	return out, nil
}

// unit appends a NAL unit with its start code; empty ones are left out.
func unit(dst, nal []byte) []byte {
	if len(nal) == 0 {
		return dst
	}
	return append(append(dst, 0, 0, 0, 1), nal...)
}

// body reads numbers and bytes; its first error sticks, and empties it.
type body struct {
	b   []byte
	err error
}

func (r *body) take(n int) []byte {
	if n < 0 || n > len(r.b) { // below 0 where int has 32 bits
		r.b, r.err = nil, cmp.Or(r.err, io.ErrUnexpectedEOF)
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

// number reads size bytes, at most 4.
func (r *body) number(size int) int {
	var full [8]byte
	copy(full[8-size:], r.take(size))
	return int(binary.BigEndian.Uint64(full[:]))
}

// sets appends n parameter sets, each with its length in two bytes.
func (r *body) sets(dst []byte, n int) []byte {
	for ; n > 0 && r.err == nil; n-- {
		dst = unit(dst, r.take(r.number(2)))
	}
	return dst
}

// avcC reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): parameter sets, and how
// many bytes the length of a NAL unit has.
func (r *body) avcC() (sets []byte, lengthSize int) {
	r.take(4)
	lengthSize = r.number(1)&3 + 1
	sets = r.sets(nil, r.number(1)&31)
	return r.sets(sets, r.number(1)), lengthSize
}

// hvcC reads an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
func (r *body) hvcC() (sets []byte, lengthSize int) {
	r.take(21)
	lengthSize = r.number(1)&3 + 1
	for n := r.number(1); n > 0 && r.err == nil; n-- {
		r.take(1) // the kind of the sets
		sets = r.sets(sets, r.number(2))
	}
	return sets, lengthSize
}
