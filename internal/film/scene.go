package film

import "slices"

// scene is what one camera sees: an evening behind hills, a clock in the sky, a comet that
// crosses the lowest row by one macroblock each picture, and on top the machine-readable field.
type scene struct {
	columns int // coded macroblocks of a row
	width   int // macroblocks of a row that are wholly visible: the field and the comet use these
	floor   int // row of the comet, the last wholly visible one
	still   mosaic

	clock             string // time.Format layout
	scale             int    // macroblocks to a dot of the clock
	clockLeft, clockY int    // its top left macroblock
}

// scene builds what does not move, and finds a place for the clock.
func (s Spec) scene() *scene {
	sc := &scene{columns: s.columns(), width: s.Width / 16, floor: s.Height/16 - 1}
	top := (fieldBits + sc.width - 1) / sc.width
	sc.placeClock(top)
	sc.still = sc.landscape(top, s.rows())
	return sc
}

// placeClock takes the largest clock that fits below the field, with seconds if they fit.
func (sc *scene) placeClock(top int) {
	const full, short = 27, 17 // dots across: digits of 3, colons of 1, a dot between
	sc.clock, sc.scale = "15:04", 1
	across := short
	if sc.width >= full+2 {
		room := sc.floor - top - 2
		sc.clock, across = "15:04:05", full
		sc.scale = max(1, min(sc.width/(full+2), room/7))
	}
	spare := sc.floor - top - 1 - 5*sc.scale
	sc.clockLeft, sc.clockY = (sc.width-across*sc.scale)/2, top+1+spare/5
}

// shoot returns the picture p, in the memory of into if that is large enough.
func (sc *scene) shoot(into mosaic, p Picture) mosaic {
	m := slices.Grow(into[:0], len(sc.still))[:len(sc.still)]
	copy(m, sc.still)
	sc.drawField(m, p)
	sc.drawClock(m, p)
	sc.drawComet(m, int(p.Index%uint32(sc.width)))
	return m
}

// drawField writes the machine-readable field over the topmost macroblocks.
func (sc *scene) drawField(m mosaic, p Picture) {
	field := p.field()
	for i := range fieldBits {
		at := i/sc.width*sc.columns + i%sc.width
		m[at] = black
		if field[i/8]>>(7-i%8)&1 == 1 {
			m[at] = white
		}
	}
}

// drawClock writes the time of day in UTC.
func (sc *scene) drawClock(m mosaic, p Picture) {
	var text [8]byte
	x := sc.clockLeft
	for _, c := range p.Time.UTC().AppendFormat(text[:0], sc.clock) {
		x += sc.drawGlyph(m, font[c], x) + sc.scale
	}
}

// drawGlyph draws one character and returns its width in macroblocks.
func (sc *scene) drawGlyph(m mosaic, glyph [5]string, x int) int {
	for row, dots := range glyph {
		for column, dot := range []byte(dots) {
			if dot == '#' {
				sc.drawDot(m, x+column*sc.scale, sc.clockY+row*sc.scale)
			}
		}
	}
	return len(glyph[0]) * sc.scale
}

// drawDot draws one dot of a character.
func (sc *scene) drawDot(m mosaic, x, y int) {
	for dy := range sc.scale {
		for dx := range sc.scale {
			m[(y+dy)*sc.columns+x+dx] = ink
		}
	}
}

// drawComet draws head and tail, round the picture's edge where need be.
func (sc *scene) drawComet(m mosaic, head int) {
	for i, c := range comet {
		m[sc.floor*sc.columns+(head-i+sc.width)%sc.width] = c
	}
}
