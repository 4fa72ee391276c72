package film

// sliceKind is slice_type where all slices of a picture are alike (ITU-T H.264, table 7-6).
type sliceKind int

const (
	sliceP sliceKind = 5
	sliceB sliceKind = 6
	sliceI sliceKind = 7
)

// header is what differs between the slice headers of one film.
type header struct {
	kind    sliceKind
	number  int // frame_num, not yet cut to its width
	display int // position in display order; an IDR picture has 0
	idr     int // idr_pic_id: neighbouring groups must differ in it
}

// nal returns the NAL unit header: IDR slices, slices others refer to, slices nothing refers to.
func (h header) nal() byte {
	switch h.kind {
	case sliceI:
		return 0x65
	case sliceP:
		return 0x41
	}
	return 0x01
}

// write appends a slice header (7.3.3). Every list holds one reference: the nearest picture of
// its direction, which is what the default lists begin with.
func (h header) write(w *bitWriter, s Spec) {
	w.ue(0) // first_mb_in_slice
	w.ue(int(h.kind))
	w.ue(0) // pic_parameter_set_id
	w.u(s.frameNumBits(), uint64(h.number))
	if h.kind == sliceI {
		w.ue(h.idr)
	}
	w.u(pocBits, uint64(2*h.display))
	switch h.kind {
	case sliceI:
		w.u(2, 0) // no_output_of_prior_pics_flag, long_term_reference_flag
	case sliceP:
		w.u(3, 0) // no override of the list sizes, no reordering, sliding window marking
	case sliceB:
		w.u(4, 0b1000) // direct_spatial_mv_pred_flag; no override, no reordering of either list
	}
	w.se(0) // slice_qp_delta
	w.ue(1) // disable_deblocking_filter_idc: what is coded is exactly what is seen
}
