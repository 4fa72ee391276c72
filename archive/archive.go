// Package archive holds the nouns of a recording: the stream a camera records into, the
// fragments the service keeps of it, and the range of time somebody asks for.
// It never reads, writes or calls anything.
package archive

import (
	"cmp"
	"fmt"
	"time"
)

// MaxFragmentLength is the longest fragment the service takes (Amazon Kinesis Video Streams
// quotas, PutMedia). A fragment that holds an instant therefore starts at most this long before it.
const MaxFragmentLength = 20 * time.Second

// Clock says whose timestamps a range or a plan speaks of.
type Clock int

const (
	// Server is when the service began to receive a fragment. It is the zero value because it
	// is the service's own and the AWS sample's default.
	Server Clock = iota
	// Producer is when the camera says it filmed the fragment's first sample.
	Producer
)

// String returns "server" or "producer", the words of the command line and of the JSON.
func (c Clock) String() string {
	if c == Producer {
		return "producer"
	}
	return "server"
}

// Stream is one stream of the service, as DescribeStream and ListStreams tell it.
type Stream struct {
	Name      string
	ARN       string        // names region and account; its last field is the creation time
	Status    string        // CREATING, ACTIVE, UPDATING or DELETING
	Created   time.Time     // UTC
	Retention time.Duration // how long footage is kept; 0 means it is not kept at all
}

// Fragment is the least that can be fetched: a few seconds of media that start with a sync
// sample of the video track (API_reader_Fragment).
type Fragment struct {
	Number   string    // decimal, larger than 64 bits; rises in the order of arrival
	Server   time.Time // UTC, milliseconds; when the service began to receive it
	Producer time.Time // UTC, milliseconds; when its first sample was filmed, if the camera's clock is right
	// Length is the time from the first sample to the last. It leaves out how long the last
	// sample lasts, so neighbours start a little later than Length apart.
	Length time.Duration
	Size   int64 // bytes, headers included: slightly more than its samples
}

// Start returns the fragment's timestamp on clock c.
func (f Fragment) Start(c Clock) time.Time {
	if c == Producer {
		return f.Producer
	}
	return f.Server
}

// CompareNumbers orders fragments by number, which is the order of arrival. Numbers have no
// leading zeros, so the longer one is the larger.
func CompareNumbers(a, b Fragment) int {
	return cmp.Or(cmp.Compare(len(a.Number), len(b.Number)), cmp.Compare(a.Number, b.Number))
}

// Range is the half-open span [From, To) on one clock.
type Range struct {
	Clock    Clock
	From, To time.Time // UTC
}

// String gives both ends in RFC 3339 with milliseconds, and the clock.
func (r Range) String() string {
	const ms = "2006-01-02T15:04:05.000Z07:00"
	return fmt.Sprintf("[%s, %s) %s time", r.From.Format(ms), r.To.Format(ms), r.Clock)
}
