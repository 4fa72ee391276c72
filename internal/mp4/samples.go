package mp4

import (
	"fmt"
	"math"

	"github.com/kvsclip/kvsclip/internal/media"
)

// samples fills t.Samples and t.End column by column.
func (p *trackReader) samples(t *media.Track, tab *tables) error {
	if tab.count > p.left {
		return unsupported("%d samples: at most %d are read", tab.count, maxSamples)
	}
	if total := uint64(tab.count) * uint64(tab.uniform); total > uint64(p.size) {
		return fmt.Errorf("%d samples of %d bytes in a file of %d bytes: %w", tab.count, tab.uniform, p.size, ErrTruncated)
	}
	t.Samples = make([]media.Sample, tab.count)
	if err := p.places(t, tab); err != nil {
		return err
	}
	if err := shifts(t.Samples, tab); err != nil {
		return err
	}
	if err := syncs(t, tab); err != nil {
		return err
	}
	return times(t, tab)
}

// places fills Offset, Size and Config.
func (p *trackReader) places(t *media.Track, tab *tables) error {
	i := 0
	return tab.eachChunk(len(t.Configs), func(offset uint64, n int, entry uint16) error {
		for ; n > 0; n-- {
			size := tab.uniform
			if size == 0 {
				size = tab.sizes[i]
			}
			if err := p.inside(i, offset, uint64(size)); err != nil {
				return err
			}
			s := &t.Samples[i]
			s.Offset, s.Size, s.Config = int64(offset), size, entry
			offset += uint64(size)
			i++
		}
		return nil
	})
}

// inside returns an error unless sample i, from 0, lies in the file.
func (p *trackReader) inside(i int, offset, size uint64) error {
	if file := uint64(p.size); offset > file || size > file-offset {
		return fmt.Errorf("sample %d: %d bytes at %d in a file of %d bytes: %w", i+1, size, offset, p.size, ErrTruncated)
	}
	return nil
}

// shifts fills Shift. Offsets of version 0 are read as signed too, as QuickTime and ffmpeg do:
// writers put negative ones there, and none means 2^31 ticks. Samples past the end of ctts have 0.
func shifts(samples []media.Sample, tab *tables) error {
	if tab.ctts == nil {
		return nil
	}
	i := 0
	for run, offset := range tab.ctts.SampleOffset {
		n := min(int(tab.ctts.SampleCount(run)), len(samples)-i)
		for ; n > 0; n-- {
			samples[i].Shift = offset
			i++
		}
	}
	return nil
}

// syncs fills Sync. Only video needs stss, and one that is there for others is not believed.
func syncs(t *media.Track, tab *tables) error {
	if tab.stss == nil || t.Kind != media.Video {
		for i := range t.Samples {
			t.Samples[i].Sync = true
		}
		return nil
	}
	for _, n := range tab.stss.SampleNumber {
		if n == 0 || uint64(n) > uint64(len(t.Samples)) {
			return malformed("stss: sync sample %d of %d", n, len(t.Samples))
		}
		t.Samples[n-1].Sync = true
	}
	return nil
}

// times fills Time and End as positions. A decode duration of 0 is legal in stts but not in
// media.Track: such a sample is decoded one tick after the one before it, and Shift gives the tick
// back, so that its composition time stays.
func times(t *media.Track, tab *tables) error {
	i, now, least := 0, int64(0), int64(0)
	for run, count := range tab.stts.SampleCount {
		delta := int64(tab.stts.SampleTimeDelta[run])
		for n := min(int(count), len(t.Samples)-i); n > 0; n-- {
			s := &t.Samples[i]
			s.Time = max(now, least)
			if late := s.Time - now; late > 0 {
				shift := int64(s.Shift) - late
				if shift < math.MinInt32 {
					return unsupported("sample %d: composition offset %d ticks", i+1, shift)
				}
				s.Shift = int32(shift)
			}
			least = s.Time + 1
			now += delta
			i++
		}
	}
	if i < len(t.Samples) {
		return malformed("stts: %d samples, stsz counts %d", i, len(t.Samples))
	}
	if i > 0 {
		t.End = max(now, least)
	}
	return nil
}
