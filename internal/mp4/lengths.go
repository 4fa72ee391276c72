package mp4

import (
	"fmt"
	"io"
	"math"
	"slices"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// verifyDurations holds the durations that the headers in moov declare against the tables. 0 and
// all ones mean that a duration is not known.
func verifyDurations(m *media.Movie, r io.ReaderAt, size int64) error {
	body, err := moovBody(r, size)
	if err != nil {
		return err
	}
	longest := uint64(0)
	err = eachAtom(body, func(a atom) error {
		if a.kind != "trak" {
			return nil
		}
		tkhd, err := decodeChild[*boxes.TkhdBox](a.body, "tkhd")
		if err != nil {
			return err
		}
		if known(tkhd.Duration) {
			longest = max(longest, tkhd.Duration)
		}
		for _, t := range m.Tracks {
			if t.ID == tkhd.TrackID {
				return verifyHeaders(m, t, tkhd, a.body)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	mvhd, err := decodeChild[*boxes.MvhdBox](body, "mvhd")
	if err != nil {
		return err
	}
	if declared := mvhd.Duration; known(declared) && longest > 0 && !near(declared, m.Timescale, seconds64(int64(min(longest, maxTicks)), m.Timescale)) {
		return malformed("mvhd: duration %d ticks, the longest track has %d", declared, longest)
	}
	return nil
}

// verifyHeaders holds the durations in tkhd and mdhd against the tables of their track.
func verifyHeaders(m *media.Movie, t *media.Track, tkhd *boxes.TkhdBox, trak []byte) error {
	mdia, _ := child(trak, "mdia")
	mdhd, err := decodeChild[*boxes.MdhdBox](mdia.body, "mdhd")
	if err != nil {
		return err
	}
	first, some := t.FirstComposition()
	if !some {
		return nil // of an empty track writers say anything
	}
	// The standard counts decode durations; ffmpeg from the first picture shown to the end of the
	// last, which is more where pictures come at uneven times and are reordered.
	decoded, shown := seconds64(t.End, t.Timescale), seconds64(compositionEnd(t)-first, t.Timescale)
	if d := mdhd.Duration; known(d) && !near(d, t.Timescale, decoded, shown) {
		return fmt.Errorf("track %d: %w", t.ID, malformed("mdhd: duration %d ticks, the samples last %d", d, t.End))
	}
	_, plays, err := resolve(t, m.Timescale)
	if err != nil {
		return fmt.Errorf("track %d: %w", t.ID, err)
	}
	// Writers may leave edits out here, or what is empty among them, and count as in mdhd.
	if d := tkhd.Duration; known(d) && !near(d, m.Timescale, seconds64(plays, m.Timescale), decoded, shown) {
		return fmt.Errorf("track %d: %w", t.ID, malformed("tkhd: duration %d ticks of 1/%d s, the edits show %d", d, m.Timescale, plays))
	}
	return nil
}

func known(duration uint64) bool {
	return duration != 0 && duration != math.MaxUint32 && duration != math.MaxUint64
}

// near says whether a declared duration is, but for slack, one of those that were counted, in
// seconds.
func near(declared uint64, timescale uint32, counted ...float64) bool {
	d := float64(declared) / float64(timescale)
	return slices.ContainsFunc(counted, func(c float64) bool { return math.Abs(d-c) <= slack.Seconds() })
}
