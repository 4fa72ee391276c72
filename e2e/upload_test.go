package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// create makes a stream with the AWS CLI.
func (e *emulator) create(t *testing.T, name string) {
	t.Helper()
	e.aws(t, "kinesisvideo", "create-stream", "--stream-name", name, "--data-retention-in-hours", "24")
}

// aws runs the AWS CLI against the control endpoint, or the one given.
func (e *emulator) aws(t *testing.T, args ...string) []byte {
	t.Helper()
	if !slices.Contains(args, "--endpoint-url") {
		args = append([]string{"--endpoint-url", e.url}, args...)
	}
	cmd := exec.CommandContext(t.Context(), "aws", args...)
	cmd.Dir = e.dir
	cmd.Env = append(slices.Clone(e.env), "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=")
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // what Output returns
			said = string(exit.Stderr)
		}
		t.Fatalf("aws %q: %v\n%s", args, err, said)
	}
	return out
}

// dataEndpoint asks for the endpoint of an API.
func (e *emulator) dataEndpoint(t *testing.T, stream, api string) string {
	t.Helper()
	var got struct{ DataEndpoint string }
	if err := json.Unmarshal(e.aws(t, "kinesisvideo", "get-data-endpoint", "--stream-name", stream, "--api-name", api), &got); err != nil {
		t.Fatal(err)
	}
	return got.DataEndpoint
}

// ack is one acknowledgement of PutMedia.
type ack struct {
	EventType        string
	FragmentTimecode int64
	FragmentNumber   string
	ErrorCode        string
	ErrorID          int `json:"ErrorId"`
}

// upload sends a Matroska file with curl, as a producer that began at a time, and returns the acknowledgements.
func (e *emulator) upload(t *testing.T, stream, path string, began time.Time) []ack {
	t.Helper()
	out, err := e.uploading(t, stream, path, began).Output()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	return acks(t, out)
}

// uploading is curl, not started yet.
func (e *emulator) uploading(t *testing.T, stream, path string, began time.Time) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", "-sS", "--fail-with-body", "--no-buffer", "--aws-sigv4", "aws:amz:us-west-2:kinesisvideo", "--user", "test:test",
		"-H", "x-amzn-stream-name: "+stream, "-H", "x-amzn-fragment-timecode-type: RELATIVE", "-H", "x-amzn-fragment-acknowledgment-required: 1",
		"-H", "x-amzn-producer-start-timestamp: "+strconv.FormatFloat(float64(began.UnixMilli())/1000, 'f', 3, 64),
		"-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-X", "POST", "-T", path, e.dataEndpoint(t, stream, "PUT_MEDIA")+"/putMedia")
	cmd.Dir, cmd.Env = e.dir, e.env
	return cmd
}

func acks(t *testing.T, said []byte) (out []ack) {
	t.Helper()
	for line := range strings.Lines(string(said)) {
		var a ack
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("acknowledgement %q: %v", line, err)
		}
		out = append(out, a)
	}
	return out
}

// persisted counts the fragments that an upload was told are kept, which must be all.
func persisted(t *testing.T, as []ack) int {
	t.Helper()
	n := 0
	for _, a := range as {
		switch a.EventType {
		case "PERSISTED":
			n++
		case "ERROR":
			t.Errorf("acknowledgement: %+v", a)
		}
	}
	return n
}

// TestUploadOfACapture sends what a real producer once sent, and gets it back by both engines.
func TestUploadOfACapture(t *testing.T) {
	t.Parallel()
	source := judgetest.Capture(t, "clusters.mkv")
	e := emulate(t)
	e.create(t, "dock")
	as := e.upload(t, "dock", source, begin)
	n := persisted(t, as)
	if n == 0 {
		t.Fatalf("nothing was kept: %+v", as)
	}
	args := []string{"--clock", "producer", "--from", after(-time.Minute), "--to", after(time.Hour), "--trim", "fragment"}
	_, r := bothEngines(t, e, "dock", args...)
	if r.Fragments.Listed != n || r.Fragments.Fetched != n {
		t.Errorf("fragments %+v, want %d", r.Fragments, n)
	}
	if n := cameBack(t, source, e.path("b.mp4"), "v:0"); n != 444 {
		t.Errorf("%d samples were sent, want 444", n)
	}
}

// sent is a sample as ffprobe finds it in Matroska, of which it guesses decode times.
type sent struct {
	at   time.Duration
	hash string
}

// sentIn lists the samples of one track in decode order. Complaints are not heard: captures were cut.
func sentIn(t *testing.T, path, stream string) (out []sent) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "quiet", "-select_streams", stream, "-show_data_hash", "sha256",
		"-show_entries", "packet=pts_time,data_hash", "-of", "csv=p=0", path)
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		at, rest, _ := strings.Cut(strings.TrimSpace(line), ",")
		hash, _, _ := strings.Cut(rest, ",")
		seconds, err := strconv.ParseFloat(at, 64)
		if err == nil {
			out = append(out, sent{at: time.Duration(seconds * float64(time.Second))})
		}
		if n := len(out); hash != "" && n > 0 { // of a sample with side data on a line of its own
			out[n-1].hash = hash
		}
	}
	return out
}

// cameBack holds the samples of a clip against what was uploaded, in bytes and times, and returns how
// many those are.
func cameBack(t *testing.T, upload, clip, stream string) int {
	t.Helper()
	want, got := sentIn(t, upload, stream), sentIn(t, clip, stream)
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d samples came back of %d", stream, len(got), len(want))
	}
	worst := time.Duration(0)
	for i, s := range got {
		if s.hash != want[i].hash {
			t.Fatalf("%s: sample %d differs", stream, i+1)
		}
		worst = max(worst, (s.at - got[0].at - want[i].at + want[0].at).Abs())
	}
	t.Logf("%s: %d samples came back, at most %v off", stream, len(got), worst)
	if worst > 1500*time.Microsecond {
		t.Errorf("%s: a sample is %v off its place", stream, worst)
	}
	return len(want)
}

// TestUploadOfRealEncoders sends what real encoders make, of which GetClip takes some.
func TestUploadOfRealEncoders(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "film:size=320x192,sound=alaw,for=20s")
	e.report(t, "get", "film", "--from", after(0), "--for", "20s", "--clock", "producer", "-o", "film.mp4")
	for name, tc := range map[string]struct {
		encode  []string
		out     string
		refused bool // by GetClip
		field   bool // pictures can be read
	}{
		"h264 and opus":    {[]string{"-c:v", "libx264", "-bf", "2", "-g", "50", "-c:a", "libopus"}, "clip.mp4", true, true},
		"h265 and alaw":    {[]string{"-c:v", "libx265", "-x265-params", "log-level=error:keyint=50:open-gop=0", "-c:a", "pcm_alaw"}, "clip.mp4", true, true},
		"h264 and aac":     {[]string{"-c:v", "libx264", "-bf", "2", "-g", "50", "-c:a", "aac"}, "clip.mp4", false, true},
		"h264 into mkv":    {[]string{"-c:v", "libx264", "-bf", "2", "-g", "50", "-c:a", "aac"}, "clip.mkv", false, true},
		"motion jpeg":      {[]string{"-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p", "-an"}, "clip.mkv", true, true},
		"opus alone":       {[]string{"-vn", "-c:a", "libopus"}, "clip.m4a", true, false},
		"alaw alone":       {[]string{"-vn", "-c:a", "pcm_alaw"}, "clip.wav", true, false},
		"pcm alone as wav": {[]string{"-vn", "-c:a", "pcm_s16le", "-ar", "8000"}, "clip.wav", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := strings.ReplaceAll(name, " ", "_")
			home := newHome(t, "AWS_ENDPOINT_URL="+e.url)
			mine := &emulator{home: home, url: e.url}
			take := home.path("take.mkv")
			encode(t, append(append([]string{"-i", e.path("film.mp4"), "-crf", "14"}, tc.encode...), "-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact", "-cluster_time_limit", "10000", "-live", "1", take)...)
			mine.create(t, stream)
			n := persisted(t, mine.upload(t, stream, take, begin))
			r := mine.report(t, "get", stream, "--clock", "producer", "--from", after(-time.Minute), "--to", after(time.Minute), "--trim", "fragment", "-o", tc.out)
			if r.Fragments.Fetched != n || n < 2 {
				t.Errorf("fragments %+v of %d", r.Fragments, n)
			}
			if (r.Engine == "fragments") != tc.refused {
				t.Errorf("engine %q", r.Engine)
			}
			if !tc.refused { // a clip does not tell how long before its picture sound began
				mine.report(t, "get", stream, "--clock", "producer", "--from", after(-time.Minute), "--to", after(time.Minute), "--trim", "fragment",
					"--engine", "fragments", "--force", "-o", tc.out)
			}
			if tc.field {
				whole(t, home.path(tc.out), judgetest.Run{First: 0, Last: 499})
			}
			if tc.out == "clip.wav" {
				return // blocks are no samples there
			}
			for _, s := range streamsOf(t, take) {
				cameBack(t, take, home.path(tc.out), s)
			}
		})
	}
}

// TestUploadCut breaks an upload off in the middle. What was whole is kept, and another session goes on.
func TestUploadCut(t *testing.T) {
	t.Parallel()
	source := judgetest.Capture(t, "clusters.mkv")
	e := emulate(t)
	e.create(t, "dock")
	b, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	part := e.path("part.mkv")
	if err := os.WriteFile(part, b[:len(b)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	said, _ := e.uploading(t, "dock", part, begin).Output() // it may be told of the broken end
	first := 0
	for _, a := range acks(t, said) {
		if a.EventType == "PERSISTED" {
			first++
		}
	}
	second := persisted(t, e.upload(t, "dock", source, begin.Add(time.Hour)))
	if first == 0 || first >= second {
		t.Errorf("%d fragments of the first session, %d of the second", first, second)
	}
	r := e.report(t, "get", "dock", "--clock", "producer", "--from", after(-time.Minute), "--to", after(3*time.Hour), "--trim", "fragment", "-o", "clip.mp4")
	if r.Fragments.Fetched != first+second || len(r.Gaps) < 1 {
		t.Errorf("fragments %+v of %d and %d; gaps %v", r.Fragments, first, second, r.Gaps)
	}
}
