package mp4_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	camera "github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// fragmented writes m as movie fragments and checks that they lie where it is told.
func fragmented(t testing.TB, m *media.Movie, inBand bool) ([]byte, []mp4.Segment) {
	t.Helper()
	var b bytes.Buffer
	f := mp4.NewFragmenter(&b)
	f.InBand = inBand
	if err := f.Init(m); err != nil {
		t.Fatalf("Init: %v", err)
	}
	at := f.Size()
	segments, err := f.Write(m)
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	for i, s := range segments {
		if s.Offset != at || s.Size < 16 || string(b.Bytes()[at+4:at+8]) != "moof" {
			t.Errorf("segment %d: want moof at %d, got %+v", i, at, s)
		}
		at += s.Size
	}
	if at != f.Size() || at != int64(b.Len()) {
		t.Errorf("Size: want %d, got %d, written %d", at, f.Size(), b.Len())
	}
	return b.Bytes(), segments
}

func keep(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same movie as one table and as movie fragments: the same packets at the same times, the same
// pictures and sound.
func TestFragmentsJudgedByFFmpeg(t *testing.T) {
	aac := []string{"-c:a", "aac", "-ac", "2"}
	for _, tc := range []struct {
		name   string
		args   []string
		change func(m *media.Movie)
		// partial: the edit list hides sound beside what is shown, which fragments cannot
		partial bool
	}{
		{"H.264 with B-frames and AAC", args(testPicture, testSound, x264, aac), nil, false},
		{"groups of 200 ms", args(testPicture, testSound, x264, aac, []string{"-g", "5"}), nil, false},
		{"one group of 3 s", args(testPicture, x264, []string{"-g", "500"}), nil, false},
		{"hvc1", args(testPicture, x265, []string{"-tag:v", "hvc1"}), nil, false},
		{"negative composition offsets", args(testPicture, x264, []string{"-movflags", "+negative_cts_offsets"}), nil, false},
		{"sound alone", args(testSound, aac), nil, false},
		{"Opus", args(testPicture, testSound, x264, []string{"-c:a", "libopus"}), nil, true},
		{"sound starts later", args(testPicture, testSound, x264, aac), func(m *media.Movie) {
			sound := m.Tracks[1]
			sound.Edits = []media.Edit{{Duration: 500, Media: -1}, {Media: 1024}}
		}, true},
		{"sound goes on longer", args([]string{"-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=1"}, testSound, x264, aac), nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, made(t, "a.mp4", tc.args...))
			for _, tr := range m.Tracks { // what movie fragments can say: open ends
				for i := range tr.Edits {
					tr.Edits[i].Duration = 0
				}
			}
			if tc.change != nil {
				tc.change(m)
			}
			whole := save(t, m, mp4.Options{})
			b, segments := fragmented(t, m, false)
			parts := keep(t, "parts.mp4", b)
			for i := range m.Tracks {
				s := string(rune('0' + i))
				if d := cmp.Diff(unmarked(t, whole, s), unmarked(t, parts, s)); d != "" {
					t.Errorf("packets of track %s (-whole +parts):\n%s", s, d)
				}
			}
			if d := cmp.Diff(shown(t, whole), shown(t, parts)); d != "" && !tc.partial {
				t.Errorf("decoded (-whole +parts):\n%s", d)
			}
			checkSegments(t, segments)
		})
	}
}

// unmarked lists the packets of a track but for what a whole file discards, which fragments do not.
func unmarked(t *testing.T, path, stream string) []judgetest.Packet {
	all := judgetest.Packets(t, path, stream)
	for i := range all {
		all[i].Discard = false
	}
	return all
}

// shown returns the hash and time of each decoded picture and block of sound that is not before 0.
func shown(t *testing.T, path string) []string {
	t.Helper()
	out := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", path, "-map", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var all []string
	for line := range strings.Lines(out) {
		f := strings.Split(line, ",")
		if line[0] != '#' && !strings.HasPrefix(strings.TrimSpace(f[2]), "-") {
			all = append(all, f[0]+f[2]+f[5])
		}
	}
	slices.Sort(all)
	return all
}

func checkSegments(t *testing.T, all []mp4.Segment) {
	t.Helper()
	for i, s := range all {
		if s.Duration > 2700*time.Millisecond || i == 0 && s.Start.Abs() > 22*time.Millisecond {
			t.Errorf("segment %d: %+v", i, s)
		}
		if i > 0 && s.Start != all[i-1].Start+all[i-1].Duration {
			t.Errorf("segment %d starts at %v, the one before ends at %v", i, s.Start, all[i-1].Start+all[i-1].Duration)
		}
	}
}

// shot is a film of some variants, three seconds each, in groups of a second.
func shot(t *testing.T, variants ...int) *media.Movie {
	t.Helper()
	const fps, tick = 25, 40
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	track := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Edits: []media.Edit{{Media: tick}}}
	n := uint32(0)
	for v, variant := range variants {
		spec := camera.Spec{Width: 320, Height: 192, BFrames: 2, Variant: variant}
		track.Configs = append(track.Configs, spec.Video())
		for range 3 {
			var ps []camera.Picture
			for i := range uint32(fps) {
				ps = append(ps, camera.Picture{Index: n + i, Time: start.Add(time.Duration(n+i) * tick * time.Millisecond)})
			}
			for i, c := range spec.Group(ps, 0) {
				track.Samples = append(track.Samples, media.Sample{
					Offset: int64(b.Len()), Size: uint32(c.Size()), Sync: c.Sync, Config: uint16(v),
					Time: int64(n)*tick + int64(i)*tick, Shift: int32((c.Display-i)*tick + tick),
				})
				b.Write(c.AppendTo(nil))
			}
			n += fps
		}
	}
	track.End = int64(n) * tick
	return &media.Movie{
		Timescale: 1000, Tracks: []*media.Track{track}, Created: start,
		Sources: []media.Source{{ReaderAt: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}},
	}
}

// slice returns samples [from, to) of m's first track, with the configurations seen so far.
func slice(m *media.Movie, from, to int) *media.Movie {
	tr, part := *m.Tracks[0], *m
	if to < len(tr.Samples) {
		tr.End = tr.Samples[to].Time
	}
	tr.Samples = tr.Samples[from:to]
	seen := uint16(0)
	for _, s := range tr.Samples {
		seen = max(seen, s.Config)
	}
	tr.Configs = tr.Configs[:seen+1]
	part.Tracks = []*media.Track{&tr}
	return &part
}

// A configuration that comes later goes in band, and back to the first one, and all pictures are
// read out of a pipe.
func TestInBandConfigurations(t *testing.T) {
	t.Parallel()
	m := shot(t, 0, 7, 0)
	m.Tracks[0].Configs = m.Tracks[0].Configs[:2]
	for i := range m.Tracks[0].Samples {
		m.Tracks[0].Samples[i].Config %= 2
	}
	var piped bytes.Buffer
	in := &bytes.Buffer{}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", "-", "-c", "copy", "-copyts", "-f", "nut", "-")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = &piped, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := mp4.NewFragmenter(stdin)
	f.InBand = true
	if err := f.Init(slice(m, 0, 1)); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(m.Tracks[0].Samples); at += 45 {
		if _, err := f.Write(slice(m, at, min(at+45, len(m.Tracks[0].Samples)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || in.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, in)
	}
	var b bytes.Buffer
	f = mp4.NewFragmenter(&b)
	f.InBand = true
	if err := f.Init(slice(m, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(m); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"file": keep(t, "a.mp4", b.Bytes()), "pipe": keep(t, "a.nut", piped.Bytes())} {
		frames := judgetest.Frames(t, path)
		if len(frames) != 225 {
			t.Errorf("%s: want 225 pictures, got %d", name, len(frames))
		}
		for i, g := range frames {
			if want := time.Duration(i) * 40 * time.Millisecond; !g.OK || int(g.Index) != i || name == "file" && g.PTS != want {
				t.Errorf("%s: picture %d: want it at %v, got %+v", name, i, want, g)
			}
		}
	}
	if got := strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_tag_string", "-of", "csv=p=0", keep(t, "b.mp4", b.Bytes()))); got != "avc3" {
		t.Errorf("ffprobe: want avc3, got %s", got)
	}
}

// Configurations of another size, with access unit delimiters, which stay in front, of both codecs.
func TestInBandOfEncoders(t *testing.T) {
	large := []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=2"}
	for name, coder := range map[string][]string{
		"H.264": args(x264, []string{"-x264-params", "aud=1"}),
		"H.265": args(x265, []string{"-tag:v", "hvc1", "-x265-params", "log-level=none:aud=1:bframes=2:keyint=25"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small, big := made(t, "a.mp4", args(testPicture, coder)...), made(t, "b.mp4", args(large, coder)...)
			a, b := open(t, small), open(t, big)
			tr, more := a.Tracks[0], b.Tracks[0]
			for _, s := range more.Samples {
				s.Time += tr.End
				s.Source, s.Config = 1, 1
				tr.Samples = append(tr.Samples, s)
			}
			tr.End += more.End
			tr.Configs = append(tr.Configs, more.Configs...)
			a.Sources = append(a.Sources, b.Sources...)
			out, _ := fragmented(t, a, true)
			path := keep(t, "joined.mp4", out)
			if d := cmp.Diff(append(hashes(t, small), hashes(t, big)...), hashes(t, path)); d != "" {
				t.Errorf("decoded (-apart +joined):\n%s", d)
			}
		})
	}
}

// Written bit by bit, with sound, it is what it is in one go, but for where fragments end.
func TestFragmentsBitByBit(t *testing.T) {
	t.Parallel()
	m := open(t, made(t, "a.mp4", args(testPicture, testSound, x264, []string{"-c:a", "aac"})...))
	once, _ := fragmented(t, m, false)
	var b bytes.Buffer
	f := mp4.NewFragmenter(&b)
	if err := f.Init(m); err != nil {
		t.Fatal(err)
	}
	for from := time.Duration(0); from < 4*time.Second; from += 700 * time.Millisecond {
		part := *m
		part.Tracks = nil
		for _, tr := range m.Tracks {
			part.Tracks = append(part.Tracks, between(tr, from, from+700*time.Millisecond))
		}
		if _, err := f.Write(&part); err != nil {
			t.Fatal(err)
		}
	}
	whole, bits := keep(t, "a.mp4", once), keep(t, "b.mp4", b.Bytes())
	for _, stream := range []string{"v:0", "a:0"} {
		if d := cmp.Diff(unmarked(t, whole, stream), unmarked(t, bits, stream)); d != "" {
			t.Errorf("packets of %s (-once +bits):\n%s", stream, d)
		}
	}
}

// between returns the samples of a track that are decoded in a span.
func between(tr *media.Track, from, to time.Duration) *media.Track {
	c := *tr
	c.Samples = nil
	for i, s := range tr.Samples {
		if at := time.Duration(s.Time) * time.Second / time.Duration(tr.Timescale); at >= from && at < to {
			c.Samples, c.End = append(c.Samples, s), s.Time+tr.Duration(i)
		}
	}
	return &c
}

// What hides the first second of pictures hides it from no player of fragments; the rest is in place.
func TestFragmentsOfACutStart(t *testing.T) {
	t.Parallel()
	m := shot(t, 0)
	m.Tracks[0].Edits[0].Media = 440
	b, segments := fragmented(t, m, false)
	var frames []judgetest.Frame
	for _, f := range judgetest.Frames(t, keep(t, "a.mp4", b)) {
		if f.PTS >= 0 {
			frames = append(frames, f)
		}
	}
	if len(frames) != 65 || frames[0].Index != 10 || frames[0].PTS != 0 {
		t.Errorf("want 65 pictures from 10 on, got %d, first %+v", len(frames), frames[0])
	}
	if s := segments[0]; s.Start != -400*time.Millisecond || s.Duration != time.Second || !s.Independent {
		t.Errorf("first segment: %+v", s)
	}
}

func TestFragmenterRefuses(t *testing.T) {
	jpeg := media.Config{CodecID: "V_MJPEG", Width: 320, Height: 192}
	other := func(m *media.Movie, c media.Config) *media.Movie {
		tr := m.Tracks[0]
		tr.Configs = append(tr.Configs, c)
		tr.Samples[10].Config = 1
		return m
	}
	long := camera.Spec{Width: 320, Height: 192}.Video()
	long.Private = bytes.Clone(long.Private)
	long.Private[4] &^= 2 // lengths of two bytes
	for _, tc := range []struct {
		name   string
		inBand bool
		movie  *media.Movie
		want   error
	}{
		{"late configuration", false, other(shot(t, 0), camera.Spec{Width: 320, Height: 192, Variant: 1}.Video()), mp4.ErrLateConfig},
		{"another codec", true, other(shot(t, 0), jpeg), mp4.ErrLateConfig},
		{"another length of lengths", true, other(shot(t, 0), long), mp4.ErrLateConfig},
		{"changed configuration", true, shot(t, 1), mp4.ErrLateConfig},
		{"late track", true, film2(), mp4.ErrLateTrack},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			f := mp4.NewFragmenter(&b)
			f.InBand = tc.inBand
			if err := f.Init(shot(t, 0)); err != nil {
				t.Fatal(err)
			}
			size := b.Len()
			if _, err := f.Write(tc.movie); !errors.Is(err, tc.want) || b.Len() != size {
				t.Errorf("Write: want %v and nothing written, got %v and %d bytes", tc.want, err, b.Len()-size)
			}
		})
	}
	m := shot(t, 0)
	m.Tracks[0].Configs[0] = jpeg
	var b bytes.Buffer
	if err := mp4.NewFragmenter(&b).Init(m); !errors.Is(err, mp4.ErrNoEntry) || b.Len() > 0 || !strings.Contains(err.Error(), "V_MJPEG cannot be stored in MP4") {
		t.Errorf("Init of Motion JPEG: %v, %d bytes written", err, b.Len())
	}
	if _, err := mp4.Lay(m, mp4.Options{}); !errors.Is(err, mp4.ErrNoEntry) {
		t.Errorf("Lay of Motion JPEG: %v", err)
	}
}

// film2 has a track that no other movie here has.
func film2() *media.Movie {
	m := film(25, 100)
	m.Tracks = m.Tracks[1:]
	m.Tracks[0].Samples = m.Tracks[0].Samples[:20]
	m.Tracks[0].End = 20 * 1024
	return m
}

// Pictures of any size pass through one buffer, and no movie fragment is much over its bound.
func TestFragmentsAreBounded(t *testing.T) {
	m := film(25*20, 1<<20)
	var w counter
	f := mp4.NewFragmenter(&w)
	if err := f.Init(m); err != nil {
		t.Fatal(err)
	}
	segments, err := f.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range segments {
		if s.Size > 20<<20 {
			t.Errorf("segment %d: %d bytes", i, s.Size)
		}
	}
	if w.most > 1<<20 {
		t.Errorf("a write of %d bytes", w.most)
	}
}

// counter takes bytes and remembers the most that came at once.
type counter struct{ most int }

func (c *counter) Write(b []byte) (int, error) {
	c.most = max(c.most, len(b))
	return len(b), nil
}
