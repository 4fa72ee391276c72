package splice

import (
	"bytes"
	"io"
	"math"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

const (
	// maxSilence is how many blocks of silence a movie may get: a day of AAC at 48 kHz. Their tables
	// take 32 bytes each. A hole that would pass it is silent by the times of its neighbours alone.
	maxSilence = 4_000_000
	// maxQuiet is how many bytes a silent block of G.711 may have: four seconds of a stereo track
	// at 8 kHz. Cameras send 20 ms to a second.
	maxQuiet = 1 << 16
)

// silence makes samples without sound. Each kind of block is a source of its own, and in it block
// follows block.
type silence struct {
	most  int // kinds of block there can be
	kinds int // that there are
	count int // blocks of all kinds
}

// quiet is a block that decodes to silence.
type quiet struct {
	block  []byte
	frames int64 // PCM samples of each channel in it
	count  int64 // how many there are
}

// fill lets the lane go on with silence up to the position natural, to half a block.
func (q *silence) fill(l *lane, natural int64, sources *[]source) {
	last, _ := l.latest()
	c := l.track.Configs[last.Config]
	block, frames := quietBlock(c, l.block)
	rate, start := int64(c.SampleRate), l.track.End
	if block == nil || natural <= start || frames*int64(l.scale) < rate { // less than a tick a block
		return
	}
	n := (media.Rescale(natural-start, l.scale, uint32(rate)) + frames/2) / frames
	step := frames
	if n > int64(maxSilence-q.count) {
		if natural-last.Time <= maxHold {
			return
		}
		// Some blocks there must be: no sample can last so long.
		step = media.Rescale(maxHold/2, l.scale, uint32(rate))
		n = (media.Rescale(natural-start, l.scale, uint32(rate)) + step - 1) / step
	}
	k, ok := q.kind(block, frames, sources)
	if !ok {
		return
	}
	kind := (*sources)[k].quiet
	for i := range n {
		at := start + media.Rescale(i*step, uint32(rate), l.scale)
		m := media.Sample{Offset: kind.count * int64(len(block)), Size: uint32(len(block)), Source: k, Config: last.Config, Sync: true}
		l.push(m, at, at+l.reorder)
		kind.count++
	}
	q.count += int(n)
}

// kind returns the index of the source of a kind of block, which is made if there is none yet, and
// false where no sample could name it: that takes 16 bits.
func (q *silence) kind(block []byte, frames int64, sources *[]source) (uint16, bool) {
	i := slices.IndexFunc(*sources, func(s source) bool {
		return s.quiet != nil && s.quiet.frames == frames && bytes.Equal(s.quiet.block, block)
	})
	if i >= 0 || q.kinds == q.most {
		return uint16(i), i >= 0
	}
	q.kinds++
	*sources = append(*sources, source{quiet: &quiet{block: block, frames: frames}})
	return uint16(len(*sources) - 1), true
}

// source is what the blocks lie in that were made so far.
func (k *quiet) source() media.Source {
	size := k.count * int64(len(k.block))
	return media.Source{ReaderAt: repeated{k.block, size}, Size: size}
}

// repeated reads as block again and again, size bytes in all.
type repeated struct {
	block []byte
	size  int64
}

func (r repeated) ReadAt(p []byte, at int64) (int, error) {
	n := int(min(int64(len(p)), max(0, r.size-at)))
	for done := 0; done < n; {
		done += copy(p[done:n], r.block[(at+int64(done))%int64(len(r.block)):])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// quietBlock returns a silent block for a codec configuration and how many PCM samples of each
// channel it lasts; nil for a configuration it knows none for. size is how long the stream's own
// blocks are, in bytes.
func quietBlock(c media.Config, size uint32) (block []byte, frames int64) {
	if c.SampleRate <= 0 || c.SampleRate > math.MaxInt32 {
		return nil, 0
	}
	switch c.Format {
	case "mp4a":
		return quietAAC(c), 1024
	case "alaw":
		return quietLaw(c, size, 0xd5)
	case "ulaw":
		return quietLaw(c, size, 0xff)
	case "Opus":
		return quietOpus(c)
	}
	return nil, 0
}

// quietOpus makes a packet of one CELT frame of 20 ms whose first bit decoded says silence: 31 is that
// kind of frame, mono and alone (RFC 6716, 3.1 and 4.3), and a mono packet plays on both channels of two.
// It knows none for more channels, whose packets hold several streams.
func quietOpus(c media.Config) ([]byte, int64) {
	const mapping, surround = 18, 1 // channel mapping family in OpusHead (RFC 7845, 5.1)
	if c.SampleRate != 48000 || c.Channels < 1 || c.Channels > 2 || len(c.Private) > mapping && c.Private[mapping] > surround {
		return nil, 0
	}
	return []byte{31 << 3, 0xff, 0xfe}, 960
}

// quietLaw makes a block of the byte that means 0 (ITU-T G.711, tables 1a and 2a).
func quietLaw(c media.Config, size uint32, zero byte) ([]byte, int64) {
	if c.Channels < 1 || size == 0 || size > maxQuiet || size%uint32(c.Channels) != 0 {
		return nil, 0
	}
	return bytes.Repeat([]byte{zero}, int(size)), int64(size) / int64(c.Channels)
}

// quietAAC makes a raw_data_block of one element without any scale factor band, and the end mark
// (ISO/IEC 14496-3, 4.4.2); nil for what is not plain AAC-LC of one or two channels.
func quietAAC(c media.Config) []byte {
	rate, channels, ok := plainLC(c.Private)
	if !ok || rate != c.SampleRate { // another rate in the entry tells of SBR that the configuration does not tell of
		return nil
	}
	switch channels {
	case 1:
		// single_channel_element: id 0 (3 bits), tag 0 (4), global_gain 0 (8), ics_info 0 (11), three
		// flags 0, then ID_END 7 (3).
		return []byte{0, 0, 0, 0b0000_0111}
	case 2:
		// channel_pair_element: id 1 (3 bits), tag 0 (4), common_window 1, ics_info 0 (11), ms_mask 0
		// (2), for each channel global_gain 0 (8) and three flags 0, then ID_END 7 (3), two bits left.
		return []byte{0b0010_0001, 0, 0, 0, 0, 0b0001_1100}
	}
	return nil
}
