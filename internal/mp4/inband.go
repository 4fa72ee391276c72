package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kvsclip/kvsclip/internal/media"
)

// nalReader takes NAL units out of avcC and hvcC. After a step past the end short is set and all
// further ones give nothing.
type nalReader struct {
	b     []byte
	short bool
}

func (r *nalReader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return make([]byte, min(n, 2)) // enough for a number
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *nalReader) u8() int  { return int(r.take(1)[0]) }
func (r *nalReader) u16() int { return int(binary.BigEndian.Uint16(r.take(2))) }

// sets appends n NAL units, each behind its length in prefix bytes. They must fit it.
func (r *nalReader) sets(dst []byte, n, prefix int) []byte {
	for ; n > 0 && !r.short; n-- {
		nal := r.take(r.u16())
		if prefix == 1 && len(nal) > 255 {
			r.short = true
			return dst
		}
		length := binary.BigEndian.AppendUint32(nil, uint32(len(nal)))
		dst = append(append(dst, length[4-prefix:]...), nal...)
	}
	return dst
}

// parameterSets returns the parameter sets of a codec configuration as a sample holds NAL units,
// and the bytes of each length: 1, 2 or 4 (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
func parameterSets(c media.Config) (sets []byte, prefix int, err error) {
	r := &nalReader{b: c.Private}
	switch configBox(c.Format) {
	case "avcC":
		r.take(4)
		prefix = r.u8()&3 + 1
		sets = r.sets(sets, r.u8()&31, prefix)
		sets = r.sets(sets, r.u8(), prefix)
	case "hvcC":
		r.take(21)
		prefix = r.u8()&3 + 1
		for n := r.u8(); n > 0 && !r.short; n-- {
			r.u8() // kind of NAL unit
			sets = r.sets(sets, r.u16(), prefix)
		}
	default:
		return nil, 0, unsupported("sample entry %q: no parameter sets are known", c.Format)
	}
	if r.short || prefix == 3 {
		return nil, 0, malformed("sample entry %q: configuration of %d bytes, lengths of %d", c.Format, len(c.Private), prefix)
	}
	return sets, prefix, nil
}

// inBandEntry returns a sample entry under the name that lets parameter sets come in band (5.4.2.1
// and 8.4.1.1). Of hvcC it takes the promise away that its arrays are complete.
func inBandEntry(c media.Config, entry []byte) []byte {
	name := map[string]string{"avc1": "avc3", "hvc1": "hev1"}[c.Format]
	if name == "" {
		return entry
	}
	entry = bytes.Clone(entry)
	copy(entry[4:], name)
	if at := bytes.Index(entry, c.Private); name == "hev1" && at >= 0 {
		openArrays(entry[at : at+len(c.Private)])
	}
	return entry
}

// openArrays clears array_completeness in hvcC.
func openArrays(hvcC []byte) {
	r := &nalReader{b: hvcC}
	r.take(22)
	for n := r.u8(); n > 0 && !r.short; n-- {
		kind := r.take(1)
		kind[0] &^= 0x80
		r.sets(nil, r.u16(), 4)
	}
}

// delimiter returns how many bytes at the front of a sample are an access unit delimiter, which
// nothing may come before (ITU-T H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
func delimiter(source io.ReaderAt, s *media.Sample, format string, prefix int) (int64, error) {
	b := make([]byte, min(int(s.Size), prefix+1))
	if len(b) <= prefix {
		return 0, nil
	}
	if err := readFull(source, b, s.Offset); err != nil {
		return 0, fmt.Errorf("source %d: reading %d bytes at %d: %w", s.Source, len(b), s.Offset, err)
	}
	is := b[prefix]&31 == 9
	if configBox(format) == "hvcC" {
		is = b[prefix]>>1&63 == 35
	}
	length := int64(binary.BigEndian.Uint32(append(make([]byte, 4-prefix), b[:prefix]...)))
	if end := int64(prefix) + length; is && end <= int64(s.Size) {
		return end, nil
	}
	return 0, nil
}
