package film

import "math/bits"

// bitWriter appends bits, the most significant first.
type bitWriter struct {
	out  []byte
	acc  uint64 // the low held bits are not in out yet
	held uint   // below 8 between calls
}

// u appends the low n bits of v; n is at most 48.
func (w *bitWriter) u(n uint, v uint64) {
	w.acc = w.acc<<n | v&(1<<n-1)
	for w.held += n; w.held >= 8; {
		w.held -= 8
		w.out = append(w.out, byte(w.acc>>w.held))
	}
}

// flag appends one bit.
func (w *bitWriter) flag(on bool) {
	if on {
		w.u(1, 1)
	} else {
		w.u(1, 0)
	}
}

// ue appends an unsigned Exp-Golomb code (ITU-T H.264, 9.1); v is below 2^23.
func (w *bitWriter) ue(v int) {
	n := uint(bits.Len(uint(v + 1)))
	w.u(2*n-1, uint64(v+1))
}

// se appends a signed Exp-Golomb code (ITU-T H.264, 9.1.1).
func (w *bitWriter) se(v int) {
	if v > 0 {
		w.ue(2*v - 1)
	} else {
		w.ue(-2 * v)
	}
}

// trailing ends a raw byte sequence payload: a one, then zeros up to a byte (7.3.2.11).
func (w *bitWriter) trailing() {
	w.u(1, 1)
	w.align()
}

// align fills the last byte with zeros.
func (w *bitWriter) align() { w.u((8-w.held)%8, 0) }

// appendNAL appends a NAL unit of the payload rbsp to dst, with emulation prevention (7.3.1) but
// without a length or start code.
func appendNAL(dst []byte, header byte, rbsp []byte) []byte {
	dst = append(dst, header)
	zeros := 0
	for _, b := range rbsp {
		if zeros >= 2 && b <= 3 {
			dst, zeros = append(dst, 3), 0
		}
		dst = append(dst, b)
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return dst
}
