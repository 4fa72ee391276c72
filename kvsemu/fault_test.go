package kvsemu_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestPoints(t *testing.T) {
	var passed atomic.Int64 // on the service's clock
	s := &kvsemu.Server{
		Cameras: cameras(t, "cam:gop=1s,fps=10"),
		Now:     func() time.Time { return evening.Add(time.Duration(passed.Load())) },
	}
	run := start(t, s)
	clip := func() int {
		resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Hour)))
		return resp.StatusCode
	}
	for i, want := range []int{200, 200, 200, 400} { // 200 points each, of 500: 100 owed
		if got := clip(); got != want {
			t.Errorf("clip %d: status %d, want %d", i, got, want)
		}
	}
	passed.Add(int64(200 * time.Millisecond)) // 100 points
	if got := clip(); got != 400 {
		t.Errorf("with nothing left: status %d, want 400", got)
	}
	passed.Add(int64(2 * time.Millisecond))
	if got := clip(); got != 200 {
		t.Errorf("with a point left: status %d, want 200", got)
	}
	body := strings.TrimSuffix(between("FragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Second)), "}") + `,"MaxResults":1000}`
	for i := range 12 { // the clip left 9,800 metadata points
		status, code, _ := call(t, run.DataURL+"/listFragments", body)
		if limited := i >= 10; limited != (status == 400 && code == "ClientLimitExceededException") {
			t.Errorf("listing %d: %d %s", i, status, code)
		}
	}
}

func TestControlCallsASecond(t *testing.T) {
	run := start(t, &kvsemu.Server{TPS: true, Cameras: cameras(t, "a", "b")})
	for i := range 7 {
		status, code, text := call(t, run.URL+"/getDataEndpoint", `{"StreamName":"a","APIName":"GET_CLIP"}`)
		if limited := i >= 5; limited != (code == "ClientLimitExceededException") ||
			limited && !strings.Contains(text, "Limit exceeded on number of requests for GetDataEndpoint API for resource 'a'") {
			t.Errorf("call %d: %d %s %s", i, status, code, text)
		}
	}
	if status, _, _ := call(t, run.URL+"/getDataEndpoint", `{"StreamName":"b","APIName":"GET_CLIP"}`); status != 200 {
		t.Errorf("another stream: %d, want 200", status)
	}
}

func TestFaults(t *testing.T) {
	var fault kvsemu.Fault
	var logged []kvsemu.Call
	var mu sync.Mutex
	s := &kvsemu.Server{
		Cameras: cameras(t, "cam:gop=1s,fps=10"),
		Fault:   func(*http.Request) *kvsemu.Fault { return &fault },
		Log:     func(c kvsemu.Call) { mu.Lock(); logged = append(logged, c); mu.Unlock() },
	}
	run := start(t, s)
	body := between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(10*time.Second))
	get := func(f kvsemu.Fault) (int, int, error) {
		fault = f
		resp := post(t, run.DataURL+"/getClip", body)
		b, err := io.ReadAll(resp.Body)
		return resp.StatusCode, len(b), err
	}
	_, whole, err := get(kvsemu.Fault{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		fault  kvsemu.Fault
		status int
		bytes  int // of the answer; -1: fewer than the whole
		cut    bool
	}{
		{"throttled", kvsemu.Fault{Status: 429}, 429, -1, false},
		{"cut in the header", kvsemu.Fault{CutAfter: 1}, 200, 1, true},
		{"cut at the last byte", kvsemu.Fault{CutAfter: int64(whole) - 1}, 200, whole - 1, true},
		{"cut behind the end", kvsemu.Fault{CutAfter: int64(whole) + 1}, 200, whole, false},
		{"short stall", kvsemu.Fault{StallAfter: 5000, StallFor: time.Millisecond}, 200, whole, false},
		{"late", kvsemu.Fault{Delay: time.Millisecond}, 200, whole, false},
		{"silently short", kvsemu.Fault{Fragments: 2}, 200, -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, n, err := get(c.fault)
			if status != c.status || c.cut != errors.Is(err, io.ErrUnexpectedEOF) || c.bytes >= 0 && n != c.bytes || c.bytes < 0 && n >= whole {
				t.Errorf("status %d, %d bytes, %v, want %d, %d of %d bytes, cut: %v", status, n, err, c.status, c.bytes, whole, c.cut)
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if c := logged[0]; c.Op != "GetClip" || c.Stream != "cam" || c.Status != 200 || c.Bytes != int64(whole) || c.Fragments != 11 {
		t.Errorf("logged %+v", c)
	}
}

func TestCutBeforeHeader(t *testing.T) {
	run := start(t, &kvsemu.Server{Fault: func(*http.Request) *kvsemu.Fault { return &kvsemu.Fault{CutAfter: -1} }})
	resp, err := client.Post(run.URL+"/listStreams", "application/json", strings.NewReader("{}"))
	if err == nil {
		resp.Body.Close()
		t.Errorf("status %d, want a broken connection", resp.StatusCode)
	}
}

func TestCloseEndsStalls(t *testing.T) {
	s := &kvsemu.Server{Cameras: cameras(t, "cam:fps=10"), StallRate: 1, Now: func() time.Time { return evening }}
	run, err := kvsemu.Start(t.Context(), s, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Minute)))
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stalled answer ended well")
	}
	if err := run.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestRatesRepeat(t *testing.T) {
	fates := func(seed uint64) (out string) {
		run := start(t, &kvsemu.Server{Seed: seed, ThrottleRate: 0.3, ErrorRate: 0.2})
		for range 40 {
			_, code, _ := call(t, run.URL+"/listStreams", "{}")
			out += (code + "-")[:1]
		}
		return out
	}
	a := fates(1)
	if b := fates(1); a != b {
		t.Errorf("seed 1 gave %s, then %s", a, b)
	}
	if b := fates(2); a == b {
		t.Errorf("seeds 1 and 2 gave %s", a)
	}
	for _, c := range "CI-" {
		if n := strings.Count(a, string(c)); n < 3 || n > 30 {
			t.Errorf("%c: %d of 40 calls in %s", c, n, a)
		}
	}
}

func TestRotation(t *testing.T) {
	run := start(t, &kvsemu.Server{RotateEvery: 2, Cameras: cameras(t, "cam:gop=1s,fps=10")})
	body := between("FragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Second))
	endpoint := func() string {
		var out struct{ DataEndpoint string }
		_, _, text := call(t, run.URL+"/getDataEndpoint", `{"StreamName":"cam","APIName":"LIST_FRAGMENTS"}`)
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out.DataEndpoint
	}
	urls := []string{endpoint()}
	for len(urls) < 4 {
		last := urls[len(urls)-1]
		for i, want := range []string{"", "", "InvalidEndpointException"} {
			if _, code, text := call(t, last+"/listFragments", body); code != want {
				t.Errorf("endpoint %d, call %d: %s %s, want %s", len(urls), i, code, text, want)
			}
		}
		urls = append(urls, endpoint())
	}
	if resp, err := client.Post(urls[0]+"/listFragments", "application/json", strings.NewReader(body)); err == nil {
		resp.Body.Close()
		t.Errorf("the oldest endpoint answers %d, want a refused connection", resp.StatusCode)
	}
}

func TestOneAddress(t *testing.T) {
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": {FPS: 25}}}
	srv := httptest.NewServer(emu)
	defer srv.Close()
	if _, _, text := call(t, srv.URL+"/getDataEndpoint", `{"StreamName":"door","APIName":"GET_CLIP"}`); !strings.Contains(text, srv.URL) {
		t.Errorf("data endpoint %s, want %s", text, srv.URL)
	}
	now := time.Now()
	resp := post(t, srv.URL+"/getClip", between("ClipFragmentSelector", "door", "SERVER", now.Add(-time.Minute), now.Add(-time.Second)))
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || n < 100_000 {
		t.Errorf("live clip: status %d, %d bytes, %v", resp.StatusCode, n, err)
	}
}

func TestLargeClipNeedsLittleMemory(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,rate=8M,sound=aac")})
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Hour)))
	most, total := uint64(0), int64(0)
	for {
		n, err := io.CopyN(io.Discard, resp.Body, 10<<20)
		total += n
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
		if err != nil {
			break
		}
	}
	if total < 95_000_000 || total > 100_000_000 {
		t.Errorf("%d bytes, want 95 to 100 MB", total)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("heap grew by %d MiB, want up to 32", grown>>20)
	}
}

func TestBandwidth(t *testing.T) {
	run := start(t, &kvsemu.Server{Bandwidth: 1_000_000, Cameras: cameras(t, "cam:gop=1s,fps=10,rate=200k")})
	began := time.Now()
	resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(3*time.Second)))
	n, err := io.Copy(io.Discard, resp.Body)
	if least := time.Duration(n) * time.Microsecond * 9 / 10; err != nil || n < 50_000 || time.Since(began) < least {
		t.Errorf("%d bytes after %v, %v, want %v or more", n, time.Since(began), err, least)
	}
}
