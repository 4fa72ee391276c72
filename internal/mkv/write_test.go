package mkv

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// wantInside fails unless what was written is somewhere in what the service sent.
func wantInside(t *testing.T, sent, got []byte) {
	t.Helper()
	if !bytes.Contains(sent, got) {
		t.Errorf("the service never sent\n% x", got)
	}
}

const captured = "91343852333181432392682062607743920146159169392"

func TestKVSTagsAreTheServices(t *testing.T) {
	sent, err := os.ReadFile(judgetest.Capture(t, "output_get_media.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	got := AppendKVSTags(nil, captured, time.UnixMilli(1511852109126), time.UnixMilli(1511852108513))
	wantInside(t, sent, got)
	wantInside(t, sent, AppendMediaTags(nil, 15858*time.Millisecond, captured))
}

// Sizes as they were measured: SimpleTags 91, 59 and 61, Tag 229, Tags 235; of GetMedia's 163.
func TestSizesOfKVSTags(t *testing.T) {
	at := time.UnixMilli(1511852109126)
	head := len("1254c367")/2 + 4
	if got := len(AppendKVSTags(nil, captured, at, at)); got != 235+head {
		t.Errorf("AppendKVSTags: %d bytes, want %d", got, 235+head)
	}
	if got := len(AppendMediaTags(nil, 15858*time.Millisecond, captured)); got != 163+head {
		t.Errorf("AppendMediaTags: %d bytes, want %d", got, 163+head)
	}
}

// A producer's document, as the service sent it back: EBML header, Segment, tags, Info, Tracks,
// the service's tags, the cluster and its first block. Only random UIDs differ.
func TestHeaderIsTheProducers(t *testing.T) {
	sent, err := os.ReadFile(judgetest.Capture(t, "test_mixed_tags.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	track := Track{Number: 1, Type: TypeVideo, Name: "test track", CodecID: "V_MS/VFW/FOURCC", Width: 640, Height: 480}
	private := bytes.Index(sent, []byte{0x63, 0xa2, 0xa8}) + 3
	track.Private = sent[private : private+40]
	got := AppendHeader(nil, 1e6, []Track{track})
	info := bytes.Index(got, []byte{0x15, 0x49, 0xa9, 0x66})
	wantInside(t, sent[:info], got[:info])
	wantInside(t, sent, got[info:info+8])
	entry := bytes.Index(got, []byte{0x73, 0xc5, 0x88}) + 3
	wantInside(t, sent, got[info+8+16:entry])
	wantInside(t, sent, got[entry+8:])
	wantInside(t, sent, AppendTags(nil, []Tag{{"testTag_0", "testTag_0_Value"}, {"testTag_1", "testTag_1_Value"}}))
	wantInside(t, sent, AppendKVSTags(nil, "91343852333713038908964877623801423530396737899", time.UnixMilli(1537574915281), time.Time{}))
	wantInside(t, sent, AppendBlock(AppendCluster(nil, 0), 1, 0, true, 100))
	wantInside(t, sent, AppendBlock(nil, 1, 500, false, 100))
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		n     uint64
		width int
		want  []byte
	}{
		{0, 0, []byte{0x80}},
		{126, 0, []byte{0xfe}},
		{127, 0, []byte{0x40, 0x7f}}, // 0xff says that a size is not known
		{128, 0, []byte{0x40, 0x80}},
		{1<<14 - 2, 0, []byte{0x7f, 0xfe}},
		{1<<14 - 1, 0, []byte{0x20, 0x3f, 0xff}},
		{1<<56 - 2, 0, []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}},
		{235, 4, []byte{0x10, 0, 0, 0xeb}},
		{5, 8, []byte{1, 0, 0, 0, 0, 0, 0, 5}},
	} {
		if d := cmp.Diff(tc.want, appendSize(nil, tc.n, tc.width)); d != "" {
			t.Errorf("appendSize(%d, %d) (-want +got):\n%s", tc.n, tc.width, d)
		}
	}
}

func TestStamps(t *testing.T) {
	for want, at := range map[string]time.Time{
		"0.000":          {},
		"1511852109.126": time.Unix(1511852109, 126999999),
		"1700000000.005": time.UnixMilli(1700000000005),
		"12.000":         time.Unix(12, 0),
	} {
		if got := stamp(at); got != want {
			t.Errorf("stamp(%v) = %q, want %q", at, got, want)
		}
	}
}
