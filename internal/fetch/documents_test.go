package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// made is a document of a number with a picture of a size.
func made(number, size int) []byte {
	at := time.UnixMilli(int64(1_700_000_000_000 + number))
	b := mkv.AppendHeader(nil, 1e6, []mkv.Track{{Number: 1, Type: mkv.TypeVideo, CodecID: "V_MJPEG", Width: 2, Height: 2}})
	b = mkv.AppendKVSTags(b, fmt.Sprint(number), at, at)
	b = mkv.AppendBlock(mkv.AppendCluster(b, 0), 1, 0, true, int64(size))
	return append(b, bytes.Repeat([]byte{byte(number)}, size)...)
}

// Whatever of several answers is kept or dropped, however they are cut into reads: what is kept
// is in the file, whole, in order, and nothing else.
func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f, err := os.Create(filepath.Join(dir, "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d := &documents{f: f}
		var want []byte
		n := 0
		for range rapid.IntRange(1, 3).Draw(t, "answers") {
			var answer []byte
			var keeps []bool
			for range rapid.IntRange(0, 6).Draw(t, "documents") {
				doc := made(n, rapid.SampledFrom([]int{0, 1, 300, 70_000, 600_000}).Draw(t, "size"))
				keep := rapid.Bool().Draw(t, "keep")
				answer, keeps = append(answer, doc...), append(keeps, keep)
				if keep {
					want = append(want, doc...)
				}
				n++
			}
			if rapid.Bool().Draw(t, "broken off") {
				answer = append(answer, made(n, 1000)[:400]...)
			}
			r := d.of(iotest.HalfReader(bytes.NewReader(answer)))
			err := each(r, func(f *mkv.Fragment) error {
				keep := keeps[0]
				keeps = keeps[1:]
				if keep {
					return d.keep(f.From, f.To)
				}
				return d.drop(f.To)
			})
			if err != nil && !errors.Is(err, mkv.ErrTruncated) || len(keeps) > 0 {
				t.Fatalf("%v, %d documents did not come", err, len(keeps))
			}
		}
		if err := d.end(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %d bytes are in the file, want %d", err, len(got), len(want))
		}
	})
}

// What the finds in testdata/fuzz/FuzzDocuments were:
//   - segment_that_goes_on: a document whose segment says that it is longer, and another one begins.
//
// Whatever is sent, what is kept of it can be read again from the file, and is what was kept.
func FuzzDocuments(f *testing.F) {
	two := append(made(1, 10), made(2, 20)...)
	f.Add(two, uint64(3))
	f.Add(two, uint64(2))
	f.Add(append(mkv.AppendErrorTags(mkv.AppendHeader(nil, 1e6, nil), mkv.InBand{Code: "FRAGMENT_NOT_FOUND", ID: 4000, Number: "7"}, true), two...), uint64(6))
	f.Add(append(two[:len(two)-5:len(two)-5], 0xEC, 0x81, 0), uint64(3))
	f.Fuzz(func(t *testing.T, answer []byte, keep uint64) {
		file, err := os.Create(filepath.Join(t.TempDir(), "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		d := &documents{f: file}
		var want []string
		_ = each(d.of(bytes.NewReader(answer)), func(f *mkv.Fragment) error {
			keep = keep>>1 | keep<<63
			if keep>>63 == 0 || f.Err != nil || f.Header == nil || len(f.Blocks) == 0 || f.Number == "" {
				return d.drop(f.To)
			}
			err := d.keep(f.From, f.To)
			if err == nil {
				want = append(want, f.Number)
			}
			return err
		})
		if d.err != nil {
			t.Fatal(d.err)
		}
		if err := d.end(); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		var got []string
		err = each(file, func(f *mkv.Fragment) error { got = append(got, f.Number); return nil })
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("kept %v, read back %v, %v", want, got, err)
		}
	})
}
