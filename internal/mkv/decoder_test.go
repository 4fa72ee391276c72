package mkv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// show tells a fragment in a line: places relative to it, so that a table can say them.
func show(f *mkv.Fragment) string {
	var s strings.Builder
	if f.Err != nil {
		fmt.Fprintf(&s, "error %q %d %q of %q", f.Err.Code, f.Err.ID, f.Err.Message, f.Err.Number)
		return s.String()
	}
	fmt.Fprintf(&s, "at %d:", f.Timecode)
	for _, b := range f.Blocks {
		key := ""
		if b.Key {
			key = "k"
		}
		fmt.Fprintf(&s, " %d%+d%s/%d", b.Track, b.Time, key, b.Size)
	}
	for _, t := range f.Tags {
		fmt.Fprintf(&s, " %s=%s", t.Name, t.Value)
	}
	if f.Number != "" {
		fmt.Fprintf(&s, " number %s", f.Number)
	}
	for _, at := range []time.Time{f.Server, f.Producer} {
		if !at.IsZero() {
			fmt.Fprintf(&s, " %s", at.Format("15:04:05.999999999"))
		}
	}
	if f.Continuation != "" {
		fmt.Fprintf(&s, " %v behind, then %s", f.Behind, f.Continuation)
	}
	return s.String()
}

func TestDecoderReads(t *testing.T) {
	clusterOf := func(time uint64, blocks ...[]byte) []byte {
		return cat(open(0x1F43B675, 1), timecode(time), cat(blocks...))
	}
	known := func(time uint64, blocks ...[]byte) []byte { return el(0x1F43B675, timecode(time), cat(blocks...)) }
	plain := clusterOf(5, frame(1, 0, true, 1, 2, 3))
	tests := []struct {
		name   string
		stream []byte
		want   []string
	}{
		{"nothing", nil, nil},
		{"only padding", void, nil},
		{"a document", cat(begin, plain), []string{"at 5: 1+0k/3"}},
		{
			"two answers",
			cat(begin, kvs("7", "10.5", "9.25"), plain, tags(aws+"MILLIS_BEHIND_NOW", "1500", aws+"CONTINUATION_TOKEN", "7"), begin, kvs("8", "12.000", "11"), plain),
			[]string{"at 5: 1+0k/3 number 7 00:00:10.5 00:00:09.25 1.5s behind, then 7", "at 5: 1+0k/3 number 8 00:00:12 00:00:11"},
		},
		{
			"the other names",
			cat(begin, tags(aws+"FRAGMENT_NUMBER", "7", aws+"SERVER_SIDE_TIMESTAMP", "10.5", aws+"PRODUCER_SIDE_TIMESTAMP", "0.000"), plain),
			[]string{"at 5: 1+0k/3 number 7 00:00:10.5 00:00:00"},
		},
		{
			"producer tags on all sides, padded with NULs",
			cat(begin, tags("a\x00\x00", "1\x00"), kvs("7", "1.0", "2.0"), plain, tags("b", "2"), tags("c", "")),
			[]string{"at 5: 1+0k/3 a=1 b=2 c= number 7 00:00:01 00:00:02"},
		},
		{
			"tags in tags, and one without a string",
			cat(begin, plain, el(0x1254C367, short(0x7373, short(0x63C0), short(0x67C8, str(0x45A3, "outer"), str(0x4487, "1"), short(0x67C8, str(0x45A3, "inner"), str(0x4487, "2"))), short(0x67C8, str(0x45A3, "binary"))))),
			[]string{"at 5: 1+0k/3 outer=1 inner=2"},
		},
		{
			"a producer's own name with the prefix",
			cat(begin, plain, tags(aws+"MINE", "x")),
			[]string{"at 5: 1+0k/3 " + aws + "MINE=x"},
		},
		{
			"an upload of known sizes",
			cat(ebml, el(0x18538067, el(0x114D9B74), void, crc, info, tracks, known(1, frame(1, 0, true)), known(2, frame(2, -3, false, 9)), tags("a", "1"), el(0x1C53BB6B, make([]byte, 40))), ebml, segment, tracks, known(3, frame(1, 32767, true))),
			[]string{"at 1: 1+0k/0", "at 2: 2-3/1 a=1", "at 3: 1+32767k/0"},
		},
		{
			"a cluster of unknown size in a segment of a known one",
			cat(ebml, el(0x18538067, tracks, clusterOf(1, frame(1, 0, true)), clusterOf(2, frame(1, 0, true)))),
			[]string{"at 1: 1+0k/0", "at 2: 1+0k/0"},
		},
		{
			"groups of a block",
			cat(begin, clusterOf(0, short(0xA0, short(0xA1, block(1, 7, 0, 1, 2)), num(0x9B, 40)), short(0xA0, num(0xFB, 40), short(0xA1, block(1, 8, 0, 1))), short(0xA0, crc, short(0xA1, block(2, 9, 0)), short(0xFB, []byte{0xFF})))),
			[]string{"at 0: 1+7k/2 1+8/1 2+9/0"},
		},
		{
			"what is passed over",
			cat(void, begin, void, crc, el(0x1043A770, []byte{1}), el(0x1941A469, []byte{1}), el(0x4242, []byte{1}), open(0x1F43B675, 8), crc, timecode(1), num(0xA7, 0), num(0xAB, 77), void, frame(1, 0, true), short(0x4242, []byte{1}), el(0x1C53BB6B, make([]byte, 5)), void),
			[]string{"at 1: 1+0k/0"},
		},
		{
			"numbers that change within a segment",
			cat(begin, kvs("1", "1", "1"), plain, kvs("2", "2", "2"), plain),
			[]string{"at 5: 1+0k/3 number 1 00:00:01 00:00:01", "at 5: 1+0k/3 number 2 00:00:02 00:00:02"},
		},
		{
			"a track number of two bytes",
			cat(ebml, segment, el(0x1654AE6B, short(0xAE, num(0xD7, 300), num(0x83, 1))), clusterOf(0, short(0xA3, []byte{0x41, 0x2C, 0, 1, 0x80, 1}))),
			[]string{"at 0: 300+1k/1"},
		},
		{"a cluster without blocks", cat(begin, clusterOf(4)), []string{"at 4:"}},
		{"a segment without clusters", cat(ebml, el(0x18538067, info, tracks)), nil},
		{
			"an error behind a fragment",
			cat(begin, kvs("7", "1", "1"), plain, tags(aws+"ERROR_CODE", "INTERNAL_ERROR", aws+"ERROR_ID", "5000")),
			[]string{"at 5: 1+0k/3 number 7 00:00:01 00:00:01", `error "INTERNAL_ERROR" 5000 "" of ""`},
		},
		{
			"an error as a document",
			cat(begin, plain, ebml, segment, tags(aws+"FRAGMENT_NUMBER", "9", aws+"EXCEPTION_ERROR_CODE", "4000", aws+"EXCEPTION_MESSAGE", "gone")),
			[]string{"at 5: 1+0k/3", `error "4000" 4000 "gone" of "9"`},
		},
		{
			"an error with a whole header, and a fragment behind it",
			cat(begin, kvs("9", "1", "1"), tags(aws+"ERROR_ID", "3002"), begin, plain),
			[]string{`error "" 3002 "" of "9"`, "at 5: 1+0k/3"},
		},
		{"an error without a document", tags(aws+"ERROR_CODE", "KMS"), []string{`error "KMS" 0 "" of ""`}},
		{"an error in a bare segment", cat(segment, tags(aws+"ERROR_CODE", "KMS")), []string{`error "KMS" 0 "" of ""`}},
		{
			"two errors",
			cat(begin, plain, tags(aws+"ERROR_CODE", "A"), tags(aws+"ERROR_CODE", "B")),
			[]string{"at 5: 1+0k/3", `error "A" 0 "" of ""`, `error "B" 0 "" of ""`},
		},
		{
			"a document of tags alone",
			cat(begin, tags(aws+"CONTINUATION_TOKEN", "7")),
			[]string{"at 0: 0s behind, then 7"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(tt.stream), iotest.OneByteReader(bytes.NewReader(tt.stream)), iotest.DataErrReader(bytes.NewReader(tt.stream))} {
				fs, err := readAll(r, mkv.Options{})
				if err != nil {
					t.Fatalf("Next: %v", err)
				}
				var got []string
				for _, f := range fs {
					got = append(got, show(f))
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("fragments (-want +got):\n%s", d)
				}
			}
		})
	}
}

// Fragments lie one behind the other, and what they say of places is what is there.
func TestPlaces(t *testing.T) {
	one := cat(begin, kvs("7", "1", "1"), open(0x1F43B675, 1), timecode(3), frame(1, 0, true, 'a', 'b'), tags("x", "y"))
	two := cat(begin, el(0x1F43B675, timecode(3), frame(1, 0, true, 'c'), short(0xA0, short(0xA1, block(2, 0, 0, 'd')))))
	stream := cat(one, two)
	fs := mustRead(t, stream)
	if len(fs) != 2 {
		t.Fatalf("%d fragments, want 2", len(fs))
	}
	at := bytes.Index(one, open(0x1F43B675, 1))
	want := []int64{0, int64(len(one)), int64(at), int64(len(one)) - int64(len(tags("x", "y")))}
	if got := []int64{fs[0].From, fs[0].To, fs[0].ClusterFrom, fs[0].ClusterTo}; !slices.Equal(got, want) {
		t.Errorf("places %v, want %v", got, want)
	}
	if fs[1].From != int64(len(one)) || fs[1].To != int64(len(stream)) || fs[1].ClusterTo != int64(len(stream)) {
		t.Errorf("second fragment from %d to %d, cluster to %d", fs[1].From, fs[1].To, fs[1].ClusterTo)
	}
	payload := ""
	for _, f := range fs {
		for _, b := range f.Blocks {
			payload += string(stream[b.Offset : b.Offset+b.Size])
		}
	}
	if payload != "abcd" {
		t.Errorf("payloads %q, want abcd", payload)
	}
	if fs[0].Header != fs[1].Header || !bytes.Equal(fs[0].Header.Raw, begin) {
		t.Errorf("headers %p %p of %x, want the same, of %x", fs[0].Header, fs[1].Header, fs[0].Header.Raw, begin)
	}
}

func TestHeader(t *testing.T) {
	private := []byte{1, 2, 3}
	track := short(0xAE, num(0xD7, 5), num(0x73C5, 99), num(0x83, 1), str(0x536E, "yard\x00\x00"), str(0x22B59C, "deu"), str(0x86, "V_TEST\x00"), num(0x23E383, 40000000), short(0x63A2, private), short(0xE0, num(0xB0, 640), num(0xBA, 480)))
	deaf := short(0xAE, num(0xD7, 6), num(0x83, 2), str(0x86, "A_TEST"))
	raw := cat(ebml, segment, el(0x1549A966, num(0x2AD7B1, 100)), el(0x1654AE6B, track, deaf), tags("kept", "in the header"))
	fs := mustRead(t, cat(raw, kvs("1", "1", "1"), el(0x1F43B675, timecode(0))))
	want := &mkv.Header{Raw: raw, Scale: 100, DocType: "matroska", Tracks: []mkv.Track{
		{Number: 5, Type: 1, Name: "yard", Language: "deu", CodecID: "V_TEST", DefaultDuration: 40000000, Private: private, Width: 640, Height: 480},
		{Number: 6, Type: 2, CodecID: "A_TEST", Channels: 1, SampleRate: 8000},
	}}
	if d := cmp.Diff(want, fs[0].Header); d != "" {
		t.Errorf("header (-want +got):\n%s", d)
	}
}

func TestDecoderRefuses(t *testing.T) {
	in := func(children ...[]byte) []byte { return cat(begin, el(0x1F43B675, timecode(0), cat(children...))) }
	with := func(track ...[]byte) []byte {
		return cat(ebml, segment, el(0x1654AE6B, short(0xAE, num(0xD7, 1), num(0x83, 1), cat(track...))), el(0x1F43B675, timecode(0)))
	}
	scaled := func(scale uint64, time uint64) []byte {
		return cat(ebml, segment, el(0x1549A966, num(0x2AD7B1, scale)), tracks, el(0x1F43B675, timecode(time)))
	}
	telling := func(name, value string) []byte { return cat(begin, el(0x1F43B675, timecode(0)), tags(aws+name, value)) }
	var many []byte
	for i := range 17 {
		many = append(many, short(0xAE, num(0xD7, uint64(i+1)), num(0x83, 1))...)
	}
	nested := str(0x45A3, "deep")
	for range 12 {
		nested = cat(str(0x45A3, "deep"), short(0x67C8, nested))
	}
	tests := []struct {
		name   string
		stream []byte
		want   error
	}{
		{"not Matroska", []byte("<html><body>no</body></html>"), mkv.ErrMalformed},
		{"zeros", make([]byte, 100), mkv.ErrMalformed},
		{"a cluster first", el(0x1F43B675, timecode(0)), mkv.ErrMalformed},
		{"a bare segment with a cluster", cat(segment, tracks, el(0x1F43B675, timecode(0))), mkv.ErrMalformed},
		{"a later EBML", cat(short(0x1A45DFA3, num(0x42F7, 2)), segment), mkv.ErrUnsupported},
		{"long IDs", cat(short(0x1A45DFA3, num(0x42F2, 5)), segment), mkv.ErrUnsupported},
		{"long sizes", cat(short(0x1A45DFA3, num(0x42F3, 9)), segment), mkv.ErrUnsupported},
		{"another type of document", cat(short(0x1A45DFA3, str(0x4282, "picture")), segment), mkv.ErrUnsupported},
		{"an EBML header of 9 exabytes", head(0x1A45DFA3, 1<<56|1<<55, 8), mkv.ErrUnsupported},
		{"no tracks", cat(ebml, segment, info, el(0x1F43B675, timecode(0))), mkv.ErrMalformed},
		{"17 tracks", cat(ebml, segment, el(0x1654AE6B, many), el(0x1F43B675, timecode(0))), mkv.ErrUnsupported},
		{"a track twice", cat(ebml, segment, el(0x1654AE6B, picture, picture), el(0x1F43B675, timecode(0))), mkv.ErrMalformed},
		{"a track without a number", cat(ebml, segment, el(0x1654AE6B, short(0xAE, num(0x83, 1))), el(0x1F43B675, timecode(0))), mkv.ErrMalformed},
		{"tracks behind a cluster", cat(begin, el(0x1F43B675, timecode(0)), tracks), mkv.ErrMalformed},
		{"a second segment", cat(begin, el(0x1F43B675, timecode(0)), segment, tracks), mkv.ErrMalformed},
		{"encryption", with(short(0x6D80, short(0x6240, num(0x5033, 1)))), mkv.ErrUnsupported},
		{"its own scale", with(short(0x23314F, []byte{0x40, 0, 0, 0})), mkv.ErrUnsupported},
		{"CodecPrivate of more than a megabyte", with(el(0x63A2, make([]byte, 1<<20+1))), mkv.ErrUnsupported},
		{"a rate that is no number", with(short(0xE1, short(0xB5, []byte{0x7F, 0xC0, 0, 0}))), mkv.ErrMalformed},
		{"a float of three bytes", with(short(0xE1, short(0xB5, []byte{1, 2, 3}))), mkv.ErrMalformed},
		{"a width of 9 bytes", with(short(0xE0, short(0xB0, make([]byte, 9)))), mkv.ErrMalformed},
		{"a width of 4 thousand million", with(short(0xE0, num(0xB0, 1<<32))), mkv.ErrMalformed},
		{"a scale of nothing", scaled(0, 0), mkv.ErrMalformed},
		{"a scale of more than a second", scaled(1e9+1, 0), mkv.ErrUnsupported},
		{"a time beyond 64 bits of nanoseconds", scaled(1e9, 1<<40), mkv.ErrMalformed},
		{"a header of more than 4 MiB", cat(ebml, segment, el(0xEC, make([]byte, 4<<20))), mkv.ErrUnsupported},
		{"an element in the header of 9 exabytes", cat(ebml, segment, head(0xEC, 1<<56|1<<55, 8)), mkv.ErrUnsupported},
		{"info of unknown size", cat(ebml, segment, open(0x1549A966, 1)), mkv.ErrMalformed},
		{"more tags than a megabyte", cat(begin, tags("a", string(make([]byte, 1<<20)))), mkv.ErrUnsupported},
		{"more tags than a megabyte, in two", cat(begin, tags("a", string(make([]byte, 1<<19))), tags("a", string(make([]byte, 1<<19)))), mkv.ErrUnsupported},
		{"tags that are deep", cat(begin, el(0x1254C367, short(0x7373, short(0x67C8, nested)))), mkv.ErrUnsupported},
		{"a child longer than its parent", cat(begin, el(0x1254C367, head(0x7373, 0x85, 1), make([]byte, 2))), mkv.ErrMalformed},
		{"a time that is none", telling("PRODUCER_TIMESTAMP", "yesterday"), mkv.ErrMalformed},
		{"a time below zero", telling("SERVER_TIMESTAMP", "-1.5"), mkv.ErrMalformed},
		{"a time with an exponent", telling("SERVER_TIMESTAMP", "1.5e9"), mkv.ErrMalformed},
		{"a time after the year 9999", telling("SERVER_TIMESTAMP", "253402300800.0"), mkv.ErrMalformed},
		{"a lag that is none", telling("MILLIS_BEHIND_NOW", "1.5"), mkv.ErrMalformed},
		{"no timecode", cat(begin, el(0x1F43B675)), mkv.ErrMalformed},
		{"a block before the timecode", cat(begin, el(0x1F43B675, frame(1, 0, true), timecode(0))), mkv.ErrMalformed},
		{"two timecodes", in(timecode(1)), mkv.ErrMalformed},
		{"lacing by Xiph", in(short(0xA3, block(1, 0, 0x82, 1, 1, 1))), mkv.ErrUnsupported},
		{"lacing of fixed sizes", in(short(0xA3, block(1, 0, 0x84, 1, 1, 1))), mkv.ErrUnsupported},
		{"lacing by EBML", in(short(0xA0, short(0xA1, block(1, 0, 0x06, 1, 1, 1)))), mkv.ErrUnsupported},
		{"an encrypted block", in(short(0xAF, block(1, 0, 0))), mkv.ErrUnsupported},
		{"a block of three bytes", in(short(0xA3, []byte{0x81, 0, 0})), mkv.ErrMalformed},
		{"an empty block", in(short(0xA3)), mkv.ErrMalformed},
		{"a block of a track that is no number", in(short(0xA3, make([]byte, 20))), mkv.ErrMalformed},
		{"a block of 64 MiB", cat(begin, open(0x1F43B675, 1), timecode(0), head(0xA3, 1<<56|(64<<20+1), 8), make([]byte, 20)), mkv.ErrMalformed},
		{"a group of unknown size", cat(begin, open(0x1F43B675, 1), timecode(0), open(0xA0, 1), frame(1, 0, true)), mkv.ErrMalformed},
		{"a group without a block", in(short(0xA0, num(0x9B, 1))), mkv.ErrMalformed},
		{"a group of two blocks", in(short(0xA0, short(0xA1, block(1, 0, 0)), short(0xA1, block(1, 1, 0)))), mkv.ErrMalformed},
		{"a block longer than its group", in(short(0xA0, head(0xA1, 0x8F, 1), block(1, 0, 0))), mkv.ErrMalformed},
		{"a block longer than its cluster", cat(begin, short(0x1F43B675, timecode(0), head(0xA3, 0x8F, 1), block(1, 0, 0)), make([]byte, 50)), mkv.ErrMalformed},
		{"a cluster longer than its segment", cat(ebml, el(0x18538067, tracks, head(0x1F43B675, 1<<56|500, 8), timecode(0)), make([]byte, 600)), mkv.ErrMalformed},
		{"a document in a cluster of known size", in(begin), mkv.ErrMalformed},
		{"a document in a segment of known size", cat(ebml, head(0x18538067, 1<<56|5000, 8), tracks, el(0x1F43B675, timecode(0)), begin), mkv.ErrMalformed},
		{"a cluster of known size that ends early", cat(begin, head(0x1F43B675, 1<<56|500, 8), timecode(0), frame(1, 0, true)), mkv.ErrTruncated},
		{"a segment of known size that ends early", cat(ebml, head(0x18538067, 1<<56|5000, 8), tracks, open(0x1F43B675, 1), timecode(0), frame(1, 0, true)), mkv.ErrTruncated},
		{"a header alone", begin, mkv.ErrTruncated},
		{"tags that name a fragment, and none behind", cat(begin, el(0x1F43B675, timecode(0)), begin, kvs("1", "1", "1")), mkv.ErrTruncated},
		{"an ID of five bytes", cat(begin, el(0x1F43B675, timecode(0)), []byte{8, 1, 1, 1, 1, 0x81, 0}), mkv.ErrMalformed},
		{"a size of nine bytes", cat(begin, el(0x1F43B675, timecode(0)), []byte{0xEC, 0, 0, 0, 0, 0, 0, 0, 0, 1}), mkv.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readAll(bytes.NewReader(tt.stream), mkv.Options{})
			if !errors.Is(err, tt.want) {
				t.Errorf("Next: %v, want %v", err, tt.want)
			}
			if _, again := readAll(iotest.OneByteReader(bytes.NewReader(tt.stream)), mkv.Options{}); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("byte by byte: %v, want %v", again, err)
			}
		})
	}
}

// At its limits a header, a block and tags are read.
func TestLimits(t *testing.T) {
	fill := func(n int) []byte { return el(0xEC, make([]byte, n-9)) }
	rest := cat(ebml, segment, tracks)
	for _, tt := range []struct {
		name   string
		stream []byte
	}{
		{"a header of 4 MiB", cat(rest, fill(4<<20-len(rest)), el(0x1F43B675, timecode(0)))},
		{"a block of 64 MiB", cat(begin, el(0x1F43B675, timecode(0), el(0xA3, block(1, 0, 0), make([]byte, 64<<20-4))))},
		{"tags of a mebibyte", cat(begin, kvs("1", "1", "1"), el(0x1F43B675, timecode(0)), el(0x1254C367, fill(1<<20-len(kvs("1", "1", "1"))+12)))},
	} {
		if fs, err := readAll(bytes.NewReader(tt.stream), mkv.Options{Payload: func(mkv.Block, []byte) {}}); err != nil || len(fs) != 1 {
			t.Errorf("%s: %d fragments, %v; want 1", tt.name, len(fs), err)
		}
	}
}

func TestTooManyBlocks(t *testing.T) {
	block := frame(1, 0, true)
	stream := func(n int) io.Reader {
		return io.MultiReader(bytes.NewReader(cat(begin, open(0x1F43B675, 1), timecode(0))), bytes.NewReader(bytes.Repeat(block, n)))
	}
	if fs, err := readAll(stream(1<<20), mkv.Options{}); err != nil || len(fs) != 1 || len(fs[0].Blocks) != 1<<20 {
		t.Errorf("2^20 blocks: %d fragments, %v", len(fs), err)
	}
	if _, err := readAll(stream(1<<20+1), mkv.Options{}); !errors.Is(err, mkv.ErrMalformed) {
		t.Errorf("one block more: %v, want %v", err, mkv.ErrMalformed)
	}
}

// A stream that ends anywhere gives all fragments that were complete, and says that it ended early
// but where it may end.
func TestTruncated(t *testing.T) {
	last := el(0x1F43B675, timecode(0))
	before := cat(tracks, kvs("2", "2", "2"))
	var stream []byte
	may := map[int]bool{0: true} // the places where it may end
	add := func(b []byte, end bool) {
		stream = append(stream, b...)
		may[len(stream)] = end
	}
	add(begin, false)
	add(kvs("1", "1", "1"), false)
	add(open(0x1F43B675, 1), false)
	add(timecode(0), true) // of unknown size: any block may be the last
	add(frame(1, 0, true, 1, 2, 3), true)
	add(frame(2, 0, true, 1, 2, 3), true)
	over := len(stream) + 12 // what the ID and size of tags say
	add(tags("a", "b"), true)
	add(ebml, false)
	add(head(0x18538067, 1<<56|uint64(len(before)+len(last)), 8), false)
	add(before, false)
	add(last, true)
	for n := range len(stream) + 1 {
		fs, err := readAll(bytes.NewReader(stream[:n]), mkv.Options{})
		if may[n] != (err == nil) {
			t.Errorf("%d bytes: %v; may it end there: %v", n, err, may[n])
		}
		if err != nil && (!errors.Is(err, mkv.ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF)) {
			t.Errorf("%d bytes: %v, want %v", n, err, mkv.ErrTruncated)
		}
		want := 0
		switch {
		case n == len(stream):
			want = 2
		case n >= over || may[n] && n > 0:
			want = 1
		}
		if len(fs) != want {
			t.Errorf("%d bytes: %d fragments, want %d", n, len(fs), want)
		}
	}
}

// A reader's own error is told as it is, behind what was complete.
func TestReaderFails(t *testing.T) {
	lost := errors.New("connection lost")
	stream := cat(begin, el(0x1F43B675, timecode(0)), open(0x1F43B675, 1), timecode(1))
	fs, err := readAll(io.MultiReader(bytes.NewReader(stream), iotest.ErrReader(lost)), mkv.Options{})
	if !errors.Is(err, lost) || len(fs) != 1 {
		t.Errorf("%d fragments, %v; want 1, and %v", len(fs), err, lost)
	}
	_, err = readAll(io.MultiReader(bytes.NewReader(stream), iotest.ErrReader(io.ErrUnexpectedEOF)), mkv.Options{})
	if !errors.Is(err, mkv.ErrTruncated) {
		t.Errorf("a body that broke: %v, want %v", err, mkv.ErrTruncated)
	}
}

// A fragment of a live stream comes with the first bytes of the next, and not later.
func TestLive(t *testing.T) {
	first := cat(begin, open(0x1F43B675, 1), timecode(0), frame(1, 0, true, 1), tags("a", "b"))
	for _, next := range [][]byte{open(0x1F43B675, 1), head(0x1F43B675, 1<<56|500, 8), ebml[:5]} {
		late := errors.New("read too far")
		d := mkv.NewDecoder(io.MultiReader(iotest.OneByteReader(bytes.NewReader(cat(first, next))), iotest.ErrReader(late)), mkv.Options{})
		if f, err := d.Next(); err != nil || f.To != int64(len(first)) {
			t.Errorf("before % x: %v, %v", next, f, err)
		}
		if _, err := d.Next(); !errors.Is(err, late) {
			t.Errorf("behind % x: %v, want the reader's error", next, err)
		}
	}
}

func TestCallbacks(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	stream := cat(begin, open(0x1F43B675, 1), timecode(7), frame(1, 0, true, 'a'), short(0xA3, block(2, 0, 0, big...)),
		short(0xA0, short(0xA1, block(1, 1, 0, big[:5000]...)), num(0xFB, 1)), frame(1, 2, true), el(0x1F43B675, timecode(9)))
	var begun []int64
	var lent []mkv.Block
	o := mkv.Options{
		Begun: func(h *mkv.Header, timecode int64) {
			begun = append(begun, timecode, int64(len(lent)), int64(len(h.Tracks)))
		},
		Payload: func(b mkv.Block, data []byte) {
			lent = append(lent, b)
			if !bytes.Equal(data, stream[b.Offset:b.Offset+b.Size]) {
				t.Errorf("block at %d: lent %d bytes that are not there", b.Offset, len(data))
			}
			clear(data)
		},
	}
	kept := bytes.Clone(stream)
	fs, err := readAll(bytes.NewReader(kept), o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fs[0].Blocks, lent); d != "" || len(lent) != 4 {
		t.Errorf("lent and returned differ:\n%s", d)
	}
	if want := []int64{7, 0, 2, 9, 4, 2}; !slices.Equal(begun, want) {
		t.Errorf("begun %v, want %v", begun, want)
	}
}

func TestStamps(t *testing.T) {
	for value, want := range map[string]time.Time{
		"1511852109.126":        time.Unix(1511852109, 126e6),
		"1511852109.1":          time.Unix(1511852109, 100e6),
		"1511852109":            time.Unix(1511852109, 0),
		"0.000":                 time.Unix(0, 0),
		"1511852109.123456789":  time.Unix(1511852109, 123456789),
		"1511852109.1234567899": time.Unix(1511852109, 123456789),
		"253402300799.999":      time.Unix(253402300799, 999e6),
	} {
		fs := mustRead(t, cat(begin, kvs("1", value, value), el(0x1F43B675, timecode(0))))
		if got := fs[0]; !got.Server.Equal(want) || !got.Producer.Equal(want) || got.Server.Location() != time.UTC {
			t.Errorf("%s: %v and %v, want %v", value, got.Server, got.Producer, want)
		}
	}
}

// repeat is a reader of the same bytes n times.
type repeat struct {
	b    []byte
	n    int
	rest []byte
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.b
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// However long a stream is, the decoder holds one fragment of it; headers that differ are not kept
// for ever.
func TestMemory(t *testing.T) {
	const count = 2000
	unit := cat(begin, tags("number", "0000"), kvs("1", "1", "1"), open(0x1F43B675, 1), timecode(0), bytes.Repeat(frame(1, 0, true, make([]byte, 100)...), 1000))
	at := bytes.Index(unit, []byte("0000"))
	r := &repeat{b: unit, n: count}
	d := mkv.NewDecoder(r, mkv.Options{})
	var before, after runtime.MemStats
	for i := range count {
		copy(unit[at:], fmt.Sprintf("%04d", i))
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 100:
			runtime.GC()
			runtime.ReadMemStats(&before)
		case count - 1:
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d fragments later %d bytes more are held", count-100, grown)
	}
	runtime.KeepAlive(d)
}
