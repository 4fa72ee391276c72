package kvs_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/kvs"
)

const identity = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn><UserId>A</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

func TestCaller(t *testing.T) {
	for given, want := range map[string]string{
		"arn:aws:iam::111122223333:user/me":                      "arn:aws:iam::111122223333:user/me",
		"arn:aws:sts::111122223333:assumed-role/reader/me@there": "arn:aws:sts::111122223333:assumed-role/reader/me@there",
		"arn:aws:iam::111122223333:user/\u009b31m":               "",
	} {
		c := offline(t, answer("/", func() *http.Response { return said(200, fmt.Sprintf(identity, given)) }))
		if got, err := c.Caller(t.Context()); err != nil || got != (kvs.Caller{Account: "111122223333", ARN: want}) {
			t.Errorf("Caller of %q: got %+v, %v", given, got, err)
		}
	}
}

// Who has an endpoint of their own for streams is not known to AWS's token service.
func TestCallerIsAskedWhereStreamsAre(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint, sts string
		want          string
	}{
		"AWS":              {"", "", "sts.us-west-2.amazonaws.com"},
		"emulator":         {"http://127.0.0.1:4566", "", "127.0.0.1:4566"},
		"private endpoint": {"https://vpce-1.kinesisvideo.us-west-2.vpce.amazonaws.com", "", "sts.us-west-2.amazonaws.com"},
		"set":              {"http://127.0.0.1:4566", "http://127.0.0.1:4567", "127.0.0.1:4567"},
	} {
		environment(t, "AWS_ENDPOINT_URL_STS", tc.sts)
		c := mustOpen(t, kvs.Config{Region: region, EndpointURL: tc.endpoint, Retries: 1})
		got := ""
		c.Through(wire(func(r *http.Request) (*http.Response, error) { got = r.URL.Host; return said(500, ""), nil }))
		if _, err := c.Caller(t.Context()); err == nil || got != tc.want {
			t.Errorf("%s: asked %q, want %q", name, got, tc.want)
		}
	}
}

func TestSkew(t *testing.T) {
	for name, tc := range map[string]struct {
		date string
		want time.Duration // give or take two seconds
		know bool
	}{
		"none":     {"", 0, false},
		"nonsense": {"yesterday", 0, false},
		"right":    {time.Now().UTC().Format(http.TimeFormat), 0, true},
		"ahead":    {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), time.Hour, true},
		"behind":   {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), -time.Hour, true},
	} {
		c := offline(t, answer("/listStreams", func() *http.Response { return said(200, "{}", "Date", tc.date) }))
		if _, known := c.Skew(); known {
			t.Errorf("%s: a skew is known before an answer", name)
		}
		if err := c.Lists(t.Context()); err != nil {
			t.Errorf("%s: Lists: %v", name, err)
		}
		got, known := c.Skew()
		if off := (got - tc.want).Abs(); off > 2*time.Second || known != tc.know {
			t.Errorf("%s: Skew: got %v, %v, want %v, %v", name, got, known, tc.want, tc.know)
		}
	}
}

func TestWrongRegionIsNotWrongCredentials(t *testing.T) {
	c := offline(t, answer("/listStreams", func() *http.Response {
		return said(403, `{"message":"Credential should be scoped to a valid region."}`, "X-Amzn-Errortype", "InvalidSignatureException")
	}))
	err := c.Lists(t.Context())
	e, ok := errors.AsType[*kvs.Error](err)
	if !ok || !kvs.IsWrongRegion(err) || kvs.IsCredentials(err) || kvs.IsDenied(err) || !strings.Contains(e.Advice(), "--region") {
		t.Errorf("Lists: got %v, advice %q", err, e.Advice())
	}
}

func TestKey(t *testing.T) {
	c := offline(t, answer("", nil))
	for key, want := range map[string]struct {
		customer bool
		arn      string
	}{
		"": {false, "arn:aws:kms:us-west-2:1:key/"},
		"arn:aws:kms:us-west-2:1:alias/aws/kinesisvideo": {false, "arn:aws:kms:us-west-2:1:alias/aws/kinesisvideo"},
		"alias/aws/kinesisvideo":                         {false, "arn:aws:kms:us-west-2:1:alias/aws/kinesisvideo"},
		"arn:aws:kms:us-west-2:1:key/2":                  {true, "arn:aws:kms:us-west-2:1:key/2"},
		"2":                                              {true, "arn:aws:kms:us-west-2:1:key/2"},
		"alias/mine":                                     {true, "arn:aws:kms:us-west-2:1:alias/mine"},
	} {
		if got, arn := kvs.CustomerKey(key), c.KeyARN(key, "1"); got != want.customer || arn != want.arn {
			t.Errorf("key %q: got %v, %q, want %v, %q", key, got, arn, want.customer, want.arn)
		}
	}
}

func TestPartsOfAWS(t *testing.T) {
	for in, want := range map[string]string{
		"us-west-2": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-iso-east-1": "aws-iso",
		"us-isob-east-1": "aws-iso-b", "eusc-de-east-1": "aws-eusc",
	} {
		environment(t)
		c := mustOpen(t, kvs.Config{Region: in})
		if got := c.StreamARN("cam1", "1"); got != "arn:"+want+":kinesisvideo:"+in+":1:stream/cam1/*" {
			t.Errorf("StreamARN in %s: got %s", in, got)
		}
	}
}
