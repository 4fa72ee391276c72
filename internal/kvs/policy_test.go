package kvs

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDelay(t *testing.T) {
	const almost = 1 - 1e-9
	for name, tc := range map[string]struct {
		n      int
		random float64
		after  time.Duration
		want   time.Duration
	}{
		"none":              {1, 0, 0, 0},
		"first":             {1, almost, 0, 500 * time.Millisecond},
		"third":             {3, almost, 0, 2 * time.Second},
		"half":              {3, 0.5, 0, time.Second},
		"cap":               {7, almost, 0, maxBackoff},
		"far":               {100, almost, 0, maxBackoff},
		"answer asks more":  {1, almost, 9 * time.Second, 9 * time.Second},
		"answer asks less":  {7, 0.5, time.Second, maxBackoff / 2},
		"answer asks a lot": {1, 0, time.Hour, maxRetryAfter},
	} {
		if got := delay(tc.n, firstBackoff, tc.random, tc.after); got.Round(time.Millisecond) != tc.want {
			t.Errorf("%s: delay(%d, %v, %v): got %v, want %v", name, tc.n, tc.random, tc.after, got, tc.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0, "99999999999": 0,
		"Sat, 14 Mar 2026 08:00:07 GMT": 7 * time.Second, "Sat, 14 Mar 2026 07:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("retryAfter(%q): got %v, want %v", v, got, want)
		}
	}
}

func TestPace(t *testing.T) {
	at := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	p := pace{full: 500, now: 500}
	p = p.throttled(at).throttled(at.Add(pacePause - 1))
	if p.now != 350 {
		t.Errorf("two refusals at once: got %v, want 350", p.now)
	}
	if p = p.throttled(at.Add(pacePause)); math.Abs(p.now-245) > 1e-9 {
		t.Errorf("third refusal: got %v, want 245", p.now)
	}
	if p = p.succeeded(); math.Abs(p.now-270) > 1e-9 {
		t.Errorf("success: got %v, want 270", p.now)
	}
	for i := range 100 {
		p = p.throttled(at.Add(time.Duration(i+2) * time.Minute))
	}
	if p.now != 25 {
		t.Errorf("storm: got %v, want the floor, 25", p.now)
	}
	for range 100 {
		p = p.succeeded()
	}
	if p.now != 500 {
		t.Errorf("calm: got %v, want 500", p.now)
	}
}

func TestQuotaShare(t *testing.T) {
	for name, tc := range map[string]struct {
		share, calls, media, metadata int
		want                          time.Duration
	}{
		"all of it, first second":  {100, 2, 200, 200, 0},
		"all of it":                {100, 10, 200, 200, 3 * time.Second},
		"half":                     {50, 5, 200, 200, 3 * time.Second},
		"a clip over the bucket":   {1, 1, 200, 200, 40 * time.Second},
		"pages":                    {100, 30, 0, 1000, 2 * time.Second},
		"a page over the bucket":   {1, 1, 0, 1000, 9 * time.Second},
		"two clips over a percent": {1, 2, 200, 200, 80 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &Client{cfg: Config{Share: tc.share}, quotas: map[string]*quota{}}
				q, start := c.quota("cam1"), time.Now()
				for range tc.calls {
					if err := q.take(t.Context(), tc.media, tc.metadata); err != nil {
						t.Fatal(err)
					}
				}
				if got := time.Since(start).Round(10 * time.Millisecond); got != tc.want {
					t.Errorf("took %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func TestQuotaServesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{cfg: Config{Share: 1}, quotas: map[string]*quota{}}
		q, start := c.quota("cam1"), time.Now()
		done := make(chan time.Duration, 2)
		for range 2 {
			go func() {
				if q.take(t.Context(), 200, 0) == nil {
					done <- time.Since(start).Round(time.Second)
				}
			}()
		}
		if first, second := <-done, <-done; first != 39*time.Second || second != 79*time.Second {
			t.Errorf("done after %v and %v, want 39s and 1m19s", first, second)
		}
	})
}

func TestQuotaSlowsDownAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{cfg: Config{Share: 100}, quotas: map[string]*quota{}}
		q := c.quota("arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam1/1")
		if c.quota("cam1") != q {
			t.Error("name and ARN of one stream: got two quotas")
		}
		q.throttled(true)
		start := time.Now()
		for range 2 {
			if err := q.take(t.Context(), 350, 0); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(start).Round(time.Millisecond); got < time.Second {
			t.Errorf("700 points at 350 a second: took %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.take(ctx, 5000, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("take: got %v, want the deadline", err)
		}
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		time.AfterFunc(time.Second, func() { cancel(why) })
		start := time.Now()
		if err := wait(ctx, time.Hour); !errors.Is(err, why) || time.Since(start) != time.Second {
			t.Errorf("wait: got %v after %v, want %v after 1s", err, time.Since(start), why)
		}
	})
}

func TestTrusted(t *testing.T) {
	for name, tc := range map[string]struct {
		base, control string
		want          bool
	}{
		"AWS":                         {"https://b-54c7cb80.kinesisvideo.us-east-2.amazonaws.com", "", true},
		"AWS in China":                {"https://b-54c7cb80.kinesisvideo.cn-north-1.amazonaws.com.cn", "", true},
		"AWS, dual-stack":             {"https://b-54c7cb80.kinesisvideo.us-east-2.api.aws", "", true},
		"AWS, private endpoint":       {"https://b-54c7cb80.kinesisvideo.us-east-2.amazonaws.com", "https://vpce-1.kinesisvideo.us-east-2.vpce.amazonaws.com", true},
		"abroad":                      {"https://example.com", "", false},
		"abroad that looks like AWS":  {"https://b-54c7cb80.kinesisvideo.us-east-2.amazonaws.com.example.com", "", false},
		"abroad with AWS's ending":    {"https://evilamazonaws.com", "", false},
		"abroad, private endpoint":    {"https://example.com", "https://vpce-1.kinesisvideo.us-east-2.vpce.amazonaws.com", false},
		"abroad through a proxy":      {"https://example.com", "https://proxy.example.com", true},
		"AWS through an emulator":     {"https://b-54c7cb80.kinesisvideo.us-east-2.amazonaws.com", "http://127.0.0.1:1", true},
		"plain, AWS":                  {"http://b-54c7cb80.kinesisvideo.us-east-2.amazonaws.com", "", false},
		"plain loopback, AWS":         {"http://127.0.0.1:2", "", false},
		"plain loopback, https":       {"http://127.0.0.1:2", "https://127.0.0.1:1", false},
		"emulator":                    {"http://127.0.0.1:2", "http://127.0.0.1:1", true},
		"emulator, two names":         {"http://localhost:2", "http://[::1]:1", true},
		"emulator in a container":     {"http://kvsemu:2", "http://kvsemu:1", true},
		"emulator that points abroad": {"http://example.com", "http://127.0.0.1:1", false},
		"empty":                       {"", "http://127.0.0.1:1", false},
		"path":                        {"https://example.com/x", "https://proxy.example.com", false},
		"slash":                       {"https://example.com/", "https://proxy.example.com", true},
		"password":                    {"https://a:b@example.com", "https://proxy.example.com", false},
		"query":                       {"https://example.com?x", "https://proxy.example.com", false},
		"other scheme":                {"file:///etc/passwd", "", false},
	} {
		var control *url.URL
		if tc.control != "" {
			control, _ = url.Parse(tc.control)
		}
		if err := trusted(tc.base, control); (err == nil) != tc.want {
			t.Errorf("%s: trusted(%q, %q): got %v, want %v", name, tc.base, tc.control, err, tc.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n text\x00": "plain text",
		`Post "https://u:p@example.com/getClip?X-Amz-Signature=beef&x=1": EOF`: `Post "https[hidden]example.com/getClip?[hidden] EOF`,
		"red \x1b[31mtext\x1b]0;title\a":                                       "red [31mtext ]0;title",
		"C1 \u009b31m, bidi \u202e, \u2028 and \xff\xfe":                       "C1 31m, bidi , and ?",
		"key AKIAIOSFODNN7EXAMPLE was used":                                    "key [hidden] was used",
		`{"SessionToken": "abc", "x": 1}`:                                      `{"[hidden] "x": 1}`,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q):\n got %q\nwant %q", in, got, want)
		}
	}
	if got := clean(strings.Repeat("ä", maxText)); len(got) > maxText+3 {
		t.Errorf("long text: got %d bytes", len(got))
	}
}
