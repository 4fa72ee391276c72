package hls_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/hls"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
)

const fps, tick = 25, 3600 // pictures a second, ticks of 1/90000 s a picture

// start is when the camera of these tests begins.
var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// shot is a film with a codec configuration for each variant, and sound.
func shot(t testing.TB, seconds int, variants ...int) *media.Movie {
	t.Helper()
	var specs []film.Spec
	for _, v := range variants {
		specs = append(specs, film.Spec{BFrames: 2, Variant: v})
	}
	return filmed(t, seconds, specs...)
}

// filmed is a film of some seconds after each spec, and sound all along.
func filmed(t testing.TB, seconds int, specs ...film.Spec) *media.Movie {
	t.Helper()
	var b bytes.Buffer
	video := &media.Track{ID: 1, Kind: media.Video, Timescale: 90000, Edits: []media.Edit{{Media: tick}}}
	n := uint32(0)
	for v, spec := range specs {
		video.Configs = append(video.Configs, spec.Video())
		for range seconds {
			var ps []film.Picture
			for i := range uint32(fps) {
				ps = append(ps, film.Picture{Index: n + i, Time: start.Add(time.Duration(n+i) * time.Second / fps)})
			}
			for i, c := range spec.Group(ps, 0) {
				video.Samples = append(video.Samples, media.Sample{
					Offset: int64(b.Len()), Size: uint32(c.Size()), Sync: c.Sync, Config: uint16(v),
					Time: (int64(n) + int64(i)) * tick, Shift: int32((c.Display - i + 1) * tick),
				})
				b.Write(c.AppendTo(nil))
			}
			n += fps
		}
	}
	video.End = int64(n) * tick
	spec := film.Spec{Sound: film.AAC}
	config, _ := spec.Audio()
	first := start.Unix() * 48000 / 1024 // 12:00:00 is where a block begins, or a little after
	audio := &media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Configs: []media.Config{config}}
	for i := range int64(seconds*len(specs)) * 48000 / 1024 {
		block := spec.Block(first + i)
		audio.Samples = append(audio.Samples, media.Sample{Offset: int64(b.Len()), Size: uint32(len(block)), Time: i * 1024, Sync: true})
		audio.End = (i + 1) * 1024
		b.Write(block)
	}
	return &media.Movie{
		Timescale: 1000, Tracks: []*media.Track{video, audio},
		Sources: []media.Source{{ReaderAt: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}},
	}
}

// written writes parts and their playlist to files, and returns the playlist's path and text.
func written(t testing.TB, parts []hls.Part, uri string) (path, text string) {
	t.Helper()
	var file, list bytes.Buffer
	l, err := hls.Write(&file, parts, hls.Options{URI: uri})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.WriteTo(&list); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	path = filepath.Join(folder, "clip.m3u8")
	for name, b := range map[string][]byte{filepath.Join(folder, uri): file.Bytes(), path: list.Bytes()} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, list.String()
}

// lines returns the lines of a playlist that begin with a prefix, without it.
func lines(text, prefix string) (all []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			all = append(all, rest)
		}
	}
	return all
}

// checkFrames wants pictures 0 to n-1, each in its place, to a millisecond.
func checkFrames(t *testing.T, path string, n int) {
	t.Helper()
	frames := judgetest.Frames(t, path)
	if len(frames) != n {
		t.Errorf("want %d pictures, got %d", n, len(frames))
	}
	for i, f := range frames {
		want := time.Duration(i) * time.Second / fps
		if late := f.PTS - frames[0].PTS - want; !f.OK || int(f.Index) != i || late.Abs() > time.Millisecond {
			t.Fatalf("picture %d: want it at %v, got %+v", i, want, f)
		}
	}
}

func TestPlaylist(t *testing.T) {
	t.Parallel()
	m := shot(t, 20, 0)
	path, text := written(t, hls.Split(m, []hls.Moment{{Wall: start}}), "a: clip #1, 100%.mp4")
	site := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(path))))
	t.Cleanup(site.Close)
	checkFrames(t, site.URL+"/clip.m3u8", 20*fps) // of a local name ffmpeg undoes no escapes
	if got := lines(text, "#EXTINF:"); !cmp.Equal(got, []string{"6.000000,", "6.000000,", "6.000000,", "2.000000,"}) {
		t.Errorf("durations: %v", got)
	}
	want := []string{"2026-05-04T12:00:00.000Z", "2026-05-04T12:00:06.000Z", "2026-05-04T12:00:12.000Z", "2026-05-04T12:00:18.000Z"}
	if d := cmp.Diff(want, lines(text, "#EXT-X-PROGRAM-DATE-TIME:")); d != "" {
		t.Errorf("wall clock (-want +got):\n%s", d)
	}
	for _, tag := range []string{
		"#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:6", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-ENDLIST",
		"#EXT-X-PLAYLIST-TYPE:VOD", "./a:%20clip%20%231,%20100%25.mp4",
	} {
		if len(lines(text, tag)) == 0 {
			t.Errorf("no line %s in\n%s", tag, text)
		}
	}
	if got := lines(text, "#EXT-X-MAP:"); len(got) != 1 {
		t.Errorf("maps: %v", got)
	}
}

// Another codec configuration, and a wall clock that jumps, begin something new.
func TestDiscontinuities(t *testing.T) {
	t.Parallel()
	m := shot(t, 4, 0, 7)
	later := start.Add(time.Hour)
	path, text := written(t, hls.Split(m, []hls.Moment{{Wall: start}, {At: 6 * time.Second, Wall: later}}), "clip.mp4")
	if got := lines(text, "#EXTINF:"); !cmp.Equal(got, []string{"4.000000,", "2.000000,", "2.000000,"}) {
		t.Errorf("durations: %v\n%s", got, text)
	}
	if n, maps := len(lines(text, "#EXT-X-DISCONTINUITY")), len(lines(text, "#EXT-X-MAP:")); n != 2 || maps != 3 {
		t.Errorf("want 2 discontinuities and 3 maps, got %d and %d", n, maps)
	}
	want := []string{"2026-05-04T12:00:00.000Z", "2026-05-04T12:00:04.000Z", "2026-05-04T13:00:00.000Z"}
	if d := cmp.Diff(want, lines(text, "#EXT-X-PROGRAM-DATE-TIME:")); d != "" {
		t.Errorf("wall clock (-want +got):\n%s", d)
	}
	checkFrames(t, path, 8*fps)
}

// What an edit list hides at the start is in the playlist, for players show it; they are told to
// start behind it, and the wall clock is right for both.
func TestHiddenStart(t *testing.T) {
	t.Parallel()
	m := shot(t, 4, 0)
	m.Tracks[0].Edits[0].Media += 10 * tick
	m.Tracks[1].Edits = []media.Edit{{Media: 19200}}
	path, text := written(t, hls.Split(m, []hls.Moment{{Wall: start.Add(400 * time.Millisecond)}}), "clip.mp4")
	for tag, want := range map[string]string{
		"#EXT-X-START:": "TIME-OFFSET=0.400000,PRECISE=YES", "#EXTINF:": "4.000000,",
		"#EXT-X-PROGRAM-DATE-TIME:": "2026-05-04T12:00:00.000Z",
	} {
		if got := lines(text, tag); !cmp.Equal(got, []string{want}) {
			t.Errorf("%s want %s, got %v", tag, want, got)
		}
	}
	checkFrames(t, path, 4*fps)
}

// Sound alone has segments too.
func TestSoundAlone(t *testing.T) {
	t.Parallel()
	m := shot(t, 20, 0)
	m.Tracks = m.Tracks[1:]
	path, text := written(t, hls.Split(m, []hls.Moment{{Wall: start}}), "clip.mp4")
	if got := lines(text, "#EXTINF:"); len(got) != 4 || !strings.HasPrefix(got[0], "6.0") {
		t.Errorf("durations: %v", got)
	}
	if got, want := len(judgetest.Packets(t, path, "a:0")), len(m.Tracks[0].Samples); got != want {
		t.Errorf("want %d blocks of sound, got %d", want, got)
	}
}

func TestNothing(t *testing.T) {
	m := shot(t, 1, 0)
	for _, tr := range m.Tracks {
		tr.Samples = nil
	}
	if _, err := hls.Write(io.Discard, hls.Split(m, nil), hls.Options{}); err == nil {
		t.Error("a movie without samples: want an error")
	}
}

func TestInBrowser(t *testing.T) {
	m := shot(t, 4, 0, 7)
	clock := []byte("\x00\x0512:00")
	m.Sources = append(m.Sources, media.Source{ReaderAt: bytes.NewReader(clock), Size: int64(len(clock))})
	m.Tracks = append(m.Tracks, &media.Track{
		ID: 3, Kind: media.Text, Timescale: 1000, End: 8000, Configs: []media.Config{{Format: "tx3g"}},
		Samples: []media.Sample{{Size: uint32(len(clock)), Source: 1}},
	})
	parts := hls.Split(m, nil)
	if a, b := parts[0].Movie.Tracks[2], parts[1].Movie.Tracks[2]; a.End != 4000 || len(b.Samples) != 1 || b.Samples[0].Time != 4000 || b.End != 8000 {
		t.Errorf("text over both parts: want it cut at 4 s, got end %d and %+v", a.End, b)
	}
	path, _ := written(t, parts, "clip.mp4")
	seeks := []time.Duration{20 * time.Millisecond, 3020 * time.Millisecond, 5020 * time.Millisecond}
	seen := judgetest.Watch(t, judgetest.Screening{Path: path, Seeks: seeks, Rate: 1})[0]
	if seen.Failure != "" || !seen.Ended || seen.Length.Round(100*time.Millisecond) != 8*time.Second {
		t.Errorf("browser: %q, ended %v, length %v", seen.Failure, seen.Ended, seen.Length)
	}
	for i, s := range seen.Seeks {
		if want := uint32(seeks[i] * fps / time.Second); !s.OK || s.Index != want {
			t.Errorf("at %v: want picture %d, got %+v", seeks[i], want, s)
		}
	}
	if n := len(seen.Played); n < 50 || seen.Beeps < 6 {
		t.Errorf("played: want most of 200 pictures and 8 beeps, got %d and %d", n, seen.Beeps)
	}
	for _, s := range seen.Played {
		if !s.OK {
			t.Errorf("played: a picture that cannot be read: %+v", s)
		}
	}
}

// Pictures of another size come with boxes of their own, beside sound that goes on.
func TestNewSizeInBrowser(t *testing.T) {
	sizes := []film.Spec{{Width: 320, Height: 192}, {Width: 640, Height: 360, Variant: 7}}
	path, _ := written(t, hls.Split(filmed(t, 4, sizes...), nil), "clip.mp4")
	checkFrames(t, path, 8*fps)
	seeks := []time.Duration{3020 * time.Millisecond, 5020 * time.Millisecond}
	seen := judgetest.Watch(t, judgetest.Screening{Path: path, Seeks: seeks}, judgetest.Screening{Path: path, Rate: 1})
	for i, s := range seen[0].Seeks {
		want := uint32(seeks[i] * fps / time.Second)
		if !s.OK || s.Index != want || s.Width != sizes[i].Width || s.Height != sizes[i].Height {
			t.Errorf("at %v: want picture %d of %dx%d, got %+v", seeks[i], want, sizes[i].Width, sizes[i].Height, s)
		}
	}
	played := seen[1]
	if n := len(seen[0].Seeks); seen[0].Failure != "" || n != len(seeks) || played.Failure != "" || !played.Ended || played.Beeps < 6 {
		t.Fatalf("%d seeks, %q; played: %q, ended %v, %d beeps of 8", n, seen[0].Failure, played.Failure, played.Ended, played.Beeps)
	}
	if last := played.Played[len(played.Played)-1]; !last.OK || last.Width != sizes[1].Width {
		t.Errorf("at the end: want a picture %d pixels wide, got %+v", sizes[1].Width, last)
	}
}
