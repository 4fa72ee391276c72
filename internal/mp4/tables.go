package mp4

import (
	"encoding/binary"

	boxes "github.com/Eyevinn/mp4ff/mp4"
)

// tables are the columns of one stbl, as run-length coded as in the file.
type tables struct {
	stts *boxes.SttsBox
	ctts *boxes.CttsBox // nil: every composition offset is 0
	stss *boxes.StssBox // nil: every sample is a sync sample
	stsc *boxes.StscBox

	count   int      // samples
	uniform uint32   // bytes of every sample; 0: see sizes
	sizes   []uint32 // bytes of each sample

	offsets32 []uint32 // of chunks, from stco
	offsets64 []uint64 // of chunks, from co64
}

// readTables decodes the tables in the body of an stbl box.
func readTables(stbl []byte) (*tables, error) {
	t := &tables{}
	var err error
	if t.stts, err = decodeChild[*boxes.SttsBox](stbl, "stts"); err != nil {
		return nil, err
	}
	if t.ctts, err = decodeOptional[*boxes.CttsBox](stbl, "ctts"); err != nil {
		return nil, err
	}
	if t.stss, err = decodeOptional[*boxes.StssBox](stbl, "stss"); err != nil {
		return nil, err
	}
	if t.stsc, err = decodeChild[*boxes.StscBox](stbl, "stsc"); err != nil {
		return nil, err
	}
	if err = t.readOffsets(stbl); err != nil {
		return nil, err
	}
	return t, t.readSizes(stbl)
}

// readOffsets reads stco, or co64 where there is none.
func (t *tables) readOffsets(stbl []byte) error {
	stco, err := decodeOptional[*boxes.StcoBox](stbl, "stco")
	if err != nil {
		return err
	}
	if stco != nil {
		t.offsets32 = stco.ChunkOffset
		return nil
	}
	co64, err := decodeChild[*boxes.Co64Box](stbl, "co64")
	if err != nil {
		return err
	}
	t.offsets64 = co64.ChunkOffset
	return nil
}

// readSizes reads stsz, or stz2 where there is none.
func (t *tables) readSizes(stbl []byte) error {
	stsz, err := decodeOptional[*boxes.StszBox](stbl, "stsz")
	if err != nil {
		return err
	}
	if stsz != nil {
		t.count, t.uniform, t.sizes = int(stsz.SampleNumber), stsz.SampleUniformSize, stsz.SampleSize
		return nil
	}
	stz2, ok := child(stbl, "stz2")
	if !ok {
		return malformed("no box stsz or stz2")
	}
	t.sizes, err = compactSizes(stz2.body)
	t.count = len(t.sizes)
	return err
}

// compactSizes decodes the body of stz2 (ISO/IEC 14496-12, 8.7.3.3), which mp4ff does not know:
// sizes of 4, 8 or 16 bits, of 4 bits the high half first.
func compactSizes(b []byte) ([]uint32, error) {
	if len(b) < 12 {
		return nil, malformed("stz2: %d bytes", len(b))
	}
	bits, n, b := uint64(b[7]), uint64(binary.BigEndian.Uint32(b[8:])), b[12:]
	if bits != 4 && bits != 8 && bits != 16 {
		return nil, malformed("stz2: field size %d bits: want 4, 8 or 16", bits)
	}
	if uint64(len(b)) < (n*bits+7)/8 {
		return nil, malformed("stz2: %d sizes of %d bits in %d bytes", n, bits, len(b))
	}
	sizes := make([]uint32, n)
	for i := range sizes {
		switch bits {
		case 4:
			sizes[i] = uint32(b[i/2] >> (4 - i%2*4) & 15)
		case 8:
			sizes[i] = uint32(b[i])
		case 16:
			sizes[i] = uint32(binary.BigEndian.Uint16(b[2*i:]))
		}
	}
	return sizes, nil
}

// chunkOffset returns where chunk i, from 0, starts in the file.
func (t *tables) chunkOffset(i int) uint64 {
	if t.offsets64 != nil {
		return t.offsets64[i]
	}
	return uint64(t.offsets32[i])
}

// eachChunk calls f for each chunk that holds samples, in order, until all samples had their turn:
// offset in the file, number of samples, and index of their sample entry from 0. entries is how
// many there are. Fewer samples in chunks than in stsz is an error; more are left alone.
func (t *tables) eachChunk(entries int, f func(offset uint64, samples int, entry uint16) error) error {
	chunks, left := len(t.offsets32)+len(t.offsets64), t.count
	for i, e := range t.stsc.Entries {
		first, last := uint64(e.FirstChunk), uint64(chunks)+1
		if i+1 < len(t.stsc.Entries) {
			last = uint64(t.stsc.Entries[i+1].FirstChunk)
		}
		if first == 0 || i == 0 && first != 1 || last < first {
			return malformed("stsc: entry %d: first chunk %d, next %d", i+1, first, last)
		}
		entry := t.stsc.GetSampleDescriptionID(i + 1) // by run, whatever its parameter is called
		if uint64(entry) > uint64(entries) {
			return malformed("stsc: entry %d: sample entry %d of %d", i+1, entry, entries)
		}
		for c := first; c < last && c <= uint64(chunks) && left > 0 && e.SamplesPerChunk > 0; c++ {
			n := int(min(uint64(e.SamplesPerChunk), uint64(left)))
			if err := f(t.chunkOffset(int(c-1)), n, uint16(entry-1)); err != nil {
				return err
			}
			left -= n
		}
	}
	if left > 0 {
		return malformed("stsc and stco: chunks hold %d samples, stsz counts %d", t.count-left, t.count)
	}
	return nil
}

// clock hands out decode times from stts. The zero value but for stts stands at sample 0.
type clock struct {
	stts *boxes.SttsBox
	run  int    // in stts
	used uint32 // samples of the run that have passed
	now  int64  // ticks
}

// advance lets n samples pass and returns false if stts counts fewer.
func (c *clock) advance(n int) bool {
	for n > 0 {
		if c.run == len(c.stts.SampleCount) {
			return false
		}
		step := min(c.stts.SampleCount[c.run]-c.used, uint32(min(n, maxSamples)))
		c.now += int64(step) * int64(c.stts.SampleTimeDelta[c.run])
		n -= int(step)
		if c.used += step; c.used == c.stts.SampleCount[c.run] {
			c.run, c.used = c.run+1, 0
		}
	}
	return true
}
