package splice

// lcRates are the sampling frequencies by index (ISO/IEC 14496-3, table 1.18).
var lcRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// plainLC reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). It returns false for all but
// AAC-LC with 1024 samples a block and no SBR, as far as the configuration tells.
func plainLC(asc []byte) (rate, channels int, ok bool) {
	const lc, writtenOut = 2, 15
	b := bitReader{b: asc}
	object, index := b.read(5), b.read(4)
	switch {
	case index == writtenOut:
		rate = b.read(24)
	case index < len(lcRates):
		rate = lcRates[index]
	}
	channels = b.read(4)
	short, core, extension := b.read(1), b.read(1), b.read(1)
	ok = object == lc && rate > 0 && short == 0 && core == 0 && extension == 0 && !b.ended
	return rate, channels, ok && !b.sbr()
}

// sbr reads what tells of SBR to those who know it, behind a configuration of plain AAC.
func (b *bitReader) sbr() bool {
	const mark, sbrObject = 0x2b7, 5
	return b.read(11) == mark && b.read(5) == sbrObject && b.read(1) == 1 && !b.ended
}

// bitReader reads bits, the highest of each byte first. Behind the end there are zeros.
type bitReader struct {
	b     []byte
	at    int // bits read
	ended bool
}

func (b *bitReader) read(n int) int {
	v := 0
	for range n {
		v <<= 1
		if b.at/8 < len(b.b) {
			v |= int(b.b[b.at/8] >> (7 - b.at%8) & 1)
		} else {
			b.ended = true
		}
		b.at++
	}
	return v
}
