// Package hls writes a joined movie as one file of movie fragments and a playlist over it by byte
// ranges (HTTP Live Streaming, RFC 8216 and its second edition). It opens no file, knows no
// network, and never changes a media byte.
package hls

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// Options tune a playlist.
type Options struct {
	URI string // of the media file, as a file name beside the playlist; it is escaped here
	// Length is how long a segment should be. It ends at the first sync sample from then on, or a
	// little before. 0 means 6 s, as Apple advises.
	Length time.Duration
}

// usualLength is the length of a segment, from Apple's HLS Authoring Specification.
const usualLength = 6 * time.Second

// Part is a movie, or a run of one, that plays without a break: one configuration a track. Between
// parts the playlist has a discontinuity, with boxes of its own for what follows.
type Part struct {
	Movie *media.Movie
	// Start is when the wall clock says that At is presented; zero means not known.
	Start time.Time
	At    time.Duration // on the presentation timeline of Movie
}

// errNothing means parts without a sample.
var errNothing = errors.New("hls: no picture and no sound to write")

// Write writes the media file to w, one part behind the other, and returns the playlist for it.
// Parts without samples are left out. Players show all that is in a segment: pictures that an edit
// list hides have their time in the playlist, which tells players to start behind them. Errors are those of mp4.Fragmenter, of w and of sources.
func Write(w io.Writer, parts []Part, o Options) (*Playlist, error) {
	if o.Length <= 0 {
		o.Length = usualLength
	}
	l := &Playlist{uri: o.URI}
	at, repeat := int64(0), differ(parts)
	for i, p := range parts {
		f := mp4.NewFragmenter(w)
		f.Repeat = repeat
		n, err := l.part(f, p, at, o.Length)
		if err != nil {
			return nil, fmt.Errorf("hls: part %d: %w", i+1, err)
		}
		at += n
	}
	if len(l.segments) == 0 {
		return nil, errNothing
	}
	return l, nil
}

// part writes one part at byte at of the file and lists its segments. It returns how many bytes
// were written.
func (l *Playlist) part(f *mp4.Fragmenter, p Part, at int64, length time.Duration) (int64, error) {
	if p.Movie.Length() == 0 {
		return 0, nil
	}
	if err := f.Init(p.Movie); err != nil {
		return f.Size(), err
	}
	boxes := place{offset: at, size: f.Size()}
	fragments, err := f.Write(p.Movie)
	if err != nil {
		return f.Size(), err
	}
	for i, s := range together(fragments, length) {
		if len(l.segments) == 0 {
			l.hidden = max(0, -s.Start)
		}
		made := segment{
			place: place{offset: at + s.Offset, size: s.Size}, boxes: boxes, duration: s.Duration,
			independent: s.Independent, breaks: i == 0 && len(l.segments) > 0,
		}
		if !p.Start.IsZero() {
			made.wall = p.Start.Add(s.Start - p.At)
		}
		l.segments = append(l.segments, made)
	}
	return f.Size(), nil
}

// differ says whether pictures change their configuration between parts. Their parameter sets are
// then put in band too: ffmpeg, and all that is made of it, reads the boxes of the first part alone.
func differ(parts []Part) bool {
	var first *media.Config
	for _, p := range parts {
		t := p.Movie.Find(media.Video)
		if t == nil || len(t.Configs) == 0 {
			continue
		}
		if first == nil {
			first = &t.Configs[0]
		}
		for _, c := range t.Configs {
			if !c.Same(*first) {
				return true
			}
		}
	}
	return false
}

// together joins movie fragments, of which a second of pictures makes one, to segments of about a
// length. Each begins where decoding can start.
func together(fragments []mp4.Segment, length time.Duration) []mp4.Segment {
	var all []mp4.Segment
	for _, f := range fragments {
		n := len(all)
		if n == 0 || f.Independent && all[n-1].Duration >= length-length/8 {
			all = append(all, f)
			continue
		}
		s := &all[n-1]
		s.Size, s.Duration = s.Size+f.Size, s.Duration+f.Duration
	}
	return all
}
