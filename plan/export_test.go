package plan

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Learned is what a listing tells of how long a picture lasts, and by how much footage may overlap.
func Learned(c archive.Clock, listed []archive.Fragment) (sample, tolerance time.Duration) {
	l := newListing(c, listed)
	return l.sample, l.tolerance
}
