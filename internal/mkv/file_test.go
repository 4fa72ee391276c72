package mkv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// movieOf reads an MP4.
func movieOf(t testing.TB, path string) *media.Movie {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mp4.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// matroskaOf reads a Matroska file of one part.
func matroskaOf(t testing.TB, path string) *media.Movie {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fs []*Fragment
	d := NewDecoder(bytes.NewReader(b), Options{})
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, f)
	}
	parts, err := Parts(media.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}, fs)
	if err != nil || len(parts) != 1 {
		t.Fatalf("Parts: %d, %v", len(parts), err)
	}
	return parts[0].Movie
}

// failer is what *testing.T and *rapid.T share.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// laid lays m out, writes it, and checks it.
func laid(t failer, m *media.Movie, o FileOptions) (*File, []byte) {
	t.Helper()
	f, err := Lay(m, o)
	if err != nil {
		t.Fatalf("Lay: %v", err)
	}
	var b bytes.Buffer
	n, err := f.WriteTo(&b)
	if err != nil || n != f.Size() || int64(b.Len()) != n {
		t.Fatalf("WriteTo: got %d (%d bytes, Size %d), %v", n, b.Len(), f.Size(), err)
	}
	if err := f.Check(bytes.NewReader(b.Bytes()), n); err != nil {
		t.Fatalf("Check: %v", err)
	}
	return f, b.Bytes()
}

// saved is laid, in a file.
func saved(t *testing.T, m *media.Movie, o FileOptions) (*File, string) {
	t.Helper()
	f, b := laid(t, m, o)
	path := filepath.Join(t.TempDir(), "out.mkv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return f, path
}

// packet is what ffprobe sees of a sample.
type packet struct {
	At    float64 `json:"pts_time,string"` // seconds
	Flags string  `json:"flags"`
	Hash  string  `json:"data_hash"`
}

func packets(t *testing.T, path string, stream int) []packet {
	t.Helper()
	said := tool(t, "ffprobe", "-v", "error", "-select_streams", strconv.Itoa(stream), "-show_data_hash", "sha256",
		"-show_entries", "packet=pts_time,flags,data_hash", "-of", "json", path)
	var out struct{ Packets []packet }
	if err := json.Unmarshal([]byte(said), &out); err != nil {
		t.Fatal(err)
	}
	return out.Packets
}

// decoded returns the hashes of what ffmpeg decodes of each stream, which must not complain.
func decoded(t *testing.T, path, stream string, args ...string) []string {
	t.Helper()
	args = append([]string{"-v", "error", "-nostdin", "-xerror"}, args...)
	args = append(args, "-i", path, "-map", stream, "-autoscale", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var hashes []string
	for line := range strings.Lines(tool(t, "ffmpeg", args...)) {
		if !strings.HasPrefix(line, "#") {
			hashes = append(hashes, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return hashes
}

// sameAs fails unless ffprobe sees the same samples at the same times as in the file that the movie
// was read from, later by the lead, to a millisecond, and ffmpeg decodes the same.
func sameAs(t *testing.T, in, out string, f *File) {
	t.Helper()
	for n, tr := range f.tracks {
		was, is := packets(t, in, n), packets(t, out, n)
		was = was[tr.first:]
		if len(was) != len(is) || len(was) == 0 {
			t.Fatalf("track %d: %d packets, want %d", n+1, len(is), len(was))
		}
		for i := range was {
			if off := is[i].At - was[i].At - f.Lead().Seconds(); math.Abs(off) > 0.0011 {
				t.Fatalf("track %d: packet %d: %.4f s, want %.4f s later than %.4f s", n+1, i+1, is[i].At, f.Lead().Seconds(), was[i].At)
			}
			if is[i].Hash != was[i].Hash || is[i].Flags[0] != was[i].Flags[0] {
				t.Fatalf("track %d: packet %d: got %v, want %v", n+1, i+1, is[i], was[i])
			}
		}
		if tr.Kind == media.Video {
			stream := "0:" + strconv.Itoa(n)
			if d := cmp.Diff(decoded(t, in, stream), decoded(t, out, stream)); d != "" {
				t.Errorf("decoded (-in +out):\n%s", d)
			}
		}
	}
	tool(t, "ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", out, "-map", "0", "-f", "null", "-")
}

var (
	testPicture = []string{"-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=12"}
	testSound   = []string{"-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=12"}
	testPhone   = []string{"-f", "lavfi", "-i", "sine=440:sample_rate=8000:duration=12"}
	x264        = []string{"-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "2", "-pix_fmt", "yuv420p"}
	x265        = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2:keyint=25", "-pix_fmt", "yuv420p"}
	aac         = []string{"-c:a", "aac", "-ac", "2"}
)

func args(parts ...[]string) (all []string) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestFileJudgedByFFmpeg(t *testing.T) {
	for _, tc := range []struct {
		name string
		file string
		args []string
	}{
		{"H.264 with B-frames and AAC", "a.mp4", args(testPicture, testSound, x264, aac)},
		{"open groups of pictures", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-x264-params", "open-gop=1"})},
		{"one group of pictures", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-g", "1000"})},
		{"nothing but key frames", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-g", "1"})},
		{"sound first", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-map", "1", "-map", "0"})},
		{"H.264 alone", "a.mp4", args(testPicture, x264)},
		{"H.265", "a.mp4", args(testPicture, x265, []string{"-tag:v", "hvc1"})},
		{"hev1", "a.mp4", args(testPicture, testSound, x265, aac, []string{"-tag:v", "hev1"})},
		{"milliseconds", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-video_track_timescale", "1000"})},
		{"no edit list", "a.mp4", args(testPicture, testSound, x264, aac, []string{"-use_editlist", "0"})},
		{"sound later", "a.mp4", args(testPicture, []string{"-itsoffset", "1.234"}, testSound, x264, aac)},
		{"pictures later", "a.mp4", args([]string{"-itsoffset", "1.234"}, testPicture, testSound, x264, aac)},
		{"AAC alone", "a.mp4", args(testSound, aac)},
		{"Opus", "a.mp4", args(testPicture, testSound, x264, []string{"-c:a", "libopus"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := made(t, tc.file, tc.args...)
			f, out := saved(t, movieOf(t, in), FileOptions{})
			sameAs(t, in, out, f)
		})
	}
}

// From Matroska to Matroska: codecs that ISO files cannot hold, or not as Matroska does.
func TestMatroskaAgainJudgedByFFmpeg(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
	}{
		{"Motion JPEG", args(testPicture, []string{"-c:v", "mjpeg", "-q:v", "5"})},
		{"Motion JPEG and PCM", args(testPicture, testSound, []string{"-c:v", "mjpeg", "-q:v", "5", "-c:a", "pcm_s16le"})},
		{"H.264 and A-law", args(testPicture, testPhone, x264, []string{"-c:a", "pcm_alaw"})},
		{"mu-law in stereo", args(testPhone, []string{"-c:a", "pcm_mulaw", "-ac", "2"})},
		{"Opus", args(testSound, []string{"-c:a", "libopus"})},
		{"VP9 and MP3", args(testPicture, testSound, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libmp3lame"})},
		{"FLAC", args(testSound, []string{"-c:a", "flac"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := made(t, "a.mkv", tc.args...)
			f, out := saved(t, matroskaOf(t, in), FileOptions{})
			for n, tr := range f.tracks {
				was, is := packets(t, in, n), packets(t, out, n)
				if len(was) != len(is) {
					t.Fatalf("stream %d: %d packets, want %d", n, len(is), len(was))
				}
				for i := range was {
					if was[i].Hash != is[i].Hash || math.Abs((was[i].At-was[0].At)-(is[i].At-is[0].At)) > 0.0021 {
						t.Fatalf("stream %d: packet %d: got %v, want %v", n, i, is[i], was[i])
					}
				}
				stream := "0:" + strconv.Itoa(n)
				before, after := decoded(t, in, stream), decoded(t, out, stream)
				if tr.Kind == media.Audio { // a movie cannot say that of the last block only a part is played
					before, after = before[:len(before)-1], after[:len(after)-1]
				}
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("stream %d decoded (-in +out):\n%s", n, d)
				}
			}
			if d := cmp.Diff(streams(t, in), streams(t, out)); d != "" {
				t.Errorf("streams (-in +out):\n%s", d)
			}
		})
	}
}

// streams is what ffprobe says of the tracks.
func streams(t *testing.T, path string) string {
	t.Helper()
	return tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,sample_rate,channels,bits_per_sample", "-of", "csv=p=0", path)
}

// What an edit list hides at the front is shown; of hidden sound only one block stays.
func TestLead(t *testing.T) {
	t.Parallel()
	m := movieOf(t, made(t, "a.mp4", args(testPicture, testSound, x264, aac)...))
	m.Created = time.Date(2026, 5, 4, 12, 0, 0, 120e6, time.UTC)
	m.Chapters = []media.Chapter{{At: 0, Title: "Anfang"}, {At: 3 * time.Second, Title: "später"}}
	hidden := int64(1500)
	for _, tr := range m.Tracks {
		tr.Edits[0].Media += hidden * int64(tr.Timescale) / 1000
		tr.Edits[0].Duration = 0
	}
	m.Tracks[1].Edits[0].Media += 48000 // so much more sound
	f, out := saved(t, m, FileOptions{Tags: []Tag{{"STREAM", "door"}}})
	if got, want := f.Lead(), 1500*time.Millisecond; got != want {
		t.Errorf("Lead: want %v, got %v", want, got)
	}
	if got := packets(t, out, 0)[0].At; got != 0 {
		t.Errorf("first picture at %v s", got)
	}
	if at := packets(t, out, 1)[0].At; at < 0 || at > 0.022 {
		t.Errorf("first block of sound at %v s, want it within a block of the picture", at)
	}
	got := tool(t, "ffprobe", "-v", "error", "-show_entries", "chapter=start_time:chapter_tags=title:format_tags=creation_time,STREAM", "-of", "csv=p=0", out)
	want := "1.500000,Anfang\n4.500000,später\n2026-05-04T11:59:58.620000Z,door\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("chapters and tags (-want +got):\n%s", d)
	}
}

// Players seek by the cues: the picture at a time is the one that is there.
func TestSeeking(t *testing.T) {
	t.Parallel()
	in := made(t, "a.mp4", args(testPicture, testSound, x264, aac, []string{"-g", "25"})...)
	f, out := saved(t, movieOf(t, in), FileOptions{})
	if len(f.cues) != 12 {
		t.Errorf("%d cues, want one each second of 12", len(f.cues))
	}
	for _, at := range []int{0, 1, 4, 7, 11} {
		first := func(path string, lead time.Duration) string {
			from := fmt.Sprintf("%.3f", float64(at)+0.1+lead.Seconds())
			return decoded(t, path, "0:v", "-ss", from)[0]
		}
		if got, want := first(out, f.Lead()), first(in, 0); got != want {
			t.Errorf("another picture at %d s", at)
		}
	}
}

// Each cue tells of a cluster that begins with a picture to start from, of that time; and the SeekHead
// tells where everything lies.
func TestCues(t *testing.T) {
	t.Parallel()
	f, b := laid(t, movieOf(t, made(t, "a.mp4", args(testPicture, testSound, x264, aac)...)), FileOptions{Tags: []Tag{{"A", "b"}}})
	segment := bytes.Index(b, []byte{0x18, 0x53, 0x80, 0x67}) + 12
	found := map[uint32]int{}
	each := func(b []byte, use func(id uint32, data []byte)) {
		if err := children(b, func(id uint32, data []byte) error { use(id, data); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	elementAt := func(at int) (element, []byte) {
		e, _, err := parseElement(b[at:min(len(b), at+maxElementHeader)])
		if err != nil || int(e.size) > len(b)-at-e.head {
			t.Fatalf("byte %d: %+v, %v", at, e, err)
		}
		return e, b[at+e.head : at+e.head+int(e.size)]
	}
	_, head := elementAt(segment)
	each(head, func(_ uint32, seek []byte) {
		var id, at uint64
		each(seek, func(k uint32, data []byte) {
			if k == idSeekID {
				id, _ = unsigned(data)
			} else {
				at, _ = unsigned(data)
			}
		})
		if e, _ := elementAt(segment + int(at)); uint64(e.id) != id {
			t.Errorf("SeekHead: 0x%X where 0x%X should be", e.id, id)
		}
		found[uint32(id)] = segment + int(at)
	})
	if len(found) != 4 {
		t.Errorf("SeekHead: %d places, want Info, Tracks, Tags and Cues", len(found))
	}
	_, cues := elementAt(found[idCues])
	n := 0
	each(cues, func(_ uint32, point []byte) {
		var at, place uint64
		each(point, func(id uint32, data []byte) {
			if id == idCueTime {
				at, _ = unsigned(data)
				return
			}
			each(data, func(id uint32, data []byte) {
				if id == idCueClusterPosition {
					place, _ = unsigned(data)
				}
			})
		})
		e, cluster := elementAt(segment + int(place))
		if e.id != idCluster {
			t.Fatalf("cue %d: 0x%X, want a cluster", n, e.id)
		}
		from, _ := unsigned(cluster[2:10])
		block := cluster[clusterTime:]
		first, _, _ := parseElement(block[:maxElementHeader])
		block = block[first.head:]
		if got := from + uint64(block[1])<<8 + uint64(block[2]); first.id != idSimpleBlock || got != at || block[3]&flagKey == 0 || block[0] != 0x81 {
			t.Errorf("cue %d for %d ms: block % x at %d ms", n, at, block[:4], got)
		}
		n++
	})
	if n != 6 || len(f.cues) != n {
		t.Errorf("%d cues, want one for each of 6 groups of pictures", n)
	}
}

// Parameter sets of two cameras in one track.
func TestSeveralConfigurations(t *testing.T) {
	for _, codec := range [][]string{x264, append(x265[:len(x265):len(x265)], "-tag:v", "hvc1")} {
		t.Run(codec[1], func(t *testing.T) {
			t.Parallel()
			small := made(t, "a.mp4", args(testPicture, codec)...)
			large := made(t, "b.mp4", args([]string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=2"}, codec)...)
			m := movieOf(t, small)
			for n, path := range []string{large, small} {
				next := movieOf(t, path)
				for _, s := range next.Tracks[0].Samples {
					s.Time += m.Tracks[0].End
					s.Source, s.Config = uint16(n+1), uint16(1-n)
					m.Tracks[0].Samples = append(m.Tracks[0].Samples, s)
				}
				m.Tracks[0].End += next.Tracks[0].End
				m.Sources = append(m.Sources, next.Sources...)
				if n == 0 {
					m.Tracks[0].Configs = append(m.Tracks[0].Configs, next.Tracks[0].Configs...)
				}
			}
			m.Tracks[0].Edits[0].Duration = 0
			if _, err := Lay(m, FileOptions{}); !errors.Is(err, ErrSeveral) {
				t.Errorf("Lay: got %v, want %v", err, ErrSeveral)
			}
			_, out := saved(t, m, FileOptions{InBand: true})
			want := append(append(decoded(t, small, "0:v"), decoded(t, large, "0:v")...), decoded(t, small, "0:v")...)
			if d := cmp.Diff(want, decoded(t, out, "0:v")); d != "" {
				t.Errorf("decoded (-apart +joined):\n%s", d)
			}
			if d := cmp.Diff(want[325:], decoded(t, out, "0:v", "-ss", "13")); d != "" {
				t.Errorf("decoded from 13 s on (-apart +joined):\n%s", d)
			}
		})
	}
}

func TestSeveralConfigurationsOfSound(t *testing.T) {
	m := synthetic(2, media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, media.Audio)
	m.Tracks[0].Configs = append(m.Tracks[0].Configs, media.Config{Format: "alaw", Channels: 1, SampleRate: 8000})
	m.Tracks[0].Samples[1].Config = 1
	laid(t, m, FileOptions{}) // the same to a decoder
	m.Tracks[0].Configs[1].Format = "ulaw"
	if _, err := Lay(m, FileOptions{InBand: true}); !errors.Is(err, ErrSeveral) {
		t.Errorf("Lay: got %v, want %v", err, ErrSeveral)
	}
}

// synthetic is a movie of one track of n samples of 40 ms.
func synthetic(n int, c media.Config, k media.Kind) *media.Movie {
	tr := &media.Track{ID: 1, Kind: k, Timescale: 1000, Configs: []media.Config{c}, End: int64(n) * 40}
	var b []byte
	for i := range n {
		s := media.Sample{Offset: int64(len(b)), Time: int64(i) * 40, Size: uint32(10 + i%7), Sync: true}
		b = append(b, bytes.Repeat([]byte{byte(i)}, int(s.Size))...)
		tr.Samples = append(tr.Samples, s)
	}
	return &media.Movie{Timescale: 1000, Tracks: []*media.Track{tr}, Sources: []media.Source{{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}}}
}

// Timed text as players show it: styles are left out, and where nothing is shown there is no block.
func TestText(t *testing.T) {
	t.Parallel()
	m := movieOf(t, made(t, "a.mp4", args(testPicture, x264)...))
	var b []byte
	tr := &media.Track{ID: 9, Kind: media.Text, Timescale: 1000, Language: "deu", Configs: []media.Config{{Format: "tx3g"}}, End: 4000}
	for i, text := range []string{"12:00:00", "", "größer", "12:00:03\x00\x00\x00\x0cstyl\x00\x00\x00\x00"} {
		n := len(text)
		if cut := strings.IndexByte(text, 0); cut >= 0 {
			n = cut
		}
		tr.Samples = append(tr.Samples, media.Sample{Offset: int64(len(b)), Time: int64(i) * 1000, Size: uint32(2 + len(text)), Source: 1, Sync: true})
		b = append(append(b, 0, byte(n)), text...)
	}
	m.Tracks = append(m.Tracks, tr)
	m.Sources = append(m.Sources, media.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))})
	_, out := saved(t, m, FileOptions{})
	got := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-i", out, "-map", "0:s", "-f", "srt", "-")
	want := `1
00:00:00,000 --> 00:00:01,000
12:00:00

2
00:00:02,000 --> 00:00:03,000
größer

3
00:00:03,000 --> 00:00:04,000
12:00:03

`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("subtitles (-want +got):\n%s", d)
	}
}

func TestLayRefuses(t *testing.T) {
	c := media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}
	for _, tc := range []struct {
		name   string
		change func(*media.Movie)
		want   error
	}{
		{"movie timescale 0", func(m *media.Movie) { m.Timescale = 0 }, ErrUnsupported},
		{"17 tracks", func(m *media.Movie) { m.Tracks = make([]*media.Track, 17) }, ErrUnsupported},
		{"timescale 0", func(m *media.Movie) { m.Tracks[0].Timescale = 0 }, ErrMalformed},
		{"no configuration", func(m *media.Movie) { m.Tracks[0].Configs = nil }, ErrMalformed},
		{"sample outside its source", func(m *media.Movie) { m.Tracks[0].Samples[1].Size = 1 << 20 }, io.ErrUnexpectedEOF},
		{"sample of no source", func(m *media.Movie) { m.Tracks[0].Samples[1].Source = 1 }, ErrMalformed},
		{"times that do not rise", func(m *media.Movie) { m.Tracks[0].Samples[1].Time = 0 }, ErrUnsupported},
		{"a thousand years", func(m *media.Movie) { m.Tracks[0].End = 1 << 45 }, ErrUnsupported},
		{"a delay of a thousand years", func(m *media.Movie) { m.Tracks[0].Edits = []media.Edit{{Duration: 1 << 45, Media: -1}} }, ErrMalformed},
		{"two spans", func(m *media.Movie) { m.Tracks[0].Edits = []media.Edit{{Duration: 1}, {Media: 40}} }, ErrUnsupported},
		{"an unknown codec", func(m *media.Movie) { m.Tracks[0].Configs[0].Format = "mp4v" }, ErrUnsupported},
	} {
		m := synthetic(3, c, media.Audio)
		tc.change(m)
		if _, err := Lay(m, FileOptions{}); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

// broken writes so many bytes and no more.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	n := min(b.left, len(p))
	b.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestWriteToFails(t *testing.T) {
	m := synthetic(60, media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, media.Audio)
	f, b := laid(t, m, FileOptions{})
	for left := range len(b) {
		if n, err := f.WriteTo(&broken{left}); n != int64(left) || !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("WriteTo a disk with %d bytes: %d, %v", left, n, err)
		}
	}
	m.Sources[0].ReaderAt = bytes.NewReader(make([]byte, 100))
	if n, err := f.WriteTo(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("WriteTo from a short source: %d, %v", n, err)
	}
}

// Whatever is damaged outside the payloads, Check says so.
func TestCheckFindsDamage(t *testing.T) {
	m := synthetic(200, media.Config{Format: "alaw", Channels: 1, SampleRate: 8000}, media.Audio)
	f, b := laid(t, m, FileOptions{})
	if err := f.Check(bytes.NewReader(b), f.Size()-1); err == nil {
		t.Error("Check of a file that is too short: no error")
	}
	at := len(f.head) + clusterHead
	for i := len(f.head); i < at+6; i++ {
		bad := bytes.Clone(b)
		bad[i] ^= 0x91
		if err := f.Check(bytes.NewReader(bad), f.Size()); err == nil {
			t.Errorf("Check with byte %d damaged: no error", i)
		}
	}
}

// Any movie comes back block by block: sizes known beforehand, each block where it should be, times
// to half a millisecond, never backwards further than the file can say.
func TestFileOfAnyMovie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMovie(t)
		f, b := laid(t, m, FileOptions{})
		d := NewDecoder(bytes.NewReader(b), Options{})
		next := make([]int, len(m.Tracks))
		for n, tr := range f.tracks {
			next[n] = tr.first
		}
		for {
			fr, err := d.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("Next: %v", err)
			}
			for _, k := range fr.Blocks {
				tr := m.Tracks[k.Track-1]
				i := next[k.Track-1]
				next[k.Track-1]++
				want := make([]byte, tr.Samples[i].Size)
				if _, err := m.Sources[0].ReadAt(want, tr.Samples[i].Offset); err != nil && !errors.Is(err, io.EOF) {
					t.Fatalf("%v", err)
				}
				if !bytes.Equal(want, b[k.Offset:k.Offset+k.Size]) {
					t.Fatalf("track %d: sample %d: other bytes", k.Track, i+1)
				}
				exact := (presented(m, tr, i) + f.Lead().Seconds()) * 1000
				if got := float64(fr.Timecode + k.Time); math.Abs(got-exact) > 0.501 {
					t.Fatalf("track %d: sample %d: at %v ms, want %v", k.Track, i+1, got, exact)
				}
			}
		}
		for n, tr := range m.Tracks {
			if next[n] != len(tr.Samples) {
				t.Fatalf("track %d: %d of %d samples", n+1, next[n], len(tr.Samples))
			}
		}
	})
}

// presented is when a sample is presented, in seconds, by its edit list.
func presented(m *media.Movie, tr *media.Track, i int) float64 {
	at := float64(tr.Composition(i)) / float64(tr.Timescale)
	for _, e := range tr.Edits {
		if e.Media < 0 {
			at += float64(e.Duration) / float64(m.Timescale)
		} else {
			at -= float64(e.Media) / float64(tr.Timescale)
		}
	}
	return at
}

func anyMovie(t *rapid.T) *media.Movie {
	const size = 4 << 20
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7919 >> 3)
	}
	m := &media.Movie{Timescale: rapid.Uint32Range(1, 1e6).Draw(t, "movie timescale")}
	m.Sources = []media.Source{{ReaderAt: bytes.NewReader(b), Size: size}}
	kinds := map[media.Kind]media.Config{
		media.Video: {CodecID: "V_MJPEG", Width: 1, Height: 1},
		media.Audio: {Format: "ulaw", Channels: 1, SampleRate: 8000},
		media.Text:  {CodecID: codecText},
	}
	for n := range rapid.IntRange(1, 3).Draw(t, "tracks") {
		kind := rapid.SampledFrom([]media.Kind{media.Video, media.Audio, media.Text}).Draw(t, "kind")
		tr := &media.Track{ID: uint32(n + 1), Kind: kind, Configs: []media.Config{kinds[kind]}}
		tr.Timescale = rapid.Uint32Range(1, 200000).Draw(t, "timescale")
		if rapid.Bool().Draw(t, "edited") {
			tr.Edits = []media.Edit{
				{Duration: rapid.Int64Range(0, int64(m.Timescale)*40).Draw(t, "delay"), Media: -1},
				{Media: rapid.Int64Range(0, int64(tr.Timescale)*40).Draw(t, "hidden")},
			}
		}
		for range rapid.IntRange(0, 40).Draw(t, "samples") {
			s := media.Sample{Time: tr.End, Sync: rapid.Bool().Draw(t, "sync")}
			s.Size = rapid.OneOf(rapid.Uint32Range(0, 300), rapid.Uint32Range(0, 2<<20)).Draw(t, "size")
			s.Offset = rapid.Int64Range(0, size-int64(s.Size)).Draw(t, "offset")
			s.Shift = rapid.Int32Range(-3*int32(tr.Timescale), 3*int32(tr.Timescale)).Draw(t, "shift")
			tr.End += rapid.OneOf(rapid.Int64Range(1, int64(tr.Timescale)), rapid.Int64Range(1, 50*int64(tr.Timescale))).Draw(t, "duration")
			tr.Samples = append(tr.Samples, s)
		}
		m.Tracks = append(m.Tracks, tr)
	}
	return m
}

func BenchmarkWriteTo(b *testing.B) {
	m := synthetic(1, media.Config{CodecID: "V_MJPEG", Width: 1, Height: 1}, media.Video)
	sound := synthetic(1, media.Config{Format: "ulaw", Channels: 1, SampleRate: 8000}, media.Audio).Tracks[0]
	m.Tracks = append(m.Tracks, sound)
	const n, picture, block = 100000, 8000, 160
	for i, tr := range m.Tracks {
		size := uint32(picture)
		if i > 0 {
			size = block
		}
		tr.Samples = nil
		for k := range n {
			at := int64(k)*(picture+block) + int64(i)*picture
			tr.Samples = append(tr.Samples, media.Sample{Offset: at, Size: size, Time: int64(k) * 40, Sync: k%50 == 0})
		}
		tr.End = n * 40
	}
	const size = n * (picture + block)
	m.Sources[0] = media.Source{ReaderAt: bytes.NewReader(make([]byte, size)), Size: size}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		f, err := Lay(m, FileOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
