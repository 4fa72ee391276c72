package film_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// adts puts a header before each AAC block (ISO/IEC 13818-7, 6.2): LC, 48 kHz, mono.
func adts(blocks [][]byte) []byte {
	var out []byte
	for _, b := range blocks {
		n := len(b) + 7
		out = append(out, 0xff, 0xf1, 0x4c, 0x40|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f, 0xfc)
		out = append(out, b...)
	}
	return out
}

// wav returns a function that puts the header of a WAVE file of G.711 before the blocks: format 6 is
// A-law, 7 is mu-law.
func wav(format uint16) func(blocks [][]byte) []byte {
	return func(blocks [][]byte) []byte { return wave(format, blocks) }
}

func wave(format uint16, blocks [][]byte) []byte {
	data := slices.Concat(blocks...)
	le := binary.LittleEndian
	out := le.AppendUint32([]byte("RIFF"), uint32(len(data)+38))
	out = le.AppendUint32(append(out, "WAVEfmt "...), 18)
	out = le.AppendUint16(out, format)
	out = le.AppendUint16(out, 1)
	out = le.AppendUint32(out, 8000)
	out = le.AppendUint32(out, 8000)
	out = le.AppendUint16(out, 1)
	out = le.AppendUint16(out, 8)
	out = le.AppendUint16(out, 0)
	out = le.AppendUint32(append(out, "data"...), uint32(len(data)))
	return append(out, data...)
}

// blocks returns the sound from the first block that begins at or after a time.
func blocks(s film.Spec, from time.Time, n int) (first int64, out [][]byte) {
	first = (from.UnixMilli()*int64(s.SampleRate())/1000 + int64(s.BlockSize()) - 1) / int64(s.BlockSize())
	for i := range n {
		out = append(out, s.Block(first+int64(i)))
	}
	return first, out
}

func TestBeepsAreHeardWhereTheyWereMade(t *testing.T) {
	for name, c := range map[string]struct {
		spec  film.Spec
		wrap  func([][]byte) []byte
		exact time.Duration
	}{
		"beeps.aac": {film.Spec{Sound: film.AAC}, adts, 100 * time.Microsecond},
		"alaw.wav":  {film.Spec{Sound: film.ALaw}, wav(6), 0},
		"ulaw.wav":  {film.Spec{Sound: film.ULaw}, wav(7), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rate, size := c.spec.SampleRate(), c.spec.BlockSize()
			first, sound := blocks(c.spec, noon, 20*rate/size)
			got := judgetest.Beeps(t, keep(t, name, c.wrap(sound)))
			if len(got) != 20 {
				t.Fatalf("Beeps: %v, want 20 of them", got)
			}
			for i, at := range got {
				block := c.spec.BeepAt(noon.Unix() + 1 + int64(i))
				want := time.Duration((block-first)*int64(size)) * time.Second / time.Duration(rate)
				if (at - want).Abs() > c.exact {
					t.Errorf("beep %d: at %v, want %v", i, at, want)
				}
			}
		})
	}
}

func TestBeepAt(t *testing.T) {
	for _, s := range []film.Sound{film.AAC, film.ALaw, film.ULaw} {
		spec := film.Spec{Sound: s}
		rate, size := int64(spec.SampleRate()), int64(spec.BlockSize())
		for second := noon.Unix(); second < noon.Unix()+17; second++ {
			block := spec.BeepAt(second)
			if late := block*size - second*rate; late < 0 || late >= size {
				t.Errorf("%s: BeepAt(%d) begins %d PCM samples behind the second", s, second, late)
			}
			if string(spec.Block(block)) == string(spec.Block(block-1)) || string(spec.Block(block+4)) == string(spec.Block(block+5)) {
				t.Errorf("%s: the beep of %d does not go from block %d to %d", s, second, block, block+4)
			}
		}
	}
}

func TestNoSound(t *testing.T) {
	var s film.Spec
	if _, ok := s.Audio(); ok || s.Block(0) != nil || s.BeepAt(0) != -1 || s.BlockSize()+s.SampleRate() != 0 {
		t.Error("a film without sound has some")
	}
}
