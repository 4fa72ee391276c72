package mp4

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// slack is how far lengths that a file tells twice may differ: writers count the last sample, its
// composition offset and delays each in their own way. A cut table is off by far more in any clip
// of more than a few pictures.
const slack = time.Second

// Verify looks for what Read lets pass in a movie that it read: samples that share bytes with each
// other or lie outside of mdat, pictures before the first sync sample, edits of media that is not
// there, and durations in mvhd, tkhd and mdhd that the tables do not bear out. It reads the boxes
// again, from the movie's source, but no media bytes, and returns the first problem it finds, which
// is ErrMalformed, or an error of the source.
func Verify(m *media.Movie) error {
	source := m.Sources[0]
	for _, t := range m.Tracks {
		if err := verifyTrack(t, m.Timescale); err != nil {
			return fmt.Errorf("track %d: %w", t.ID, err)
		}
	}
	if err := verifyPlaces(m, source, source.Size); err != nil {
		return err
	}
	return verifyDurations(m, source, source.Size)
}

// verifyTrack checks what a track tells of itself.
func verifyTrack(t *media.Track, timescale uint32) error {
	if len(t.Samples) > 0 && !t.Samples[0].Sync {
		return malformed("sample 1: decoding starts with it, and it is no sync sample")
	}
	end := seconds64(compositionEnd(t), t.Timescale)
	for i, e := range t.Edits {
		if e.Media < 0 {
			continue
		}
		if from, lasts := seconds64(e.Media, t.Timescale), seconds64(e.Duration, timescale); from+lasts > end+slack.Seconds() {
			return malformed("edit %d: shows %.3f s from %.3f s on, the media ends at %.3f s", i+1, lasts, from, end)
		}
	}
	return nil
}

func seconds64(ticks int64, timescale uint32) float64 { return float64(ticks) / float64(timescale) }

// extent is some bytes of a file that samples of a track, one after the other, take.
type extent struct {
	start, end   int64
	track        uint32
	first, count int // samples, from 1
}

func (e extent) String() string {
	return fmt.Sprintf("track %d: samples %d to %d at byte %d", e.track, e.first, e.first+e.count-1, e.start)
}

// verifyPlaces checks that the samples of all tracks lie apart from each other, inside mdat boxes.
func verifyPlaces(m *media.Movie, r io.ReaderAt, size int64) error {
	room, err := mdats(r, size)
	if err != nil {
		return err
	}
	all := extents(m)
	for i, e := range all {
		if i > 0 && e.start < all[i-1].end {
			return malformed("%v: bytes up to %d are those of %v", e, all[i-1].end, all[i-1])
		}
		for len(room) > 0 && room[0].end <= e.start {
			room = room[1:]
		}
		if len(room) == 0 || e.start < room[0].start+room[0].header || e.end > room[0].end {
			return malformed("%v: %d bytes that do not lie in one mdat box", e, e.end-e.start)
		}
	}
	return nil
}

// mdats lists the mdat boxes of a file, in order.
func mdats(r io.ReaderAt, size int64) ([]span, error) {
	var out []span
	for at := int64(0); at < size; {
		b, err := boxAt(r, at, size)
		if err != nil {
			return nil, err
		}
		if b.kind == "mdat" {
			out = append(out, b)
		}
		at = b.end
	}
	return out, nil
}

// extents lists where the samples of all tracks lie, from the front of the file to its end.
func extents(m *media.Movie) []extent {
	var out []extent
	for _, t := range m.Tracks {
		eachCut(t, func(c chunk) {
			if c.size > 0 {
				out = append(out, extent{c.offset, c.offset + c.size, t.ID, c.first + 1, int(c.count)})
			}
		})
	}
	slices.SortFunc(out, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	return out
}
