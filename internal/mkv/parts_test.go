package mkv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/splice"
)

func sourceOf(b []byte) media.Source {
	return media.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
}

func mustPart(t testing.TB, b []byte, fs []*mkv.Fragment) []mkv.Part {
	t.Helper()
	parts, err := mkv.Parts(sourceOf(b), fs)
	if err != nil {
		t.Fatalf("Parts: %v", err)
	}
	return parts
}

// laid writes a movie as MP4, for others to judge.
func laid(t testing.TB, m *media.Movie) string {
	t.Helper()
	f, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatalf("Lay: %v", err)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatalf("WriteTo: %v", err)
	}
	return store(t, "laid.mp4", b.Bytes())
}

// answer makes of an upload what the service answers: a document a cluster, with tags.
func answer(b []byte, fs []*mkv.Fragment, at func(f *mkv.Fragment) time.Time) (out []byte) {
	for i, f := range fs {
		out = append(out, f.Header.Raw...)
		out = append(out, kvs(fmt.Sprint(i), stamp(at(f).UnixMilli()+500), stamp(at(f).UnixMilli()))...)
		out = append(out, b[f.ClusterFrom:f.ClusterTo]...)
	}
	return out
}

// afternoon is when the films of these tests were taken.
var afternoon = time.UnixMilli(1511852108513)

func taken(f *mkv.Fragment) time.Time {
	return afternoon.Add(time.Duration(f.Timecode) * time.Millisecond)
}

// early takes from packets' times what the first of all lists has, so that they begin at 0.
func early(lists ...[]packet) {
	first := int64(math.MaxInt64)
	for _, l := range lists {
		for _, p := range l {
			first = min(first, p.PTS)
		}
	}
	for _, l := range lists {
		for i := range l {
			l[i].PTS -= first
		}
	}
}

// uploads are films as producers send them: a cluster begins with a key.
var uploads = []struct {
	name string
	args []string
}{
	{"no B-frames", []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-c:a", "aac"}},
	{"B-frames", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-c:a", "aac"}},
	{"B-frames that refer over a key", []string{"-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:bframes=3:b-adapt=0", "-c:a", "aac"}},
	{"H.265", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3:open-gop=1", "-c:a", "aac"}},
	{"sound that begins later", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-c:a", "aac", "-af", "atrim=start=0.5"}},
}

func upload(t testing.TB, args []string) []byte {
	return film(t, append(slices.Clone(args), "-g", "25", "-cluster_time_limit", "1000000", "-cluster_size_limit", "1000000", "-live", "1")...)
}

// A movie of parts plays as the film that was sent: others see each frame at its time, and sound
// beside the picture, whether the stream is the upload or the service's answer, and whether it was
// fetched at once or in halves that splice joins.
func TestPartsPlay(t *testing.T) {
	for _, tt := range uploads {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := upload(t, tt.args)
			path := store(t, "sent.mkv", b)
			picture, sound := probe(t, path, "v:0"), probe(t, path, "a:0")
			early(picture, sound)
			fs := mustRead(t, b)
			if len(fs) < 4 {
				t.Fatalf("%d clusters, want 4", len(fs))
			}
			b = answer(b, fs, taken)
			for form, b := range map[string][]byte{"upload": load(t, path), "answer": b} {
				parts := mustPart(t, b, mustRead(t, b))
				if len(parts) != 1 || len(parts[0].Fragments) != len(fs) {
					t.Fatalf("%s: %d parts, want 1 of all fragments", form, len(parts))
				}
				file := laid(t, parts[0].Movie)
				same(t, form+": picture", picture, probe(t, file, "v:0"), false)
				same(t, form+": sound", sound, probe(t, file, "a:0"), true)
			}
			file := laid(t, joined(t, b))
			same(t, "joined: picture", picture, probe(t, file, "v:0"), false)
			got := probe(t, file, "a:0")
			for i := range got { // splice lets sound go on: it may move by rounding
				if i < len(sound) && time.Duration(got[i].PTS-sound[i].PTS).Abs() <= 2*time.Millisecond {
					got[i].PTS = sound[i].PTS
				}
			}
			same(t, "joined: sound", sound, got, true)
		})
	}
}

// joined makes two movies of the halves of an answer, and joins them.
func joined(t *testing.T, b []byte) *media.Movie {
	fs := mustRead(t, b)
	var pieces []splice.Piece
	for _, half := range [][]*mkv.Fragment{fs[:2], fs[2:]} {
		p := mustPart(t, b, half)[0]
		var told []archive.Fragment
		for _, f := range p.Fragments {
			told = append(told, archive.Fragment{Number: f.Number, Server: f.Server, Producer: f.Producer})
		}
		told[0].Producer = p.Taken
		pieces = append(pieces, splice.Piece{Movie: p.Movie, Fragments: told, Name: "half"})
	}
	j, err := splice.Join(pieces, splice.Options{Clock: archive.Producer})
	if err != nil {
		t.Fatal(err)
	}
	if s := j.Seams[0]; s.Action != splice.ActionJoin || s.VideoError != 0 || s.AudioError.Abs() > 2*time.Millisecond {
		t.Errorf("seam %+v, want a join without an error", s)
	}
	return j.Movie
}

// document is a document of one fragment: tracks, producer time in milliseconds, blocks.
func document(header []byte, number int, producer int64, blocks ...[]byte) []byte {
	return cat(header, kvs(fmt.Sprint(number), "1", stamp(producer)), open(0x1F43B675, 1), timecode(0), cat(blocks...))
}

// track is a TrackEntry for tests that need no decoder.
func track(number byte, kind uint64, codec string, more ...[]byte) []byte {
	return short(0xAE, append([][]byte{num(0xD7, uint64(number)), num(0x83, kind), str(0x86, codec)}, more...)...)
}

func header(scale uint64, entries ...[]byte) []byte {
	return cat(ebml, segment, el(0x1549A966, num(0x2AD7B1, scale)), el(0x1654AE6B, entries...))
}

// dump tells movies in lines.
func dump(parts []mkv.Part) (out []string) {
	for _, p := range parts {
		var s strings.Builder
		fmt.Fprintf(&s, "%d from %s:", len(p.Fragments), p.Movie.Created.Format("05.999999999"))
		for _, t := range p.Movie.Tracks {
			fmt.Fprintf(&s, " %s", t.Kind)
			for _, e := range t.Edits {
				fmt.Fprintf(&s, " (%d %d)", e.Duration, e.Media)
			}
			for i, m := range t.Samples {
				fmt.Fprintf(&s, " %d", m.Time)
				if m.Shift != 0 {
					fmt.Fprintf(&s, "%+d", t.Composition(i)-m.Time)
				}
				if m.Sync {
					s.WriteString("k")
				}
			}
			fmt.Fprintf(&s, " -%d", t.End)
		}
		out = append(out, s.String())
	}
	return out
}

func TestParts(t *testing.T) {
	pic, snd := track(1, 1, "V_MJPEG"), track(2, 2, "A_PCM/INT/LIT", short(0xE1, num(0x9F, 1), short(0xB5, []byte{0x46, 0xFA, 0, 0})))
	txt := track(3, 17, "S_TEXT/UTF8")
	both, alone, heard := header(1e6, pic, snd), header(1e6, pic), header(1e6, snd)
	wide := header(1e6, track(1, 1, "V_MJPEG", short(0xE0, num(0xB0, 640))))
	v := func(time int16, key bool) []byte { return frame(1, time, key) }
	a := func(time int16) []byte { return frame(2, time, false) }
	pictures := func(times ...int16) (out []byte) {
		for i, at := range times {
			out = append(out, v(at, i == 0)...)
		}
		return out
	}
	sounds := func(times ...int16) (out []byte) {
		for _, at := range times {
			out = append(out, a(at)...)
		}
		return out
	}
	tests := []struct {
		name   string
		stream []byte
		want   []string
	}{
		{
			"fragments that go on",
			cat(document(alone, 1, 0, pictures(0, 40)), document(alone, 2, 80, pictures(0, 40))),
			[]string{"2 from 00: video 0k 40 80k 120 -160"},
		},
		{
			"sound beside, before and behind",
			cat(document(both, 1, 0, v(0, true), a(-10), a(10), v(40, false), a(30)), document(both, 2, 80, v(0, true), a(-30), v(40, false), a(-10))),
			[]string{"2 from 59.99: video (10 -1) (0 0) 0k 40 80k 120 -160 audio 0k 20k 40k 60k 80k -100"},
		},
		{
			"sound that begins later",
			document(both, 1, 0, pictures(0, 40, 80), sounds(50, 70)),
			[]string{"1 from 00: video 0k 40 80 -120 audio (50 -1) (0 0) 0k 20k -40"},
		},
		{
			"B-frames",
			cat(document(alone, 1, 0, pictures(0, 120, 40, 80)), document(alone, 2, 160, pictures(0, 120, 40, 80))),
			[]string{"2 from 00: video (0 40) 0+40k 40+120 80 120 160+40k 200+120 240 280 -320"},
		},
		{
			"B-frames before the key, in the part's middle",
			cat(document(alone, 1, 0, pictures(0, 40)), document(alone, 2, 160, pictures(0, -80, -40, 40))),
			[]string{"2 from 00: video (0 40) 0+40k 40+40 80+120k 120 160 200+40 -240"},
		},
		{
			"two pictures at one time",
			document(alone, 1, 0, pictures(0, 40, 40, 80)),
			[]string{"1 from 00: video (0 1) 0+1k 40+1 41 80+1 -119"},
		},
		{
			"no key at all",
			cat(document(alone, 1, 0, v(0, false), v(40, false)), document(alone, 2, 80, v(0, false), v(40, true))),
			[]string{"2 from 00: video 0k 40 80 120k -160"},
		},
		{
			"a second is missing",
			cat(document(alone, 1, 0, pictures(0, 40)), document(alone, 2, 1080, pictures(0, 40))),
			[]string{"2 from 00: video 0k 40 1080k 1120 -1160"},
		},
		{
			"more than a second is missing",
			cat(document(alone, 1, 0, pictures(0, 40)), document(alone, 2, 1081, pictures(0, 40))),
			[]string{"1 from 00: video 0k 40 -80", "1 from 01.081: video 0k 40 -80"},
		},
		{
			"pictures are missing, sound goes on",
			cat(document(both, 1, 0, pictures(0, 40), sounds(0, 500, 1000, 1500)), document(both, 2, 2000, pictures(0, 40), sounds(0))),
			[]string{"2 from 00: video 0k 40 2000k 2040 -2080 audio 0k 500k 1000k 1500k 2000k -2500"},
		},
		{
			"the clock is set back",
			cat(document(alone, 1, 5000, pictures(0, 40)), document(alone, 2, 80, pictures(0, 40))),
			[]string{"1 from 05: video 0k 40 -80", "1 from 00.08: video 0k 40 -80"},
		},
		{
			"fragments overlap by a picture",
			cat(document(alone, 1, 0, pictures(0, 40)), document(alone, 2, 40, pictures(0, 40))),
			[]string{"1 from 00: video 0k 40 -80", "1 from 00.04: video 0k 40 -80"},
		},
		{
			"sound overlaps by less than a block",
			cat(document(both, 1, 0, pictures(0, 40), sounds(0, 40)), document(both, 2, 80, pictures(0, 40), sounds(-50, 0))),
			[]string{"2 from 00: video 0k 40 80k 120 -160 audio 0k 40k 41k 80k -119"},
		},
		{
			"sound overlaps by a block",
			cat(document(both, 1, 0, pictures(0, 40), sounds(0, 40)), document(both, 2, 80, pictures(0, 40), sounds(-80, 0))),
			[]string{"1 from 00: video 0k 40 -80 audio 0k 40k -80", "1 from 00: video (80 -1) (0 0) 0k 40 -80 audio 0k 80k -160"},
		},
		{
			"the tracks change",
			cat(document(alone, 1, 0, pictures(0, 40)), document(both, 2, 80, pictures(0, 40)), document(wide, 3, 160, pictures(0, 40)), document(wide, 4, 240, pictures(0, 40))),
			[]string{"1 from 00: video 0k 40 -80", "1 from 00.08: video 0k 40 -80 audio -0", "2 from 00.16: video 0k 40 80k 120 -160"},
		},
		{
			"only the producer's tags change",
			cat(document(cat(alone, tags("a", "1")), 1, 0, pictures(0, 40)), document(cat(alone, tags("a", "2")), 2, 80, pictures(0, 40))),
			[]string{"2 from 00: video 0k 40 80k 120 -160"},
		},
		{
			"only sound",
			cat(document(heard, 1, 0, sounds(0, 20)), document(heard, 2, 40, sounds(0, 20))),
			[]string{"2 from 00: audio 0k 20k 40k 60k -80"},
		},
		{
			"text is left out",
			document(header(1e6, txt, pic), 1, 0, v(0, true), frame(3, 0, true, 'x'), v(40, false)),
			[]string{"1 from 00: video 0k 40 -80"},
		},
		{"only text", document(header(1e6, txt), 1, 0, frame(3, 0, true, 'x')), nil},
		{"no frames", document(alone, 1, 0), nil},
		{
			"an error between",
			cat(document(alone, 1, 0, pictures(0, 40)), tags(aws+"ERROR_ID", "5000"), document(alone, 2, 80, pictures(0))),
			[]string{"2 from 00: video 0k 40 80k -120"},
		},
		{
			"a picture a fragment, slow",
			cat(document(alone, 1, 0, pictures(0)), document(alone, 2, 5000, pictures(0)), document(alone, 3, 10000, pictures(0))),
			[]string{"3 from 00: video 0k 5000k 10000k -15000"},
		},
		{
			"ticks that are no part of a second",
			cat(document(header(3e6, pic), 1, 0, pictures(0, 10)), document(header(3e6, pic), 2, 60, pictures(0))),
			[]string{"2 from 00: video 0k 30000000 60000000k -90000000"},
		},
		{
			"a clock far away",
			cat(document(alone, 1, 0, pictures(0)), document(alone, 2, 253402300799000, pictures(0))),
			[]string{"1 from 00: video 0k -40", "1 from 59: video 0k -40"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts := mustPart(t, tt.stream, mustRead(t, tt.stream))
			if d := cmp.Diff(tt.want, dump(parts)); d != "" {
				t.Errorf("parts (-want +got):\n%s", d)
			}
		})
	}
}

// Timecodes are used where they agree with the producer's times, for those are told to the millisecond.
func TestFineTicks(t *testing.T) {
	h := header(100, track(1, 1, "V_MJPEG")) // 100 ns
	at := func(ticks uint64, producer string) []byte {
		return cat(h, kvs("1", "1", producer), open(0x1F43B675, 1), timecode(ticks), frame(1, 0, true))
	}
	b := cat(at(1000000, "100.000"), at(1333667, "100.033"), at(1667334, "100.066"))
	got := dump(mustPart(t, b, mustRead(t, b)))
	if d := cmp.Diff([]string{"3 from 40: video 0k 333667k 667334k -1001001"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Without them timecodes count from 1970.
	b = cat(h, el(0x1F43B675, timecode(15118521085130000), frame(1, 0, true)), el(0x1F43B675, timecode(15118521085530000), frame(1, 0, true)))
	parts := mustPart(t, b, mustRead(t, b))
	if want := time.UnixMilli(1511852108513); len(parts) != 1 || !parts[0].Movie.Created.Equal(want) || parts[0].Movie.Tracks[0].Samples[1].Time != 400000 {
		t.Errorf("%v from %v, want one part from %v", dump(parts), parts[0].Movie.Created, want)
	}
}

func TestPartsRefuses(t *testing.T) {
	h := header(1e6, track(1, 1, "V_MJPEG"))
	far := header(1e6, short(0xAE, num(0xD7, 1<<33), num(0x83, 1)))
	for _, tt := range []struct {
		name   string
		stream []byte
		cut    int
		want   error
	}{
		{"a block of a track that is not there", document(h, 1, 0, frame(7, 0, true, 1)), 0, mkv.ErrMalformed},
		{"a frame behind the source's end", document(h, 1, 0, frame(1, 0, true, 1)), 1, mkv.ErrMalformed},
		{"H.264 without parameter sets", document(header(1e6, track(1, 1, "V_MPEG4/ISO/AVC")), 1, 0, frame(1, 0, true, 0, 0, 0, 1, 0x65)), 0, mkv.ErrMalformed},
		{"H.264 without a frame", document(header(1e6, track(1, 1, "V_MPEG4/ISO/AVC"), track(2, 2, "A_X")), 1, 0, frame(2, 0, true, 0)), 0, mkv.ErrUnsupported},
		{"a track number of 33 bits", document(far, 1, 0, short(0xA3, []byte{0x0A, 0, 0, 0, 0, 0, 0, 0})), 0, mkv.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := mustRead(t, tt.stream)
			if _, err := mkv.Parts(sourceOf(tt.stream[:len(tt.stream)-tt.cut]), fs); !errors.Is(err, tt.want) {
				t.Errorf("Parts: %v, want %v", err, tt.want)
			}
		})
	}
}

// Whatever the times: decode times rise, no picture is presented before it is decoded, and pictures
// keep their distances.
func TestDecodeTimes(t *testing.T) {
	h := header(1e6, track(1, 1, "V_MJPEG"))
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		for i := range rapid.IntRange(1, 4).Draw(t, "fragments") {
			var blocks [][]byte
			for _, at := range rapid.SliceOfN(rapid.Int16Range(0, 900), 1, 20).Draw(t, "times") {
				blocks = append(blocks, frame(1, at, len(blocks) == 0))
			}
			b = append(b, document(h, i, int64(i)*1000, blocks...)...)
		}
		fs, err := readAll(bytes.NewReader(b), mkv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := mkv.Parts(sourceOf(b), fs)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			checkMovie(t, p.Movie)
			track := p.Movie.Tracks[0]
			delay := int64(0)
			for _, e := range track.Edits {
				delay = e.Media
			}
			i := 0
			for _, f := range p.Fragments {
				for _, block := range f.Blocks {
					want := f.Producer.Add(time.Duration(block.Time) * time.Millisecond)
					got := p.Movie.Created.Add(time.Duration(track.Composition(i)-delay) * time.Millisecond)
					if !got.Equal(want) {
						t.Errorf("picture %d is presented at %v, want %v", i, got, want)
					}
					i++
				}
			}
			if i != len(track.Samples) {
				t.Errorf("%d samples of %d pictures", len(track.Samples), i)
			}
		}
	})
}

// checkMovie holds a movie against what package media says of all.
func checkMovie(t interface{ Errorf(string, ...any) }, m *media.Movie) {
	for _, track := range m.Tracks {
		at := int64(-1)
		for i, s := range track.Samples {
			if s.Time <= at || s.Shift < 0 || s.Offset < 0 || s.Offset+int64(s.Size) > m.Sources[0].Size {
				t.Errorf("track %d: sample %d %+v behind one at %d", track.ID, i, s, at)
			}
			at = s.Time
		}
		if len(track.Samples) > 0 && (track.Samples[0].Time != 0 || track.End <= at) {
			t.Errorf("track %d from %d to %d ends at %d", track.ID, track.Samples[0].Time, at, track.End)
		}
	}
}

// Real answers become movies that ffprobe sees frame by frame.
func TestPartsOfCaptures(t *testing.T) {
	b := captured(t, "output_get_media.mkv")
	fs := mustRead(t, b)
	parts := mustPart(t, b, fs)
	if len(parts) != 1 {
		t.Fatalf("%d parts, want 1", len(parts))
	}
	want := ours(b, fs, 1)
	early(want)
	same(t, "the movie", want, probe(t, laid(t, parts[0].Movie), "v:0"), false)
	if n := len(mustPart(t, captured(t, "output_get_media_sparse_fragments.mkv"), mustRead(t, captured(t, "output_get_media_sparse_fragments.mkv")))); n != 3 {
		t.Errorf("%d parts of an answer with two holes, want 3", n)
	}
}

// A part stands where splice puts it: by the first picture of the first track that has any.
func TestTakenOfSeveralTracks(t *testing.T) {
	pic, second, snd := track(1, 1, "V_MJPEG"), track(3, 1, "V_MJPEG"), track(2, 2, "A_PCM/INT/LIT", short(0xE1, num(0x9F, 1), short(0xB5, []byte{0x46, 0xFA, 0, 0})))
	both := header(1e6, snd, pic, second)
	for name, c := range map[string]struct {
		blocks []byte
		want   int64
	}{
		"the second begins sooner": {cat(frame(2, 0, false), frame(3, 20, true), frame(1, 50, true), frame(1, 90, false)), 1050},
		"only the second":          {cat(frame(2, 0, false), frame(3, 20, true)), 1020},
		"none":                     {frame(2, 10, false), 1010},
	} {
		b := document(both, 1, 1000, c.blocks)
		if got := mustPart(t, b, mustRead(t, b))[0].Taken.UnixMilli(); got != c.want {
			t.Errorf("%s: taken at %d ms, want %d", name, got, c.want)
		}
	}
}
