package mkv_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// units cuts a frame into NAL units by lengths of four bytes.
func units(b []byte) (nals [][]byte) {
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		nals, b = append(nals, b[4:4+n]), b[4+n:]
	}
	return nals
}

// coded writes NAL units with start codes of three and four bytes in turn, as encoders do.
func coded(nals [][]byte) (out []byte) {
	for i, n := range nals {
		out = append(out, []byte{0, 0, 0, 1}[min(i, 1):]...)
		out = append(out, n...)
	}
	return out
}

// counted writes NAL units with lengths of size bytes.
func counted(nals [][]byte, size int) (out []byte) {
	for _, n := range nals {
		out = append(out, binary.BigEndian.AppendUint32(nil, uint32(len(n)))[4-size:]...)
		out = append(out, n...)
	}
	return out
}

// parameters returns the parameter sets of an avcC or hvcC record.
func parameters(record []byte, codec string) (nals [][]byte) {
	take := func(n int) {
		for range n {
			size := int(binary.BigEndian.Uint16(record))
			nals, record = append(nals, record[2:2+size]), record[2+size:]
		}
	}
	if codec == "V_MPEG4/ISO/AVC" {
		n := int(record[5] & 31)
		record = record[6:]
		take(n)
		n = int(record[0])
		record = record[1:]
		take(n)
		return nals
	}
	arrays := int(record[22])
	record = record[23:]
	for range arrays {
		n := int(binary.BigEndian.Uint16(record[1:]))
		record = record[3:]
		take(n)
	}
	return nals
}

// rewritten makes a document of the pictures of fs, with a header and frames of another form.
func rewritten(b []byte, fs []*mkv.Fragment, private []byte, form func(i int, b mkv.Block, nals [][]byte) []byte) (out []byte) {
	t := fs[0].Header.Tracks[0]
	entry := [][]byte{short(0xE0, num(0xB0, uint64(t.Width)), num(0xBA, uint64(t.Height)))}
	if private != nil {
		entry = append(entry, short(0x63A2, private))
	}
	out = header(1e6, track(1, 1, t.CodecID, entry...))
	i := 0
	for _, f := range fs {
		out = append(out, cat(open(0x1F43B675, 1), timecode(uint64(f.Timecode)))...)
		for _, block := range f.Blocks {
			payload := form(i, block, units(b[block.Offset:block.Offset+block.Size]))
			out = append(out, frame(1, int16(block.Time), block.Key, payload...)...)
			i++
		}
	}
	return out
}

// decoded returns what ffmpeg sees: a hash of each picture. It stops the test at a complaint.
func decoded(t *testing.T, path string) string {
	t.Helper()
	return run(t, "ffmpeg", "-v", "error", "-xerror", "-nostdin", "-i", path, "-map", "0:v", "-f", "framemd5", "-")
}

// Frames with start codes, in every mixture that producers make, become frames with lengths: the
// very bytes that a well-made stream has.
func TestAnnexB(t *testing.T) {
	for codec, args := range map[string][]string{
		"H.264": {"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-x264-params", "slices=3"},
		"H.265": {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2"},
	} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			b := film(t, append(slices.Clone(args), "-an", "-g", "25", "-cluster_time_limit", "1000000", "-cluster_size_limit", "1000000", "-live", "1")...)
			fs := mustRead(t, b)
			first := fs[0].Header.Tracks[0]
			sets := parameters(first.Private, first.CodecID)
			right := mustPart(t, b, fs)[0].Movie
			seen := decoded(t, laid(t, right))
			brief := slices.Clone(first.Private) // lengths of two bytes
			at := map[string]int{"H.264": 4, "H.265": 21}[codec]
			brief[at] = brief[at]&^3 | 1
			startCodes := func(_ int, _ mkv.Block, nals [][]byte) []byte { return coded(nals) }
			inBand := func(write func([][]byte) []byte) func(int, mkv.Block, [][]byte) []byte {
				return func(_ int, b mkv.Block, nals [][]byte) []byte {
					if b.Key {
						nals = append(slices.Clone(sets), nals...)
					}
					return write(nals)
				}
			}
			for _, tt := range []struct {
				name    string
				private []byte
				form    func(int, mkv.Block, [][]byte) []byte
				more    bool // parameter sets in band: frames are longer than the right ones
			}{
				{"start codes, record", first.Private, startCodes, false},
				{"start codes, start codes", coded(sets), startCodes, false},
				{"lengths, start codes", coded(sets), func(_ int, _ mkv.Block, nals [][]byte) []byte { return counted(nals, 4) }, false},
				{"start codes and lengths in turn", first.Private, func(i int, _ mkv.Block, nals [][]byte) []byte {
					if i%2 == 0 {
						return coded(nals)
					}
					return counted(nals, 4)
				}, false},
				{"start codes and lengths of two bytes in turn", brief, func(i int, _ mkv.Block, nals [][]byte) []byte {
					if i%2 == 0 {
						return coded(nals)
					}
					return counted(nals, 2)
				}, false},
				{"start codes, nothing", nil, inBand(coded), true},
				{"lengths, nothing", nil, inBand(func(nals [][]byte) []byte { return counted(nals, 4) }), true},
			} {
				stream := rewritten(b, fs, tt.private, tt.form)
				parts := mustPart(t, stream, mustRead(t, stream))
				if len(parts) != 1 {
					t.Fatalf("%s: %d parts, want 1", tt.name, len(parts))
				}
				m := parts[0].Movie
				checkMovie(t, m)
				if got := decoded(t, laid(t, m)); got != seen {
					t.Errorf("%s: ffmpeg sees other pictures:\n%s", tt.name, cmp.Diff(strings.Split(seen, "\n"), strings.Split(got, "\n")))
				}
				if !tt.more {
					sameBytes(t, tt.name, right, m)
				}
				whole := io.NewSectionReader(m.Sources[0], 0, m.Sources[0].Size)
				if m.Sources[0].Size > int64(len(stream))+1000 { // long streams are slow to test
					whole = io.NewSectionReader(m.Sources[0], int64(len(stream))-300, 10000)
				}
				all, err := io.ReadAll(io.NewSectionReader(whole, 0, whole.Size()))
				if err == nil {
					err = iotest.TestReader(whole, all)
				}
				if err != nil {
					t.Errorf("%s: the source: %v", tt.name, err)
				}
			}
		})
	}
}

// sameBytes holds the samples of two movies against each other, and reads them from many goroutines.
func sameBytes(t *testing.T, what string, want, got *media.Movie) {
	var readers sync.WaitGroup
	for _, share := range []int{0, 1, 2} {
		readers.Go(func() {
			for i := share; i < len(want.Tracks[0].Samples); i += 3 {
				if a, b := bytesOf(t, want, i), bytesOf(t, got, i); !bytes.Equal(a, b) {
					t.Errorf("%s: sample %d: %d bytes %.20x, want %d %.20x", what, i, len(b), b, len(a), a)
				}
			}
		})
	}
	readers.Wait()
}

func bytesOf(t *testing.T, m *media.Movie, i int) []byte {
	s := m.Tracks[0].Samples[i]
	b := make([]byte, s.Size)
	if _, err := m.Sources[0].ReadAt(b, s.Offset); err != nil {
		t.Error(fmt.Errorf("sample %d: %w", i, err))
	}
	return b
}

// A stream whose parameter sets change in band is two movies.
func TestParameterSetsChange(t *testing.T) {
	small := film(t, "-c:v", "libx264", "-preset", "ultrafast", "-an", "-g", "25", "-t", "1", "-live", "1", "-cluster_size_limit", "1000000")
	large := film(t, "-c:v", "libx264", "-preset", "ultrafast", "-an", "-g", "25", "-t", "1", "-s", "480x320", "-live", "1", "-cluster_size_limit", "1000000")
	var stream []byte
	var fs []*mkv.Fragment
	for i, b := range [][]byte{small, large} {
		read := mustRead(t, b)
		sets := parameters(read[0].Header.Tracks[0].Private, "V_MPEG4/ISO/AVC")
		read[0].Header.Tracks[0].Width, read[0].Header.Tracks[0].Height = 0, 0
		one := rewritten(b, read[:1], nil, func(_ int, b mkv.Block, nals [][]byte) []byte {
			if b.Key {
				nals = append(slices.Clone(sets), nals...)
			}
			return coded(nals)
		})
		at := bytes.Index(one, open(0x1F43B675, 1))
		stream = append(stream, cat(one[:at], kvs(fmt.Sprint(i), "1", fmt.Sprint(i)), one[at:])...)
	}
	fs = mustRead(t, stream)
	if fs[0].Header != fs[1].Header {
		t.Fatal("headers differ: nothing is tested")
	}
	parts := mustPart(t, stream, fs)
	if len(parts) != 2 || parts[0].Movie.Tracks[0].Configs[0].Width != 320 || parts[1].Movie.Tracks[0].Configs[0].Width != 480 {
		t.Errorf("%v, want two parts, 320 and 480 wide", dump(parts))
	}
}
