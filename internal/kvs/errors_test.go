package kvs_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/kvs"
)

func TestAnswers(t *testing.T) {
	empty := "No fragments found in the stream for the clip request."
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		verdict kvs.Verdict
		is      string // predicates that hold
		advice  string // part of it
	}{
		"access denied": {
			refuse(403, "AccessDeniedException", "User: x is not authorized to perform: kinesisvideo:GetClip on resource: cam1"),
			kvs.Final, "denied", "allow kinesisvideo:GetClip on arn:aws:kinesisvideo:us-west-2:ACCOUNT:stream/cam1/*",
		},
		"not authorized":    {refuse(401, "NotAuthorizedException", "no"), kvs.Final, "denied", "kinesisvideo:GetClip"},
		"expired token":     {refuse(403, "ExpiredTokenException", "The security token included in the request is expired"), kvs.Final, "credentials", "aws sso login"},
		"unknown key":       {refuse(403, "UnrecognizedClientException", "invalid"), kvs.Final, "credentials", "get-caller-identity"},
		"no stream":         {refuse(404, "ResourceNotFoundException", "The requested stream is not found or not active."), kvs.Final, "no stream", "region us-west-2"},
		"empty":             {refuse(404, "ResourceNotFoundException", empty), kvs.Final, "empty", "nothing was recorded"},
		"retention":         {refuse(400, "InvalidArgumentException", "End timestamp 1724080162000 is outside of the stream retention period."), kvs.Final, "retention", "later range"},
		"no retention":      {refuse(400, "NoDataRetentionException", "none"), kvs.Final, "retention", "later range"},
		"argument":          {refuse(400, "InvalidArgumentException", "bad"), kvs.Final, "", ""},
		"configuration":     {refuse(400, "InvalidCodecPrivateDataException", "changed"), kvs.Split, "", "GetClip does not take this media"},
		"no configuration":  {refuse(400, "MissingCodecPrivateDataException", "missing"), kvs.Split, "", ""},
		"media type":        {refuse(400, "UnsupportedStreamMediaTypeException", "no"), kvs.Split, "", ""},
		"frame":             {refuse(400, "InvalidMediaFrameException", "no"), kvs.Split, "", ""},
		"throttled":         {throttle, kvs.Retry, "", "quota points: run again later, or raise --retries"},
		"wrong host":        {wrongHost, kvs.Retry, "", "--endpoint-url"},
		"server broken":     {refuse(500, "InternalFailure", ""), kvs.Retry, "", "run again"},
		"unknown operation": {refuse(404, "UnknownOperationException", ""), kvs.Final, "", ""},
		"error without a type": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazon#NoDataRetentionException","message":"x"}`)
		}, kvs.Final, "retention", ""},
		"error cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "ClientLimitExceededException:")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"Mess`)
		}, kvs.Retry, "", ""},
		"leaking signature": {refuse(403, "InvalidSignatureException",
			"The request signature we calculated does not match. The Canonical String for this request should have been 'POST\n/getClip\nx-amz-security-token:"+token+"\n'"), kvs.Final, "credentials", "access key"},
		"leaking page": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>X-Amz-Security-Token: "+token+"\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, SignedHeaders=host, Signature=beef</html>")
		}, kvs.Retry, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.always["/getClip"] = tc.answer
			err := open(t, s, func(c *kvs.Config) { c.Retries = 2 }).Clip(t.Context(), clipOf(1), io2nil)
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok {
				t.Fatalf("Clip: got %v, want an *Error", err)
			}
			if got := kvs.Judge(fmt.Errorf("piece 3: %w", err)); got != tc.verdict {
				t.Errorf("Judge(%v): got %v, want %v", err, got, tc.verdict)
			}
			wantCalls := 1
			if tc.verdict == kvs.Retry {
				wantCalls = 2
			}
			if n := s.count("/getClip"); n != wantCalls {
				t.Errorf("GetClip: got %d calls, want %d", n, wantCalls)
			}
			if got := holds(err); got != tc.is {
				t.Errorf("predicates of %v: got %q, want %q", err, got, tc.is)
			}
			if e.Action != "kinesisvideo:GetClip" || e.Stream != "cam1" || e.Region != region || e.RequestID == "" {
				t.Errorf("fields: got %+v", e)
			}
			if got := e.Advice(); !strings.Contains(got, tc.advice) {
				t.Errorf("advice: got %q, want %q in it", got, tc.advice)
			}
			noSecrets(t, err)
		})
	}
}

func holds(err error) string {
	var is []string
	for name, f := range map[string]func(error) bool{
		"denied": kvs.IsDenied, "credentials": kvs.IsCredentials, "no stream": kvs.IsNoStream,
		"empty": kvs.IsEmpty, "retention": kvs.IsRetention,
	} {
		if f(err) {
			is = append(is, name)
		}
	}
	slices.Sort(is)
	return strings.Join(is, ",")
}

// noSecrets looks through the whole chain.
func noSecrets(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
			for _, secret := range []string{token, "wJalrXUtnFEMI", "AKIAIOSFODNN7EXAMPLE", "beef", "Canonical"} {
				if strings.Contains(text, secret) {
					t.Errorf("%T holds %q: %s", err, secret, text)
				}
			}
		}
	}
}

func TestNoCredentials(t *testing.T) {
	s := newService(t)
	environment(t, "AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", "", "AWS_SESSION_TOKEN", "")
	c := mustOpen(t, kvs.Config{Region: region, EndpointURL: s.control.URL})
	start := time.Now()
	_, err := c.Describe(t.Context(), "cam1")
	e, ok := errors.AsType[*kvs.Error](err)
	if !ok || !kvs.IsCredentials(err) || e.Tries != 1 || kvs.Judge(err) != kvs.Final || len(s.asked) != 0 {
		t.Fatalf("Describe: got %v", err)
	}
	if !strings.Contains(e.Advice(), "aws sso login") {
		t.Errorf("advice: got %q", e.Advice())
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSkewedClockIsTriedOnceMore(t *testing.T) {
	skewed := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		refuse(403, "InvalidSignatureException", "Signature expired: 20260314T000000Z is now earlier than ...")(w, r)
	}
	s := newService(t)
	s.fault("/describeStream", skewed)
	s.always["/describeStream"] = say(`{"StreamInfo":{"StreamName":"cam1"}}`)
	if _, err := open(t, s).Describe(t.Context(), "cam1"); err != nil {
		t.Errorf("Describe: %v", err)
	}
	s.fault("/describeStream")
	s.always["/describeStream"] = refuse(403, "RequestExpired", "too old")
	_, err := open(t, s).Describe(t.Context(), "cam1")
	if e, ok := errors.AsType[*kvs.Error](err); !ok || e.Tries != 2 || !strings.Contains(e.Advice(), "clock") {
		t.Errorf("Describe: got %v, want 2 tries and advice on the clock", err)
	}
}

func TestJudgeOfOthers(t *testing.T) {
	for err, want := range map[error]kvs.Verdict{
		nil:                                  kvs.Final,
		io.ErrUnexpectedEOF:                  kvs.Final,
		errors.Join(io.EOF, kvs.ErrGarbled):  kvs.Retry,
		fmt.Errorf("x: %w", kvs.ErrStalled):  kvs.Retry,
		fmt.Errorf("x: %w", kvs.ErrTooLarge): kvs.Final,
	} {
		if got := kvs.Judge(err); got != want {
			t.Errorf("Judge(%v): got %v, want %v", err, got, want)
		}
	}
}
