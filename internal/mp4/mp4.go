// Package mp4 reads the tables of ISO media files into media.Movie and lays movies out as such
// files again (ISO/IEC 14496-12, 14496-14, 14496-15). It opens no file, knows no network, decodes
// no picture, and never changes a media byte.
package mp4

import (
	"errors"
	"fmt"
)

// Why a file cannot be read, or a movie not be written. Wrapped with what and where.
var (
	// ErrNotMP4 means the bytes do not begin like an ISO media file.
	ErrNotMP4 = errors.New("not an MP4 file")
	// ErrTruncated means the file ends before its boxes or its samples do.
	ErrTruncated = errors.New("file ends before its contents do")
	// ErrFragmented means the samples are told by movie fragments, not by moov.
	ErrFragmented = errors.New("made of movie fragments")
	// ErrMalformed means a box contradicts the standard or another box.
	ErrMalformed = errors.New("malformed")
	// ErrUnsupported means well-formed, but beyond what this package does or a named limit.
	ErrUnsupported = errors.New("not supported")
	// ErrNoEntry means that ISO files have no sample entry for a codec.
	ErrNoEntry = errors.New("cannot be stored in MP4")
	// ErrLateConfig means a codec configuration that came after the boxes that announce it.
	ErrLateConfig = errors.New("codec configuration came too late")
	// ErrLateTrack means a track that came after the boxes that announce it.
	ErrLateTrack = errors.New("track came too late")
)

// Limits met before anything is allocated. A day of 60 pictures and 47 blocks of AAC a second
// has 9.2 million samples and a moov of some 100 MiB.
const (
	maxBoxes   = 1 << 16   // boxes side by side at the top of a file
	maxMoov    = 512 << 20 // bytes of moov
	maxSamples = 1 << 26   // samples of all tracks of a file: 2 GiB of media.Sample
	maxTracks  = 256
	maxConfigs = 1<<16 - 1 // sample entries of a track: media.Sample.Config is 16 bits
	maxEdits   = 1 << 20   // entries of one edit list
	// maxTicks bounds every position and length, so that sums of two never overflow.
	maxTicks = 1 << 61
)

// The kinds of track handler that are kept beside those of text (ISO/IEC 14496-12, 12.1.1 and 12.2.1).
const (
	handlerVideo = "vide"
	handlerAudio = "soun"
)

const formatOpus = "Opus"

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnsupported, fmt.Errorf(format, args...))
}

// mustBeFour returns an error that names what unless s can be a box type or brand.
func mustBeFour(what, s string) error {
	if len(s) != 4 {
		return unsupported("%s %q: want four characters", what, s)
	}
	return nil
}
