package kvs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	region = "us-west-2"
	arn    = "arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam1/1700000000000"
	// token stands for a session token; no error text may hold it.
	token = "SESSIONTOKENMUSTNOTBESEEN"
)

// service is a control endpoint and a data endpoint on sockets of their own. What a handler does
// not answer itself goes to the next.
type service struct {
	control, data *httptest.Server

	mu     sync.Mutex // guards what follows
	asked  []string   // path of each request, in order
	bodies []map[string]any
	faults map[string][]http.HandlerFunc // by path, used up from the front
	always map[string]http.HandlerFunc   // by path
	point  string                        // what GetDataEndpoint answers; "" means data
}

func newService(t *testing.T) *service {
	s := &service{faults: map[string][]http.HandlerFunc{}, always: map[string]http.HandlerFunc{}}
	s.control = httptest.NewServer(s.handler("/getDataEndpoint", "/describeStream", "/listStreams"))
	t.Cleanup(s.control.Close)
	s.data = httptest.NewServer(s.handler("/listFragments", "/getClip", "/getMediaForFragmentList"))
	t.Cleanup(s.data.Close)
	s.always["/getDataEndpoint"] = func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		base := s.point
		if base == "" {
			base = s.data.URL
		}
		_, _ = fmt.Fprintf(w, `{"DataEndpoint":%q}`, base)
	}
	return s
}

// fault makes the first calls of path be answered by fs.
func (s *service) fault(path string, fs ...http.HandlerFunc) { s.faults[path] = fs }

func (s *service) handler(paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var in map[string]any
		_ = json.Unmarshal(raw, &in)
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.bodies = append(s.bodies, in)
		h := s.always[r.URL.Path]
		if f := s.faults[r.URL.Path]; len(f) > 0 {
			h, s.faults[r.URL.Path] = f[0], f[1:]
		}
		s.mu.Unlock()
		known := false
		for _, p := range paths {
			known = known || p == r.URL.Path
		}
		if !known || h == nil {
			wrongHost(w, r)
			return
		}
		w.Header().Set("X-Amzn-Requestid", "00000000-1111-2222-3333-444444444444")
		h(w, r)
	})
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.asked {
		if p == path {
			n++
		}
	}
	return n
}

func wrongHost(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n")
}

func refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", code+":https://kinesisvideo.amazonaws.com/doc/2017-09-30/")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"Message": message})
	}
}

var throttle = refuse(400, "ClientLimitExceededException", "Rate exceeded")

func say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// cut promises more bytes than it sends.
func cut(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+100))
		_, _ = io.WriteString(w, body)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// stall sends body and then nothing until the client goes away.
func stall(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+100))
		_, _ = io.WriteString(w, body)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// environment leaves the SDK nothing of this machine's settings.
func environment(t testing.TB, with ...string) {
	t.Helper()
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "AWS_") {
			t.Setenv(k, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY")
	t.Setenv("AWS_SESSION_TOKEN", token)
	for i := 0; i+1 < len(with); i += 2 {
		t.Setenv(with[i], with[i+1])
	}
}

// open makes a client of s that waits for nothing.
func open(t *testing.T, s *service, change ...func(*kvs.Config)) *kvs.Client {
	t.Helper()
	environment(t)
	cfg := kvs.Config{Region: region, EndpointURL: s.control.URL}
	for _, f := range change {
		f(&cfg)
	}
	return mustOpen(t, cfg)
}

func mustOpen(t testing.TB, cfg kvs.Config) *kvs.Client {
	t.Helper()
	c, err := kvs.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Open(%+v): %v", cfg, err)
	}
	c.Hurry()
	return c
}

var (
	day    = time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	oneDay = archive.Range{From: day, To: day.Add(24 * time.Hour)}
)

func clipOf(fragments int) kvs.ClipRequest {
	return kvs.ClipRequest{Stream: "cam1", First: day, Last: day.Add(time.Minute), Fragments: fragments}
}

// keep is a use function that keeps the last try's bytes.
func keep(got *string) func(kvs.Answer) error {
	return func(r kvs.Answer) error {
		b, err := io.ReadAll(r)
		*got = string(b)
		if err != nil {
			return errors.New("words that hide the cause: " + err.Error())
		}
		return nil
	}
}

// ledger adds up what is reported.
type ledger struct {
	bytes   int64
	retried []progress.Retried
}

func (l *ledger) report(e progress.Event) {
	switch e := e.(type) {
	case progress.Bytes:
		l.bytes += e.N
	case progress.Retried:
		l.retried = append(l.retried, e)
	}
}
