package clip

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// Files are numbered from 1, whatever lies beside them, and are delivered up to the end of the last.
func TestFilesAreNumberedOneByOne(t *testing.T) {
	c := emulated(t, kvsemu.Camera{})
	for _, name := range []string{"{n}.mp4", "{n}.m3u8"} {
		r := minute(t.TempDir())
		dir := filepath.Dir(r.Output)
		r.Output, r.Every, r.ClockTrack = filepath.Join(dir, name), 20*time.Second, true
		rep, err := c.Get(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range rep.Outputs {
			got = append(got, strings.TrimSuffix(filepath.Base(o.Path), filepath.Ext(o.Path)))
		}
		if !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("%s: %q", name, got)
		}
		if d := rep.Delivered; !d.From.Equal(t0) || !d.To.Equal(t0.Add(time.Minute)) {
			t.Errorf("%s: delivered %v to %v", name, d.From, d.To)
		}
	}
}

// What a template makes two files of is told apart, with what lies beside them.
func TestWhatLiesBesideFilesHasNamesOfItsOwn(t *testing.T) {
	c, r := emulated(t, kvsemu.Camera{}), minute(t.TempDir())
	dir := filepath.Dir(r.Output)
	r.Output, r.Every, r.ClockTrack, r.Frames = filepath.Join(dir, "a.{n}"), 20*time.Second, true, filepath.Join(dir, "a.2")
	rep, err := c.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{rep.Frames: true}
	for _, o := range rep.Outputs {
		names[o.Path], names[o.Captions] = true, true
	}
	for n := range names {
		if !exists(n) {
			t.Errorf("%s is not there", n)
		}
	}
	if len(names) != 7 {
		t.Errorf("%v", names)
	}
}

// No two files of a clip have one name.
func TestFilesOfOneNameAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"the footage of a playlist":           func(r *Request) { r.Output, r.Format = "a.mp4", FormatHLS },
		"tags, and the footage":               func(r *Request) { r.Output, r.Tags = "a.m3u8", "a.mp4" },
		"tags, and captions":                  func(r *Request) { r.Output, r.Tags, r.ClockTrack = "a.mp4", "a.vtt", true },
		"captions, and the clip":              func(r *Request) { r.Output, r.ClockTrack = "a.vtt", true },
		"a receipt, and captions":             func(r *Request) { r.Output, r.Receipt, r.ClockTrack = "a.mp4", "./a.vtt", true },
		"frames, and the receipt's signature": func(r *Request) { r.Receipt, r.SignKey, r.Frames = "r", "k", "r.sig" },
	} {
		r := Request{Stream: "cam", Range: archive.Range{From: t0, To: t0.Add(time.Minute)}}
		change(&r)
		if err := r.Check(); !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// That a name is taken is told before anything is fetched.
func TestTakenNamesBesideTheClipAreToldFirst(t *testing.T) {
	c, r := emulated(t, kvsemu.Camera{}), minute(t.TempDir())
	r.ClockTrack = true
	rep, err := c.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Output = strings.Replace(r.Output, ".mp4", ".mkv", 1)
	before := c.door.Calls()
	if _, err := c.Get(t.Context(), r); !errors.Is(err, ErrExists) || c.door.Calls() != before {
		t.Errorf("%q is there, and: %v", rep.Outputs[0].Captions, err)
	}
}

// What is left out by tags is a gap, as what is left out by the listing is, and both are told.
func TestWhatIsNotWantedIsAGap(t *testing.T) {
	c := emulated(t, kvsemu.Camera{Tags: []kvsemu.Tag{{Name: "motion", Value: "true", After: 20 * time.Second, Length: 10 * time.Second}}})
	r := minute(t.TempDir())
	r.Where = `tag.motion == "true"`
	rep, err := c.Get(t.Context(), r)
	if err != nil || len(rep.Gaps) != 2 || !rep.Gaps[0].To.Equal(t0.Add(20*time.Second)) || !rep.Gaps[1].From.Equal(t0.Add(30*time.Second)) {
		t.Fatalf("%v: %+v", err, rep)
	}
	r = minute(t.TempDir())
	r.Where = `producer.Second() >= 20`
	rep, err = c.Get(t.Context(), r)
	if err != nil || len(rep.Gaps) != 1 || !strings.Contains(strings.Join(rep.Notes, " "), "left out") {
		t.Errorf("%v: gaps %v, notes %q", err, rep.Gaps, rep.Notes)
	}
}

// What cannot be compared is in the report, not only told.
func TestAReportTellsWhatCouldNotBeCompared(t *testing.T) {
	c, r := emulated(t, kvsemu.Camera{Sound: "ulaw"}), minute(t.TempDir())
	r.CrossCheck = true
	rep, err := c.Get(t.Context(), r)
	if err != nil || !strings.Contains(strings.Join(rep.Notes, " "), "could not be compared") {
		t.Errorf("%v: notes %q", err, rep.Notes)
	}
}

// Of footage that overlaps, the parts in a window need not follow each other.
func TestPartsOfARunKeepTheirNumbers(t *testing.T) {
	all := &parts{}
	for i := range 4 {
		all.pieces = append(all.pieces, splice.Piece{Movie: &media.Movie{}})
		all.numbers, all.tags = append(all.numbers, i+1), append(all.tags, nil)
	}
	some := all.of([]splice.Piece{all.pieces[0], all.pieces[2], all.pieces[3]})
	if !slices.Equal(some.numbers, []int{1, 3, 4}) || len(some.origins()) != 3 || some.origins()[1].Number != 3 {
		t.Errorf("%v", some.numbers)
	}
}

// A codec without a place in MP4 makes a clip Matroska only where that is what was asked for.
func TestMatroskaInPlaceOfMP4(t *testing.T) {
	jpeg, sound := media.Config{CodecID: "V_MJPEG"}, media.Config{Format: "mp4a"}
	m := &media.Movie{Tracks: []*media.Track{{Kind: media.Video, Configs: []media.Config{jpeg}}, {Kind: media.Audio, Configs: []media.Config{sound}}}}
	pieces := []splice.Piece{{Movie: m}}
	if foreign(pieces, false) == "" || foreign(pieces, true) != "" {
		t.Errorf("%q with pictures, %q of the sound alone", foreign(pieces, false), foreign(pieces, true))
	}
	for _, r := range []Request{{Receipt: "r.json"}, {Frames: "f"}, {Output: "a.mp4"}, {Format: FormatMP4}} {
		if err := (&get{Client: &Client{}, Request: r}).matroska("V_MJPEG", FormatMP4); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	g := &get{Client: &Client{}}
	if err := errors.Join(g.matroska("V_MJPEG", FormatMP4), g.matroska("V_MJPEG", FormatMP4)); err != nil || len(g.notes) != 1 {
		t.Errorf("%v: %q", err, g.notes)
	}
}

// A picture goes into any folder, and into no other kind of file.
func TestStillNames(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()+".d"
	r := StillRequest{Stream: "cam", At: t0.Add(time.Second), Clock: archive.Producer, Output: dir + "/"}
	for range 2 { // the folder is there the second time
		rep, err := c.Still(t.Context(), r)
		if err != nil || filepath.Dir(rep.Path) != dir || rep.Format == "d" {
			t.Fatalf("%v: %+v", err, rep)
		}
		r.Output, r.Force = dir, true
	}
	r.Output = filepath.Join(dir, "a.xyz")
	if _, err := c.Still(t.Context(), r); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}

// The ffmpeg program is given clips alone: of the documents of fragments it reads the first and says nothing.
func TestFFmpegIsGivenClipsAlone(t *testing.T) {
	c, r := emulated(t, kvsemu.Camera{Sound: "aac", Pictures: "none"}), minute(t.TempDir())
	r.Merge = MergeFFmpeg
	rep, err := c.Get(t.Context(), r)
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("%v: %+v", err, rep)
	}
}

// A folder can have fields, unless it is there already.
func TestFoldersHaveFields(t *testing.T) {
	dir := t.TempDir() + "/"
	r := Request{Stream: "cam", Range: archive.Range{From: t0, To: t0.Add(time.Minute)}, Output: dir + "{stream}/{from:%Y}/"}
	if got := r.output(); filepath.Dir(got) != dir+"cam/2026" || r.Check() != nil {
		t.Errorf("%s, %v", got, r.Check())
	}
	r.Output = dir + "{none}/"
	if err := r.Check(); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
	if err := os.Mkdir(r.Output, 0o700); err != nil || r.Check() != nil || filepath.Dir(r.output()) != dir+"{none}" {
		t.Errorf("%v, %v: %s", err, r.Check(), r.output())
	}
}

// All kinds of files get their names in the next run, whichever of them a killed one had named.
func TestFilesOfAllKindsGetTheirNames(t *testing.T) {
	for _, name := range []string{"{n}.mp4", "clip.mp4", "clip.m3u8", "{n}.m3u8", "clip.mkv"} {
		for named := range 5 {
			c, r := emulated(t, kvsemu.Camera{}), minute(t.TempDir())
			dir := filepath.Dir(r.Output)
			r.Output, r.ClockTrack, r.Tags = filepath.Join(dir, name), true, filepath.Join(dir, "tags", "t.nd")
			if strings.Contains(name, "{n}") {
				r.Every = 20 * time.Second
			}
			if r.format() == FormatMP4 {
				r.Receipt, r.Frames = filepath.Join(dir, "r.json"), filepath.Join(dir, "frames", "f.nd")
			}
			killedBeforeNames(t, c, r, min(named, 3))
			before := c.door.Calls()
			rep, err := c.Get(t.Context(), r)
			if err != nil || c.door.Calls() != before {
				t.Fatalf("%s, %d named: %v", name, named, err)
			}
			want := []string{rep.Tags, r.Receipt, r.Frames}
			for _, o := range rep.Outputs {
				want = append(want, o.Path, o.Captions, o.Media)
			}
			for _, w := range want {
				if w != "" && !exists(w) {
					t.Errorf("%s, %d named: %s is not there", name, named, w)
				}
			}
		}
	}
}

// What a join leaves out is told, and its file is what its name says.
func TestJoinTellsOfText(t *testing.T) {
	c, r := emulated(t, kvsemu.Camera{}), minute(t.TempDir())
	r.ClockTrack = true
	if _, err := c.Get(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	j := JoinRequest{Clips: []string{r.Output, r.Output}, Output: filepath.Join(filepath.Dir(r.Output), "whole.mkv")}
	rep, err := Join(t.Context(), j)
	if err != nil || len(rep.Notes) != 1 {
		t.Fatalf("%v: %+v", err, rep)
	}
	if b, err := os.ReadFile(j.Output); err != nil || !strings.HasPrefix(string(b), "\x1aE\xdf\xa3") {
		t.Errorf("%v: no Matroska", err)
	}
	j.Output = "whole.m3u8"
	if _, err := Join(t.Context(), j); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}
