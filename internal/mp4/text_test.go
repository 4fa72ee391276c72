package mp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// subtitled adds a track of text, a sample each second, to a movie.
func subtitled(m *media.Movie, seconds int) []string {
	var b bytes.Buffer
	var told []string
	t := &media.Track{
		ID: 9, Kind: media.Text, Timescale: 1000, Language: "eng", Handler: "clock", End: int64(seconds) * 1000,
		Configs: []media.Config{{Format: "tx3g"}},
	}
	for i := range seconds {
		text := fmt.Sprintf("12:00:%02d – Tür", i)
		t.Samples = append(t.Samples, media.Sample{
			Offset: int64(b.Len()), Size: uint32(2 + len(text)), Time: int64(i) * 1000, Sync: true, Source: uint16(len(m.Sources)),
		})
		b.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
		told = append(told, text)
	}
	m.Sources = append(m.Sources, media.Source{ReaderAt: bytes.NewReader(b.Bytes()), Size: int64(b.Len())})
	m.Tracks = append(m.Tracks, t)
	return told
}

// subtitles returns the lines of text in SubRip, and nothing else of it.
func subtitles(t *testing.T, path string) (all []string) {
	t.Helper()
	for line := range strings.Lines(tool(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:s:0", "-f", "srt", "-")) {
		if strings.Contains(line, "Tür") {
			text, _, _ := strings.Cut(line[strings.Index(line, "12:"):], "</font>")
			all = append(all, strings.TrimSpace(text))
		}
	}
	return all
}

// A track of text is read by others, whole and in fragments, is off until it is wanted, and leaves
// the pictures as they were.
func TestTextJudgedByFFmpeg(t *testing.T) {
	t.Parallel()
	m := shot(t, 0)
	want := subtitled(m, 3)
	parts, _ := fragmented(t, m, false)
	for name, path := range map[string]string{"whole": save(t, m, mp4.Options{}), "fragments": keep(t, "parts.mp4", parts)} {
		probe := tool(t, "ffprobe", "-v", "error", "-select_streams", "s", "-show_entries",
			"stream=codec_name,codec_tag_string,width,height:stream_disposition=default:stream_tags=language,handler_name", "-of", "csv=p=0", path)
		if got := strings.TrimSpace(probe); got != "mov_text,tx3g,320,192,0,eng,clock" {
			t.Errorf("%s: ffprobe: got %s", name, got)
		}
		if d := cmp.Diff(want, subtitles(t, path)); d != "" {
			t.Errorf("%s: text (-want +got):\n%s", name, d)
		}
		if frames := judgetest.Frames(t, path); len(frames) != 75 {
			t.Errorf("%s: want 75 pictures, got %d", name, len(frames))
		}
	}
}

// ffmpeg's tracks of text are read, and written again as they were. Chapters of QuickTime, which
// are text of another kind, are left out.
func TestReadText(t *testing.T) {
	srt := keep(t, "a.srt", []byte("1\n00:00:00,000 --> 00:00:01,000\n12:a Tür\n\n2\n00:00:01,500 --> 00:00:02,000\n12:b Tür\n"))
	chapters := keep(t, "a.txt", []byte(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=one\n"))
	in := made(t, "a.mp4", args(testPicture, []string{"-i", srt, "-i", chapters, "-map", "0", "-map", "1", "-map_chapters", "2"}, x264, []string{"-c:s", "mov_text"})...)
	m := open(t, in)
	if len(m.Tracks) != 2 || m.Tracks[1].Kind != media.Text || m.Tracks[1].Configs[0].Format != "tx3g" {
		t.Fatalf("Read: want pictures and text, got %d tracks", len(m.Tracks))
	}
	if err := mp4.Verify(m); err != nil {
		t.Errorf("Verify: %v", err)
	}
	out := save(t, m, mp4.Options{})
	if d := cmp.Diff([]string{"12:a Tür", "12:b Tür"}, subtitles(t, out)); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	var b strings.Builder
	if err := mp4.Dump(&b, m); err != nil || !strings.Contains(b.String(), "text timescale") {
		t.Errorf("Dump: %v\n%s", err, &b)
	}
}

// Text is tx3g and nothing else is.
func TestTextEntries(t *testing.T) {
	for _, change := range []func(m *media.Movie){
		func(m *media.Movie) { m.Tracks[2].Configs[0] = avcEntry },
		func(m *media.Movie) { m.Tracks[0].Configs[0] = media.Config{Format: "tx3g"} },
	} {
		m := film(25, 100)
		subtitled(m, 1)
		change(m)
		if _, err := mp4.Lay(m, mp4.Options{}); !errors.Is(err, mp4.ErrUnsupported) {
			t.Errorf("Lay: want %v, got %v", mp4.ErrUnsupported, err)
		}
	}
}

// Opus is told with the rate that its entry has, whatever was recorded; what is broken is refused.
func TestOpusEntry(t *testing.T) {
	head := []byte("OpusHead\x01\x02\x38\x01\x80\x3e\x00\x00\x00\x00\x00")
	m := film(25, 100)
	m.Tracks[1].Configs[0] = media.Config{Format: "Opus", Private: append(bytes.Clone(head), 7), Channels: 2, SampleRate: 16000}
	got, err := mp4.Read(reader(laid(t, m, mp4.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Tracks[1].Configs[0]; !bytes.Equal(c.Private, head) || c.Channels != 2 || c.SampleRate != 48000 {
		t.Errorf("Read: %+v", c)
	}
	if !bytes.Contains(laid(t, m, mp4.Options{}), []byte("dOps\x00\x02\x01\x38\x00\x00\x3e\x80\x00\x00\x00")) {
		t.Error("dOps is not big endian of version 0")
	}
	for name, broken := range map[string][]byte{
		"short": head[:18], "name": append([]byte("Opushead"), head[8:]...), "no channels": append(append([]byte("OpusHead\x01\x00"), head[10:]...), 0),
		"version": append([]byte("OpusHead\x10"), head[9:]...), "no mapping": append(bytes.Clone(head[:18]), 1), "none": nil,
	} {
		m.Tracks[1].Configs[0].Private = broken
		if _, err := mp4.Lay(m, mp4.Options{}); err == nil {
			t.Errorf("%s: Lay: want an error", name)
		}
	}
}

// Sound alone under the brand of .m4a.
func TestM4A(t *testing.T) {
	t.Parallel()
	m := open(t, made(t, "a.mp4", args(testSound, []string{"-c:a", "aac", "-ac", "2"})...))
	path := save(t, m, mp4.Options{Brand: "M4A "})
	got := tool(t, "ffprobe", "-v", "error", "-show_entries", "format_tags=major_brand,compatible_brands:stream=codec_name", "-of", "csv=p=0", path)
	if want := "aac\nM4A ,M4A iso2mp41\n"; got != want {
		t.Errorf("ffprobe: want %q, got %q", want, got)
	}
}
