package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// noon is when recordings here begin, and evening what the service's clock says.
var (
	noon    = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	evening = noon.Add(8 * time.Hour)
)

// start runs s on addresses of its own until the test ends. Its clock stands still, unless set.
func start(t testing.TB, s *kvsemu.Server) *kvsemu.Running {
	t.Helper()
	if s.Now == nil {
		s.Now = func() time.Time { return evening }
	}
	run, err := kvsemu.Start(t.Context(), s, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return run
}

// client keeps no connection, so that a closed server has none to wait for.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// post sends a signed call.
func post(t testing.TB, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260504/us-west-2/kinesisvideo/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("POST %s: %v", url, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// call sends a signed call and returns status, exception and body.
func call(t testing.TB, url, body string) (status int, code, text string) {
	t.Helper()
	resp := post(t, url, body)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	code, _, _ = strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	return resp.StatusCode, code, string(b)
}

// between is a request for a range on a clock.
func between(member, stream, clock string, from, to time.Time) string {
	return fmt.Sprintf(`{"StreamName":%q,%q:{"FragmentSelectorType":"%s_TIMESTAMP","TimestampRange":{"StartTimestamp":%s,"EndTimestamp":%s}}}`,
		stream, member, clock, seconds(from), seconds(to))
}

func seconds(t time.Time) string { return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/1e6) }

// clipBetween asks for a clip on the producer's clock and returns it as a file.
func clipBetween(t testing.TB, run *kvsemu.Running, stream string, from, to time.Time) string {
	t.Helper()
	return clipOn(t, run, stream, "PRODUCER", from, to)
}

func clipOn(t testing.TB, run *kvsemu.Running, stream, clock string, from, to time.Time) string {
	t.Helper()
	resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", stream, clock, from, to))
	f, err := os.Create(filepath.Join(t.TempDir(), "clip.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(f, resp.Body)
	if err := cmpErr(err, f.Close()); err != nil || resp.StatusCode != http.StatusOK {
		b, _ := os.ReadFile(f.Name())
		t.Fatalf("GetClip: status %d, %v, %.300s", resp.StatusCode, err, b)
	}
	if resp.ContentLength >= 0 && resp.ContentLength != n {
		t.Errorf("Content-Length %d, %d bytes", resp.ContentLength, n)
	}
	if got := resp.Header.Get("Content-Type"); got != "video/mp4" {
		t.Errorf("Content-Type %q, want video/mp4", got)
	}
	return f.Name()
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// listed is a fragment as ListFragments tells it.
type listed struct {
	FragmentNumber                                    string
	FragmentLengthInMilliseconds, FragmentSizeInBytes int64
	ProducerTimestamp, ServerTimestamp                float64
}

// list returns all pages of ListFragments, in the order they came in.
func list(t testing.TB, run *kvsemu.Running, stream, clock string, from, to time.Time, page int) []listed {
	t.Helper()
	var all []listed
	body := between("FragmentSelector", stream, clock, from, to)
	for token := ""; ; {
		in := strings.TrimSuffix(body, "}") + fmt.Sprintf(`,"MaxResults":%d`, page)
		if token != "" {
			in += fmt.Sprintf(`,"NextToken":%q`, token)
		}
		status, code, text := call(t, run.DataURL+"/listFragments", in+"}")
		var out struct {
			Fragments []listed
			NextToken *string
		}
		if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK {
			t.Fatalf("ListFragments: %d %s %v %s", status, code, err, text)
		}
		if len(out.Fragments) > page {
			t.Fatalf("ListFragments: %d fragments on a page, want at most %d", len(out.Fragments), page)
		}
		all = append(all, out.Fragments...)
		if out.NextToken == nil {
			return all
		}
		token = *out.NextToken
	}
}

// program runs a judge and returns what it prints; complaints fail the test.
func program(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: make test installs it", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, &out, &complaints)
	}
	if complaints.Len() > 0 {
		t.Errorf("%s %q complains: %s", name, args, &complaints)
	}
	return out.String()
}

// cameras parses cameras; they begin at noon.
func cameras(t testing.TB, texts ...string) map[string]kvsemu.Camera {
	t.Helper()
	all := map[string]kvsemu.Camera{}
	for _, text := range texts {
		name, c, err := kvsemu.ParseCamera(text)
		if err != nil {
			t.Fatal(err)
		}
		if c.From.IsZero() && c.Ago == 0 {
			c.From = noon
		}
		all[name] = c
	}
	return all
}
