package mkv

import (
	"bytes"
	"fmt"
)

// pictureSet is what configuration records tell of a sequence parameter set.
type pictureSet struct {
	width, height int  // pixels, cropped
	high          bool // H.264: a profile that tells chroma format and depth
	chroma        byte // chroma_format_idc
	luma          byte // bit depth above 8
	chromaDepth   byte // bit depth above 8

	// Of H.265 alone.
	profile [12]byte // profile_tier_level: profile, compatibility, constraints, level
	layers  byte     // temporal layers, from 1
	nested  byte     // temporal_id_nesting_flag
}

// parseAVC reads a sequence parameter set of H.264 (ITU-T H.264, 7.3.2.1.1).
func parseAVC(nal []byte) (pictureSet, error) {
	if len(nal) < 4 {
		return pictureSet{}, shortSet(nal)
	}
	s := pictureSet{chroma: 1}
	b := bitReader{b: rawBytes(nal[1:])}
	profile := b.u(8)
	b.u(16) // constraints, level
	b.ue()  // seq_parameter_set_id
	switch profile {
	case 66, 77, 88: // Baseline, Main, Extended: always 4:2:0 of 8 bits
	default:
		s.high = true
		s.avcHigh(&b)
	}
	b.ue() // log2_max_frame_num
	switch b.ue() {
	case 0:
		b.ue()
	case 1:
		b.u(1)
		b.ue()
		b.ue()
		for n := b.ue(); n > 0 && !b.ended; n-- {
			b.ue()
		}
	}
	b.ue() // max_num_ref_frames
	b.u(1) // gaps_in_frame_num_value_allowed_flag
	columns, rows := b.ue()+1, b.ue()+1
	frames := b.u(1) // frame_mbs_only_flag
	if frames == 0 {
		b.u(1)
	}
	b.u(1) // direct_8x8_inference_flag
	unitX, unitY := s.cropUnits()
	crop := b.window()
	fields := 2 - int(frames)
	s.width = columns*16 - crop[0]*unitX - crop[1]*unitX
	s.height = rows*16*fields - (crop[2]+crop[3])*unitY*fields
	return s, s.check(nal, b.ended)
}

// avcHigh reads what the high profiles have more.
func (s *pictureSet) avcHigh(b *bitReader) {
	if s.chroma = byte(b.ue() & 3); s.chroma == 3 {
		b.u(1) // separate_colour_plane_flag
	}
	s.luma, s.chromaDepth = byte(b.ue()&7), byte(b.ue()&7)
	b.u(1) // qpprime_y_zero_transform_bypass_flag
	if b.u(1) == 0 {
		return
	}
	lists := 8
	if s.chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if b.u(1) == 1 {
			b.scalingList(i)
		}
	}
}

// scalingList passes a scaling list (7.3.2.1.1.1).
func (b *bitReader) scalingList(i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	last, next := 8, 8
	for range size {
		if next != 0 {
			next = (last + b.se()) & 0xff
		}
		if next != 0 {
			last = next
		}
	}
}

// cropUnits is how many pixels one step of a cropping window is (H.264, 7.4.2.1.1; H.265, table 6-1).
func (s *pictureSet) cropUnits() (x, y int) {
	switch s.chroma {
	case 1:
		return 2, 2
	case 2:
		return 2, 1
	}
	return 1, 1
}

// parseHEVC reads a sequence parameter set of H.265 (ITU-T H.265, 7.3.2.2.1).
func parseHEVC(nal []byte) (pictureSet, error) {
	if len(nal) < 2 {
		return pictureSet{}, shortSet(nal)
	}
	var s pictureSet
	b := bitReader{b: rawBytes(nal[2:])}
	b.u(4) // sps_video_parameter_set_id
	more := b.u(3)
	s.layers, s.nested = byte(more)+1, byte(b.u(1))
	for i := range s.profile {
		s.profile[i] = byte(b.u(8))
	}
	b.subLayers(int(more))
	b.ue() // sps_seq_parameter_set_id
	if s.chroma = byte(b.ue() & 3); s.chroma == 3 {
		b.u(1) // separate_colour_plane_flag
	}
	s.width, s.height = b.ue(), b.ue()
	unitX, unitY := s.cropUnits()
	crop := b.window()
	s.width -= (crop[0] + crop[1]) * unitX
	s.height -= (crop[2] + crop[3]) * unitY
	s.luma, s.chromaDepth = byte(b.ue()&7), byte(b.ue()&7)
	return s, s.check(nal, b.ended)
}

// subLayers passes profiles and levels of n sub-layers (7.3.3).
func (b *bitReader) subLayers(n int) {
	if n == 0 {
		return
	}
	var told [8]struct{ profile, level bool }
	for i := range told { // there are flags for eight, whatever n is
		told[i].profile, told[i].level = b.u(1) == 1, b.u(1) == 1
	}
	for _, l := range told[:n] {
		if l.profile {
			b.u(32)
			b.u(32)
			b.u(24)
		}
		if l.level {
			b.u(8)
		}
	}
}

// window reads a cropping window: left, right, top, bottom.
func (b *bitReader) window() (w [4]int) {
	if b.u(1) == 1 {
		for i := range w {
			w[i] = b.ue()
		}
	}
	return w
}

func (s *pictureSet) check(nal []byte, ended bool) error {
	if ended {
		return shortSet(nal)
	}
	const most = 1 << 16 // no level allows more
	if s.width < 1 || s.height < 1 || s.width > most || s.height > most {
		return fmt.Errorf("a sequence parameter set of %dx%d pixels: %w", s.width, s.height, ErrMalformed)
	}
	return nil
}

func shortSet(nal []byte) error {
	return fmt.Errorf("a sequence parameter set that ends early, after %d bytes: %w", len(nal), ErrMalformed)
}

// rawBytes takes the emulation prevention out of a NAL unit (H.264, 7.3.1; H.265, 7.3.1.1).
func rawBytes(nal []byte) []byte {
	return bytes.ReplaceAll(nal, []byte{0, 0, 3}, []byte{0, 0})
}

// bitReader reads bits, the highest of each byte first. Behind the end there are zeros.
type bitReader struct {
	b     []byte
	at    int // bits read
	ended bool
}

// u reads n bits, at most 32.
func (r *bitReader) u(n int) (v uint32) {
	for range n {
		v <<= 1
		if r.at/8 < len(r.b) {
			v |= uint32(r.b[r.at/8] >> (7 - r.at%8) & 1)
		} else {
			r.ended = true
		}
		r.at++
	}
	return v
}

// ue reads an unsigned Exp-Golomb code (H.264, 9.1). One of more than 24 bits ends the reading: no
// field is so large.
func (r *bitReader) ue() int {
	zeros := 0
	for r.u(1) == 0 {
		if zeros++; zeros > 24 || r.ended {
			r.ended = true
			return 0
		}
	}
	return int(1<<zeros - 1 + r.u(zeros))
}

// se reads a signed Exp-Golomb code (9.1.1).
func (r *bitReader) se() int {
	if v := r.ue(); v%2 == 1 {
		return (v + 1) / 2
	} else {
		return -v / 2
	}
}
