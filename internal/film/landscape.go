package film

var (
	ink   = rgb{255, 246, 224}.colour()
	comet = []colour{rgb{255, 255, 255}.colour(), rgb{255, 214, 92}.colour(), rgb{235, 120, 60}.colour(), rgb{128, 60, 70}.colour()}
)

// sky goes from the first colour at the zenith to the last at the horizon.
var sky = []rgb{{12, 18, 46}, {34, 38, 92}, {92, 58, 122}, {188, 84, 104}, {244, 148, 88}, {252, 196, 120}}

// landscape paints what does not move: sky and sun below row top, hills, and the ground.
func (sc *scene) landscape(top, rows int) mosaic {
	m := make(mosaic, sc.columns*rows)
	horizon := sc.floor - max(1, (sc.floor-top)/8)
	for y := range rows {
		for x := range sc.columns {
			m[y*sc.columns+x] = sc.spot(x, y, top, horizon).colour()
		}
	}
	return m
}

// spot returns the landscape's colour at a macroblock.
func (sc *scene) spot(x, y, top, horizon int) rgb {
	height := horizon - y // rows above the horizon
	deep := max(1, horizon-top)
	switch {
	case y < top:
		return sky[0]
	case height <= 0:
		return rgb{16, 24, 34}
	case height <= ridge(x, 5, 11)*deep/40:
		return rgb{24, 34, 58}
	case height <= 1+ridge(x+9, 9, 16)*deep/40:
		return rgb{58, 44, 88}
	case sc.sun(x, height, deep):
		return rgb{255, 232, 160}
	}
	return evening(y-top, deep)
}

// evening returns the colour of the sky at row y of deep.
func evening(y, deep int) rgb {
	bands := len(sky) - 1
	i := min(y*bands/deep, bands-1)
	return sky[i].towards(sky[i+1], y*bands-i*deep, deep)
}

// ridge is the height of a chain of hills at column x: two triangle waves of different length.
func ridge(x, a, b int) int { return wave(x, a) + wave(x+3, b)/2 }

// wave rises from 0 to half by one each column, and falls again.
func wave(x, half int) int {
	at := x % (2 * half)
	return min(at, 2*half-at)
}

// sun says whether a macroblock lies in the sun's disc, low on the right.
func (sc *scene) sun(x, height, deep int) bool {
	dx, dy := 2*(x-sc.width*3/4), 2*height-deep/2
	return dx*dx+dy*dy <= deep*deep/9
}
