package film

import "github.com/kvsclip/kvsclip/internal/media"

var alawConfig = media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}

// alawSine is one period of 1 kHz at 8 kHz, 13-bit linear, with its peak at a third of full
// scale. It begins loud, so that a beep begins with its first PCM sample.
var alawSine = [8]int{1000, 1366, 1000, 0, -1000, -1366, -1000, 0}

// alawBlock returns 20 ms of silence or tone.
func alawBlock(tone bool) []byte {
	b := make([]byte, 160)
	for i := range b {
		if tone {
			b[i] = alaw(alawSine[i%len(alawSine)])
		} else {
			b[i] = alaw(0)
		}
	}
	return b
}

// alaw codes a 13-bit linear value, -4096 to 4095 (ITU-T G.711, table 1).
func alaw(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		sign, v = 0, -v-1
	}
	exponent := 0
	for m := v; m > 31; m >>= 1 {
		exponent++
	}
	mantissa := v >> max(1, exponent) & 15
	return (sign | byte(exponent<<4) | byte(mantissa)) ^ 0x55
}
