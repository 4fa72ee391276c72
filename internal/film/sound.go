package film

import "github.com/kvsclip/kvsclip/internal/media"

// The sound is silence, and a beep of about 100 ms at every whole second of the wall clock. Time
// is cut into blocks: block n holds the PCM samples [n*BlockSize, (n+1)*BlockSize), counted from
// the Unix epoch at SampleRate.

// recorder is one way to code the sound.
type recorder struct {
	config        media.Config
	block         int // PCM samples a block
	beep          int64
	silence, tone []byte // the two blocks there are
}

// recorders are shared and read-only. All beeps last five blocks: 106.7 ms of AAC, 100 ms of
// G.711.
var recorders = map[Sound]recorder{
	AAC:  {config: aacConfig, block: 1024, beep: 5, silence: aacBlock(false), tone: aacBlock(true)},
	ALaw: {config: alawConfig, block: 160, beep: 5, silence: alawBlock(false), tone: alawBlock(true)},
	ULaw: {config: ulawConfig, block: 160, beep: 5, silence: ulawBlock(false), tone: ulawBlock(true)},
}

// Audio returns the sample entry of the sound, and false for a film without sound.
func (s Spec) Audio() (media.Config, bool) {
	r, ok := recorders[s.Sound]
	return r.config, ok
}

// SampleRate returns PCM samples per second: 48000 for AAC, 8000 for G.711, 0 without sound.
func (s Spec) SampleRate() int { return recorders[s.Sound].config.SampleRate }

// BlockSize returns PCM samples per block: 1024 for AAC, 160 (20 ms) for G.711, 0 without sound.
func (s Spec) BlockSize() int { return recorders[s.Sound].block }

// Block returns the coded block n: one sample of the audio track. The bytes are shared and
// read-only; nil without sound. An AAC decoder returns block n as it is handed block n, with the
// tone rising over the first block of a beep and falling over the one behind its last.
func (s Spec) Block(n int64) []byte {
	r, ok := recorders[s.Sound]
	if !ok {
		return nil
	}
	second := n * int64(r.block) / int64(r.config.SampleRate)
	for _, sec := range [2]int64{second, second - 1} {
		if at := n - s.BeepAt(sec); at >= 0 && at < r.beep {
			return r.tone
		}
	}
	return r.silence
}

// BeepAt returns the first block of the beep of a Unix second: the first that begins at or after
// it, -1 without sound. A block of G.711 begins at the second exactly, an AAC block up to 896 PCM
// samples (18.7 ms) later.
func (s Spec) BeepAt(second int64) (block int64) {
	r, ok := recorders[s.Sound]
	if !ok {
		return -1
	}
	size := int64(r.block)
	return (second*int64(r.config.SampleRate) + size - 1) / size
}
