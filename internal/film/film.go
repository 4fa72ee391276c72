// Package film is a synthetic camera: pictures and sound that say when they were taken, coded as
// H.264, AAC and G.711. The same inputs always give the same bytes. It never runs another
// program, and never touches files, the network or the clock.
package film

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Spec is what a camera films and how it codes that. The zero value films 640x360 without
// B-pictures and without sound. All methods may be called from several goroutines at once.
type Spec struct {
	Width, Height int // pixels, even, at least 320x192; 0 means 640 and 360
	BFrames       int // pictures between two references, decoded after them: 0 to 2
	// Variant is another codec configuration of the same format and size, 0 or more. Pictures of
	// one variant decode to rubbish with the codec configuration of another; variants 52 apart
	// are the same.
	Variant int
	Sound   Sound
}

// Sound says which audio a camera records beside its pictures.
type Sound string

// The sounds. AAC is AAC-LC at 48 kHz in mono, ALaw and ULaw are G.711 at 8 kHz in mono.
const (
	None Sound = ""
	AAC  Sound = "aac"
	ALaw Sound = "alaw"
	ULaw Sound = "ulaw"
)

// Picture is what the machine-readable field of one picture says.
type Picture struct {
	Index uint32
	Time  time.Time // written in whole milliseconds since 1970, 48 bits of them
}

// Coded is one coded picture: a sample of an avc1 track without parameter sets in band.
type Coded struct {
	Data    []byte // NAL units, a 4-byte length before each; read-only, without the filler
	Pad     int    // bytes of filler that AppendTo puts behind Data; 0, or at least minFiller
	Display int    // position in the display order of its group, from 0
	Sync    bool   // an IDR picture
}

// Check says what of the spec cannot be filmed. Other methods may panic on such a spec.
func (s Spec) Check() error {
	s = s.filled()
	switch {
	case s.Width < 320 || s.Height < 192 || s.Width > 4096 || s.Height > 2304 || s.Width%2+s.Height%2 != 0:
		return fmt.Errorf("film: expected an even size of 320x192 to 4096x2304 pixels, got %dx%d", s.Width, s.Height)
	case s.BFrames < 0 || s.BFrames > 2:
		return fmt.Errorf("film: expected 0 to 2 B-pictures, got %d", s.BFrames)
	case s.Variant < 0:
		return fmt.Errorf("film: expected a variant of 0 or more, got %d", s.Variant)
	case s.Sound != None && recorders[s.Sound].block == 0:
		return fmt.Errorf("film: unknown sound %q", s.Sound)
	}
	return nil
}

// Video returns the sample entry of the pictures: avc1 and the payload of avcC.
func (s Spec) Video() media.Config {
	s = s.filled()
	return media.Config{Format: "avc1", Private: s.avcC(), Width: s.Width, Height: s.Height}
}

// filled returns the spec with the default size in place of zeros.
func (s Spec) filled() Spec {
	s.Width, s.Height = cmp.Or(s.Width, 640), cmp.Or(s.Height, 360)
	return s
}

// minFiller is the least filler: length prefix, NAL header and trailing bits, in bytes.
const minFiller = 6

// filler is nal_unit_type 12 with nal_ref_idc 0 (ITU-T H.264, 7.3.2.7).
const filler = 12

// padded returns c with filler up to at least pad bytes. It is more than pad only where fewer
// than minFiller bytes are lacking.
func (c Coded) padded(pad int) Coded {
	if lacking := pad - len(c.Data); lacking > 0 {
		c.Pad = max(lacking, minFiller)
	}
	return c
}

// Size returns how many bytes AppendTo appends.
func (c Coded) Size() int { return len(c.Data) + c.Pad }

// AppendTo appends the sample to dst, filler included.
func (c Coded) AppendTo(dst []byte) []byte {
	dst = append(dst, c.Data...)
	if c.Pad == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Pad-4))
	dst = append(dst, filler)
	start := len(dst)
	dst = append(dst, make([]byte, c.Pad-5)...)
	for i := start; i < len(dst)-1; i++ {
		dst[i] = 0xff
	}
	dst[len(dst)-1] = 0x80
	return dst
}
