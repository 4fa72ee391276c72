package mkv

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kvsclip/kvsclip/internal/media"
)

// aacRates are the sampling frequencies by index (ISO/IEC 14496-3, table 1.18).
var aacRates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Audio object types (ISO/IEC 14496-3, table 1.17).
const (
	aacMain = 1
	aacLC   = 2
	aacSSR  = 3
	aacLTP  = 4
)

// aac reads the AudioSpecificConfig, whose channels and rate are believed above those of the element
// Audio. With SBR the rate is that of the core, half of what is heard. Old files have no CodecPrivate
// and tell the object type in their codec ID.
func (t Track) aac() (media.Config, error) {
	c := t.plain()
	c.Format, c.BitDepth = "mp4a", 0
	if len(c.Private) == 0 {
		asc, ok := t.madeASC()
		if !ok {
			return c, fmt.Errorf("no AudioSpecificConfig, and none can be made for %d channels at %v Hz: %w", t.Channels, t.SampleRate, ErrUnsupported)
		}
		c.Private = asc
	}
	rate, channels, ok := readASC(c.Private)
	if !ok {
		return c, fmt.Errorf("an AudioSpecificConfig of %d bytes that cannot be read: %w", len(c.Private), ErrMalformed)
	}
	c.SampleRate, c.Channels = cmp.Or(rate, c.SampleRate), cmp.Or(channels, c.Channels)
	return c, nil
}

// readASC reads sampling frequency and channels of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
// They are 0 if told elsewhere or not known. False means that it ends early.
func readASC(asc []byte) (rate, channels int, ok bool) {
	const escape, writtenOut = 31, 15
	b := bitReader{b: asc}
	if b.u(5) == escape {
		b.u(6)
	}
	index := b.u(4)
	switch {
	case index == writtenOut:
		rate = int(b.u(24))
	case int(index) < len(aacRates):
		rate = aacRates[index]
	}
	channels = int(b.u(4))
	switch {
	case channels == 7: // 7.1
		channels = 8
	case channels > 7:
		channels = 0
	}
	return rate, channels, !b.ended
}

// madeASC makes an AudioSpecificConfig of codec ID, rate and channels.
func (t Track) madeASC() ([]byte, bool) {
	index := slices.Index(aacRates, int(t.SampleRate))
	if index < 0 || t.Channels < 1 || t.Channels > 6 {
		return nil, false
	}
	object := aacLC
	for i, name := range []string{aacMain: "MAIN", aacSSR: "SSR", aacLTP: "LTP"} {
		if name != "" && strings.HasSuffix(t.CodecID, "/"+name) {
			object = i
		}
	}
	v := object<<11 | index<<7 | t.Channels<<3
	return []byte{byte(v >> 8), byte(v)}, true
}
