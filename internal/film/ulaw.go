package film

import "github.com/kvsclip/kvsclip/internal/media"

var ulawConfig = media.Config{Format: "ulaw", Channels: 1, SampleRate: 8000}

// ulawBlock returns 20 ms of silence or tone: that of A-law.
func ulawBlock(tone bool) []byte {
	b := make([]byte, 160)
	for i := range b {
		b[i] = ulaw(0)
		if tone {
			b[i] = ulaw(2 * alawSine[i%len(alawSine)])
		}
	}
	return b
}

// ulaw codes a 14-bit linear value, -8158 to 8158 (ITU-T G.711, table 2).
func ulaw(v int) byte {
	sign := byte(0)
	if v < 0 {
		sign, v = 0x80, -v
	}
	v += 33
	exponent := 0
	for m := v; m > 63; m >>= 1 {
		exponent++
	}
	mantissa := v >> (exponent + 1) & 15
	return ^(sign | byte(exponent<<4) | byte(mantissa))
}
