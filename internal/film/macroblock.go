package film

// coder writes the macroblocks of one slice. Each is one flat colour: either skipped, when
// prediction gives that colour already, or intra 16x16, predicted flat from one neighbour, with
// at most one DC coefficient per colour plane. The quantizer's steps are below 1, so the decoder
// arrives at the wanted colour exactly and encoder and decoder never drift.
type coder struct {
	w         *bitWriter
	kind      sliceKind
	columns   int
	quantizer int
	run       int // macroblocks skipped since the last coded one
}

// macroblocks codes target. Past and future are the references: unused for I, equal for P.
func (c *coder) macroblocks(target, past, future mosaic) {
	for i, want := range target {
		if c.kind != sliceI && want == average(past[i], future[i]) {
			c.run++
			continue
		}
		if c.kind != sliceI {
			c.w.ue(c.run) // mb_skip_run
			c.run = 0
		}
		mode, from := c.predict(target, i)
		c.intra(mode, want, from)
	}
	if c.run > 0 {
		c.w.ue(c.run)
	}
}

// average is the default weighted prediction of a skipped macroblock without motion (8.4.2.3.1).
func average(a, b colour) colour {
	if a == b {
		return a
	}
	mean := func(a, b uint8) uint8 { return uint8((int(a) + int(b) + 1) / 2) }
	return colour{mean(a.y, b.y), mean(a.cb, b.cb), mean(a.cr, b.cr)}
}

// direction is Intra16x16PredMode (8.3.3) of a flat prediction.
type direction int

const (
	fromAbove   direction = 0
	fromLeft    direction = 1
	fromNothing direction = 2 // DC without neighbours: 128
)

// predict returns which neighbour of macroblock i to predict from, and its colour. Luma and chroma
// go the same way; a neighbour of the wanted colour is preferred.
func (c *coder) predict(target mosaic, i int) (direction, colour) {
	hasAbove, hasLeft := i >= c.columns, i%c.columns > 0
	switch {
	case hasAbove && (!hasLeft || target[i-1] != target[i]):
		return fromAbove, target[i-c.columns]
	case hasLeft:
		return fromLeft, target[i-1]
	}
	return fromNothing, colour{128, 128, 128}
}

// intra writes an Intra_16x16 macroblock (7.3.5) of the colour want.
func (c *coder) intra(mode direction, want, from colour) {
	luma := c.level(want.y, from.y)
	cb, cr := c.level(want.cb, from.cb), c.level(want.cr, from.cr)
	chroma := 0
	if cb != 0 || cr != 0 {
		chroma = 1 // chroma DC only
	}
	c.w.ue(mbTypeOffset[c.kind] + 1 + int(mode) + 4*chroma) // mb_type, table 7-11
	c.w.ue(2 - int(mode))                                   // intra_chroma_pred_mode, table 7-16
	c.w.se(0)                                               // mb_qp_delta
	c.dc(luma, lumaTokens)
	if chroma != 0 {
		c.dc(cb, chromaTokens)
		c.dc(cr, chromaTokens)
	}
}

// mbTypeOffset is where the intra types begin in each kind of slice (tables 7-13 and 7-14).
var mbTypeOffset = [8]int{sliceI: 0, sliceP: 5, sliceB: 23}

// steps is 64 times how much one DC level adds to each pixel, by QP - 24: normAdjust(QP%6, 0, 0)
// (8.5.9) through the DC transforms of 8.5.10 and 8.5.11.
var steps = [4]int{40, 44, 52, 56}

// level returns the DC level that turns a flat prediction into want exactly.
func (c *coder) level(want, from uint8) int {
	step, residual := steps[c.quantizer-24], int(want)-int(from)
	near := residual * 64 / step
	for _, l := range [3]int{near, near - 1, near + 1} {
		if (l*step+32)>>6 == residual {
			return l
		}
	}
	panic("film: a step above 64 leaves holes between colours")
}

// tokens are coeff_token codes (table 9-5): nothing, one level of ±1, one other level.
type tokens [3]struct{ length, code uint }

var (
	lumaTokens   = tokens{{1, 1}, {2, 1}, {6, 5}} // 0 <= nC < 2: no macroblock has AC levels
	chromaTokens = tokens{{2, 1}, {1, 1}, {6, 7}} // nC = -1
)

// dc writes a residual block in which only the first level may be other than zero (7.3.5.3.2).
func (c *coder) dc(level int, t tokens) {
	kind, magnitude := 2, max(level, -level)
	if magnitude < 2 {
		kind = magnitude
	}
	c.w.u(t[kind].length, uint64(t[kind].code))
	switch kind {
	case 0:
		return
	case 1:
		c.w.flag(level < 0)
	case 2:
		c.escape(level, magnitude)
	}
	c.w.u(1, 1) // total_zeros 0
}

// escape writes a level of 2 or more, with suffixLength 0 (9.2.2.1). The code begins at 2, as
// ±1 has a token of its own.
func (c *coder) escape(level, magnitude int) {
	code := 2*magnitude - 4
	if level < 0 {
		code++
	}
	switch {
	case code < 14:
		c.w.u(uint(code)+1, 1)
	case code < 30:
		c.w.u(15, 1)
		c.w.u(4, uint64(code-14))
	default:
		c.w.u(16, 1)
		c.w.u(12, uint64(code-30))
	}
}
