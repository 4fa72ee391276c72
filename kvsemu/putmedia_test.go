package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// ack is a line of the answer of PutMedia.
type ack struct {
	EventType        string
	FragmentTimecode int64
	FragmentNumber   string
	ErrorCode        string
	ErrorId          int
}

// create makes a stream.
func create(t testing.TB, run *kvsemu.Running, name string, hours int) {
	t.Helper()
	status, _, text := call(t, run.URL+"/createStream", fmt.Sprintf(`{"StreamName":%q,"DataRetentionInHours":%d}`, name, hours))
	if status != 200 {
		t.Fatalf("CreateStream: %d %s", status, text)
	}
}

// curl are the arguments of an upload of the file at path, signed by curl.
func curl(run *kvsemu.Running, stream, path string, more ...string) []string {
	return append([]string{
		"-sS", "-N", "-X", "POST", "--aws-sigv4", "aws:amz:us-west-2:kinesisvideo", "--user", "test:test",
		"-H", "x-amzn-stream-name: " + stream, "-H", "x-amzn-fragment-timecode-type: RELATIVE",
		"-H", "x-amzn-producer-start-timestamp: " + seconds(noon), "-H", "x-amzn-fragment-acknowledgment-required: 1",
		"-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", path, run.DataURL + "/putMedia",
	}, more...)
}

// upload sends a file by curl and returns what was acknowledged.
func upload(t testing.TB, run *kvsemu.Running, stream, path string, more ...string) []ack {
	t.Helper()
	return acks(t, program(t, nil, "curl", curl(run, stream, path, more...)...))
}

// acks reads an answer of PutMedia.
func acks(t testing.TB, text string) (all []ack) {
	t.Helper()
	for line := range strings.Lines(text) {
		var a ack
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, a)
	}
	return all
}

// wantAcks checks that each fragment is acknowledged in order, and returns their numbers.
func wantAcks(t testing.TB, all []ack) (numbers []string) {
	t.Helper()
	for i, a := range all {
		if want := []string{"BUFFERING", "RECEIVED", "PERSISTED"}[i%3]; a.EventType != want {
			t.Fatalf("acknowledgement %d: %+v, want %s", i, a, want)
		}
		if i%3 > 0 && (a.FragmentNumber != all[i-1].FragmentNumber || a.FragmentTimecode != all[i-1].FragmentTimecode) {
			t.Fatalf("acknowledgement %d: %+v, after %+v", i, a, all[i-1])
		}
		if i%3 == 0 {
			numbers = append(numbers, a.FragmentNumber)
		}
	}
	if len(all) == 0 || len(all)%3 != 0 {
		t.Fatalf("%d acknowledgements, want three a fragment", len(all))
	}
	return numbers
}

// hashesAnyway is hashes of a file with which ffprobe is not content: of the capture it says that a
// packet is cut off, which all its samples are before.
func hashesAnyway(t testing.TB, path, stream string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "quiet", "-select_streams", stream, "-show_data_hash", "sha256",
		"-show_entries", "packet=data_hash", "-of", "csv=p=0", path).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", path, err)
	}
	return strings.Fields(string(out))
}

// hashes are those of a file's samples of a kind, in decode order.
func hashes(t testing.TB, path, stream string) []string {
	t.Helper()
	text := program(t, nil, "ffprobe", "-v", "error", "-select_streams", stream, "-show_data_hash", "sha256",
		"-show_entries", "packet=data_hash", "-of", "csv=p=0", path)
	return strings.Fields(text)
}

func TestUploadOfARealProducer(t *testing.T) {
	path := judgetest.Capture(t, "clusters.mkv")
	s := &kvsemu.Server{}
	run := start(t, s)
	create(t, run, "cam", 24)
	numbers := wantAcks(t, upload(t, run, "cam", path))
	want := hashesAnyway(t, path, "v:0")
	if len(want) != 444 {
		t.Fatalf("%d samples in the capture, want 444", len(want))
	}
	var got []string
	for _, n := range numbers {
		got = append(got, hashesAnyway(t, keep(t, "one.mkv", matroska(t, run, "cam", n)), "v:0")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d samples of single fragments, want the %d that were sent", len(got), len(want))
	}
	if got := hashes(t, clipBetween(t, run, "cam", noon, noon.Add(time.Hour)), "v:0"); !slices.Equal(got, want) {
		t.Errorf("%d samples in the clip, want the %d that were sent", len(got), len(want))
	}
	if got := list(t, run, "cam", "PRODUCER", noon, noon.Add(time.Hour), 3); len(got) != len(numbers) {
		t.Errorf("%d fragments listed, want %d", len(got), len(numbers))
	}
}

// sequences are the parts of fragment numbers that count.
func sequences(t testing.TB, numbers []string) (all []int64) {
	t.Helper()
	for _, n := range numbers {
		v, ok := new(big.Int).SetString(n, 10)
		if !ok || v.BitLen() != 157 {
			t.Fatalf("fragment number %q", n)
		}
		all = append(all, new(big.Int).And(v.Rsh(v, 92), big.NewInt(1<<62-1)).Int64())
	}
	return all
}

// made makes a Matroska file of fragments of a second with ffmpeg.
func made(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.mkv")
	program(t, nil, "ffmpeg", append(append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=4",
		"-f", "lavfi", "-i", "sine=frequency=440:duration=3.9:sample_rate=48000", "-preset", "ultrafast", "-g", "10",
	}, args...), path)...)
	return path
}

func TestUploadsOfFFmpeg(t *testing.T) {
	for name, args := range map[string][]string{
		"h264 aac":    {"-c:v", "libx264", "-c:a", "aac"},
		"B-frames":    {"-c:v", "libx264", "-bf", "2", "-an"},
		"h265 aac":    {"-c:v", "libx265", "-x265-params", "log-level=error:open-gop=0", "-c:a", "aac"},
		"live h264":   {"-c:v", "libx264", "-c:a", "aac", "-live", "1"},
		"h264 G.711A": {"-c:v", "libx264", "-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := made(t, args...)
			run := start(t, &kvsemu.Server{Clip: kvsemu.Layout{HEVCTag: "hvc1"}})
			create(t, run, "cam", 1)
			numbers := wantAcks(t, upload(t, run, "cam", path))
			clip := clipBetween(t, run, "cam", noon, noon.Add(time.Hour))
			body := matroska(t, run, "cam", numbers[0])
			first := keep(t, "first.mkv", body)
			program(t, nil, "ffmpeg", "-v", "error", "-i", clip, "-f", "null", "-")
			for _, stream := range []string{"v:0", "a:0"}[:2-len(args)%2] {
				want := hashes(t, path, stream)
				if got := hashes(t, clip, stream); !slices.Equal(got, want) {
					t.Errorf("%s: %d samples in the clip, want the %d that were sent", stream, len(got), len(want))
				}
				if got := hashes(t, first, stream); len(got) == 0 || !slices.Equal(got, want[:len(got)]) {
					t.Errorf("%s: %d samples of the first fragment, want the first ones sent", stream, len(got))
				}
			}
		})
	}
}

func TestUploadSessions(t *testing.T) {
	s := &kvsemu.Server{}
	run := start(t, s)
	create(t, run, "cam", 1)
	path := made(t, "-c:v", "libx264", "-an")
	first := sequences(t, wantAcks(t, upload(t, run, "cam", path)))
	second := wantAcks(t, upload(t, run, "cam", path))
	if !slices.Equal(first, []int64{1, 2, 3, 4}) || !slices.Equal(sequences(t, second), []int64{1001, 1002, 1003, 1004}) {
		t.Errorf("sequences %v and %v, want 1 to 4 and 1001 to 1004", first, sequences(t, second))
	}
	all, err := s.Fragments("cam", noon, noon.Add(2*time.Hour))
	if err != nil || len(all) != 8 {
		t.Fatalf("%d fragments, %v, want 8", len(all), err)
	}
	for i, f := range all {
		want := noon.Add(time.Duration(i%4) * time.Second)
		if !f.Producer.Equal(want) || f.Length != 900*time.Millisecond || f.Pictures != 10 || f.First != int64(10*i) {
			t.Errorf("fragment %d: %+v, want producer time %v", i, f, want)
		}
		if body := matroska(t, run, "cam", f.Number); int64(len(body)) != f.Size {
			t.Errorf("fragment %d: %d bytes, listed with %d", i, len(body), f.Size)
		}
	}
}
