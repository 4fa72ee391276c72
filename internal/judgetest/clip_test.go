package judgetest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// start is when the camera of these tests begins: 120 ms behind a whole second.
var start = time.Date(2026, 5, 4, 12, 0, 0, 120e6, time.UTC)

const (
	fps       = 25
	videoRate = 90000 // ticks per second
)

// clip makes a file out of a film, with mistakes if asked for.
type clip struct {
	spec  film.Spec
	bytes bytes.Buffer
	movie media.Movie
}

// newClip films some seconds in groups of a second. The picture of index i is shown at i/25 s.
func newClip(t testing.TB, spec film.Spec, seconds int) *clip {
	t.Helper()
	c := &clip{spec: spec}
	video := &media.Track{ID: 1, Kind: media.Video, Timescale: videoRate, Language: "und", Configs: []media.Config{spec.Video()}}
	for s := range seconds {
		c.film(video, uint32(s*fps), 0)
	}
	c.movie = media.Movie{Timescale: 1000, Created: start, Tracks: []*media.Track{video}}
	video.Edits = []media.Edit{{Media: c.shift()}}
	if _, ok := spec.Audio(); ok {
		c.movie.Tracks = append(c.movie.Tracks, c.record(seconds))
	}
	return c
}

// shift is how much later than decoded a picture is shown, in ticks: B-pictures need one picture.
func (c *clip) shift() int64 { return int64(min(c.spec.BFrames, 1)) * videoRate / fps }

// film adds the group that begins with picture first, decoded at that picture's time.
func (c *clip) film(track *media.Track, first uint32, config uint16) {
	const tick = videoRate / fps
	var pictures []film.Picture
	for i := range uint32(fps) {
		pictures = append(pictures, film.Picture{Index: first + i, Time: start.Add(time.Duration(first+i) * time.Second / fps)})
	}
	for i, coded := range c.spec.Group(pictures, 0) {
		track.Samples = append(track.Samples, media.Sample{
			Offset: int64(c.bytes.Len()), Size: uint32(coded.Size()), Sync: coded.Sync, Config: config,
			Time: (int64(first) + int64(i)) * tick, Shift: int32(int64(coded.Display-i)*tick + c.shift()),
		})
		c.bytes.Write(coded.AppendTo(nil))
	}
	track.End = (int64(first) + fps) * tick
}

// record returns the sound, cut so that it begins with the pictures to a tick.
func (c *clip) record(seconds int) *media.Track {
	config, _ := c.spec.Audio()
	rate, size := int64(config.SampleRate), int64(c.spec.BlockSize())
	track := &media.Track{ID: 2, Kind: media.Audio, Timescale: uint32(rate), Language: "und", Configs: []media.Config{config}}
	from := start.UnixMilli() * rate / 1000
	first := from / size
	for n := range int64(seconds) * rate / size {
		b := c.spec.Block(first + n)
		track.Samples = append(track.Samples, media.Sample{Offset: int64(c.bytes.Len()), Size: uint32(len(b)), Time: n * size, Sync: true})
		c.bytes.Write(b)
		track.End = (n + 1) * size
	}
	track.Edits = []media.Edit{{Media: from - first*size}}
	return track
}

// drop takes samples out of a track; what is behind keeps its times.
func drop(t *media.Track, from, to int) { t.Samples = append(t.Samples[:from], t.Samples[to:]...) }

// write writes the clip to a file of the test.
func (c *clip) write(t testing.TB) string {
	t.Helper()
	for _, track := range c.movie.Tracks { // edits that last to the end
		last := &track.Edits[len(track.Edits)-1]
		end := track.End
		if track.Kind == media.Video {
			end += c.shift()
		}
		last.Duration = media.Rescale(end-last.Media, track.Timescale, c.movie.Timescale)
	}
	c.movie.Sources = []media.Source{{ReaderAt: bytes.NewReader(c.bytes.Bytes()), Size: int64(c.bytes.Len())}}
	laid, err := mp4.Lay(&c.movie, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := laid.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
