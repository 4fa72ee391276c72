package kvsemu_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// numbers are the fragment numbers of a stream in order of upload.
func numbers(t testing.TB, s *kvsemu.Server, stream string) []string {
	t.Helper()
	all, err := s.Fragments(stream, time.Unix(0, 0), evening.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range all {
		out = append(out, f.Number)
	}
	return out
}

// asking is a request for fragments by number.
func asking(stream string, numbers []string) string {
	list, _ := json.Marshal(numbers)
	return fmt.Sprintf(`{"StreamName":%q,"Fragments":%s}`, stream, list)
}

// matroska asks for fragments and returns what came.
func matroska(t testing.TB, run *kvsemu.Running, stream string, numbers ...string) []byte {
	t.Helper()
	resp := post(t, run.DataURL+"/getMediaForFragmentList", asking(stream, numbers))
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GetMediaForFragmentList: status %d, %v, %.300s", resp.StatusCode, err, b)
	}
	if got := resp.Header.Get("Content-Type"); got != "video/webm" {
		t.Errorf("Content-Type %q, want video/webm", got)
	}
	if resp.ContentLength != -1 {
		t.Errorf("Content-Length %d, want chunks", resp.ContentLength)
	}
	return b
}

// keep writes bytes to a file of the test's.
func keep(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tags are what ffprobe reads of a document's own tags.
func tags(t testing.TB, path string) map[string]string {
	t.Helper()
	var out struct {
		Format struct{ Tags map[string]string }
	}
	text := program(t, nil, "ffprobe", "-v", "error", "-of", "json", "-show_format", path)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out.Format.Tags
}

func TestFragmentsAreMatroska(t *testing.T) {
	for _, cam := range []string{
		"cam:gop=1s,fps=10", "cam:gop=2s,bframes=2,sound=aac", "cam:gop=2s,fps=29.97,bframes=1,sound=alaw",
		"cam:gop=2s,relative,sound=aac", "cam:gop=1s,fps=5,jitter=40ms,clock-offset=-3s",
	} {
		s := &kvsemu.Server{Cameras: cameras(t, cam)}
		run := start(t, s)
		all, err := s.Fragments("cam", time.Unix(0, 0), evening)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all[7:8] {
			body := matroska(t, run, "cam", f.Number)
			if over := f.Size - int64(len(body)); over < 0 || over > f.Size/4+800 {
				t.Errorf("%s: listed with %d bytes, has %d: want a little less", cam, f.Size, len(body))
			}
			path := keep(t, "fragment.mkv", body)
			frames := judgetest.Frames(t, path)
			if len(frames) != f.Pictures {
				t.Fatalf("%s: %d pictures, want %d", cam, len(frames), f.Pictures)
			}
			for i, p := range frames {
				if !p.OK || int64(p.Index) != f.First+int64(i) || p.PTS-frames[0].PTS != p.Wall.Sub(frames[0].Wall) {
					t.Fatalf("%s: picture %d is %+v, want number %d", cam, i, p, f.First+int64(i))
				}
			}
			got := tags(t, path)
			if got["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] != f.Number || got["AWS_KINESISVIDEO_SERVER_TIMESTAMP"] != seconds(f.Server) ||
				got["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"] != seconds(f.Producer) {
				t.Errorf("%s: tags %v, want those of %+v", cam, got, f)
			}
			if strings.Contains(cam, "sound") {
				wantLipSync(t, path)
			}
		}
		n := []string{all[2].Number, all[1].Number, all[5].Number}
		want := bytes.Join([][]byte{matroska(t, run, "cam", n[0]), matroska(t, run, "cam", n[1]), matroska(t, run, "cam", n[2])}, nil)
		if got := matroska(t, run, "cam", n...); !bytes.Equal(got, want) {
			t.Errorf("%s: three fragments are not the three one behind the other, in the order they were asked for", cam)
		}
	}
}

func TestFragmentListRefuses(t *testing.T) {
	s := &kvsemu.Server{NoPoints: true, Cameras: cameras(t, "cam:gop=1s,fps=10", "other:gop=1s,fps=10", "sealed:gop=1s,kms=denied", "new:for=1s,gop=2s")}
	run := start(t, s)
	cam, other := numbers(t, s, "cam"), numbers(t, s, "other")
	bent := cam[3][:46] + string('0'+(cam[3][46]-'0'+1)%10)
	huge := strings.Repeat("9", 128)
	for _, c := range []struct {
		stream  string
		numbers []string
		status  int
		code    string
		text    string
	}{
		{"cam", nil, 400, "InvalidArgumentException", "fragments"},
		{"cam", make([]string, 1001), 400, "InvalidArgumentException", "between 1 and 1000"},
		{"cam", []string{cam[0], other[0]}, 400, "InvalidArgumentException", "Fragment numbers are invalid : [" + other[0] + "]"},
		{"cam", []string{bent, "7", huge}, 400, "InvalidArgumentException", "Fragment numbers are invalid : [" + bent + ", 7, " + huge + "]"},
		{"new", []string{other[1]}, 400, "InvalidArgumentException", "Fragment numbers are invalid"},
		{"nope", []string{cam[0]}, 404, "ResourceNotFoundException", "not found"},
		{"sealed", numbers(t, s, "sealed")[:1], 403, "AccessDeniedException", "kms:Decrypt"},
	} {
		status, code, text := call(t, run.DataURL+"/getMediaForFragmentList", asking(c.stream, c.numbers))
		if status != c.status || code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s %.3q: %d %s %.200s, want %d %s %s", c.stream, c.numbers, status, code, text, c.status, c.code, c.text)
		}
	}
	if got := matroska(t, run, "cam", cam[:1000]...); bytes.Count(got, []byte("AWS_KINESISVIDEO_FRAGMENT_NUMBER")) != 1000 {
		t.Error("a thousand fragments asked for, not as many came")
	}
}

func TestFragmentListCostsPoints(t *testing.T) {
	s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10")}
	run := start(t, s)
	all := numbers(t, s, "cam")
	for i, want := range []int{200, 200, 400} { // 499 and 2 of 500
		n := []int{499, 2, 1}[i]
		if status, code, _ := call(t, run.DataURL+"/getMediaForFragmentList", asking("cam", all[:n])); status != want {
			t.Errorf("call %d: %d %s, want %d", i, status, code, want)
		}
	}
}

func TestFragmentListConnections(t *testing.T) {
	var calls atomic.Int64
	s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10", "other:gop=1s,fps=10"), Fault: func(*http.Request) *kvsemu.Fault {
		return &kvsemu.Fault{Stall: calls.Add(1) <= 5, StallAfter: 10}
	}}
	run := start(t, s)
	all := numbers(t, s, "cam")
	for range 5 {
		resp := post(t, run.DataURL+"/getMediaForFragmentList", asking("cam", all[:1]))
		if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	status, code, _ := call(t, run.DataURL+"/getMediaForFragmentList", asking("cam", all[:1]))
	if status != 400 || code != "ConnectionLimitExceededException" {
		t.Errorf("sixth connection: %d %s, want 400 ConnectionLimitExceededException", status, code)
	}
	if resp := post(t, run.DataURL+"/getMediaForFragmentList", asking("other", numbers(t, s, "other")[:1])); resp.StatusCode != http.StatusOK {
		t.Errorf("another stream: %d, want 200", resp.StatusCode)
	}
}

func TestFragmentListBreaksOff(t *testing.T) {
	s := &kvsemu.Server{CutRate: 1, Cameras: cameras(t, "cam:gop=1s,fps=10")}
	run := start(t, s)
	resp := post(t, run.DataURL+"/getMediaForFragmentList", asking("cam", numbers(t, s, "cam")[:20]))
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("all %d bytes came, want a break", len(b))
	}
}

func TestLostFragmentsInTheList(t *testing.T) {
	for _, long := range []bool{false, true} {
		s := &kvsemu.Server{LostFor: 2, LongTagNames: long, Cameras: cameras(t, "cam:gop=1s,fps=10,lost=3s+1s")}
		run := start(t, s)
		all := numbers(t, s, "cam")[2:5]
		code := "AWS_KINESISVIDEO_ERROR_CODE"
		if long {
			code = "AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE"
		}
		for try := range 3 {
			body := matroska(t, run, "cam", all...)
			missing := bytes.Count(body, []byte("FRAGMENT_NOT_FOUND"))
			if want := map[bool]int{true: 1, false: 0}[try < 2]; missing != want || bytes.Count(body, []byte(code)) != want {
				t.Errorf("try %d: %d fragments not found, want %d", try, missing, want)
			}
			if got := bytes.Count(body, []byte{0x1f, 0x43, 0xb6, 0x75}); got != 3-missing {
				t.Errorf("try %d: %d clusters, want %d", try, got, 3-missing)
			}
		}
		if got := tags(t, keep(t, "one.mkv", matroska(t, run, "cam", all[0]))); long != (got["AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP"] != "") {
			t.Errorf("tags %v, long names: %v", got, long)
		}
	}
}
