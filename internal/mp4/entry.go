package mp4

import (
	"bytes"
	"encoding/binary"
	"math"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Bytes of a sample entry before its child boxes, header included (ISO/IEC 14496-12, 8.5.2.2,
// 12.1.3.2, 12.2.3.2).
const (
	plainEntry  = shortHeader + 8
	visualEntry = plainEntry + 70
	audioEntry  = plainEntry + 20
)

// readEntries reads stsd. An entry of a format that is not known is kept to the byte; its Private is
// all that follows its fixed fields, so that no two different ones pass for the same.
func readEntries(stbl []byte, kind media.Kind) ([]media.Config, error) {
	stsd, ok := child(stbl, "stsd")
	if !ok {
		return nil, malformed("no box stsd")
	}
	if len(stsd.body) < 8 {
		return nil, malformed("stsd: %d bytes", len(stsd.body))
	}
	var configs []media.Config
	err := eachAtom(stsd.body[8:], func(a atom) error {
		if len(configs) == maxConfigs {
			return unsupported("stsd: more than %d sample entries", maxConfigs)
		}
		c, err := readEntry(a, kind)
		configs = append(configs, c)
		return err
	})
	return configs, err
}

// readEntry reads one sample entry.
func readEntry(a atom, kind media.Kind) (media.Config, error) {
	c := media.Config{Format: a.kind, Entry: bytes.Clone(a.raw)}
	if len(a.raw)-len(a.body) != shortHeader || len(a.raw) < plainEntry {
		return c, malformed("sample entry %q: %d bytes, %d of them content", a.kind, len(a.raw), len(a.body))
	}
	if a.kind == "encv" || a.kind == "enca" {
		return c, unsupported("sample entry %q: encrypted samples", a.kind)
	}
	switch kind {
	case media.Video:
		return visual(c)
	case media.Text:
		return c, nil
	}
	return audio(c)
}

// visual reads a VisualSampleEntry.
func visual(c media.Config) (media.Config, error) {
	if len(c.Entry) < visualEntry {
		return c, malformed("sample entry %q: want at least %d bytes, got %d", c.Format, visualEntry, len(c.Entry))
	}
	c.Width = int(binary.BigEndian.Uint16(c.Entry[32:]))
	c.Height = int(binary.BigEndian.Uint16(c.Entry[34:]))
	rest := c.Entry[visualEntry:]
	kind := configBox(c.Format)
	if kind == "" {
		c.Private = rest
		return c, nil
	}
	a, ok := child(rest, kind)
	if !ok {
		return c, malformed("sample entry %q: no box %s", c.Format, kind)
	}
	c.Private = a.body
	return c, nil
}

// configBox returns the box that holds the codec configuration of a video format, or "".
func configBox(format string) string {
	switch format {
	case "avc1", "avc3":
		return "avcC"
	case "hvc1", "hev1":
		return "hvcC"
	}
	return ""
}

// audio reads an AudioSampleEntry, or one of QuickTime's sound descriptions, which have more fields
// before the child boxes: 16 bytes in version 1, 36 in version 2 (QuickTime File Format, Sound
// Sample Descriptions). ISO knows a version 1 too, without them; the boxes tell which it is.
func audio(c media.Config) (media.Config, error) {
	e := c.Entry
	if len(e) < audioEntry {
		return c, malformed("sample entry %q: want at least %d bytes, got %d", c.Format, audioEntry, len(e))
	}
	c.Channels = int(binary.BigEndian.Uint16(e[24:]))
	c.SampleRate = int(binary.BigEndian.Uint16(e[32:]))
	extra := 0
	switch binary.BigEndian.Uint16(e[16:]) {
	case 1:
		extra = 16
	case 2:
		extra = 36
		c.Channels, c.SampleRate = soundV2(e, c.Channels, c.SampleRate)
	}
	rest := e[audioEntry:]
	switch {
	case isG711(c.Format):
		return c, nil
	case c.Format == "mp4a":
		return aac(c, rest, extra)
	case c.Format == formatOpus:
		return opus(c, rest)
	}
	c.Private = rest
	return c, nil
}

// soundV2 reads rate and channels from a sound description of version 2, whose plain fields hold
// constants. What cannot be true is not taken over.
func soundV2(e []byte, channels, rate int) (int, int) {
	if len(e) < audioEntry+36 {
		return channels, rate
	}
	bits, n := binary.BigEndian.Uint64(e[40:]), binary.BigEndian.Uint32(e[48:])
	if r := math.Float64frombits(bits); r >= 1 && r <= maxRate && n >= 1 && n <= maxChannels {
		return int(n), int(r)
	}
	return channels, rate
}

// aac reads esds, which lies in the entry, or in "wave" in QuickTime files.
func aac(c media.Config, rest []byte, extra int) (media.Config, error) {
	a, ok := findESDS(rest, extra)
	if !ok {
		return c, malformed("sample entry %q: no box esds", c.Format)
	}
	esds, err := decode[*boxes.EsdsBox](a)
	if err != nil {
		return c, err
	}
	if d := esds.DecConfigDescriptor; d != nil && d.DecSpecificInfo != nil && len(d.DecSpecificInfo.DecConfig) > 0 {
		c.Private = bytes.Clone(d.DecSpecificInfo.DecConfig)
	}
	if c.SampleRate == 0 { // 96 kHz does not fit the 16 bits of the entry
		c.SampleRate = ascRate(c.Private)
	}
	return c, nil
}

// findESDS looks for esds behind extra bytes of fields, then behind none, and in wave at both.
func findESDS(rest []byte, extra int) (atom, bool) {
	for _, skip := range []int{extra, 0} {
		if skip > len(rest) {
			continue
		}
		if a, ok := child(rest[skip:], "esds"); ok {
			return a, true
		}
		if wave, ok := child(rest[skip:], "wave"); ok {
			if a, ok := child(wave.body, "esds"); ok {
				return a, true
			}
		}
	}
	return atom{}, false
}

// ascRates are the sampling frequencies by index (ISO/IEC 14496-3, table 1.18).
var ascRates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// ascRate returns the sampling frequency of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), or 0.
func ascRate(asc []byte) int {
	if len(asc) < 2 || asc[0]>>3 == 31 {
		return 0
	}
	i := int(asc[0]&7)<<1 | int(asc[1]>>7)
	if i == 15 && len(asc) >= 5 { // written out in 24 bits
		return int(asc[1]&127)<<17 | int(asc[2])<<9 | int(asc[3])<<1 | int(asc[4]>>7)
	}
	if i < len(ascRates) {
		return ascRates[i]
	}
	return 0
}
