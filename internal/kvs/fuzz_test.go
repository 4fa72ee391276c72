package kvs_test

import (
	"errors"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

// paths are those of asks, in an order that seeds can rely on.
var paths = []string{"/", "/listStreams", "/describeStream", "/getDataEndpoint", "/listFragments", "/getClip", "/getMediaForFragmentList"}

// allowance is what an answer may make the client allocate: a fixed part for the request, its
// signature and pages of another call, and one for each byte (two bytes of JSON become a slot of a
// list, of which there are some copies while it grows).
func allowance(size int) uint64 { return 4<<20 + 256*uint64(size) }

// What the finds in testdata/fuzz/FuzzAnswers were:
//   - scheme_in_capitals: a data endpoint of "httpS://...", taken as it was written.
//
// FuzzAnswers answers each call with anything. Whatever it is, the client does not panic, allocates
// within bounds, and fails with an *Error whose texts can be printed, or takes only what has the
// form that the service's model gives it.
func FuzzAnswers(f *testing.F) {
	seed := func(path string, status int, header, body string) {
		for i, p := range paths {
			if p == path {
				f.Add(uint8(i), uint16(status), header, []byte(body))
			}
		}
	}
	seed("/", 200, "", strings.Replace(identity, "%s", "arn:aws:iam::111122223333:user/me", 1))
	seed("/", 403, "", `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>no</Message></Error></ErrorResponse>`)
	seed("/listStreams", 200, "", `{"NextToken":"n=","StreamInfoList":[{"StreamName":"cam2",`+info+`}]}`)
	seed("/describeStream", 200, "Date: Sat, 14 Mar 2026 08:00:07 GMT", `{"StreamInfo":{"StreamName":"cam1","StreamARN":"`+arn+`",`+info+`}}`)
	seed("/describeStream", 404, "X-Amzn-Errortype: ResourceNotFoundException:x", `{"Message":"no"}`)
	seed("/getDataEndpoint", 200, "", `{"DataEndpoint":"`+dataHost+`"}`)
	seed("/listFragments", 200, "", `{"Fragments":[`+entry("100", day)+`,`+entry("99", day.Add(time.Second))+`],"NextToken":null}`)
	seed("/listFragments", 200, "Content-Encoding: gzip", `{"Fragments":null}`)
	seed("/listFragments", 302, "Location: http://example.com/", "")
	seed("/getClip", 200, "X-Amzn-Requestid: 1", "ftyp")
	seed("/getClip", 400, "X-Amzn-Errortype: InvalidArgumentException\nRetry-After: 5", "{\"message\":\"outside of the stream retention period \\u001b[31m\"}")
	seed("/getClip", 403, "Content-Type: text/xml", "<AccessDeniedException><Message>no</Message></AccessDeniedException>")
	seed("/getMediaForFragmentList", 200, "", "\x1aE\xdf\xa3")
	seed("/getMediaForFragmentList", 400, "X-Amzn-Errortype: InvalidArgumentException", `{"Message":"Fragment numbers are invalid : 1, 2"}`)
	environment(f)
	c := mustOpen(f, kvs.Config{Region: region, Retries: 1, Share: kvs.MaxShare})
	c.Pages(2)
	f.Fuzz(func(t *testing.T, op uint8, status uint16, header string, body []byte) {
		if len(body) > 1<<16 || len(header) > 1<<12 || status < 100 || status > 999 {
			return // longer ones show nothing new, and net/http gives no other status
		}
		path := paths[int(op)%len(paths)]
		h := headers(header)
		c.Age(kvs.EndpointAge) // so that it is asked for each time
		c.Through(answer(path, func() *http.Response {
			resp := said(int(status), string(body))
			resp.Header = h.Clone()
			return resp
		}))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := takes(t, c, path)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > allowance(len(body)+len(header)) {
			t.Errorf("%d bytes allocated for an answer of %d", n, len(body)+len(header))
		}
		if err == nil {
			return
		}
		e, ok := errors.AsType[*kvs.Error](err)
		if !ok || e.Err == nil {
			t.Fatalf("%s: an error of no kind: %v", path, err)
		}
		printable(t, e)
		if len(e.Error()) > 2000 {
			t.Errorf("%s: a text of %d bytes: %s", path, len(e.Error()), e)
		}
	})
}

// headers reads lines of "Name: value", as net/http hands them on.
func headers(text string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	return h
}

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,256}$`)

// takes makes the call of a path and looks at what the client took for good.
func takes(t *testing.T, c *kvs.Client, path string) error {
	switch path {
	case "/listStreams":
		all, err := c.Streams(t.Context(), "")
		for _, s := range all {
			checkStream(t, s)
		}
		return err
	case "/describeStream":
		got, err := c.Describe(t.Context(), "cam1")
		if err == nil {
			checkStream(t, got.Stream)
		}
		return err
	case "/getDataEndpoint":
		at, err := c.ClipEndpoint(t.Context(), "cam1")
		if err == nil && !strings.HasPrefix(at, "https://") {
			t.Errorf("data endpoint %q", at)
		}
		return err
	case "/listFragments":
		all, err := c.Fragments(t.Context(), "cam1", archive.Range{From: time.Unix(0, 0), To: time.Unix(1<<34, 0)})
		for _, f := range all {
			if strings.Trim(f.Number, "0123456789") != "" || f.Size < 0 || f.Length < 0 || f.Producer.Unix() < 0 || f.Producer.Year() > 2262 {
				t.Errorf("fragment %+v", f)
			}
		}
		return err
	}
	return asks[path](t, c)
}

func checkStream(t *testing.T, s archive.Stream) {
	t.Helper()
	if !streamName.MatchString(s.Name) || s.ARN != "" && kvs.RegionOf(s.ARN) == "" || s.Retention < 0 || s.Created.Year() > 2262 {
		t.Errorf("stream %+v", s)
	}
}
