package kvsemu_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestSignaturesGoStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{0, time.Hour, -26 * time.Hour} {
			emu := &kvsemu.Server{ClockSkew: skew, Now: func() time.Time { return evening }}
			now := time.Now().UTC().Add(skew)
			const form = "20060102T150405Z"
			oldest, newest := now.Add(-5*time.Minute).Format(form), now.Add(5*time.Minute).Format(form)
			for _, c := range []struct {
				signed time.Duration // after the service's now
				want   string        // empty: it is taken
			}{
				{-5*time.Minute - time.Second, "Signature expired: SIGNED is now earlier than " + oldest + " (" + now.Format(form) + " - 5 min.)"},
				{-5 * time.Minute, ""},
				{0, ""},
				{5 * time.Minute, ""},
				{5*time.Minute + time.Second, "Signature not yet current: SIGNED is still later than " + newest + " (" + now.Format(form) + " + 5 min.)"},
			} {
				signed := now.Add(c.signed).Format(form)
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/listStreams", strings.NewReader("{}"))
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260504/us-west-2/kinesisvideo/aws4_request")
				r.Header.Set("X-Amz-Date", signed)
				w := httptest.NewRecorder()
				emu.ServeHTTP(w, r)
				want, status, code := "", http.StatusOK, ""
				if c.want != "" {
					want, status = `{"Message":"`+strings.Replace(c.want, "SIGNED", signed, 1)+`"}`, http.StatusForbidden
					code = "InvalidSignatureException:https://kinesisvideo.amazonaws.com/doc/2017-09-30/"
				}
				if got := w.Body.String(); w.Code != status || w.Header().Get("X-Amzn-Errortype") != code || want != "" && got != want {
					t.Errorf("skew %v, signed %v after: %d %s, want %d %s", skew, c.signed, w.Code, got, status, want)
				}
			}
		}
	})
}

func TestDateIsTheServices(t *testing.T) {
	const skew = -3 * time.Hour
	s := &kvsemu.Server{ClockSkew: skew, Cameras: cameras(t, "cam:gop=1s,fps=10")}
	run := start(t, s)
	for _, url := range []string{
		run.URL + "/listStreams", run.URL + "/nothing", run.URL + "/getClip", run.URL + "/", run.DataURL + "/listFragments", run.DataURL + "/",
	} {
		resp := post(t, url, "{}")
		at, err := http.ParseTime(resp.Header.Get("Date"))
		if off := time.Since(at) + skew; err != nil || off < -time.Second || off > time.Minute || len(resp.Header["Date"]) != 1 {
			t.Errorf("%s: %d, dated %v, %v off the service's clock (%v)", url, resp.StatusCode, at, off, err)
		}
	}
	resp := post(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Second)))
	if at, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(at)+skew > time.Minute {
		t.Errorf("clip: %d, dated %v", resp.StatusCode, at)
	}
	if first := recorded(t, s)[0]; !first.Producer.Equal(noon) || !first.Server.Equal(noon.Add(300*time.Millisecond)) {
		t.Errorf("the recording begins with %+v, want it unmoved", first)
	}
}

func TestSignatureWithoutReadableDate(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/listStreams", strings.NewReader("{}"))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260504/us-west-2/kinesisvideo/aws4_request")
	r.Header.Set("X-Amz-Date", "yesterday")
	w := httptest.NewRecorder()
	new(kvsemu.Server).ServeHTTP(w, r)
	if got := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(got, "Got 'yesterday'") {
		t.Errorf("%d %s, want 403", w.Code, got)
	}
}
