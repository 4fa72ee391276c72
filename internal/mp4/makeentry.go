package mp4

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

const (
	maxRate     = 1 << 20 // samples per second that are believed
	maxChannels = 1 << 10
	// maxASC is the longest AudioSpecificConfig that fits the one-byte lengths of a made esds.
	maxASC = 100
)

// entryBytes returns the sample entry of c as it is written: Entry, or one made from the other fields.
// ErrNoEntry for a codec that has none.
func entryBytes(c media.Config) ([]byte, error) {
	if c.Format == "" {
		return nil, noEntry(c)
	}
	if err := mustBeFour("sample entry", c.Format); err != nil {
		return nil, err
	}
	if c.Entry != nil {
		if n := len(c.Entry); n < plainEntry || uint64(binary.BigEndian.Uint32(c.Entry)) != uint64(n) {
			return nil, malformed("sample entry %q: %d bytes do not make a box", c.Format, n)
		}
		if got := string(c.Entry[4:8]); got != c.Format {
			return nil, malformed("sample entry: want %q, got %q", c.Format, got)
		}
		return c.Entry, nil
	}
	switch c.Format {
	case formatText:
		return makeText(c), nil
	case formatOpus:
		return makeOpus(c)
	}
	box, err := makeEntry(c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = box.Encode(&b)
	return b.Bytes(), err
}

// noEntry says which codec has no sample entry.
func noEntry(c media.Config) error {
	return fmt.Errorf("%s %w", cmp.Or(c.CodecID, "a codec without a name"), ErrNoEntry)
}

// makeEntry makes a sample entry for the formats whose codec configuration is known.
func makeEntry(c media.Config) (boxes.Box, error) {
	switch {
	case configBox(c.Format) != "":
		return makeVisual(c)
	case c.Format == "mp4a":
		if len(c.Private) == 0 || len(c.Private) > maxASC {
			return nil, unsupported("sample entry %q: AudioSpecificConfig of %d bytes: want 1 to %d", c.Format, len(c.Private), maxASC)
		}
		return makeAudio(c, boxes.CreateEsdsBox(c.Private))
	case isG711(c.Format):
		return makeAudio(c, nil)
	}
	return nil, unsupported("sample entry %q: do not know how to make one", c.Format)
}

// makeVisual makes avc1, avc3, hvc1 or hev1 (ISO/IEC 14496-15, 5.4.2.1 and 8.4.1.1).
func makeVisual(c media.Config) (boxes.Box, error) {
	if len(c.Private) == 0 {
		return nil, unsupported("sample entry %q: no codec configuration", c.Format)
	}
	if c.Width < 0 || c.Width > math.MaxUint16 || c.Height < 0 || c.Height > math.MaxUint16 {
		return nil, unsupported("sample entry %q: %dx%d pixels: at most 65535 each", c.Format, c.Width, c.Height)
	}
	config := boxes.CreateUnknownBox(configBox(c.Format), uint64(shortHeader+len(c.Private)), c.Private)
	e := boxes.CreateVisualSampleEntryBox(c.Format, uint16(c.Width), uint16(c.Height), config)
	e.CompressorName = ""
	return e, nil
}

// makeAudio makes an AudioSampleEntry. Its sample size is 16 for all compressed sound (ISO/IEC
// 14496-12, 12.2.3.2; ffmpeg and QuickTime say so for G.711 too). A rate that does not fit is
// written as 0: AAC tells its own.
func makeAudio(c media.Config, esds boxes.Box) (boxes.Box, error) {
	if c.Channels < 0 || c.Channels > maxChannels || c.SampleRate < 0 || c.SampleRate > maxRate {
		return nil, unsupported("sample entry %q: %d channels at %d Hz", c.Format, c.Channels, c.SampleRate)
	}
	rate := c.SampleRate
	if rate > math.MaxUint16 {
		if isG711(c.Format) || ascRate(c.Private) != rate {
			return nil, unsupported("sample entry %q: %d Hz: at most 65535", c.Format, rate)
		}
		rate = 0
	}
	return boxes.CreateAudioSampleEntryBox(c.Format, uint16(c.Channels), 16, uint16(rate), esds), nil
}
