package mkv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Codec IDs that ISO files have sample entries for (Matroska codec registry, RFC 9559 27.4).
const (
	codecAVC  = "V_MPEG4/ISO/AVC"
	codecHEVC = "V_MPEGH/ISO/HEVC"
	codecAAC  = "A_AAC"
	codecACM  = "A_MS/ACM"
	codecOpus = "A_OPUS"
	codecText = "S_TEXT/UTF8"
)

// Config returns how the track's blocks are decoded. Parameter sets with start codes become avcC or
// hvcC. Codecs without a known sample entry get a Config without Format that holds CodecID and
// CodecPrivate as they are. Errors wrap ErrMalformed or ErrUnsupported. H.264 and H.265 without
// CodecPrivate are such an error: their parameter sets may come in band.
func (t Track) Config() (media.Config, error) {
	c, err := t.decoding()
	if err != nil {
		return media.Config{}, fmt.Errorf("codec %q: %w", t.CodecID, err)
	}
	c.CodecID = t.CodecID
	return c, nil
}

func (t Track) decoding() (media.Config, error) {
	switch {
	case t.CodecID == codecAVC:
		return t.pictures(avc)
	case t.CodecID == codecHEVC:
		return t.pictures(hevc)
	case t.CodecID == codecAAC || strings.HasPrefix(t.CodecID, codecAAC+"/"):
		return t.aac()
	case t.CodecID == codecACM:
		return t.acm()
	case t.CodecID == codecOpus:
		return t.opus()
	}
	return t.plain(), nil
}

// plain is a configuration as it is.
func (t Track) plain() media.Config {
	c := media.Config{Private: bytes.Clone(t.Private)}
	switch t.Type {
	case TypeVideo:
		c.Width, c.Height = t.Width, t.Height
	case TypeAudio:
		c.Channels, c.SampleRate, c.BitDepth = t.Channels, int(t.SampleRate), t.BitDepth
	}
	return c
}

// opus keeps OpusHead (RFC 7845, 5.1), or makes one of what is told. Opus is always decoded at 48 kHz.
func (t Track) opus() (media.Config, error) {
	const head, channels = 19, 9
	c := t.plain()
	c.Format, c.SampleRate, c.BitDepth = "Opus", 48000, 0
	if len(c.Private) == 0 && t.Channels >= 1 && t.Channels <= 2 {
		c.Private = append([]byte("OpusHead\x01"), byte(t.Channels), 0, 0)
		c.Private = append(binary.LittleEndian.AppendUint32(c.Private, 48000), 0, 0, 0)
	}
	if len(c.Private) < head || string(c.Private[:8]) != "OpusHead" {
		return c, fmt.Errorf("no OpusHead in %d bytes of CodecPrivate: %w", len(t.Private), ErrMalformed)
	}
	c.Channels = int(c.Private[channels])
	return c, nil
}

// Sound formats of WAVEFORMATEX (RFC 2361), and the fields of it that are read. All are little-endian.
const (
	wavePCM        = 0x0001
	waveALaw       = 0x0006
	waveMuLaw      = 0x0007
	waveExtensible = 0xfffe
	waveBytes      = 18 // without what cbSize counts
	waveSubFormat  = 24 // where WAVEFORMATEXTENSIBLE tells the format
)

// acm reads WAVEFORMATEX. Where it is silent the element Audio is believed.
func (t Track) acm() (media.Config, error) {
	c, w := t.plain(), t.Private
	if len(w) < waveBytes-2 {
		return c, fmt.Errorf("WAVEFORMATEX of %d bytes, at least %d expected: %w", len(w), waveBytes-2, ErrMalformed)
	}
	tag := binary.LittleEndian.Uint16(w)
	if tag == waveExtensible && len(w) >= waveSubFormat+2 {
		tag = binary.LittleEndian.Uint16(w[waveSubFormat:])
	}
	c.Channels = cmp.Or(int(binary.LittleEndian.Uint16(w[2:])), c.Channels)
	c.SampleRate = cmp.Or(int(min(binary.LittleEndian.Uint32(w[4:]), maxNumber)), c.SampleRate)
	switch tag {
	case waveALaw:
		return g711("alaw", c), nil
	case waveMuLaw:
		return g711("ulaw", c), nil
	case wavePCM:
		c.BitDepth = cmp.Or(int(binary.LittleEndian.Uint16(w[14:])), c.BitDepth)
	}
	return c, nil
}

func g711(format string, c media.Config) media.Config {
	return media.Config{Format: format, Channels: c.Channels, SampleRate: c.SampleRate}
}

// TrackOf is the way back: a track that Config makes c of, as producers write it. Name, Language and
// DefaultDuration are left to the caller. Errors wrap ErrUnsupported.
func TrackOf(c media.Config, k media.Kind, number uint64) (Track, error) {
	types := map[media.Kind]uint64{media.Video: TypeVideo, media.Audio: TypeAudio, media.Text: TypeSubtitle}
	t := Track{
		Number: number, Type: types[k], CodecID: c.CodecID, Width: c.Width, Height: c.Height,
		Channels: c.Channels, SampleRate: float64(c.SampleRate), BitDepth: c.BitDepth,
	}
	id, known := codecID(c.Format)
	t.CodecID = cmp.Or(t.CodecID, id)
	switch {
	case t.Type == 0:
		return t, fmt.Errorf("a track of kind %q: %w", k, ErrUnsupported)
	case t.CodecID == "" || !known && c.Format != "":
		return t, fmt.Errorf("codec %q: no codec of Matroska is known for it: %w", c.Format, ErrUnsupported)
	case !fits(c):
		return t, fmt.Errorf("codec %q: %dx%d pixels, %d channels of %d bits: %w", t.CodecID, c.Width, c.Height, c.Channels, c.BitDepth, ErrUnsupported)
	}
	var err error
	if t.Private, err = codecPrivate(c); err != nil {
		return t, fmt.Errorf("codec %q: %w", t.CodecID, err)
	}
	return t, nil
}

// fits says that what a configuration counts fits where producers write it.
func fits(c media.Config) bool {
	return min(c.Width, c.Height, c.Channels, c.BitDepth, c.SampleRate) >= 0 &&
		max(c.Width, c.Height) <= math.MaxUint16 && max(c.Channels, c.BitDepth) <= math.MaxUint8
}

// codecPrivate returns CodecPrivate, nil where there is none.
func codecPrivate(c media.Config) ([]byte, error) {
	switch {
	case c.Format == "alaw" || c.Format == "ulaw":
		return waveFormat(c, c.Channels*c.SampleRate/8, 0), nil
	case c.Format == "tx3g" || c.Format == "" && len(c.Private) == 0:
		return nil, nil
	case c.Format == "Opus" && !bytes.HasPrefix(c.Private, []byte("OpusHead")):
		return nil, fmt.Errorf("%d bytes that are no OpusHead: %w", len(c.Private), ErrUnsupported)
	case len(c.Private) == 0:
		return nil, fmt.Errorf("no codec configuration: %w", ErrUnsupported)
	}
	return c.Private, nil
}

// codecID returns Matroska's name for a sample entry's format.
func codecID(format string) (string, bool) {
	switch format {
	case "avc1", "avc3":
		return codecAVC, true
	case "hvc1", "hev1":
		return codecHEVC, true
	case "mp4a":
		return codecAAC, true
	case "alaw", "ulaw":
		return codecACM, true
	case "Opus":
		return codecOpus, true
	case "tx3g":
		return codecText, true
	}
	return "", false
}

// waveFormat makes the WAVEFORMATEX of G.711. Producers tell an eighth of the true bytes per second,
// and no bits.
func waveFormat(c media.Config, bytesPerSecond, bits int) []byte {
	tag := uint16(waveALaw)
	if c.Format == "ulaw" {
		tag = waveMuLaw
	}
	w := binary.LittleEndian.AppendUint16(nil, tag)
	w = binary.LittleEndian.AppendUint16(w, uint16(c.Channels))
	w = binary.LittleEndian.AppendUint32(w, uint32(c.SampleRate))
	w = binary.LittleEndian.AppendUint32(w, uint32(bytesPerSecond))
	w = binary.LittleEndian.AppendUint16(w, uint16(c.Channels))
	return append(w, byte(bits), 0, 0, 0)
}
