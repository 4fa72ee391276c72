// Package mkv reads and writes Matroska (RFC 9559) as Kinesis Video Streams sends and takes it: one
// document a fragment, sizes that are not known, tags before the cluster, errors as tags. It never
// sees the network, files or the service.
package mkv

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// What can be wrong with Matroska. Errors wrap one of these, or came from the reader.
var (
	ErrMalformed   = errors.New("not a sound Matroska document")
	ErrTruncated   = fmt.Errorf("the Matroska document ends early: %w", io.ErrUnexpectedEOF)
	ErrUnsupported = errors.New("not a form of Matroska that is supported")
)

// Fragment is one cluster, and what its document says of it. Offsets are bytes of the stream.
type Fragment struct {
	From, To               int64   // of the whole document where it has one cluster: EBML header to the tags behind the cluster
	ClusterFrom, ClusterTo int64   // of the cluster element alone
	Header                 *Header // fragments with equal header bytes share one
	Timecode               int64   // of the cluster, in ticks of Header.Scale
	Blocks                 []Block // in stream order
	Tags                   []Tag   // the producer's own, before the cluster and behind it, in order

	// What the service tells in tags of its own; zero where it does not.
	Number           string // fragment number
	Server, Producer time.Time
	Behind           time.Duration // of GetMedia: how far behind now the fragment is
	Continuation     string        // of GetMedia
	Err              *InBand       // an error instead of a fragment: there are no blocks then
}

// Header is what a document says before its first cluster. It is shared and read-only.
type Header struct {
	Raw     []byte // all bytes from the EBML header to the first cluster, but for the service's tags
	Scale   int64  // nanoseconds a tick (TimestampScale), above 0
	Tracks  []Track
	DocType string
}

// Track is a TrackEntry.
type Track struct {
	Number          uint64
	Type            uint64 // 1 video, 2 audio, 17 subtitle
	Name, CodecID   string // without the NULs that producers pad with
	Language        string
	Private         []byte // CodecPrivate as it is
	Width, Height   int    // pixels
	Channels        int
	SampleRate      float64 // Hz
	BitDepth        int
	DefaultDuration int64 // nanoseconds of a frame; 0 if not told
}

// Types of a track.
const (
	TypeVideo    = 1
	TypeAudio    = 2
	TypeSubtitle = 17
)

// Block is one frame.
type Block struct {
	Track  uint64
	Time   int64 // ticks after the cluster's timecode; may be negative
	Offset int64 // of its payload
	Size   int64 // bytes of its payload
	Key    bool
}

// Tag is a SimpleTag with a string.
type Tag struct{ Name, Value string }

// InBand is an error that the service tells inside an answer.
type InBand struct {
	Code    string // such as FRAGMENT_NOT_FOUND; "" if only an ID came
	ID      int    // such as 4000; 0 if none came
	Message string
	Number  string // of the fragment it is about, "" if none is named
}

func (e *InBand) Error() string {
	return fmt.Sprintf("the service says inside its answer: %s %d %s", e.Code, e.ID, e.Message)
}
