package mp4

import (
	"math"
	"math/bits"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// resolve returns the edits of t with every "to the end of the track" counted out in ticks of the
// movie, rounded up so that the last sample is not cut, and how long the track plays (ISO/IEC
// 14496-12, 8.3.2 and 8.6.6). A track without edits plays as long as its samples are decoded.
func resolve(t *media.Track, timescale uint32) (edits []media.Edit, plays int64, err error) {
	if len(t.Edits) == 0 {
		plays, ok := scaleUp(t.End, t.Timescale, timescale)
		if !ok {
			return nil, 0, unsupported("duration %d ticks of 1/%d s", t.End, t.Timescale)
		}
		return nil, plays, nil
	}
	end := compositionEnd(t)
	for i, e := range t.Edits {
		if e.Media < -1 || e.Media > maxTicks || e.Duration < 0 {
			return nil, 0, malformed("edit %d: media time %d, duration %d ticks", i+1, e.Media, e.Duration)
		}
		if e.Media < 0 && e.Duration == 0 {
			continue
		}
		if e.Duration == 0 {
			d, ok := scaleUp(max(0, end-e.Media), t.Timescale, timescale)
			if !ok {
				return nil, 0, unsupported("edit %d: to the end at %d ticks of 1/%d s", i+1, end, t.Timescale)
			}
			e.Duration = d
		}
		if plays += e.Duration; plays < 0 || plays > maxTicks {
			return nil, 0, unsupported("edit %d: edits of more than %d ticks", i+1, int64(maxTicks))
		}
		edits = append(edits, e)
	}
	return edits, plays, nil
}

// compositionEnd returns when the last sample in composition order ends, in ticks.
func compositionEnd(t *media.Track) int64 {
	end := int64(0)
	for i := range t.Samples {
		end = max(end, t.Composition(i)+t.Duration(i))
	}
	return end
}

// scaleUp converts a length, not negative, between timescales, rounded up; false if the result is
// more than maxTicks.
func scaleUp(ticks int64, from, to uint32) (int64, bool) {
	hi, lo := bits.Mul64(uint64(ticks), uint64(to))
	lo, carry := bits.Add64(lo, uint64(from)-1, 0)
	if hi += carry; hi >= uint64(from) {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, uint64(from))
	return int64(min(q, math.MaxInt64)), q <= maxTicks
}

// elstOf builds the edit list, or nil if there are no edits.
func elstOf(edits []media.Edit) *boxes.ElstBox {
	if len(edits) == 0 {
		return nil
	}
	b := &boxes.ElstBox{}
	for _, e := range edits {
		if e.Duration > math.MaxUint32 || e.Media > math.MaxInt32 {
			b.Version = 1
		}
		b.Entries = append(b.Entries, boxes.ElstEntry{
			SegmentDuration: uint64(e.Duration), MediaTime: e.Media, MediaRateInteger: 1,
		})
	}
	return b
}
