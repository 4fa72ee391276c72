package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// kindOf returns what an error is. Where a stream ended is told to the element, and at which byte of
// it depends on how the bytes came.
func kindOf(err error) error {
	for _, kind := range []error{mkv.ErrMalformed, mkv.ErrTruncated, mkv.ErrUnsupported} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// FuzzDecoder: whatever comes in, what is told lies in it, in order; the end of a read changes
// nothing; and movies of it keep the rules of movies.
func FuzzDecoder(f *testing.F) {
	cluster := cat(open(0x1F43B675, 1), timecode(5), frame(1, 0, true, 1, 2, 3), frame(2, -3, false, 9))
	f.Add(cat(begin, kvs("7", "10.5", "9.25"), cluster, tags(aws+"MILLIS_BEHIND_NOW", "1500", aws+"CONTINUATION_TOKEN", "7"), begin, cluster))
	f.Add(cat(ebml, el(0x18538067, void, crc, info, tracks, el(0x1F43B675, timecode(1), short(0xA0, short(0xA1, block(1, 7, 0, 1, 2)), num(0xFB, 40))), el(0x1C53BB6B, make([]byte, 40)))))
	f.Add(cat(begin, tags(aws+"FRAGMENT_NUMBER", "9", aws+"EXCEPTION_ERROR_CODE", "4000", aws+"EXCEPTION_MESSAGE", "gone")))
	h264 := header(1e6, track(1, 1, "V_MPEG4/ISO/AVC", short(0x63A2, []byte{1, 66, 0, 30, 255, 225, 0, 4, 0x67, 66, 0, 30, 1, 0, 2, 0x68, 1})))
	f.Add(document(h264, 1, 0, frame(1, 0, true, 0, 0, 0, 1, 0x65, 1, 2, 3), frame(1, 40, false, 0, 0, 0, 2, 0x41, 1)))
	for _, args := range [][]string{{"-c:v", "libx264", "-bf", "2", "-s", "64x64", "-c:a", "aac"}, {"-c:v", "mjpeg", "-s", "32x32", "-c:a", "pcm_mulaw", "-ar", "8000"}} {
		f.Add(film(f, append(args, "-t", "0.2", "-bitexact")...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o := mkv.Options{Payload: func(block mkv.Block, data []byte) {
			if !bytes.Equal(data, b[block.Offset:block.Offset+block.Size]) {
				t.Errorf("block %+v: lent bytes that are not there", block)
			}
		}}
		fs, err := readAll(bytes.NewReader(b), mkv.Options{})
		if err != nil && kindOf(err) == nil {
			t.Errorf("an error of no kind: %v", err)
		}
		for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b))} {
			again, other := readAll(r, o)
			if d := cmp.Diff(fs, again); d != "" || !errors.Is(kindOf(other), kindOf(err)) {
				t.Errorf("read in pieces: %v, want %v:\n%s", other, err, d)
			}
		}
		at := int64(0)
		for _, fr := range fs {
			if fr.From < at || fr.ClusterFrom < fr.From || fr.ClusterTo < fr.ClusterFrom || fr.To < fr.ClusterTo || fr.To > int64(len(b)) {
				t.Errorf("fragment from %d to %d, cluster from %d to %d, behind %d of %d", fr.From, fr.To, fr.ClusterFrom, fr.ClusterTo, at, len(b))
			}
			at = fr.To
			for _, block := range fr.Blocks {
				if block.Offset < fr.ClusterFrom || block.Size < 0 || block.Offset+block.Size > fr.ClusterTo {
					t.Errorf("block %+v outside of %d to %d", block, fr.ClusterFrom, fr.ClusterTo)
				}
			}
		}
		parts, err := mkv.Parts(sourceOf(b), fs)
		if err != nil && kindOf(err) == nil {
			t.Errorf("Parts: an error of no kind: %v", err)
		}
		for _, p := range parts {
			checkMovie(t, p.Movie)
			for _, track := range p.Movie.Tracks {
				for _, s := range track.Samples {
					if _, err := p.Movie.Sources[0].ReadAt(make([]byte, s.Size), s.Offset); err != nil {
						t.Errorf("sample %+v: %v", s, err)
					}
				}
			}
		}
	})
}
