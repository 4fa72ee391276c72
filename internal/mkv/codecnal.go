package mkv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kvsclip/kvsclip/internal/media"
)

// NAL unit types of parameter sets (ITU-T H.264, table 7-1; H.265, table 7-1).
const (
	avcSPS  = 7
	avcPPS  = 8
	hevcVPS = 32
	hevcSPS = 33
	hevcPPS = 34
)

// pictureCodec is what differs between H.264 and H.265. Parameter sets are whole NAL units without
// start code or length.
type pictureCodec struct {
	format string
	// sets lists the parameter sets of a configuration record, and how many bytes a sample's
	// lengths have.
	sets func(record []byte) (sets [][]byte, lengthSize int, err error)
	// config makes a record of parameter sets in any order; other NAL units are left out.
	config func(nals [][]byte) (media.Config, error)
}

var (
	avc = pictureCodec{"avc1", avcSets, func(nals [][]byte) (media.Config, error) {
		return avcConfig(ofType(nals, avcType, avcSPS), ofType(nals, avcType, avcPPS))
	}}
	hevc = pictureCodec{"hvc1", hevcSets, func(nals [][]byte) (media.Config, error) {
		return hvcConfig(ofType(nals, hevcType, hevcVPS), ofType(nals, hevcType, hevcSPS), ofType(nals, hevcType, hevcPPS))
	}}
)

func avcType(nal []byte) byte  { return nal[0] & 0x1f }
func hevcType(nal []byte) byte { return nal[0] >> 1 & 0x3f }

func ofType(nals [][]byte, typeOf func([]byte) byte, kind byte) (out [][]byte) {
	for _, n := range nals {
		if len(n) > 0 && typeOf(n) == kind {
			out = append(out, n)
		}
	}
	return out
}

// pictures returns the configuration of H.264 or H.265: CodecPrivate as it is, or made of the
// parameter sets in it. A size that the track does not tell is that of its pictures.
func (t Track) pictures(p pictureCodec) (media.Config, error) {
	if len(t.Private) == 0 {
		return media.Config{}, fmt.Errorf("no CodecPrivate: %w", ErrUnsupported)
	}
	if hasStartCode(t.Private) {
		c, err := p.config(splitAnnexB(t.Private))
		return t.sized(c), err
	}
	sets, _, err := p.sets(t.Private)
	if err != nil {
		return media.Config{}, err
	}
	c := media.Config{Format: p.format, Private: bytes.Clone(t.Private)}
	if made, err := p.config(sets); err == nil {
		c.Width, c.Height = made.Width, made.Height
	}
	return t.sized(c), nil
}

// sized gives c the size that the track tells, if it tells one.
func (t Track) sized(c media.Config) media.Config {
	if t.Width > 0 && t.Height > 0 {
		c.Width, c.Height = t.Width, t.Height
	}
	return c
}

// hasStartCode says that b begins like a byte stream of NAL units (ITU-T H.264, annex B) and not like
// a configuration record, whose first byte is a version.
func hasStartCode(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0, 0, 1}) || bytes.HasPrefix(b, []byte{0, 0, 0, 1})
}

// splitAnnexB returns the NAL units of a byte stream, without start codes and the zeros around them.
func splitAnnexB(b []byte) (nals [][]byte) {
	for _, n := range bytes.Split(b, []byte{0, 0, 1}) {
		if n = bytes.TrimRight(n, "\x00"); len(n) > 0 {
			nals = append(nals, n)
		}
	}
	return nals
}

// avcConfig makes the configuration of H.264 from parameter sets that were found in band, with
// lengths of four bytes (ISO/IEC 14496-15, 5.3.3.1). The slices are not kept.
func avcConfig(sps, pps [][]byte) (media.Config, error) {
	const most = 31 // sequence parameter sets, counted in five bits
	if err := checkSets(most, sps, pps); err != nil {
		return media.Config{}, err
	}
	s, err := parseAVC(sps[0])
	if err != nil {
		return media.Config{}, err
	}
	b := []byte{1, sps[0][1], sps[0][2], sps[0][3], 0xff, 0xe0 | byte(len(sps))}
	b = append(appendSets(b, sps), byte(len(pps)))
	b = appendSets(b, pps)
	if s.high {
		b = append(b, 0xfc|s.chroma, 0xf8|s.luma, 0xf8|s.chromaDepth, 0)
	}
	return media.Config{Format: "avc1", Private: b, Width: s.width, Height: s.height}, nil
}

// hvcConfig makes the configuration of H.265 from parameter sets that were found in band, with
// lengths of four bytes (ISO/IEC 14496-15, 8.3.3.1). The slices are not kept.
func hvcConfig(vps, sps, pps [][]byte) (media.Config, error) {
	const most = 64 // of a kind; a stream has at most 16 of the first two
	if err := checkSets(most, vps, sps, pps); err != nil {
		return media.Config{}, err
	}
	s, err := parseHEVC(sps[0])
	if err != nil {
		return media.Config{}, err
	}
	b := append([]byte{1}, s.profile[:]...)
	b = append(b, 0xf0, 0, 0xfc, 0xfc|s.chroma, 0xf8|s.luma, 0xf8|s.chromaDepth, 0, 0)
	b = append(b, s.layers<<3|s.nested<<2|3, 3)
	for i, sets := range [][][]byte{vps, sps, pps} {
		const complete = 0x80 // there are no others of the kind in the samples, or the same
		b = append(b, complete|byte(hevcVPS+i), 0, byte(len(sets)))
		b = appendSets(b, sets)
	}
	return media.Config{Format: "hvc1", Private: b, Width: s.width, Height: s.height}, nil
}

// checkSets refuses what a record cannot hold.
func checkSets(most int, kinds ...[][]byte) error {
	for _, sets := range kinds {
		if len(sets) == 0 || len(sets) > most {
			return fmt.Errorf("%d parameter sets of one kind, 1 to %d expected: %w", len(sets), most, ErrMalformed)
		}
		for _, s := range sets {
			if len(s) > math.MaxUint16 {
				return fmt.Errorf("a parameter set of %d bytes: %w", len(s), ErrMalformed)
			}
		}
	}
	return nil
}

// appendSets appends parameter sets, a length of two bytes before each.
func appendSets(b []byte, sets [][]byte) []byte {
	for _, s := range sets {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b
}

// avcSets reads an AVCDecoderConfigurationRecord. Producers leave out its reserved bits.
func avcSets(record []byte) (sets [][]byte, lengthSize int, err error) {
	r := recordReader{b: record}
	version := r.u8()
	r.skip(3)
	lengthSize = int(r.u8()&3) + 1
	r.sets(int(r.u8()&0x1f), &sets)
	r.sets(int(r.u8()), &sets)
	if version != 1 || r.short {
		err = fmt.Errorf("CodecPrivate of %d bytes is no AVCDecoderConfigurationRecord: %w", len(record), ErrMalformed)
	}
	return sets, lengthSize, err
}

// hevcSets reads an HEVCDecoderConfigurationRecord. Version 0 is what drafts said.
func hevcSets(record []byte) (sets [][]byte, lengthSize int, err error) {
	r := recordReader{b: record}
	version := r.u8()
	r.skip(20)
	lengthSize = int(r.u8()&3) + 1
	for arrays := r.u8(); arrays > 0 && !r.short; arrays-- {
		r.skip(1)
		r.sets(int(r.u16()), &sets)
	}
	if version > 1 || r.short {
		err = fmt.Errorf("CodecPrivate of %d bytes is no HEVCDecoderConfigurationRecord: %w", len(record), ErrMalformed)
	}
	return sets, lengthSize, err
}

// recordReader reads a configuration record. Behind its end there are zeros.
type recordReader struct {
	b     []byte
	short bool // it ended early
}

func (r *recordReader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *recordReader) skip(n int) { r.take(n) }

func (r *recordReader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *recordReader) u16() uint16 { return uint16(r.u8())<<8 | uint16(r.u8()) }

// sets reads n parameter sets with their lengths.
func (r *recordReader) sets(n int, sets *[][]byte) {
	for ; n > 0 && !r.short; n-- {
		*sets = append(*sets, r.take(int(r.u16())))
	}
}
