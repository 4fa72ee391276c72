package media

import (
	"bytes"
	"cmp"
	"fmt"
)

// Same says whether samples of a and b can share one sample entry: the same format, codec
// configuration and dimensions. Other boxes of the entry, such as btrt, differ from clip to clip
// and mean nothing to a decoder, so entries are not compared whole.
func (c Config) Same(o Config) bool {
	return c.Format == o.Format && (c.Format != "" || c.CodecID == o.CodecID) && bytes.Equal(c.Private, o.Private) &&
		c.Width == o.Width && c.Height == o.Height &&
		c.Channels == o.Channels && c.SampleRate == o.SampleRate && c.BitDepth == o.BitDepth
}

// Codec returns the codec's name for people and players in the manner of RFC 6381, such as
// "avc1.640028", "hvc1" or "mp4a.40.2", or Matroska's name for what has none there.
func (c Config) Codec() string {
	switch {
	case c.Format == "avc1" && len(c.Private) > 3:
		return fmt.Sprintf("avc1.%02x%02x%02x", c.Private[1], c.Private[2], c.Private[3])
	case c.Format == "mp4a" && len(c.Private) > 0:
		return fmt.Sprintf("mp4a.40.%d", audioObjectType(c.Private))
	}
	return cmp.Or(c.Format, c.CodecID)
}

// audioObjectType reads the first field of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
func audioObjectType(asc []byte) int {
	t := int(asc[0] >> 3)
	if t == 31 && len(asc) > 1 {
		return 32 + int(asc[0]&7)<<3 + int(asc[1]>>5)
	}
	return t
}

// FrameTicks returns how long one audio sample lasts in ticks of timescale, and false where the
// configuration alone does not tell (G.711, video, AAC without a rate). AAC counts 1024 PCM
// samples an access unit (ISO/IEC 14496-3); SBR doubles rate and count alike.
func (c Config) FrameTicks(timescale uint32) (float64, bool) {
	if c.Format != "mp4a" || c.SampleRate <= 0 {
		return 0, false
	}
	return 1024 * float64(timescale) / float64(c.SampleRate), true
}
