package splice_test

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const (
	ms = time.Millisecond
	s  = time.Second
)

// configs by name.
var (
	avc  = media.Config{Format: "avc1", Private: []byte{1, 100}, Width: 640, Height: 360}
	avc2 = media.Config{Format: "avc1", Private: []byte{1, 77}, Width: 640, Height: 360}
	hevc = media.Config{Format: "hvc1", Private: []byte{1}, Width: 640, Height: 360}
	aac  = media.Config{Format: "mp4a", Private: []byte{0x11, 0x90}, Channels: 2, SampleRate: 48000}
	alaw = media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}
)

// track makes one of samples at the given decode times; the last ends at end.
func track(kind media.Kind, scale uint32, c media.Config, end int64, times ...int64) *media.Track {
	t := &media.Track{ID: 1, Kind: kind, Timescale: scale, Language: "und", Configs: []media.Config{c}, End: end}
	for i, at := range times {
		sync := kind == media.Audio || i%12 == 0
		t.Samples = append(t.Samples, media.Sample{Offset: int64(1000 + 10*i), Time: at, Size: uint32(1 + i), Sync: sync})
	}
	return t
}

// regular makes n samples, sample i of them at the nearest tick to i*num/den seconds.
func regular(kind media.Kind, scale uint32, c media.Config, n int, num, den int64) *media.Track {
	at := func(i int) int64 {
		return int64(math.Round(float64(i) * float64(num) * float64(scale) / float64(den)))
	}
	var times []int64
	for i := range n {
		times = append(times, at(i))
	}
	return track(kind, scale, c, at(n), times...)
}

// video makes n pictures, 25 a second, in milliseconds.
func video(n int) *media.Track { return regular(media.Video, 1000, avc, n, 1, 25) }

// sound makes n AAC access units in 48 kHz ticks.
func sound(n int) *media.Track { return regular(media.Audio, 48000, aac, n, 1024, 48000) }

// with gives a track another configuration.
func with(t *media.Track, c media.Config) *media.Track {
	t.Configs = []media.Config{c}
	return t
}

// edited gives a track an edit list.
func edited(t *media.Track, es ...media.Edit) *media.Track {
	t.Edits = es
	return t
}

// reordered shows the pictures of video(n) in groups I B B P: decode order 0 3 1 2, by
// composition offsets plus extra. With extra one picture no offset is below 0.
func reordered(n int, extra int32) *media.Track {
	t := video(n)
	for i := range t.Samples {
		shown := i
		switch i % 4 {
		case 1:
			shown = i + 2
		case 2, 3:
			shown = i - 1
		}
		if i/4 == n/4 { // a rest of a group keeps its order
			shown = i
		}
		t.Samples[i].Shift = int32(shown-i)*40 + extra
	}
	return t
}

// movie has a timescale of 1000 for its edit lists.
func movie(tracks ...*media.Track) *media.Movie {
	for i, t := range tracks {
		t.ID = uint32(i + 1)
	}
	return &media.Movie{Timescale: 1000, Tracks: tracks, Sources: []media.Source{{ReaderAt: strings.NewReader(""), Size: 1 << 40}}}
}

// piece is one whose first fragment was filmed at after noon and arrived half a second later.
func piece(at time.Duration, tracks ...*media.Track) splice.Piece {
	f := archive.Fragment{Number: strconv.Itoa(int(at / ms)), Producer: noon.Add(at), Server: noon.Add(at + 500*ms)}
	return splice.Piece{Movie: movie(tracks...), Fragments: []archive.Fragment{f}, Name: "piece at " + at.String()}
}

// file is a clip of which nothing is known.
func file(tracks ...*media.Track) splice.Piece {
	return splice.Piece{Movie: movie(tracks...), Name: "file"}
}
