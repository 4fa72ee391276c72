package film_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

var specs = map[string]film.Spec{
	"zero value":      {},
	"smallest":        {Width: 320, Height: 192},
	"720p":            {Width: 1280, Height: 720},
	"cropped":         {Width: 854, Height: 480},
	"cropped by 2":    {Width: 414, Height: 222, BFrames: 1},
	"one B-picture":   {BFrames: 1},
	"two B-pictures":  {BFrames: 2},
	"variant 1":       {Variant: 1},
	"variant 2":       {Variant: 2, BFrames: 2},
	"variant 51":      {Variant: 51},
	"largest, B":      {Width: 4096, Height: 2304, BFrames: 2},
	"portrait":        {Width: 360, Height: 640},
	"one above small": {Width: 322, Height: 194},
}

// Two groups in a row, the second with an index of all ones in its lowest 16 bits.
func TestEveryPictureIsReadByFFmpeg(t *testing.T) {
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ps := slices.Concat(pictures(0xfff0, 8), pictures(0xffff, 8))
			samples := append(spec.Group(ps[:8], 0), spec.Group(ps[8:], 0)...)
			wantPictures(t, keep(t, "film.h264", annexB(spec.Video().Private, samples...)), ps)
		})
	}
}

func TestLongGroup(t *testing.T) {
	for b := range 3 {
		t.Run(fmt.Sprintf("%d B-pictures", b), func(t *testing.T) {
			t.Parallel()
			spec := film.Spec{Width: 320, Height: 192, BFrames: b}
			ps := pictures(1<<32-400, 400) // more than frame_num and picture order count can hold
			wantPictures(t, keep(t, "film.h264", annexB(spec.Video().Private, spec.Group(ps, 0)...)), ps)
		})
	}
}

func TestGroupsOfOnePicture(t *testing.T) {
	spec := film.Spec{Width: 320, Height: 192, BFrames: 2}
	ps := pictures(7, 30)
	var samples []film.Coded
	for i := range ps {
		samples = append(samples, spec.Group(ps[i:i+1], 0)...)
	}
	wantPictures(t, keep(t, "film.h264", annexB(spec.Video().Private, samples...)), ps)
}

func TestPaddedPictures(t *testing.T) {
	for _, pad := range []int{1, 100, 5000} {
		ps := pictures(5, 40)
		spec := film.Spec{BFrames: 2}
		plain, samples := spec.Group(ps, 0), spec.Group(ps, pad)
		for i, c := range samples {
			size := len(c.AppendTo(nil))
			if size != c.Size() || size < pad || c.Pad > 6 && size != pad || !bytes.Equal(c.Data, plain[i].Data) {
				t.Errorf("pad %d: sample %d has %d bytes, Size says %d", pad, i, size, c.Size())
			}
		}
		wantPictures(t, keep(t, "film.h264", annexB(spec.Video().Private, samples...)), ps)
	}
}

func TestDecodeOrder(t *testing.T) {
	for _, c := range []struct {
		b, n int
		want []int
	}{
		{0, 0, nil},
		{2, 1, []int{0}},
		{2, 2, []int{0, 1}},
		{1, 4, []int{0, 2, 1, 3}},
		{2, 3, []int{0, 2, 1}},
		{2, 8, []int{0, 3, 1, 2, 6, 4, 5, 7}},
		{0, 3, []int{0, 1, 2}},
	} {
		var got []int
		for i, s := range (film.Spec{BFrames: c.b}).Group(pictures(0, c.n), 0) {
			got = append(got, s.Display)
			if s.Sync != (i == 0) {
				t.Errorf("Group(%d pictures)[%d].Sync = %v", c.n, i, s.Sync)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d B-pictures, %d pictures: display order (-want +got):\n%s", c.b, c.n, diff)
		}
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	for name, spec := range specs {
		if diff := cmp.Diff(spec.Group(pictures(9, 5), 10), spec.Group(pictures(9, 5), 10)); diff != "" {
			t.Errorf("%s: two groups differ:\n%s", name, diff)
		}
	}
}

// rubbish stands in for a test that may fail, as one must when it decodes with a wrong avcC.
type rubbish struct{ testing.TB }

func (r rubbish) Helper() {}

func (r rubbish) Fatalf(string, ...any) { panic(r) }

// With the codec configuration of another variant hardly a picture may be readable.
func TestVariantsDoNotDecodeEachOther(t *testing.T) {
	ps := pictures(0x12345678, 25)
	for v := range 8 {
		film, other := film.Spec{Variant: v}, film.Spec{Variant: (v + 1) % 8}
		path := keep(t, "film.h264", annexB(other.Video().Private, film.Group(ps, 0)...))
		if n := readable(t, path); n > 2 {
			t.Errorf("variant %d decodes %d of 25 pictures with the configuration of another", v, n)
		}
	}
}

// readable counts the pictures of a broken film that can be read, 0 if ffmpeg complains.
func readable(t *testing.T, path string) (n int) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(rubbish); !ok {
				panic(r)
			}
		}
	}()
	for _, f := range judgetest.Frames(rubbish{t}, path) {
		if f.OK {
			n++
		}
	}
	return n
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		spec film.Spec
		ok   bool
	}{
		"zero value":       {film.Spec{}, true},
		"least":            {film.Spec{Width: 320, Height: 192}, true},
		"too narrow":       {film.Spec{Width: 318, Height: 192}, false},
		"too low":          {film.Spec{Width: 320, Height: 190}, false},
		"odd":              {film.Spec{Width: 321, Height: 193}, false},
		"too wide":         {film.Spec{Width: 4098}, false},
		"three B-pictures": {film.Spec{BFrames: 3}, false},
		"negative variant": {film.Spec{Variant: -1}, false},
		"unknown sound":    {film.Spec{Sound: "opus"}, false},
		"sound":            {film.Spec{Sound: film.ALaw}, true},
	} {
		if err := c.spec.Check(); (err == nil) != c.ok {
			t.Errorf("%s: Check() = %v", name, err)
		}
	}
}

func BenchmarkGroup(b *testing.B) {
	for name, spec := range map[string]film.Spec{
		"640x360": {}, "640x360 B2": {BFrames: 2}, "1280x720": {Width: 1280, Height: 720},
	} {
		b.Run(name, func(b *testing.B) {
			ps, size := pictures(0, 50), 0
			for b.Loop() {
				size = 0
				for _, c := range spec.Group(ps, 0) {
					size += c.Size()
				}
			}
			b.ReportMetric(float64(b.N*len(ps))/b.Elapsed().Seconds(), "pictures/s")
			b.ReportMetric(float64(size)/float64(len(ps)), "bytes/picture")
		})
	}
}
