package film

// columns and rows count whole coded macroblocks; the last of each may be cropped.
func (s Spec) columns() int { return (s.Width + 15) / 16 }
func (s Spec) rows() int    { return (s.Height + 15) / 16 }

// What a variant changes. A slice of one variant read by the parameter sets of another gets
// other field widths in its header, or another quantizer, so it cannot decode rightly.

// frameNumBits is log2_max_frame_num, 4 to 16.
func (s Spec) frameNumBits() uint { return 4 + uint(s.Variant%13) }

// quantizer is the luma QP of every macroblock, 24 to 27: step times level reaches each residual.
func (s Spec) quantizer() int { return 24 + s.Variant%4 }

// pocBits is log2_max_pic_order_cnt_lsb.
const pocBits = 8

// chromaOffset brings the chroma DC step to that of luma: a 2x2 transform needs 6 QP less.
const chromaOffset = -6

// profile returns profile_idc and the constraint flags: Constrained Baseline, or Main for
// B-pictures (ITU-T H.264, A.2).
func (s Spec) profile() (idc, constraints byte) {
	if s.BFrames > 0 {
		return 77, 0x40
	}
	return 66, 0xc0
}

// levels are level_idc by MaxFS, for at least 25 pictures a second (table A-1).
var levels = []struct {
	macroblocks int
	idc         byte
}{{396, 13}, {792, 21}, {1620, 30}, {3600, 31}, {5120, 32}, {8192, 40}, {22080, 50}}

// level returns the least level_idc for the size.
func (s Spec) level() byte {
	for _, l := range levels {
		if s.columns()*s.rows() <= l.macroblocks {
			return l.idc
		}
	}
	return 51
}

// references returns max_num_ref_frames: a B-picture needs one on either side.
func (s Spec) references() int {
	if s.BFrames > 0 {
		return 2
	}
	return 1
}

// sps returns the sequence parameter set as a NAL unit (7.3.2.1.1). It tells no frame rate: the
// times are those of the container.
func (s Spec) sps() []byte {
	idc, constraints := s.profile()
	w := &bitWriter{out: []byte{idc, constraints, s.level()}}
	w.ue(0) // seq_parameter_set_id
	w.ue(int(s.frameNumBits()) - 4)
	w.ue(0) // pic_order_cnt_type
	w.ue(pocBits - 4)
	w.ue(s.references())
	w.flag(false) // gaps_in_frame_num_value_allowed_flag
	w.ue(s.columns() - 1)
	w.ue(s.rows() - 1)
	w.flag(true) // frame_mbs_only_flag
	w.flag(true) // direct_8x8_inference_flag
	s.cropping(w)
	s.vui(w)
	w.trailing()
	return appendNAL(nil, 0x67, w.out)
}

// cropping cuts the coded macroblocks to the size, in units of two pixels.
func (s Spec) cropping(w *bitWriter) {
	right, bottom := s.columns()*16-s.Width, s.rows()*16-s.Height
	w.flag(right+bottom > 0)
	if right+bottom > 0 {
		for _, v := range []int{0, right / 2, 0, bottom / 2} {
			w.ue(v)
		}
	}
}

// vui says how many pictures a decoder has to hold back (annex E.1.1). Without it, decoders may
// wait for as many as fit, or for none.
func (s Spec) vui(w *bitWriter) {
	w.flag(true) // vui_parameters_present_flag
	w.u(8, 0)    // no aspect ratio, overscan, video signal, chroma place, timing, HRDs, pic_struct
	w.flag(true) // bitstream_restriction_flag
	w.flag(true) // motion_vectors_over_pic_boundaries_flag
	for _, v := range []int{0, 0, 10, 10, s.references() - 1, s.references()} {
		w.ue(v) // size limits: none; motion vectors; max_num_reorder_frames; max_dec_frame_buffering
	}
}

// pps returns the picture parameter set as a NAL unit (7.3.2.2).
func (s Spec) pps() []byte {
	w := &bitWriter{}
	w.ue(0)                  // pic_parameter_set_id
	w.ue(0)                  // seq_parameter_set_id
	w.u(2, 0)                // CAVLC; no field order in slice headers
	w.ue(0)                  // num_slice_groups_minus1
	w.ue(0)                  // num_ref_idx_l0_default_active_minus1
	w.ue(0)                  // num_ref_idx_l1_default_active_minus1
	w.u(3, 0)                // no weighted prediction
	w.se(s.quantizer() - 26) // pic_init_qp_minus26
	w.se(0)                  // pic_init_qs_minus26
	w.se(chromaOffset)
	w.u(3, 0b100) // deblocking_filter_control_present_flag; intra may predict from inter; no redundancy
	w.trailing()
	return appendNAL(nil, 0x68, w.out)
}

// avcC returns an AVCDecoderConfigurationRecord with 4-byte lengths (ISO/IEC 14496-15, 5.3.3.1).
func (s Spec) avcC() []byte {
	sps, pps := s.sps(), s.pps()
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}
	b = append(b, sps...)
	b = append(b, 1, 0, byte(len(pps)))
	return append(b, pps...)
}
