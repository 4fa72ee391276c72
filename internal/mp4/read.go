package mp4

import (
	"errors"
	"fmt"
	"io"
	"time"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Read reads the tables of a progressive MP4 of size bytes. The movie has one Source, r itself, and
// its tracks of video, audio and timed text (tx3g) in file order; tracks of other kinds are left out. Media bytes are
// not read, but every sample is known to lie inside the file.
//
// The error is, or wraps, one of the package's, or came from r.
func Read(r io.ReaderAt, size int64) (*media.Movie, error) {
	body, err := moovBody(r, size)
	if err != nil {
		return nil, err
	}
	m, err := readMoov(body, size)
	if err != nil {
		return nil, fmt.Errorf("moov: %w", err)
	}
	m.Sources = []media.Source{{ReaderAt: r, Size: size}}
	return m, nil
}

// moovBody finds moov in a file of size bytes and returns what is in it.
func moovBody(r io.ReaderAt, size int64) ([]byte, error) {
	moov, err := findMoov(r, size)
	if err != nil {
		return nil, err
	}
	length := moov.end - moov.start - moov.header
	if length > maxMoov {
		return nil, unsupported("moov of %d bytes: at most %d are read", length, maxMoov)
	}
	body := make([]byte, length)
	if n, err := r.ReadAt(body, moov.start+moov.header); n < len(body) {
		if errors.Is(err, io.EOF) {
			err = ErrTruncated
		}
		return nil, fmt.Errorf("moov: want %d bytes, got %d: %w", len(body), n, err)
	}
	return body, nil
}

// readMoov reads the children of moov, of a file of size bytes.
func readMoov(body []byte, size int64) (*media.Movie, error) {
	if _, ok := child(body, "mvex"); ok {
		return nil, fmt.Errorf("box mvex: %w", ErrFragmented)
	}
	mvhd, err := decodeChild[*boxes.MvhdBox](body, "mvhd")
	if err != nil {
		return nil, err
	}
	if mvhd.Timescale == 0 {
		return nil, malformed("mvhd: timescale 0")
	}
	m := &media.Movie{Timescale: mvhd.Timescale, Created: created(mvhd.CreationTime)}
	p := trackReader{size: size, left: maxSamples, seen: map[uint32]bool{}}
	n := 0
	err = eachAtom(body, func(a atom) error {
		if a.kind != "trak" {
			return nil
		}
		if n++; n > maxTracks {
			return unsupported("more than %d tracks", maxTracks)
		}
		t, err := p.track(a.body)
		if err != nil {
			return fmt.Errorf("track %d: %w", p.id, err)
		}
		if t != nil {
			m.Tracks = append(m.Tracks, t)
		}
		return nil
	})
	if err == nil && len(m.Tracks) == 0 {
		err = unsupported("%d tracks, none of video or audio or timed text", n)
	}
	m.Chapters = readChapters(body)
	return m, err
}

// epoch is how many seconds 1904-01-01, where times in ISO files start, lies before 1970-01-01.
const epoch = boxes.EpochDiffS

// created turns a creation time into UTC; zero for 0, which writers use for "not known", and for
// what lies past the year 9999, which JSON cannot say.
func created(seconds uint64) time.Time {
	const year9999 = 253402300799
	if seconds == 0 || seconds > year9999+uint64(epoch) {
		return time.Time{}
	}
	return time.Unix(int64(seconds)-epoch, 0).UTC()
}
