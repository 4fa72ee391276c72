package mkv_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// captured reads a real answer of the service. They lie beside the repository, not in it.
func captured(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(judgetest.Capture(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var captures = []struct {
	name      string
	documents bool // one a fragment
	fragments int
	frames    int  // by ffprobe -count_packets
	intra     bool // ffprobe knows that every picture of the codec is a key
}{
	{"output_get_media.mkv", true, 5, 300, false},
	{"output_get_media_sparse_fragments.mkv", true, 3, 180, false},
	{"test_mixed_tags.mkv", true, 10, 100, true},
	{"clusters.mkv", false, 8, 444, false},
}

// Real answers are read to the frame: counts, times and payloads are ffprobe's, which is asked
// document by document, because players stop at the end of the first.
func TestCaptures(t *testing.T) {
	for _, tt := range captures {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := captured(t, tt.name)
			fs := mustRead(t, b)
			if got := ours(b, fs, 1); len(fs) != tt.fragments || len(got) != tt.frames {
				t.Errorf("%d fragments, %d frames; want %d, %d", len(fs), len(got), tt.fragments, tt.frames)
			}
			if !tt.documents {
				same(t, tt.name, probe(t, store(t, "all.mkv", b), "v:0"), ours(b, fs, 1), false)
				return
			}
			at := int64(0)
			for i, f := range fs {
				if f.From != at {
					t.Errorf("fragment %d begins at byte %d, want %d", i, f.From, at)
				}
				at = f.To
				same(t, "document "+strconv.Itoa(i), probe(t, store(t, "one.mkv", b[f.From:f.To]), "v:0"), ours(b, fs[i:i+1], 1), tt.intra)
			}
			if at != int64(len(b)) {
				t.Errorf("the last fragment ends at byte %d of %d", at, len(b))
			}
		})
	}
}

// found returns the values of a tag by their place in the bytes: behind its name, TagString's ID and
// a size of four bytes.
func found(b []byte, name string) (values []string) {
	for {
		i := bytes.Index(b, append([]byte(name), 0x44, 0x87))
		if i < 0 {
			return values
		}
		b = b[i+len(name)+2:]
		n := binary.BigEndian.Uint32(b) & 0x0FFFFFFF
		values = append(values, string(b[4:4+n]))
	}
}

// Every tag of the service is there, in order, to the digit.
func TestTagsOfCaptures(t *testing.T) {
	for _, tt := range captures {
		b := captured(t, tt.name)
		got := map[string][]string{}
		add := func(name, value string) { got[name] = append(got[name], value) }
		for _, f := range mustRead(t, b) {
			if f.Number == "" {
				continue
			}
			add("FRAGMENT_NUMBER", f.Number)
			add("SERVER_TIMESTAMP", stamp(f.Server.UnixMilli()))
			add("PRODUCER_TIMESTAMP", stamp(f.Producer.UnixMilli()))
			add("MILLIS_BEHIND_NOW", strconv.FormatInt(f.Behind.Milliseconds(), 10))
			add("CONTINUATION_TOKEN", f.Continuation)
		}
		for _, name := range []string{"FRAGMENT_NUMBER", "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP", "MILLIS_BEHIND_NOW", "CONTINUATION_TOKEN"} {
			want := found(b, aws+name)
			if tt.documents && len(want) != tt.fragments {
				t.Errorf("%s: the bytes hold %s %d times, want %d", tt.name, name, len(want), tt.fragments)
			}
			if d := cmp.Diff(want, got[name]); d != "" {
				t.Errorf("%s: %s (-bytes +read):\n%s", tt.name, name, d)
			}
		}
	}
}

func stamp(millis int64) string {
	s := strconv.FormatInt(millis%1000+1000, 10)
	return strconv.FormatInt(millis/1000, 10) + "." + s[1:]
}

// The producer's tags come from both sides of the cluster.
func TestProducerTagsOfCaptures(t *testing.T) {
	b := captured(t, "test_mixed_tags.mkv")
	var want, got []string
	for i := range 5 {
		want = append(want, found8(b, "testTag_"+strconv.Itoa(i))...)
	}
	for i := range 5 {
		for _, f := range mustRead(t, b) {
			for _, tag := range f.Tags {
				if tag.Name == "testTag_"+strconv.Itoa(i) {
					got = append(got, tag.Value)
				}
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" || len(want) != 55 {
		t.Errorf("%d values in the bytes (-bytes +read):\n%s", len(want), d)
	}
	if c := mustRead(t, b)[0].Header.Tracks[0]; c.CodecID != "V_MS/VFW/FOURCC" || c.Name != "test track" {
		t.Errorf("codec %q, name %q: padding is left", c.CodecID, c.Name)
	}
}

// found8 is found for the sizes of eight bytes that producers write.
func found8(b []byte, name string) (values []string) {
	for {
		i := bytes.Index(b, append([]byte(name), 0x44, 0x87))
		if i < 0 {
			return values
		}
		b = b[i+len(name)+2:]
		n := binary.BigEndian.Uint64(b) & (1<<56 - 1)
		values = append(values, string(b[8:8+n]))
	}
}

// What is cut off a real answer is missed.
func TestCapturesCut(t *testing.T) {
	b := captured(t, "output_get_media.mkv")
	fs := mustRead(t, b)
	for _, cut := range []int64{fs[0].Blocks[3].Offset, fs[1].From + 100, fs[4].ClusterTo + 20, int64(len(b)) - 1} {
		got, err := readAll(bytes.NewReader(b[:cut]), mkv.Options{})
		want := 0
		for _, f := range fs {
			if cut > f.ClusterTo+12 {
				want++
			}
		}
		if err == nil || len(got) != want {
			t.Errorf("cut at byte %d: %d fragments, %v; want %d and an error", cut, len(got), err, want)
		}
	}
}
