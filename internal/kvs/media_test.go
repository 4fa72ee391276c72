package kvs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kvsclip/kvsclip/internal/kvs"
)

func mediaOf(numbers ...string) kvs.MediaRequest {
	return kvs.MediaRequest{Stream: "cam1", Fragments: numbers}
}

// numbered returns n fragment numbers.
func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(1000 + i)
	}
	return out
}

const mediaPath = "/getMediaForFragmentList"

func TestMediaFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"throttled":        throttle,
		"connection limit": refuse(400, "ConnectionLimitExceededException", "too many"),
		"500":              refuse(500, "InternalFailure", ""),
		"cut body":         cut("half"),
		"garbled":          say("garbled"),
		"endpoint moved":   refuse(400, "InvalidEndpointException", "wrong endpoint"),
		"wrong host":       wrongHost,
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.always[mediaPath] = say("all of it")
			s.fault(mediaPath, fault, fault)
			var l ledger
			c := open(t, s, func(c *kvs.Config) { c.Report = l.report })
			var got string
			err := c.Media(t.Context(), mediaOf("1", "2"), func(a kvs.Answer) error {
				if err := keep(&got)(a); err != nil {
					return err
				}
				if got == "garbled" {
					return kvs.ErrGarbled
				}
				return nil
			})
			if err != nil || got != "all of it" || l.bytes != int64(len(got)) {
				t.Fatalf("Media: got %q, %v; %d bytes reported", got, err, l.bytes)
			}
			if n := c.Calls(); n.GetMediaForFragmentList != 3 || n.Retried != 2 || n.GetClip != 0 {
				t.Errorf("Calls: got %+v, want 3 GetMediaForFragmentList, 2 retried", n)
			}
			if api := s.bodies[0]["APIName"]; api != "GET_MEDIA_FOR_FRAGMENT_LIST" {
				t.Errorf("endpoint asked for: got %v", api)
			}
		})
	}
}

// What came whole in an answer that broke off is not asked for again, and with nothing left the call is done.
func TestMediaAsksForWhatIsLeft(t *testing.T) {
	s := newService(t)
	s.always[mediaPath] = cut("one of them")
	left := []string{"1", "2", "3"}
	var l ledger
	c := open(t, s, func(c *kvs.Config) { c.Report = l.report })
	err := c.Media(t.Context(), kvs.MediaRequest{Stream: "cam1", Fragments: left, Left: func() []string { return left }}, func(a kvs.Answer) error {
		left = left[1:]
		_, err := io.ReadAll(a)
		return err
	})
	if err != nil || s.count(mediaPath) != 3 || c.Calls().GetMediaForFragmentList != 3 {
		t.Fatalf("Media: got %v after %d calls, want 3", err, s.count(mediaPath))
	}
	for i, want := range []string{"[1 2 3]", "[2 3]", "[3]"} {
		if got := fmt.Sprint(s.bodies[1+i]["Fragments"]); got != want {
			t.Errorf("try %d asked for %s, want %s", i+1, got, want)
		}
	}
	if want := int64(3 * len("one of them")); l.bytes != want {
		t.Errorf("bytes reported: got %d, want all %d, for they were kept", l.bytes, want)
	}
}

func TestMediaNumbers(t *testing.T) {
	for name, tc := range map[string]struct {
		numbers []string
		good    bool
	}{
		"none":                {nil, false},
		"one":                 {numbered(1), true},
		"as many as may be":   {numbered(1000), true},
		"one too many":        {numbered(1001), false},
		"no digits":           {[]string{"12a"}, false},
		"nothing":             {[]string{"1", ""}, false},
		"128 digits":          {[]string{strings.Repeat("9", 128)}, true},
		"129 digits":          {[]string{strings.Repeat("9", 129)}, false},
		"what breaks a JSON":  {[]string{`1","2`}, false},
		"digits of elsewhere": {[]string{"\u0661"}, false},
	} {
		s := newService(t)
		s.always[mediaPath] = say("x")
		err := open(t, s, func(c *kvs.Config) { c.Share = kvs.MaxShare }).Media(t.Context(), mediaOf(tc.numbers...), io2nil)
		if _, ok := errors.AsType[*kvs.Error](err); (err == nil) != tc.good || !tc.good && (!ok || len(s.asked) != 0) {
			t.Errorf("%s: got %v after %d requests", name, err, len(s.asked))
		}
	}
}

// The sixth waits until one of five is done: the service would refuse it.
func TestMediaKeepsToFiveConnections(t *testing.T) {
	s := newService(t)
	var now, most atomic.Int64
	full := make(chan struct{})
	s.always[mediaPath] = func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 5 {
			close(full)
		}
		<-full // all five are here
		_, _ = io.WriteString(w, "x")
	}
	c := open(t, s)
	var g sync.WaitGroup
	for range 5 {
		g.Go(func() {
			if err := c.Media(t.Context(), mediaOf("1"), io2nil); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	s.always[mediaPath] = throttleOver(5, &now)
	for range 20 {
		g.Go(func() {
			if err := c.Media(t.Context(), mediaOf("1"), io2nil); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if n := c.Calls().Throttled; n != 0 || most.Load() != 5 {
		t.Errorf("%d calls were over the limit; %d at once, want 5", n, most.Load())
	}
}

// throttleOver refuses what comes while limit are being answered.
func throttleOver(limit int64, now *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer now.Add(-1)
		if now.Add(1) > limit {
			refuse(400, "ConnectionLimitExceededException", "too many")(w, r)
			return
		}
		_, _ = io.WriteString(w, "x")
	}
}

func TestMediaThatWaitsForAConnectionEnds(t *testing.T) {
	s := newService(t)
	var here sync.WaitGroup
	here.Add(5)
	s.always[mediaPath] = func(_ http.ResponseWriter, r *http.Request) { here.Done(); <-r.Context().Done() }
	c := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	for range 6 {
		g.Go(func() {
			if err := c.Media(ctx, mediaOf("1"), io2nil); !errors.Is(err, context.Canceled) {
				t.Errorf("Media: %v, want context.Canceled", err)
			}
		})
	}
	here.Wait()
	cancel()
	g.Wait()
}

func TestMediaLargerThanLimit(t *testing.T) {
	for size, want := range map[int]error{10: nil, 11: kvs.ErrTooLarge} {
		s := newService(t)
		s.always[mediaPath] = say(strings.Repeat("x", size))
		c := open(t, s)
		c.Narrow(10, 10)
		if err := c.Media(t.Context(), mediaOf("1"), io2nil); !errors.Is(err, want) || want != nil && s.count(mediaPath) != 1 {
			t.Errorf("%d bytes: got %v in %d calls, want %v", size, err, s.count(mediaPath), want)
		}
	}
}

func TestMediaAnswers(t *testing.T) {
	long := strings.Repeat("91343852338381293673923423239754896920603583280, ", 40)
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		verdict kvs.Verdict
		is      string
		gone    bool
		absent  int // numbers named
		advice  string
	}{
		"access denied": {refuse(403, "AccessDeniedException", "no"), kvs.Final, "denied", false, 0, "allow kinesisvideo:GetMediaForFragmentList on"},
		"no stream":     {refuse(404, "ResourceNotFoundException", "The requested stream is not found or not active."), kvs.Final, "no stream", false, 0, "region"},
		"fragments gone": {
			refuse(400, "InvalidArgumentException", "Fragment numbers are invalid : 12, 13"), kvs.Final, "", true, 2, "older than the stream keeps",
		},
		"forty fragments gone": {refuse(400, "InvalidArgumentException", "Fragment numbers are invalid : "+long), kvs.Final, "", true, 40, ""},
		"another argument":     {refuse(400, "InvalidArgumentException", "bad 12"), kvs.Final, "", false, 0, ""},
		"list too long":        {refuse(400, "FragmentLimitExceeded", "too many"), kvs.Final, "", false, 0, ""},
		"no refusal of clips":  {refuse(400, "InvalidMediaFrameException", "no"), kvs.Final, "", false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.always[mediaPath] = tc.answer
			err := open(t, s).Media(t.Context(), mediaOf("12", "13"), io2nil)
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok || e.Action != "kinesisvideo:GetMediaForFragmentList" {
				t.Fatalf("Media: got %v", err)
			}
			if got := kvs.Judge(err); got != tc.verdict {
				t.Errorf("Judge(%v): got %v, want %v", err, got, tc.verdict)
			}
			if got := holds(err); got != tc.is || kvs.IsNoFragment(err) != tc.gone || len(kvs.Absent(err)) != tc.absent {
				t.Errorf("%v: got %q, no fragment %t, absent %d", err, got, kvs.IsNoFragment(err), len(kvs.Absent(err)))
			}
			if !strings.Contains(e.Advice(), tc.advice) {
				t.Errorf("advice: got %q, want %q in it", e.Advice(), tc.advice)
			}
		})
	}
}

// Errors inside an answer are judged like others: those about the key or a missing fragment are final,
// the rest is tried again.
func TestMediaErrorsInsideAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		code         string
		id           int
		denied, gone bool
		tries        int
	}{
		"fragment not found":      {"FRAGMENT_NOT_FOUND", 4000, false, true, 1},
		"not found, words only":   {"FRAGMENT_NOT_FOUND", 0, false, true, 1},
		"not found, number only":  {"", 4000, false, true, 1},
		"not found, as text":      {"4000", 0, false, true, 1},
		"key does not open":       {"KMS_KEY_ACCESS_DENIED", 4500, true, false, 1},
		"key disabled, words":     {"KMS_KEY_DISABLED", 0, true, false, 1},
		"key, number only":        {"", 4506, true, false, 1},
		"key service unavailable": {"KMS_UNAVAILABLE", 4503, false, false, 3},
		"internal":                {"INTERNAL_ERROR", 5000, false, false, 3},
		"of no known form":        {"\x1b[2J", 0, false, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.always[mediaPath] = say("x")
			c := open(t, s, func(c *kvs.Config) { c.Retries = 3 })
			err := c.Media(t.Context(), mediaOf("1"), func(a kvs.Answer) error {
				return c.InBand("cam1", a.RequestID, tc.code, tc.id, "so \x1b[31m it is")
			})
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok || s.count(mediaPath) != tc.tries {
				t.Fatalf("Media: got %v after %d calls, want %d", err, s.count(mediaPath), tc.tries)
			}
			if kvs.IsDenied(err) != tc.denied || tc.denied && !kvs.IsKey(err) || kvs.IsNoFragment(err) != tc.gone {
				t.Errorf("%v: denied %t, key %t, no fragment %t", err, kvs.IsDenied(err), kvs.IsKey(err), kvs.IsNoFragment(err))
			}
			if tc.denied && !strings.Contains(e.Advice(), "kms:Decrypt") {
				t.Errorf("advice: %q", e.Advice())
			}
			printable(t, e)
		})
	}
}

func TestMediaCostsAPointAFragment(t *testing.T) {
	s := newService(t)
	s.always[mediaPath] = say("x")
	c := open(t, s)
	for range 2 { // no more than there are at once: nothing waits
		if err := c.Media(t.Context(), mediaOf(numbered(250)...), io2nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Media(ctx, mediaOf(numbered(250)...), io2nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Media: %v", err)
	}
	got := s.bodies[1]["Fragments"].([]any)
	if len(got) != 250 || !slices.Contains(got, any("1249")) {
		t.Errorf("asked for %d fragments", len(got))
	}
}
