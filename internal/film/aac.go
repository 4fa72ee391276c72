package film

import "github.com/kvsclip/kvsclip/internal/media"

// aacConfig is AAC-LC, 48 kHz, mono: 5 bits object type 2, 4 bits rate 3, 4 bits channels 1
// (ISO/IEC 14496-3, 1.6.2.1).
var aacConfig = media.Config{Format: "mp4a", Private: []byte{0x11, 0x88}, Channels: 1, SampleRate: 48000}

// The tone is made of two spectral coefficients of equal size and opposite sign, aacBin and the
// one after. Their carrier, 1031.25 Hz, does whole periods in a block and their beat undoes the
// sine window's overlap, so that equal blocks in a row are one steady sine, and the first one
// rises within that block (to a fifth above the steady level and back). aacBin lies in scale factor band 10 of 48 kHz, which spans 40 to 47.
const (
	aacBin  = 43
	aacBand = 10
	aacGain = 192 // scale factor of the band: the sine's peak is a third of full scale
)

// aacBlock returns a raw_data_block (4.4.2.1) of silence or tone.
func aacBlock(tone bool) []byte {
	w := &bitWriter{}
	w.u(3, 0) // single_channel_element
	w.u(4, 0) // element_instance_tag
	if tone {
		aacTone(w)
	} else {
		aacSilence(w)
	}
	w.u(3, 7) // end of the block
	w.align()
	return w.out
}

// aacSilence writes an individual_channel_stream without a single band.
func aacSilence(w *bitWriter) {
	w.u(8, 0) // global_gain
	aacInfo(w, 0)
	w.u(3, 0) // no pulses, no noise shaping, no gain control
}

// aacInfo writes an ics_info for one long sine window without prediction.
func aacInfo(w *bitWriter, bands uint64) {
	w.u(4, 0)
	w.u(6, bands) // max_sfb
	w.u(1, 0)
}

// aacTone writes an individual_channel_stream with aacBand only.
func aacTone(w *bitWriter) {
	w.u(8, aacGain)
	aacInfo(w, aacBand+1)
	w.u(4, 0)       // section of codebook 0: nothing
	w.u(5, aacBand) // bands in it
	w.u(4, 11)      // section of codebook 11: pairs of magnitudes, signs apart
	w.u(5, 1)
	w.u(1, 0) // scale factor: no difference from global_gain
	w.u(3, 0) // no pulses, no noise shaping, no gain control
	w.u(4, 0) // coefficients 40, 41: (0, 0), table 4.A.12
	w.u(5, 6) // 42, 43: (0, 1)
	w.u(1, 0) // plus
	w.u(5, 5) // 44, 45: (1, 0)
	w.u(1, 1) // minus
	w.u(4, 0) // 46, 47: (0, 0)
}
