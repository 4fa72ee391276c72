package splice_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// fps is how many pictures a second are filmed for ffmpeg.
const fps = 25

// filmed is a piece of real pictures and sound, from start after noon on, in groups of a second.
// The picture of index i is that of i/25 s after noon.
func filmed(spec film.Spec, start time.Duration, seconds int) splice.Piece {
	var data bytes.Buffer
	tracks := []*media.Track{filmedPictures(&data, spec, start, seconds)}
	if _, ok := spec.Audio(); ok {
		tracks = append(tracks, filmedSound(&data, spec, start, seconds))
	}
	p := piece(start, tracks...)
	p.Movie.Sources = []media.Source{{ReaderAt: bytes.NewReader(data.Bytes()), Size: int64(data.Len())}}
	return p
}

func filmedPictures(data *bytes.Buffer, spec film.Spec, start time.Duration, seconds int) *media.Track {
	const tick = 40 // milliseconds
	delay := int64(min(spec.BFrames, 1)) * tick
	tr := track(media.Video, 1000, spec.Video(), int64(seconds)*1000)
	for n := range int64(seconds) {
		var pictures []film.Picture
		for i := range int64(fps) {
			at := start + time.Duration(n*1000+i*tick)*ms
			pictures = append(pictures, film.Picture{Index: uint32(at / (tick * ms)), Time: noon.Add(at)})
		}
		for i, c := range spec.Group(pictures, 0) {
			tr.Samples = append(tr.Samples, media.Sample{
				Offset: int64(data.Len()), Size: uint32(c.Size()), Sync: c.Sync,
				Time: n*1000 + int64(i)*tick, Shift: int32(int64(c.Display-i)*tick + delay),
			})
			data.Write(c.AppendTo(nil))
		}
	}
	return edited(tr, media.Edit{Media: delay})
}

// filmedSound begins with the block in which the pictures begin; an edit hides what is before.
func filmedSound(data *bytes.Buffer, spec film.Spec, start time.Duration, seconds int) *media.Track {
	c, _ := spec.Audio()
	rate, size := int64(c.SampleRate), int64(spec.BlockSize())
	from := noon.Add(start).UnixMilli() * rate / 1000
	first := from / size
	tr := track(media.Audio, uint32(rate), c, 0)
	for n := first; n*size < from+int64(seconds)*rate; n++ {
		b := spec.Block(n)
		tr.Samples = append(tr.Samples, media.Sample{Offset: int64(data.Len()), Size: uint32(len(b)), Time: (n - first) * size, Sync: true})
		data.Write(b)
		tr.End = (n - first + 1) * size
	}
	return edited(tr, media.Edit{Media: from - first*size})
}

// saved writes a movie to a file of the test.
func saved(t *testing.T, m *media.Movie) string {
	t.Helper()
	laid, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := laid.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	read, err := mp4.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if err := mp4.Verify(read); err != nil {
		t.Errorf("Verify: %v", err)
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs ffmpeg or ffprobe and returns what it prints.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	return piped(t, nil, name, args...)
}

// piped is tool, with input.
func piped(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, append([]string{"-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &complaints)
	}
	return out
}

// pcm decodes the sound of a file to 16-bit samples of one channel, block by block: what a player
// hears that goes by blocks and not by their times.
func pcm(t *testing.T, path string) []int16 {
	t.Helper()
	b := tool(t, "ffmpeg", "-nostdin", "-i", path, "-map", "0:a:0", "-af", "pan=mono|c0=c0", "-f", "s16le", "-")
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

// inOrder checks that who reads a file once from front to end, as from a pipe, gets all packets.
func inOrder(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	count := []string{"-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"}
	got := piped(t, b, "ffprobe", append(count, "pipe:0")...)
	if want := tool(t, "ffprobe", append(count, path)...); !bytes.Equal(got, want) {
		t.Errorf("packets of each track read from a pipe: %q, want %q", got, want)
	}
}

// Three holes later every picture is still at its time on the wall, and the sound beside it.
func TestKeptHolesJudgedByFFmpeg(t *testing.T) {
	for _, spec := range []film.Spec{
		{Width: 320, Height: 192, Sound: film.AAC},
		{Width: 320, Height: 192, BFrames: 1, Sound: film.ALaw},
		{Width: 320, Height: 192, BFrames: 2, Sound: film.AAC},
	} {
		t.Run(fmt.Sprintf("%d B-frames, %s", spec.BFrames, spec.Sound), func(t *testing.T) {
			t.Parallel()
			starts := []time.Duration{120 * ms, 5640 * ms, 15760 * ms, 49400 * ms}
			var pieces []splice.Piece
			for i, at := range starts {
				p := arrived(time.Duration(i*i)*170*ms, filmed(spec, at, 3))
				if i > 0 {
					p = after(at-starts[i-1]-3*s, p)
				}
				pieces = append(pieces, p)
			}
			j := join(t, pieces, splice.Options{Keep: true})
			path := saved(t, j.Movie)
			frames := judgetest.Frames(t, path)
			if len(frames) != 4*3*fps {
				t.Errorf("%d pictures, want %d", len(frames), 4*3*fps)
			}
			for _, f := range frames {
				if off := f.PTS - f.Wall.Sub(noon.Add(starts[0])); !f.OK || off.Abs() > ms {
					t.Fatalf("picture %d (%v): shown at %v, %v off its time on the wall", f.Index, f.OK, f.PTS, off)
				}
			}
			inOrder(t, path)
			beeps := judgetest.Beeps(t, path)
			late := judgetest.LipSync(frames, beeps)
			if len(late) != 4*3 || slices.Min(late) < -ms || slices.Max(late) > 20*ms {
				t.Errorf("LipSync: %v, want 12 from 0 to 19 ms", late)
			}
			if got, want := time.Duration(len(pcm(t, path)))*s/time.Duration(spec.SampleRate()), j.Length; (got - want).Abs() > 50*ms {
				t.Errorf("all blocks last %v, the clip %v", got, want)
			}
		})
	}
}

// A tone stops at the hole, and comes back behind it. ffmpeg made the sound, and judges it.
func TestSilenceJudgedByFFmpeg(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		rate int
	}{
		{"aac-mono.mp4", []string{"-c:a", "aac", "-ac", "1"}, 48000},
		{"aac-stereo.mp4", []string{"-c:a", "aac", "-ac", "2"}, 48000},
		{"aac-44100.mp4", []string{"-c:a", "aac", "-ac", "2", "-ar", "44100"}, 44100},
		{"alaw.mov", []string{"-c:a", "pcm_alaw", "-ac", "1", "-ar", "8000"}, 8000},
		{"opus-mono.mp4", []string{"-c:a", "libopus", "-ac", "1"}, 48000},
		{"opus-stereo.mp4", []string{"-c:a", "libopus", "-ac", "2"}, 48000},
		{"mulaw-stereo.mov", []string{"-c:a", "pcm_mulaw", "-ac", "2", "-ar", "8000"}, 8000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), c.name)
			tool(t, "ffmpeg", append(append([]string{"-nostdin", "-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=2"}, c.args...), path)...)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var pieces []splice.Piece
			for i, at := range []time.Duration{0, 5 * s, 37123 * ms} {
				m, err := mp4.Read(bytes.NewReader(b), int64(len(b)))
				if err != nil {
					t.Fatal(err)
				}
				p := piece(at)
				p.Movie = m
				if i > 0 {
					p = after(s, p)
				}
				pieces = append(pieces, p)
			}
			j := join(t, pieces, splice.Options{Keep: true})
			heard := pcm(t, saved(t, j.Movie))
			loudest := func(from, to time.Duration) (peak int16) {
				for _, v := range heard[int(from.Seconds()*float64(c.rate)):min(len(heard), int(to.Seconds()*float64(c.rate)))] {
					peak = max(peak, v, -v)
				}
				return peak
			}
			for _, from := range []time.Duration{0, 5 * s, 37123 * ms} {
				if peak := loudest(from+100*ms, from+1900*ms); peak < 2000 {
					t.Errorf("from %v: the peak is %d, want a tone", from, peak)
				}
			}
			for _, hole := range [][2]time.Duration{{2100 * ms, 4900 * ms}, {7100 * ms, 37 * s}} {
				if peak := loudest(hole[0], hole[1]); peak > 8 { // the least step of A-law
					t.Errorf("from %v to %v: the peak is %d, want silence", hole[0], hole[1], peak)
				}
			}
		})
	}
}

// A clip ends exactly where it was asked to, whatever the order of its pictures.
func TestExactEndJudgedByFFmpeg(t *testing.T) {
	for b := range 3 {
		for to, sound := range map[time.Duration]film.Sound{
			4 * s: film.AAC, 4001 * ms: film.ALaw, 4039 * ms: film.AAC, 4081 * ms: film.AAC, 4130 * ms: film.ALaw, 5960 * ms: film.AAC,
		} {
			t.Run(fmt.Sprintf("%d B-frames, %s, to %v", b, sound, to), func(t *testing.T) {
				t.Parallel()
				spec := film.Spec{Width: 320, Height: 192, BFrames: b, Sound: sound}
				o := splice.Options{Clock: archive.Producer, From: noon.Add(1300 * ms), To: noon.Add(to)}
				j := join(t, []splice.Piece{filmed(spec, 0, 3), filmed(spec, 3*s, 3)}, o)
				judgeEnd(t, saved(t, j.Movie), to)
			})
		}
	}
}

// judgeEnd judges a clip from 1.28 s, which is picture 32, to a time of its film.
func judgeEnd(t *testing.T, path string, to time.Duration) {
	t.Helper()
	shown := to - 1280*ms
	expected := judgetest.Run{First: 32, Last: uint32((to - 1) / (40 * ms))}
	if a := judgetest.Count(judgetest.Frames(t, path), expected); !a.Flawless() {
		t.Errorf("%+v, want the pictures %+v", a, expected)
	}
	for _, stream := range []string{"v:0", "a:0"} {
		ps := judgetest.Packets(t, path, stream)
		if at := ps[len(ps)-1].Time(); at >= shown {
			t.Errorf("%s: the last packet is at %v, want it before %v", stream, at, shown)
		}
	}
	var video, sound, whole float64
	list := strings.Fields(string(tool(t, "ffprobe", "-show_entries", "stream=duration:format=duration", "-of", "csv=p=0", path)))
	if n, err := fmt.Sscan(strings.Join(list, " "), &video, &sound, &whole); n != 3 {
		t.Fatalf("ffprobe: %q: %v", list, err)
	}
	if d := whole - shown.Seconds(); d > 1e-6 || d < -1e-6 {
		t.Errorf("the clip lasts %f s, want %f", whole, shown.Seconds())
	}
}

// ffprobe sees the chapters of a clip whose holes were closed up, at the pictures behind them.
func TestChaptersJudgedByFFmpeg(t *testing.T) {
	spec := film.Spec{Width: 320, Height: 192, BFrames: 2}
	o := splice.Options{Clock: archive.Producer, From: noon.Add(500 * ms)}
	j := join(t, []splice.Piece{filmed(spec, 0, 2), after(5*s, filmed(spec, 7*s, 2)), after(s, filmed(spec, 10*s, 1))}, o)
	path := saved(t, j.Movie)
	got := string(tool(t, "ffprobe", "-show_entries", "chapter=start_time:chapter_tags=title", "-of", "csv=p=0", path))
	if want := "0.000000,2026-03-14T12:00:00.480Z\n1.520000,2026-03-14T12:00:07.000Z\n3.520000,2026-03-14T12:00:10.000Z\n"; got != want {
		t.Errorf("chapters:\n%s, want:\n%s", got, want)
	}
	for _, f := range judgetest.Frames(t, path) {
		for _, at := range []time.Duration{1520 * ms, 3520 * ms} {
			if first := f.Wall.Equal(noon.Add(7*s)) || f.Wall.Equal(noon.Add(10*s)); f.PTS == at && !first {
				t.Errorf("the picture at %v was taken at %v", at, f.Wall)
			}
		}
	}
}
