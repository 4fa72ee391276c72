package mp4

import (
	"fmt"
	"math"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxDelta is the longest decode duration that is written. The field has 32 bits, but players,
// ffmpeg among them, take it for signed.
const maxDelta = math.MaxInt32

// sttsOf builds the decode times (8.6.1.2).
func sttsOf(t *media.Track) *boxes.SttsBox {
	b := &boxes.SttsBox{}
	count, delta := uint32(0), uint32(0)
	for i := range t.Samples {
		if d := uint32(t.Duration(i)); d != delta || count == 0 {
			if count > 0 {
				b.SampleCount, b.SampleTimeDelta = append(b.SampleCount, count), append(b.SampleTimeDelta, delta)
			}
			count, delta = 0, d
		}
		count++
	}
	if count > 0 {
		b.SampleCount, b.SampleTimeDelta = append(b.SampleCount, count), append(b.SampleTimeDelta, delta)
	}
	// ffmpeg takes audio with a single run of one tick for uncompressed and reads wrong sizes
	// (mov.c, mov_build_index). Two runs say the same and are read right.
	if n := len(b.SampleCount); t.Kind == media.Audio && n == 1 && b.SampleTimeDelta[0] == 1 && b.SampleCount[0] > 1 {
		b.SampleCount = []uint32{b.SampleCount[0] - 1, 1}
		b.SampleTimeDelta = []uint32{1, 1}
	}
	return b
}

// cttsOf builds the composition offsets (8.6.1.3), or nil if all are 0.
func cttsOf(t *media.Track, version1 bool) *boxes.CttsBox {
	b := &boxes.CttsBox{EndSampleNr: []uint32{0}}
	used := false
	for i := range t.Samples {
		shift := t.Samples[i].Shift
		used = used || shift != 0
		version1 = version1 || shift < 0
		if n := len(b.SampleOffset); n == 0 || b.SampleOffset[n-1] != shift {
			b.SampleOffset = append(b.SampleOffset, shift)
			b.EndSampleNr = append(b.EndSampleNr, uint32(i))
		}
		b.EndSampleNr[len(b.EndSampleNr)-1] = uint32(i + 1)
	}
	if !used {
		return nil
	}
	if version1 {
		b.Version = 1
	}
	return b
}

// stssOf builds the table of sync samples (8.6.2), or nil if every sample is one.
func stssOf(t *media.Track) *boxes.StssBox {
	n := t.SyncSamples()
	if n == len(t.Samples) || t.Kind != media.Video {
		return nil
	}
	b := &boxes.StssBox{SampleNumber: make([]uint32, 0, n)}
	for i := range t.Samples {
		if t.Samples[i].Sync {
			b.SampleNumber = append(b.SampleNumber, uint32(i+1))
		}
	}
	return b
}

// stszOf builds the sample sizes (8.7.3.2). One size for all is only said of samples longer than a
// PCM sample: readers, ours and ffmpeg's, take shorter ones for uncompressed sound.
func stszOf(t *media.Track) *boxes.StszBox {
	b := &boxes.StszBox{SampleNumber: uint32(len(t.Samples))}
	same := true
	for i := range t.Samples {
		same = same && t.Samples[i].Size == t.Samples[0].Size
	}
	if same && len(t.Samples) > 0 && t.Samples[0].Size > maxFrame {
		b.SampleUniformSize = t.Samples[0].Size
		return b
	}
	b.SampleSize = make([]uint32, len(t.Samples))
	for i := range t.Samples {
		b.SampleSize[i] = t.Samples[i].Size
	}
	return b
}

// stscOf builds the chunks' sample counts and sample entries (8.7.4).
func stscOf(chunks []chunk) (*boxes.StscBox, error) {
	b := &boxes.StscBox{}
	for i := range chunks {
		c := &chunks[i]
		if i > 0 && c.count == chunks[i-1].count && c.config == chunks[i-1].config {
			continue
		}
		if err := b.AddEntry(uint32(i+1), c.count, uint32(c.config)+1); err != nil {
			return nil, fmt.Errorf("stsc: %w", err)
		}
	}
	return b, nil
}

// offsetsOf builds stco or co64 (8.7.5). base is where the media bytes start in the file.
func offsetsOf(chunks []chunk, base int64, wide bool) boxes.Box {
	if wide {
		b := &boxes.Co64Box{ChunkOffset: make([]uint64, len(chunks))}
		for i, c := range chunks {
			b.ChunkOffset[i] = uint64(base + c.at)
		}
		return b
	}
	b := &boxes.StcoBox{ChunkOffset: make([]uint32, len(chunks))}
	for i, c := range chunks {
		b.ChunkOffset[i] = uint32(base + c.at)
	}
	return b
}
