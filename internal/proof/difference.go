package proof

import (
	"fmt"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Place is the kind of place in which a file differs.
type Place string

// The places, by the words of the JSON.
const (
	PlaceMedia  Place = "media"  // the bytes of samples
	PlaceTables Place = "tables" // what tells where samples are, when they play and how they are decoded
	PlaceBoxes  Place = "boxes"  // bytes that neither are samples nor change what the tables say
)

// Difference is the first place in which a file is not what was hashed. Fields that do not apply are
// zero.
type Difference struct {
	Place    Place
	Text     string // what differs there: "decode times", "bytes of samples"
	Box      string // path of the box, such as "moov/trak[2]/mdia/mdhd"
	Track    uint32 // track_ID
	Kind     media.Kind
	Piece    int // as in Run
	First    int // sample number, from 1
	Count    int // samples from First on
	Fragment string
	At       time.Time     // when the first sample was taken, producer clock
	Into     time.Duration // decode time of the first sample in the file's media

	From, To int64  // the bytes of the file among which it lies, To not included
	Want     string // hash, or count
	Got      string
	Others   int // more runs that differ
}

// Error tells what differs and where.
func (d *Difference) Error() string {
	s := d.Text
	if d.Track != 0 {
		s = fmt.Sprintf("track %d: %s", d.Track, s)
	}
	if d.Count != 0 {
		s += fmt.Sprintf(": samples %d to %d", d.First, d.First+d.Count-1)
	}
	if d.Fragment != "" {
		s += ", fragment " + d.Fragment
	}
	if !d.At.IsZero() {
		s += ", taken at " + d.At.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if d.Box != "" {
		s += fmt.Sprintf(": box %s", d.Box)
	}
	if d.To > 0 {
		s += fmt.Sprintf(", in bytes %d to %d of the file", d.From, d.To-1)
	}
	return s + fmt.Sprintf(": want %s, got %s", d.Want, d.Got)
}
