package kvs_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/kvsclip/kvsclip/internal/kvs"
)

// wire answers in place of the network.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return w(r)
}

const dataHost = "https://b-1234abcd.kinesisvideo.us-west-2.amazonaws.com"

// answer makes the answer to one path; the data endpoint is told as AWS would.
func answer(path string, resp func() *http.Response) wire {
	return func(r *http.Request) (*http.Response, error) {
		var out *http.Response
		switch r.URL.Path {
		case path:
			out = resp()
		case "/getDataEndpoint":
			out = said(200, `{"DataEndpoint":"`+dataHost+`"}`)
		default:
			out = said(500, "")
		}
		out.Request, out.Proto, out.ProtoMajor, out.ProtoMinor = r, "HTTP/1.1", 1, 1
		return out, nil
	}
}

func said(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// offline makes a client of AWS's own endpoint whose requests go to w, one try each.
func offline(t *testing.T, w wire, change ...func(*kvs.Config)) *kvs.Client {
	t.Helper()
	environment(t)
	cfg := kvs.Config{Region: region, Retries: 1}
	for _, f := range change {
		f(&cfg)
	}
	c := mustOpen(t, cfg)
	c.Through(w)
	return c
}

// asks are the calls by path; each discards what it gets.
var asks = map[string]func(*testing.T, *kvs.Client) error{
	"/": func(t *testing.T, c *kvs.Client) error { _, err := c.Caller(t.Context()); return err },
	"/listStreams": func(t *testing.T, c *kvs.Client) error {
		_, err := c.Streams(t.Context(), "")
		return err
	},
	"/describeStream":  func(t *testing.T, c *kvs.Client) error { _, err := c.Describe(t.Context(), "cam1"); return err },
	"/getDataEndpoint": func(t *testing.T, c *kvs.Client) error { _, err := c.ClipEndpoint(t.Context(), "cam1"); return err },
	"/listFragments": func(t *testing.T, c *kvs.Client) error {
		_, err := c.Fragments(t.Context(), "cam1", oneDay)
		return err
	},
	"/getClip": func(t *testing.T, c *kvs.Client) error { return c.Clip(t.Context(), clipOf(1), io2nil) },
	"/getMediaForFragmentList": func(t *testing.T, c *kvs.Client) error {
		return c.Media(t.Context(), mediaOf("1", "2"), io2nil)
	},
}

// listed is a page with one fragment, whose server time is at.
func listed(at string) string {
	return `{"Fragments":[{"FragmentNumber":"1","FragmentLengthInMilliseconds":1,"FragmentSizeInBytes":1,"ProducerTimestamp":1773446400,"ServerTimestamp":` + at + `}]}`
}

func TestHostileAnswers(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for name, tc := range map[string]struct {
		path   string
		status int
		body   string
		header []string
		want   string // text of the error
	}{
		"redirect 301": {"/describeStream", 301, "", []string{"Location", "https://example.com/"}, `DescribeStream of stream "cam1": RedirectedAnswer: answer is a redirect: to "https://example.com/": it is not followed (HTTP 301)`},
		"redirect 302": {"/getClip", 302, "", []string{"Location", "http://example.com/"}, `GetClip of stream "cam1": RedirectedAnswer: answer is a redirect: to "http://example.com/": it is not followed (HTTP 302)`},
		"media redirect": {
			"/getMediaForFragmentList", 302, "",
			[]string{"Location", "http://example.com/"},
			`GetMediaForFragmentList of stream "cam1": RedirectedAnswer: answer is a redirect: to "http://example.com/": it is not followed (HTTP 302)`,
		},
		"media encoding not asked for": {
			"/getMediaForFragmentList", 200, "x",
			[]string{"Content-Encoding", "gzip"},
			`GetMediaForFragmentList of stream "cam1": UnreadableAnswer: answer is encoded: as "gzip", which was not asked for (HTTP 200)`,
		},
		"media refusal too large": {
			"/getMediaForFragmentList", 400, strings.Repeat(" ", kvs.MaxRefusal+1), nil,
			`GetMediaForFragmentList of stream "cam1": OversizedAnswer: answer is too large: expected at most 1048576 bytes (HTTP 400)`,
		},
		"media refusal that a terminal obeys": {
			"/getMediaForFragmentList", 400, "{\"Message\":\"Fragment numbers are invalid : \\u001b[2J 1\"}",
			[]string{"X-Amzn-Errortype", "InvalidArgumentException"},
			`GetMediaForFragmentList of stream "cam1": InvalidArgumentException: Fragment numbers are invalid : [2J 1 (HTTP 400)`,
		},
		"redirect nowhere":         {"/listStreams", 307, "", nil, `ListStreams: RedirectedAnswer: answer is a redirect: to "": it is not followed (HTTP 307)`},
		"redirect with a password": {"/listFragments", 308, "", []string{"Location", "https://u:p@example.com/"}, `ListFragments of stream "cam1": RedirectedAnswer: answer is a redirect: to "https[hidden]example.com/": it is not followed (HTTP 308)`},
		"encoding not asked for":   {"/getClip", 200, "x", []string{"Content-Encoding", "br"}, `GetClip of stream "cam1": UnreadableAnswer: answer is encoded: as "br", which was not asked for (HTTP 200)`},
		"encoding twice":           {"/listFragments", 200, "x", []string{"Content-Encoding", "gzip, gzip"}, `ListFragments of stream "cam1": UnreadableAnswer: answer is encoded: as "gzip, gzip", which was not asked for (HTTP 200)`},
		"too large":                {"/describeStream", 200, strings.Repeat(" ", kvs.MaxJSON+1), nil, `DescribeStream of stream "cam1": OversizedAnswer: answer is too large: expected at most 8388608 bytes (HTTP 200)`},
		"refusal too large":        {"/getClip", 403, strings.Repeat(" ", kvs.MaxRefusal+1), nil, `GetClip of stream "cam1": OversizedAnswer: answer is too large: expected at most 1048576 bytes (HTTP 403)`},
		"identity too large":       {"/", 200, strings.Repeat(" ", kvs.MaxJSON+1), nil, `GetCallerIdentity: OversizedAnswer: answer is too large: expected at most 8388608 bytes (HTTP 200)`},
		"empty":                    {"/listFragments", 200, " \n", nil, `ListFragments of stream "cam1": GarbledAnswer: answer is garbled: it is empty (HTTP 200)`},
		"time huge":                {"/listFragments", 200, listed("1e300"), nil, `ListFragments of stream "cam1": GarbledAnswer: answer is garbled: timestamp "1e300": expected seconds since 1970 (HTTP 200)`},
		"time of the year 33658":   {"/listFragments", 200, listed("1000000000000"), nil, `ListFragments of stream "cam1": GarbledAnswer: answer is garbled: timestamp "1000000000000": expected seconds since 1970 (HTTP 200)`},
		"time beyond numbers":      {"/listFragments", 200, listed("1e999"), nil, `ListFragments of stream "cam1": GarbledAnswer: answer is garbled: timestamp "1e999": expected seconds since 1970 (HTTP 200)`},
		"time negative":            {"/listFragments", 200, listed("-1"), nil, `ListFragments of stream "cam1": GarbledAnswer: answer is garbled: timestamp "-1": expected seconds since 1970 (HTTP 200)`},
		"time NaN":                 {"/listFragments", 200, listed("NaN"), nil, `ListFragments of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"time in words":            {"/listFragments", 200, listed(`"NaN"`), nil, `ListFragments of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"time a list":              {"/listFragments", 200, listed(`[1]`), nil, `ListFragments of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"created in 9999":          {"/describeStream", 200, `{"StreamInfo":{"StreamName":"cam1","CreationTime":253402300799}}`, nil, `DescribeStream of stream "cam1": GarbledAnswer: answer is garbled: timestamp "253402300799": expected seconds since 1970 (HTTP 200)`},
		"listed as created in 1e99": {
			"/listStreams", 200, `{"StreamInfoList":[{"StreamName":"cam1","CreationTime":1e99}]}`, nil,
			`ListStreams: GarbledAnswer: answer is garbled: timestamp "1e99": expected seconds since 1970 (HTTP 200)`,
		},
		"retention in words": {"/describeStream", 200, `{"StreamInfo":{"StreamName":"cam1","DataRetentionInHours":"24"}}`, nil, `DescribeStream of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"size huge":          {"/listFragments", 200, strings.Replace(listed("1773446400"), `Bytes":1`, `Bytes":1e30`, 1), nil, `ListFragments of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"deep":               {"/listStreams", 200, deep, nil, `ListStreams: UnreadableAnswer: answer is unreadable: "[[[`},
		"deep refusal":       {"/getClip", 400, `{"a":` + deep, nil, `GetClip of stream "cam1": UnreadableAnswer: answer is unreadable: "[[[`},
		"a list":             {"/describeStream", 200, `[]`, nil, `DescribeStream of stream "cam1": UnreadableAnswer: answer is unreadable: `},
		"nothing":            {"/describeStream", 200, `null`, nil, `DescribeStream of stream "cam1": answer is garbled: no StreamInfo`},
		"name that is a path": {
			"/describeStream", 200, `{"StreamInfo":{"StreamName":"../../etc/passwd"}}`, nil,
			`DescribeStream of stream "cam1": answer is garbled: stream name "../../etc/passwd": expected letters, digits, "_", ".", "-"`,
		},
		"name twice": {
			"/describeStream", 200, `{"StreamInfo":{"StreamName":"cam1","StreamName":"a\u0000b"}}`, nil,
			`DescribeStream of stream "cam1": answer is garbled: stream name "a\x00b": expected letters, digits, "_", ".", "-"`,
		},
		"listed name that is a path": {
			"/listStreams", 200, `{"StreamInfoList":[{"StreamName":"a/b"}]}`, nil,
			`ListStreams: answer is garbled: stream name "a/b": expected letters, digits, "_", ".", "-"`,
		},
		"ARN that is none": {
			"/listStreams", 200, `{"StreamInfoList":[{"StreamName":"a","StreamARN":"\u001b[31m"}]}`, nil,
			`ListStreams: answer is garbled: stream ARN "\x1b[31m": expected arn:aws:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATED`,
		},
		"account that is none": {
			"/", 200, `<R><GetCallerIdentityResult><Account>../x</Account></GetCallerIdentityResult></R>`, nil,
			`GetCallerIdentity: answer is garbled: account "../x": expected 12 digits`,
		},
		"data endpoint abroad": {
			"/getDataEndpoint", 200, `{"DataEndpoint":"https://example.com"}`, nil,
			`GetDataEndpoint of stream "cam1": unusable endpoint: data endpoint "https://example.com": expected a host of AWS`,
		},
		"data endpoint over http": {
			"/getDataEndpoint", 200, `{"DataEndpoint":"http://b-1234abcd.kinesisvideo.us-west-2.amazonaws.com"}`, nil,
			`GetDataEndpoint of stream "cam1": unusable endpoint: data endpoint "http://b-1234abcd.kinesisvideo.us-west-2.amazonaws.com": expected https`,
		},
		"data endpoint with escapes": {
			"/getDataEndpoint", 200, `{"DataEndpoint":"https://a\u001b[31m\n"}`, nil,
			`GetDataEndpoint of stream "cam1": unusable endpoint: data endpoint "https://a [31m": expected a scheme and a host`,
		},
		"words that a terminal obeys": {
			"/getClip", 400, "{\"Message\":\"a\\u001b]0;x\\u0007 \\u009b31m \\u202e \\u0000 b\"}",
			[]string{"X-Amzn-Errortype", "Evil\x9bException", "X-Amzn-Requestid", "\x1b[31m"},
			`GetClip of stream "cam1": UnknownError: a ]0;x 31m b (HTTP 400)`,
		},
		"token endless": {
			"/listStreams", 200, `{"NextToken":"` + strings.Repeat("a", 8193) + `"}`, nil,
			`ListStreams: answer is garbled: page token of 8193 bytes: expected at most 8192`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t, answer(tc.path, func() *http.Response { return said(tc.status, tc.body, tc.header...) }))
			err := asks[tc.path](t, c)
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok || !strings.HasPrefix(err.Error(), tc.want) || !strings.HasSuffix(tc.want, ": ") && !strings.HasSuffix(tc.want, `"[[[`) && err.Error() != tc.want {
				t.Fatalf("error:\n got %v\nwant %s", err, tc.want)
			}
			printable(t, e)
			if kvs.IsDenied(err) || kvs.IsCredentials(err) || kvs.IsNoStream(err) {
				t.Errorf("%v: is taken for the service's word", err)
			}
		})
	}
}

// printable looks at all texts that an error gives to others.
func printable(t *testing.T, e *kvs.Error) {
	t.Helper()
	for _, text := range []string{e.Error(), e.Message, e.Code, e.RequestID, e.Account, e.Advice(), e.Err.Error()} {
		for _, r := range text {
			if !unicode.IsPrint(r) {
				t.Errorf("text %q has %U", text, r)
			}
		}
	}
}

// A redirect is not followed on a socket either, whatever it promises: who is named is not asked.
func TestRedirectIsNotFollowed(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newService(t)
		there := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+r.URL.Path, status) }
		s.always["/getClip"], s.always["/describeStream"] = there, there
		c := open(t, s)
		_, err := c.Describe(t.Context(), "cam1")
		for _, err := range []error{err, c.Clip(t.Context(), clipOf(1), io2nil)} {
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok || e.Code != "RedirectedAnswer" || kvs.Judge(err) != kvs.Final || !strings.Contains(e.Advice(), "proxy") {
				t.Errorf("%d: got %v", status, err)
			}
		}
	}
	if asked != 0 {
		t.Errorf("who was named was asked %d times", asked)
	}
}

// The token service that gives out a role's credentials is held to the same limits.
func TestHostileRole(t *testing.T) {
	environment(t)
	c := mustOpen(t, kvs.Config{Region: region, Retries: 1, RoleARN: "arn:aws:iam::444455556666:role/reader"})
	for name, resp := range map[string]*http.Response{
		"answer is a redirect":           said(307, "", "Location", "https://example.com/"),
		"answer is too large":            said(200, strings.Repeat(" ", kvs.MaxJSON+1)),
		"answer is garbled: it is empty": said(200, ""),
	} {
		c.Through(answer("/", func() *http.Response { return resp }))
		err := c.Lists(t.Context())
		e, ok := errors.AsType[*kvs.Error](err)
		if !ok || !kvs.IsCredentials(err) || !strings.Contains(e.Message, name) {
			t.Fatalf("Lists: got %v, want %q", err, name)
		}
		printable(t, e)
	}
}

// A little of gzip becomes a lot of JSON: the limit is on what it becomes.
func TestGzipBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(bytes.Repeat([]byte(" "), kvs.MaxJSON+1)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s := newService(t)
	s.always["/describeStream"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}
	_, err := open(t, s).Describe(t.Context(), "cam1")
	if !errors.Is(err, kvs.ErrTooLarge) || s.count("/describeStream") != 1 {
		t.Errorf("%d bytes that become %d: got %v in %d calls", bomb.Len(), kvs.MaxJSON+1, err, s.count("/describeStream"))
	}
}

func TestEndlessHeaders(t *testing.T) {
	s := newService(t)
	s.always["/describeStream"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	}
	_, err := open(t, s, func(c *kvs.Config) { c.Retries = 1 }).Describe(t.Context(), "cam1")
	if e, ok := errors.AsType[*kvs.Error](err); !ok || e.Code != "ConnectionError" || !strings.Contains(e.Message, "headers exceeded") {
		t.Errorf("Describe: got %v", err)
	}
}

func TestEndlessPages(t *testing.T) {
	n := 0
	page := func() *http.Response {
		n++
		return said(200, fmt.Sprintf(`{"Fragments":[],"NextToken":"%d"}`, n))
	}
	c := offline(t, answer("/listFragments", page), func(c *kvs.Config) { c.Share = kvs.MaxShare })
	c.Pages(7)
	_, err := c.Fragments(t.Context(), "cam1", oneDay)
	if !errors.Is(err, kvs.ErrTooMany) || n != 7 || !strings.Contains(err.Error(), "more than 7 pages") {
		t.Errorf("Fragments: got %v after %d pages, want 7", err, n)
	}
	if _, err = c.Fragments(t.Context(), "cam1", oneDay); !errors.Is(err, kvs.ErrTooMany) {
		t.Errorf("Fragments once more: got %v", err)
	}
}

// trickle gives a byte at a time, each after a wait, and never ends.
type trickle struct {
	every time.Duration
	done  <-chan struct{}
}

func (s trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(s.every):
		p[0] = ' '
		return 1, nil
	case <-s.done:
		return 0, errors.New("connection closed")
	}
}

func TestTricklingAnswers(t *testing.T) {
	for path, want := range map[string]struct {
		after time.Duration
		text  string
	}{
		"/describeStream": {150 * time.Second, "no answer for 2m30s"},
		"/listFragments":  {150 * time.Second, "no answer for 2m30s"},
		"/getClip":        {2*time.Minute + 25*time.Second, "less than 16384 bytes in 2m0s"},
	} {
		t.Run(path, func(t *testing.T) {
			environment(t)
			synctest.Test(t, func(t *testing.T) {
				c := mustOpen(t, kvs.Config{Region: region, Retries: 1})
				c.Through(wire(func(r *http.Request) (*http.Response, error) {
					return answer(path, func() *http.Response {
						out := said(200, "")
						out.Body, out.ContentLength = io.NopCloser(trickle{25 * time.Second, r.Context().Done()}), -1
						return out
					})(r)
				}))
				start := time.Now()
				err := asks[path](t, c)
				e, ok := errors.AsType[*kvs.Error](err)
				if !ok || !errors.Is(err, kvs.ErrStalled) || !strings.Contains(e.Message, want.text) {
					t.Errorf("got %v, want %q", err, want.text)
				}
				if took := time.Since(start); took > want.after {
					t.Errorf("gave up after %v, want %v", took, want.after)
				}
			})
		})
	}
}

func TestRequestIDOfAnAnswer(t *testing.T) {
	for id, want := range map[string]string{
		"00000000-1111-2222-3333-444444444444": "00000000-1111-2222-3333-444444444444",
		"":                                     "",
		"\x1b[31m":                             "",
		"<script>":                             "",
		strings.Repeat("a", 129):               "",
	} {
		c := offline(t, answer("/getClip", func() *http.Response { return said(200, "x", "X-Amzn-Requestid", id) }))
		got := "none"
		err := c.Clip(t.Context(), clipOf(1), func(a kvs.Answer) error { got = a.RequestID; return nil })
		if err != nil || got != want {
			t.Errorf("request id %q: got %q, %v, want %q", id, got, err, want)
		}
	}
}
