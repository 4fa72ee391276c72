package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGetSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--region", "us-west-2", "--account", "444455556666",
		"--camera", "door:size=320x192,for=2m", "--camera", "forgetful:size=320x192,retention=0s,for=2m")
	noClip := emulate(t, "--deny", "kinesisvideo:GetClip", "--camera", "door:size=320x192,for=2m")
	noEndpoint := emulate(t, "--deny", "GetDataEndpoint", "--camera", "door:size=320x192,for=2m")
	late := emulate(t, "--expired", "--camera", "door:size=320x192,for=2m")
	stranger := newHome(t, "AWS_ENDPOINT_URL="+e.url, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	nowhere := newHome(t, "AWS_ENDPOINT_URL="+e.url, "AWS_REGION=")
	arn := "arn:aws:kinesisvideo:eu-west-1:444455556666:stream/door/1700000000000"
	whole := []string{"--from", after(0), "--for", "1m", "--clock", "producer"}
	for name, tc := range map[string]struct {
		home *home
		code int
		kind string
		args []string
		says []string
	}{
		"reversed":         {e.home, 2, "usage", []string{"get", "door", "--from", after(time.Minute), "--to", after(0)}, []string{"reversed", "2026-02-03T09:01:00"}},
		"empty":            {e.home, 2, "usage", []string{"get", "door", "--from", after(0), "--to", after(0)}, []string{"empty"}},
		"future":           {e.home, 2, "usage", []string{"get", "door", "--from", "9000-01-01T00:00:00Z", "--for", "1h"}, []string{"yet to come"}},
		"no end":           {e.home, 2, "usage", []string{"get", "door", "--from", after(0)}, []string{"--to or --for"}},
		"two streams":      {e.home, 2, "usage", append([]string{"get", "door", "shed"}, whole...), []string{"one STREAM"}},
		"standard output":  {e.home, 2, "usage", append([]string{"get", "door", "-o", "-"}, whole...), []string{"--json", "exclude"}},
		"bucket":           {e.home, 2, "usage", append([]string{"get", "door", "-o", "s3://bucket/key"}, whole...), []string{"not supported yet"}},
		"other engine":     {e.home, 2, "usage", append([]string{"get", "door", "--engine", "tape"}, whole...), []string{"auto or clip or fragments"}},
		"no such key":      {e.home, 7, "local", append([]string{"get", "door", "--receipt", "r.json", "--sign", "no.pem"}, whole...), []string{"no.pem"}},
		"no merge":         {e.home, 2, "usage", append([]string{"get", "door", "--merge", "tape"}, whole...), []string{"native or ffmpeg or none"}},
		"too many":         {e.home, 2, "usage", append([]string{"get", "door", "-j", "33"}, whole...), []string{"from 1 to 32"}},
		"no region":        {nowhere, 2, "MissingRegion", append([]string{"get", "door"}, whole...), []string{"AWS_REGION"}},
		"bad name":         {e.home, 2, "InvalidStreamName", append([]string{"get", "a door"}, whole...), []string{"a door"}},
		"unknown stream":   {e.home, 6, "ResourceNotFoundException", append([]string{"get", "gate"}, whole...), []string{"gate", "us-west-2", "kvsclip streams"}},
		"another region":   {e.home, 6, "", append([]string{"get", arn}, whole...), []string{"eu-west-1"}},
		"before it began":  {e.home, 3, "empty", []string{"get", "door", "--from", after(-time.Hour), "--for", "30m"}, []string{"nothing was recorded", "kvsclip plan"}},
		"after it ended":   {e.home, 3, "empty", []string{"get", "door", "--from", after(time.Hour), "--for", "30m", "--clock", "producer"}, []string{"nothing was recorded"}},
		"no retention":     {e.home, 3, "", append([]string{"get", "forgetful"}, whole...), nil},
		"no credentials":   {stranger, 5, "MissingCredentials", append([]string{"get", "door"}, whole...), []string{"aws sso login"}},
		"no clips":         {noClip.home, 5, "AccessDeniedException", append([]string{"get", "door"}, whole...), []string{"kinesisvideo:GetClip"}},
		"no endpoint":      {noEndpoint.home, 5, "AccessDeniedException", append([]string{"get", "door"}, whole...), []string{"kinesisvideo:GetDataEndpoint"}},
		"expired":          {late.home, 5, "ExpiredTokenException", append([]string{"get", "door"}, whole...), []string{"expired"}},
		"nothing there":    {newHome(t, "AWS_ENDPOINT_URL=http://127.0.0.1:1"), 1, "", append([]string{"get", "door", "--retries", "1"}, whole...), []string{"127.0.0.1:1"}},
		"profile unknown":  {e.home, 2, "ConfigurationError", append([]string{"get", "door", "--profile", "nobody"}, whole...), []string{"nobody", "list-profiles"}},
		"no such flag":     {e.home, 2, "usage", append([]string{"get", "door", "--bogus"}, whole...), []string{"--bogus"}},
		"no such zone":     {e.home, 2, "usage", append([]string{"get", "door", "--tz", "Mars"}, whole...), []string{"Mars"}},
		"piece of nothing": {e.home, 2, "usage", append([]string{"get", "door", "--piece", "0s"}, whole...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tc.home.fails(t, tc.code, append(tc.says, "kvsclip: error: "), append(tc.args, "--json")...)
			var out struct {
				Error struct {
					Code                           int
					Kind, Message, Hint, RequestID string
				}
			}
			if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || out.Error.Code != tc.code || out.Error.Message == "" || out.Error.Hint == "" {
				t.Errorf("JSON: %s, %v", r.stdout, err)
			}
			if tc.kind != "" && out.Error.Kind != tc.kind {
				t.Errorf("kind %q, want %q", out.Error.Kind, tc.kind)
			}
			t.Logf("%d: %s", r.code, out.Error.Message)
		})
	}
	t.Cleanup(func() {
		for _, h := range []*home{e.home, noClip.home, noEndpoint.home, late.home, stranger, nowhere} {
			empty(t, h)
		}
	})
}

// empty says that a folder has nothing in it.
func empty(t *testing.T, h *home) {
	t.Helper()
	left, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s was left behind", f.Name())
	}
}

func TestGetKeepsItsHandsOffFiles(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:size=320x192,for=2m")
	get := func(out string, more ...string) []string {
		return append([]string{"get", "door", "--from", after(0), "--for", "1m", "--clock", "producer", "-o", out}, more...)
	}
	if err := os.WriteFile(e.path("mine.mp4"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.fails(t, 7, []string{"mine.mp4", "exists", "--force"}, get("mine.mp4")...)
	e.fails(t, 7, []string{"mine.mp4"}, get(filepath.Join("mine.mp4", "below.mp4"))...)
	e.fails(t, 7, []string{"mine.mp4"}, get(filepath.Join("mine.mp4", "folder", "below.mp4"))...)
	if b, err := os.ReadFile(e.path("mine.mp4")); string(b) != "mine" {
		t.Errorf("the file that was there now holds %.20q, %v", b, err)
	}
	if n := e.answered("GetClip", "200"); n != 0 {
		t.Errorf("%d clips were fetched for outputs that cannot be written", n)
	}
	e.report(t, get("mine.mp4", "--force")...)
	whole(t, e.path("mine.mp4"))
	e.report(t, get("made/of/folders/")...)
	e.report(t, get("made/of/door.mp4")...)
	tidied(t, &home{dir: e.path("made/of/folders")})
}

// TestGetGivesGarbageNoName runs against a service whose clips are none.
func TestGetGivesGarbageNoName(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"words":  "<html>welcome to the hotel network, please log in</html>",
		"zeros":  strings.Repeat("\x00", 5000),
		"bomb":   "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42\x7f\xff\xff\xffmoov",
		"hollow": "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42\x00\x00\x00\x08moov",
		"empty":  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "AWS_ENDPOINT_URL="+hostile(t, body))
			r := h.fails(t, 1, []string{"piece 1", "2 tries"}, "get", "door", "--from", after(0), "--for", "1m", "--retries", "2", "-o", "clip.mp4")
			t.Log(r.stderr)
			empty(t, h)
		})
	}
}

// hostile serves one fragment, and body as its clip.
func hostile(t *testing.T, body string) (url string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/getDataEndpoint":
			fmt.Fprintf(w, `{"DataEndpoint":%q}`, srv.URL)
		case "/listFragments":
			fmt.Fprintf(w, `{"Fragments":[{"FragmentNumber":"91343852333181432392682062","FragmentSizeInBytes":1000,`+
				`"FragmentLengthInMilliseconds":1960,"ProducerTimestamp":%d,"ServerTimestamp":%d}]}`, begin.Unix(), begin.Unix()+1)
		case "/getClip":
			w.Header().Set("Content-Type", "video/mp4")
			fmt.Fprint(w, body)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}
