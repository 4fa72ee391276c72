package splice

import "github.com/kvsclip/kvsclip/internal/media"

// maxScale bounds a common timescale; above it positions are rounded, each on its own.
const maxScale = 10_000_000

// common returns the least timescale in which ticks of both a and b are whole, or the larger of
// the two where that would pass maxScale. 0 stands for none.
func common(a, b uint32) uint32 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	lcm := uint64(a) / uint64(gcd(a, b)) * uint64(b)
	if lcm > maxScale {
		return max(a, b)
	}
	return uint32(lcm)
}

func gcd(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// referenceScale is the timescale of positions: that of the pictures, or of the sound where
// there are none.
func referenceScale(parts []part) uint32 {
	var video, all uint32
	for i := range parts {
		lead := parts[i].lead
		all = common(all, lead.Timescale)
		if lead.Kind == media.Video {
			video = common(video, lead.Timescale)
		}
	}
	if video != 0 {
		return video
	}
	return all
}
