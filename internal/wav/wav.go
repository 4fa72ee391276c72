// Package wav lays the sound of a movie out as a RIFF/WAVE file, or as RF64 where that is too long
// for one. It decodes nothing, opens no file, and never changes a media byte.
package wav

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Why a movie's sound cannot be laid out. Wrapped with what.
var (
	// ErrNotPCM means sound that a WAVE file cannot hold as it is, such as AAC.
	ErrNotPCM = errors.New("cannot be stored in WAV")
	// ErrSound means no sound, more than one track of it, or sound that changes inside.
	ErrSound = errors.New("a WAV file holds one sound")
)

// Format tags of WAVE (RFC 2361, appendix A).
const (
	tagPCM   = 1
	tagFloat = 3
	tagALaw  = 6
	tagMuLaw = 7
)

// Limits of what is believed of a configuration.
const (
	maxRate     = 1 << 20 // samples a second
	maxChannels = 1 << 8
)

// format is what the PCM samples are.
type format struct {
	tag      uint16
	channels int
	rate     int  // frames a second
	bits     int  // of one PCM sample
	silence  byte // which every byte of silence is
}

// frame is the bytes of one PCM sample of all channels.
func (f format) frame() int64 { return int64(f.channels) * int64(f.bits) / 8 }

// depths are the bits that PCM samples of a tag may have.
var depths = map[uint16][]int{tagPCM: {8, 16, 24, 32}, tagFloat: {32, 64}, tagALaw: {8}, tagMuLaw: {8}}

// formatOf reads a configuration.
func formatOf(c media.Config) (format, error) {
	f := format{channels: c.Channels, rate: c.SampleRate, bits: 8}
	switch {
	case c.Format == "alaw":
		f.tag, f.silence = tagALaw, 0xd5
	case c.Format == "ulaw":
		f.tag, f.silence = tagMuLaw, 0xff
	case c.Format == "" && c.CodecID == "A_PCM/INT/LIT":
		f.tag, f.bits = tagPCM, c.BitDepth
	case c.Format == "" && c.CodecID == "A_PCM/FLOAT/IEEE":
		f.tag, f.bits = tagFloat, c.BitDepth
	default:
		return f, fmt.Errorf("the sound is %s: name the output .m4a: %s %w", sound(c), sound(c), ErrNotPCM)
	}
	if f.tag == tagPCM && f.bits == 8 {
		f.silence = 0x80 // these alone have no sign, in Matroska and in WAVE
	}
	if !slices.Contains(depths[f.tag], f.bits) || f.channels < 1 || f.channels > maxChannels || f.rate < 1 || f.rate > maxRate {
		return f, fmt.Errorf("%s of %d bits, %d channels, %d Hz %w", sound(c), f.bits, f.channels, f.rate, ErrNotPCM)
	}
	return f, nil
}

// sound names a codec for people.
func sound(c media.Config) string {
	if c.Format == "mp4a" {
		return "AAC"
	}
	return c.Codec()
}

// track returns the movie's only track of sound, and what its samples are.
func track(m *media.Movie) (*media.Track, format, error) {
	var only *media.Track
	for _, t := range m.Tracks {
		if t.Kind != media.Audio {
			continue
		}
		if only != nil {
			return nil, format{}, fmt.Errorf("%w: the clip has several tracks, because the codec changes: name the output .mp4", ErrSound)
		}
		only = t
	}
	if only == nil || len(only.Configs) == 0 {
		return nil, format{}, fmt.Errorf("%w: the clip has none", ErrSound)
	}
	f, err := formatOf(only.Configs[0])
	for _, c := range only.Configs {
		if err == nil && !c.Same(only.Configs[0]) {
			err = fmt.Errorf("%w: it changes from %d to %d channels, from %d to %d Hz", ErrSound,
				f.channels, c.Channels, f.rate, c.SampleRate)
		}
	}
	return only, f, err
}
