package splice

import (
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// inBand is the sample entry of a family that says: parameter sets may lie in the samples too
// (ISO/IEC 14496-15, 5.4.2.1 and 8.4.1.1). So it is true of samples of the family's other one.
var inBand = map[string]string{"avc": "avc3", "hevc": "hev1"}

// admit finds the one format for all sample entries of the lane. Players take the first entry's for
// that of the track, and ffmpeg drops samples of any other (mov.c, mov_skip_multiple_fourcc).
func (l *lane) admit(cs []media.Config) {
	for _, c := range cs {
		switch l.format {
		case "":
			l.format = c.Format
		case c.Format:
		default:
			l.format = inBand[l.key.family]
		}
	}
}

// renamed returns c with the format, which is another one of its family or its own.
func renamed(c media.Config, format string) media.Config {
	if c.Format == format {
		return c
	}
	c.Format = format
	if c.Entry != nil {
		c.Entry = slices.Clone(c.Entry)
		copy(c.Entry[4:8], format)
	}
	return c
}
