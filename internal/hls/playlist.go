package hls

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/url"
	"time"
)

// Playlist is a media playlist (RFC 8216, 4.3) of a finished movie.
type Playlist struct {
	uri      string
	segments []segment
	hidden   time.Duration // at the front, before what the edit lists show
}

// place is a run of bytes of the media file.
type place struct{ offset, size int64 }

func (p place) String() string { return fmt.Sprintf("%d@%d", p.size, p.offset) }

// segment is one line of the playlist.
type segment struct {
	place
	boxes       place // ftyp and moov it needs
	duration    time.Duration
	wall        time.Time // when it begins; zero: not known
	independent bool
	breaks      bool // it does not go on from the one before
}

// version has EXT-X-MAP and durations that are not whole seconds, and needs nothing later.
const version = 7

// leastHidden is what players are told to skip; less is the priming of sound.
const leastHidden = 100 * time.Millisecond

// WriteTo writes the playlist as text.
func (p *Playlist) WriteTo(w io.Writer) (int64, error) {
	b := &bytes.Buffer{}
	uri := (&url.URL{Path: p.uri}).String() // no quotes, spaces, # or ? are left, nor a scheme
	fmt.Fprintf(b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n", version, p.target())
	if p.independent() {
		fmt.Fprintln(b, "#EXT-X-INDEPENDENT-SEGMENTS")
	}
	if p.hidden >= leastHidden {
		fmt.Fprintf(b, "#EXT-X-START:TIME-OFFSET=%.6f,PRECISE=YES\n", p.hidden.Seconds())
	}
	var boxes place
	for _, s := range p.segments {
		if s.breaks {
			fmt.Fprintln(b, "#EXT-X-DISCONTINUITY")
		}
		if s.boxes != boxes {
			fmt.Fprintf(b, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%s\"\n", uri, s.boxes)
			boxes = s.boxes
		}
		if !s.wall.IsZero() {
			fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.wall.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		fmt.Fprintf(b, "#EXTINF:%.6f,\n#EXT-X-BYTERANGE:%s\n%s\n", s.duration.Seconds(), s.place, uri)
	}
	fmt.Fprintln(b, "#EXT-X-ENDLIST")
	return b.WriteTo(w)
}

// target is the longest segment in whole seconds, to the nearest (4.3.3.1); at least 1.
func (p *Playlist) target() int {
	longest := time.Second
	for _, s := range p.segments {
		longest = max(longest, s.duration)
	}
	return int(math.Round(longest.Seconds()))
}

// independent says whether decoding can start at every segment.
func (p *Playlist) independent() bool {
	for _, s := range p.segments {
		if !s.independent {
			return false
		}
	}
	return true
}
