package film

// colour is one macroblock's flat colour, in the limited range of BT.601.
type colour struct{ y, cb, cr uint8 }

// mosaic is a picture: one colour for each coded macroblock, in raster order.
type mosaic []colour

var (
	black = rgb{0, 0, 0}.colour()
	white = rgb{255, 255, 255}.colour()
)

// rgb is a colour for people, 0 to 255 each.
type rgb struct{ r, g, b int }

// colour converts to YCbCr by the integer form of BT.601: black has luma 16, white 235.
func (c rgb) colour() colour {
	return colour{
		y:  uint8(16 + (66*c.r+129*c.g+25*c.b+128)>>8),
		cb: uint8(128 + (112*c.b-38*c.r-74*c.g+128)>>8),
		cr: uint8(128 + (112*c.r-94*c.g-18*c.b+128)>>8),
	}
}

// towards returns the colour at of the way to another, in parts of whole.
func (c rgb) towards(o rgb, at, whole int) rgb {
	mix := func(a, b int) int { return a + (b-a)*at/whole }
	return rgb{mix(c.r, o.r), mix(c.g, o.g), mix(c.b, o.b)}
}

// font holds the characters 0 to 9 and ':' as five rows of up to three macroblocks.
var font = map[byte][5]string{
	'0': {"###", "# #", "# #", "# #", "###"},
	'1': {" # ", "## ", " # ", " # ", "###"},
	'2': {"###", "  #", "###", "#  ", "###"},
	'3': {"###", "  #", "###", "  #", "###"},
	'4': {"# #", "# #", "###", "  #", "  #"},
	'5': {"###", "#  ", "###", "  #", "###"},
	'6': {"###", "#  ", "###", "# #", "###"},
	'7': {"###", "  #", "  #", "  #", "  #"},
	'8': {"###", "# #", "###", "# #", "###"},
	'9': {"###", "# #", "###", "  #", "###"},
	':': {" ", "#", " ", "#", " "},
}
