package mp4

import (
	"encoding/binary"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Opus is told twice: by OpusHead in Ogg and Matroska (RFC 7845, 5.1), little endian behind eight
// letters, and by dOps in ISO files (Encapsulation of Opus in ISO Base Media File Format, 4.3.2),
// big endian without them. media.Config.Private is OpusHead.
const (
	opusMagic = "OpusHead"
	// opusFixed is the length of what both have: version, channels, pre-skip, rate, gain, mapping.
	opusFixed = 11
	// opusRate is the only rate an Opus sample entry tells (4.3.1), whatever was recorded.
	opusRate = 48000
)

// opusFields are the fields that both ways share.
type opusFields struct {
	channels byte
	preSkip  uint16
	rate     uint32 // of what was recorded; 0 for unknown
	gain     uint16
	family   byte
	mapping  []byte // stream count, coupled count and a byte for each channel; none in family 0
}

// readOpus reads the fixed fields and the mapping. b begins with the version.
func readOpus(b []byte, order binary.ByteOrder) (opusFields, error) {
	if len(b) < opusFixed {
		return opusFields{}, malformed("Opus configuration of %d bytes: want at least %d", len(b), opusFixed)
	}
	o := opusFields{channels: b[1], preSkip: order.Uint16(b[2:]), rate: order.Uint32(b[4:]), gain: order.Uint16(b[8:]), family: b[10]}
	if o.channels == 0 {
		return o, malformed("Opus configuration: no channels")
	}
	if o.family == 0 {
		return o, nil
	}
	n := 2 + int(o.channels)
	if len(b) < opusFixed+n {
		return o, malformed("Opus configuration: mapping of %d bytes: want %d", len(b)-opusFixed, n)
	}
	o.mapping = b[opusFixed : opusFixed+n]
	return o, nil
}

// bytes writes the fields behind a version.
func (o opusFields) bytes(version byte, order binary.AppendByteOrder) []byte {
	b := []byte{version, o.channels}
	b = order.AppendUint16(b, o.preSkip)
	b = order.AppendUint32(b, o.rate)
	b = order.AppendUint16(b, o.gain)
	return append(append(b, o.family), o.mapping...)
}

// parseOpusHead reads OpusHead. Versions up to 15 have these fields.
func parseOpusHead(head []byte) (opusFields, error) {
	if len(head) < len(opusMagic)+1 || string(head[:len(opusMagic)]) != opusMagic {
		return opusFields{}, malformed("sample entry \"Opus\": want a configuration that begins with %q", opusMagic)
	}
	if v := head[len(opusMagic)]; v > 15 {
		return opusFields{}, unsupported("OpusHead of version %d", v)
	}
	return readOpus(head[len(opusMagic):], binary.LittleEndian)
}

// head returns the fields as OpusHead.
func (o opusFields) head() []byte {
	return append([]byte(opusMagic), o.bytes(1, binary.LittleEndian)...)
}

// makeOpus makes the sample entry Opus (4.3.1), an AudioSampleEntry of 16-bit samples.
func makeOpus(c media.Config) ([]byte, error) {
	o, err := parseOpusHead(c.Private)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 6, audioEntry)        // reserved
	b = binary.BigEndian.AppendUint16(b, 1) // data_reference_index
	b = append(b, make([]byte, 8)...)       // reserved
	b = binary.BigEndian.AppendUint16(b, uint16(o.channels))
	b = binary.BigEndian.AppendUint16(b, 16)
	b = binary.BigEndian.AppendUint32(b, 0) // reserved
	b = binary.BigEndian.AppendUint32(b, opusRate<<16)
	return boxed(c.Format, b, boxed("dOps", o.bytes(0, binary.BigEndian))), nil
}

// opus reads dOps out of the boxes of a sample entry.
func opus(c media.Config, rest []byte) (media.Config, error) {
	a, ok := child(rest, "dOps")
	if !ok {
		return c, malformed("sample entry %q: no box dOps", c.Format)
	}
	o, err := readOpus(a.body, binary.BigEndian)
	if err != nil {
		return c, err
	}
	if v := a.body[0]; v != 0 {
		return c, unsupported("dOps of version %d", v)
	}
	c.Private, c.Channels, c.SampleRate = o.head(), int(o.channels), opusRate
	return c, nil
}

// asRead returns c, whose sample entry was made, as that is read back: Opus has one rate there, and
// as many channels as its configuration says.
func asRead(c media.Config) media.Config {
	if o, err := parseOpusHead(c.Private); c.Format == formatOpus && err == nil {
		c.Private, c.Channels, c.SampleRate = o.head(), int(o.channels), opusRate
	}
	return c
}
