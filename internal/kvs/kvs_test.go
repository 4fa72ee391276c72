package kvs_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/kvs"
)

func TestOpenRefusals(t *testing.T) {
	environment(t)
	_, err := kvs.Open(t.Context(), kvs.Config{})
	if e, ok := errors.AsType[*kvs.Error](err); !ok || !errors.Is(err, kvs.ErrNoRegion) || !strings.Contains(e.Advice(), "--region") {
		t.Errorf("no region: got %v", err)
	}
	for name, cfg := range map[string]kvs.Config{
		"retries 101":      {Retries: 101},
		"retries -1":       {Retries: -1},
		"share 10001":      {Share: 10_001},
		"share -1":         {Share: -1},
		"rate -1":          {LimitRate: -1},
		"idle -1":          {Idle: -1},
		"endpoint no URL":  {EndpointURL: "localhost:4566"},
		"endpoint no host": {EndpointURL: "http://"},
		"profile missing":  {Profile: "nobody"},
	} {
		cfg.Region = region
		if _, err := kvs.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestSettings gives settings by each way there is; all have to lead to the same service.
func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		env     []string
		profile string // text of the configuration file, CONTROL stands for the endpoint
		cfg     kvs.Config
	}{
		"flag":                           {cfg: kvs.Config{Region: region, EndpointURL: "CONTROL"}},
		"flag, FIPS and dual-stack set":  {env: []string{"AWS_USE_FIPS_ENDPOINT", "true", "AWS_USE_DUALSTACK_ENDPOINT", "true"}, cfg: kvs.Config{Region: region, EndpointURL: "CONTROL"}},
		"AWS_ENDPOINT_URL":               {env: []string{"AWS_ENDPOINT_URL", "CONTROL", "AWS_REGION", region, "AWS_USE_FIPS_ENDPOINT", "true"}},
		"AWS_ENDPOINT_URL_KINESIS_VIDEO": {env: []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1", "AWS_ENDPOINT_URL_KINESIS_VIDEO", "CONTROL", "AWS_REGION", region}},
		"data endpoint from environment is not taken": {env: []string{
			"AWS_ENDPOINT_URL_KINESIS_VIDEO", "CONTROL", "AWS_ENDPOINT_URL_KINESIS_VIDEO_ARCHIVED_MEDIA", "http://127.0.0.1:1", "AWS_REGION", region,
		}},
		"SDK retries from environment": {env: []string{"AWS_MAX_ATTEMPTS", "7", "AWS_NEW_RETRIES_2026", "true"}, cfg: kvs.Config{Region: region, EndpointURL: "CONTROL"}},
		"profile": {
			profile: "[profile site]\nregion = us-west-2\nuse_fips_endpoint = true\naws_access_key_id = AKIAX\naws_secret_access_key = s\nservices = here\n[services here]\nkinesis_video =\n  endpoint_url = CONTROL\n",
			cfg:     kvs.Config{Profile: "site"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.always["/getClip"] = say("x")
			s.fault("/getClip", refuse(500, "InternalFailure", ""))
			environment(t, tc.env...)
			for i := 1; i < len(tc.env); i += 2 {
				t.Setenv(tc.env[i-1], strings.ReplaceAll(tc.env[i], "CONTROL", s.control.URL))
			}
			if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(strings.ReplaceAll(tc.profile, "CONTROL", s.control.URL)), 0o600); err != nil {
				t.Fatal(err)
			}
			tc.cfg.EndpointURL = strings.ReplaceAll(tc.cfg.EndpointURL, "CONTROL", s.control.URL)
			c := mustOpen(t, tc.cfg)
			if err := c.Clip(t.Context(), clipOf(1), io2nil); err != nil {
				t.Fatal(err)
			}
			if got := c.Calls(); c.Region() != region || got.GetClip != 2 || s.count("/getClip") != 2 {
				t.Errorf("region %s, calls %+v, %d on the wire", c.Region(), got, s.count("/getClip"))
			}
		})
	}
}

func TestRole(t *testing.T) {
	s := newService(t)
	s.always["/describeStream"] = func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAROLEROLEROLEROLE/") {
			refuse(403, "AccessDeniedException", "signed with "+r.Header.Get("Authorization"))(w, r)
			return
		}
		say(`{"StreamInfo":{"StreamName":"cam1"}}`)(w, r)
	}
	allowed := true
	token := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || !allowed {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
			return
		}
		if r.Form.Get("RoleSessionName") == "" {
			t.Errorf("AssumeRole: got %v, want a session name", r.Form)
		}
		_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::444455556666:assumed-role/reader/x</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAROLEROLEROLEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(token.Close)
	environment(t, "AWS_ENDPOINT_URL_STS", token.URL)
	cfg := kvs.Config{Region: region, EndpointURL: s.control.URL, RoleARN: "arn:aws:iam::444455556666:role/reader"}
	if _, err := mustOpen(t, cfg).Describe(t.Context(), "cam1"); err != nil {
		t.Errorf("Describe: %v", err)
	}
	s.always["/describeStream"] = refuse(404, "ResourceNotFoundException", "The requested stream is not found or not active.")
	_, err := mustOpen(t, cfg).Describe(t.Context(), "cam1")
	if e, ok := errors.AsType[*kvs.Error](err); !ok || e.Account != "444455556666" || !strings.Contains(e.Advice(), "account 444455556666") {
		t.Errorf("Describe: got %+v, want the role's account", err)
	}
	allowed = false
	_, err = mustOpen(t, cfg).Describe(t.Context(), "cam1")
	if e, ok := errors.AsType[*kvs.Error](err); !ok || !kvs.IsCredentials(err) || e.Code != "AccessDenied" || !strings.Contains(e.Advice(), "sts:AssumeRole") {
		t.Errorf("Describe: got %v", err)
	}
	noSecrets(t, err)
}
