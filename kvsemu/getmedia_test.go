package kvsemu_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// watched asks GetMedia for what a selector says, and returns all that comes.
func watched(t testing.TB, run *kvsemu.Running, stream, selector string) string {
	t.Helper()
	resp := post(t, run.DataURL+"/getMedia", fmt.Sprintf(`{"StreamName":%q,"StartSelector":%s}`, stream, selector))
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "video/webm" {
		t.Fatalf("GetMedia: status %d, %v, %.300s", resp.StatusCode, err, b)
	}
	return string(b)
}

// shortly is how long GetMedia waits here for more.
const shortly = 50 * time.Millisecond

func TestGetMediaBegins(t *testing.T) {
	s := &kvsemu.Server{MediaWait: shortly, Cameras: cameras(t, "cam:gop=1s,fps=5,for=20s,lost=18s+1s")}
	run := start(t, s)
	all := numbers(t, s, "cam")
	at := func(seconds float64) string { return fmt.Sprintf("%.3f", float64(noon.UnixMilli())/1000+seconds) }
	for _, c := range []struct {
		selector string
		first, n int
	}{
		{`{"StartSelectorType":"EARLIEST"}`, 0, 19},
		{`{"StartSelectorType":"NOW"}`, 19, 1},
		{`{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"` + all[6] + `"}`, 7, 12},
		{`{"StartSelectorType":"CONTINUATION_TOKEN","ContinuationToken":"` + all[6] + `"}`, 7, 12},
		{`{"StartSelectorType":"CONTINUATION_TOKEN","AfterFragmentNumber":"1","ContinuationToken":"` + all[6] + `"}`, 7, 12},
		{`{"StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":` + at(5) + `}`, 5, 14},
		{`{"StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":` + at(5.7) + `}`, 5, 14},
		{`{"StartSelectorType":"SERVER_TIMESTAMP","StartTimestamp":` + at(5.3) + `}`, 5, 14},
		{`{"StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":` + at(-99) + `}`, 0, 19},
		{`{"StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":` + at(99) + `}`, 20, 0},
		{`{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"` + all[19] + `"}`, 20, 0},
	} {
		body := watched(t, run, "cam", c.selector)
		if got := strings.Count(body, "MILLIS_BEHIND_NOW"); got != c.n {
			t.Errorf("%s: %d fragments, want %d", c.selector, got, c.n)
		}
		if c.n > 0 && strings.Index(body, all[c.first]) != strings.Index(body, "9134") {
			t.Errorf("%s: does not begin with fragment %d", c.selector, c.first)
		}
	}
	if body := watched(t, run, "cam", `{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"7"}`); !strings.Contains(body, "FRAGMENT_NOT_FOUND") {
		t.Errorf("a number that there is not: %q, want FRAGMENT_NOT_FOUND", body)
	}
	one := watched(t, run, "cam", `{"StartSelectorType":"NOW"}`)
	if !strings.Contains(one, "28780700") { // 8 hours less 19.3 s
		t.Error("MILLIS_BEHIND_NOW is not since the fragment arrived")
	}
	if got := tags(t, keep(t, "one.mkv", []byte(one))); got["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] != all[19] {
		t.Errorf("tags %v, want those of %s", got, all[19])
	}
	if !strings.HasPrefix(one, string(matroska(t, run, "cam", all[19]))) {
		t.Error("a fragment differs between GetMedia and GetMediaForFragmentList by more than tags behind it")
	}
}

func TestGetMediaRefuses(t *testing.T) {
	run := start(t, &kvsemu.Server{MediaWait: shortly, Cameras: cameras(t, "cam:gop=1s,fps=5,for=20s", "sealed:kms=denied,gop=1s")})
	for selector, want := range map[string]string{
		`null`:                         "startSelector",
		`{"StartSelectorType":"SOON"}`: "enum",
		`{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"x"}`:  "afterFragmentNumber",
		`{"StartSelectorType":"CONTINUATION_TOKEN"}`:                         "continuationToken",
		`{"StartSelectorType":"SERVER_TIMESTAMP","AfterFragmentNumber":"1"}`: "startTimestamp",
	} {
		status, code, text := call(t, run.DataURL+"/getMedia", `{"StreamName":"cam","StartSelector":`+selector+`}`)
		if status != 400 || code != "InvalidArgumentException" || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s %s, want %s", selector, status, code, text, want)
		}
	}
	if body := watched(t, run, "sealed", `{"StartSelectorType":"EARLIEST"}`); !strings.Contains(body, "KMS_KEY_ACCESS_DENIED") {
		t.Errorf("a stream whose key may not be used: %q, want KMS_KEY_ACCESS_DENIED", body)
	}
}

func TestGetMediaConnections(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=5,for=20s")}) // waits 3 s at its end
	body := `{"StreamName":"cam","StartSelector":{"StartSelectorType":"NOW"}}`
	for range 3 {
		if resp := post(t, run.DataURL+"/getMedia", body); resp.StatusCode != http.StatusOK {
			t.Errorf("status %d, want 200", resp.StatusCode)
		}
	}
	if status, code, _ := call(t, run.DataURL+"/getMedia", body); status != 400 || code != "ConnectionLimitExceededException" {
		t.Errorf("fourth connection: %d %s, want 400 ConnectionLimitExceededException", status, code)
	}
}

// A live recording is followed while the service's clock goes on.
func TestGetMediaFollows(t *testing.T) {
	began := time.Now()
	now := func() time.Time { return noon.Add(10*time.Second + time.Since(began)) }
	run := start(t, &kvsemu.Server{Now: now, MediaWait: shortly, Cameras: cameras(t, "cam:gop=200ms,fps=5,for=12s")})
	body := watched(t, run, "cam", `{"StartSelectorType":"NOW"}`)
	if n := strings.Count(body, "MILLIS_BEHIND_NOW"); n < 8 || n > 14 {
		t.Errorf("%d fragments, want about 10: 2 s to its end", n)
	}
}

// What is uploaded is followed as it comes, byte for byte.
func TestGetMediaOfAnUpload(t *testing.T) {
	s := &kvsemu.Server{MediaWait: 5 * time.Second}
	run := start(t, s)
	create(t, run, "cam", 0) // there is a buffer even so
	path := made(t, "-c:v", "libx264", "-an")
	resp := post(t, run.DataURL+"/getMedia", `{"StreamName":"cam","StartSelector":{"StartSelectorType":"EARLIEST"}}`)
	for i, a := range upload(t, run, "cam", path) {
		if want := []string{"BUFFERING", "RECEIVED"}[i%2]; a.EventType != want {
			t.Errorf("acknowledgement %d without retention: %+v, want %s", i, a, want)
		}
	}
	var got bytes.Buffer
	for bytes.Count(got.Bytes(), []byte("CONTINUATION_TOKEN")) < 4 {
		if _, err := io.CopyN(&got, resp.Body, 1); err != nil {
			t.Fatalf("after %d bytes: %v", got.Len(), err)
		}
	}
}
