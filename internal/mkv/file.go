package mkv

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// ErrSeveral means that a track has several codec configurations. A track of Matroska holds one.
var ErrSeveral = errors.New("several codec configurations in one track, which Matroska cannot hold: split the clip into files where they change")

// FileOptions tune a file. The zero value changes no sample.
type FileOptions struct {
	// InBand puts parameter sets into samples of H.264 and H.265 tracks with several
	// configurations, where they change and where decoding can start. Those samples' bytes are no
	// longer the camera's. Without it, and for other codecs, such tracks are refused.
	InBand bool
	Tags   []Tag // about the whole file
}

// Times in a file are milliseconds.
const (
	fileScale  = int64(time.Millisecond)
	nanosecond = uint32(time.Second) // the timescale in which a second has 1e9 ticks
)

// File is a movie laid out as a Matroska file that players can play and seek in (RFC 9559): its
// tables in memory, its media bytes still in the movie's sources. It does not change and may be
// written more than once, also at the same time.
type File struct {
	movie    *media.Movie
	options  FileOptions
	tracks   []*laidTrack
	clusters []laidCluster
	cues     []cue
	origin   int64 // presentation time of the movie at which the file begins, ns, at most 0
	ends     int64 // when the last sample ends, ns after origin

	head []byte // all before the first cluster
	tail []byte // all behind the last one
	body int64  // bytes of the clusters
}

// Lay lays m out as a file. Samples keep their composition times, moved by the edit list. What an
// edit list hides at the front is shown, for Matroska has none; but hidden sound that begins before
// the first picture is left out, as far as decoders do not need it. What is hidden behind the end is
// shown, too. A track may have empty edits and one other.
//
// It reads no media bytes but the lengths of timed text. The movie must not change as long as the
// file is in use. Errors wrap ErrSeveral, ErrUnsupported, ErrMalformed or came from a source.
func Lay(m *media.Movie, o FileOptions) (*File, error) {
	if m.Timescale == 0 || len(m.Tracks) > maxTracks {
		return nil, fmt.Errorf("a movie of timescale %d with %d tracks, at most %d are known: %w", m.Timescale, len(m.Tracks), maxTracks, ErrUnsupported)
	}
	f := &File{movie: m, options: o}
	for i, t := range m.Tracks {
		l, err := f.track(t, uint64(i+1))
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.ID, err)
		}
		f.tracks = append(f.tracks, l)
	}
	f.dropHidden()
	f.measure()
	f.cluster()
	f.frame()
	return f, nil
}

// Size returns the length of the whole file in bytes, known before a byte is written.
func (f *File) Size() int64 { return int64(len(f.head)) + f.body + int64(len(f.tail)) }

// Lead returns how long the file plays before what the movie's edit lists show first. It is never
// negative: times of the movie are moved back by so much.
func (f *File) Lead() time.Duration { return time.Duration(-f.origin) }

// dropHidden leaves out sound that is hidden and begins before the first picture.
func (f *File) dropHidden() {
	first := int64(math.MaxInt64)
	for _, t := range f.tracks {
		if t.Kind == media.Video {
			first = min(first, t.begin())
		}
	}
	for _, t := range f.tracks {
		if t.Kind == media.Audio {
			t.dropHidden(first)
		}
	}
}

// measure finds where the file begins and ends.
func (f *File) measure() {
	for _, t := range f.tracks {
		f.origin = min(f.origin, t.begin())
	}
	for _, t := range f.tracks {
		for i := t.first; i < len(t.Samples); i++ {
			f.ends = max(f.ends, t.at(i)+t.lasts(i)-f.origin)
		}
	}
}

// ticks is when sample i of t is presented, in ticks of the file, which are never negative.
func (f *File) ticks(t *laidTrack, i int) int64 {
	return (t.at(i) - f.origin + fileScale/2) / fileScale
}
