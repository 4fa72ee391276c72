package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// account drives the service by boto3 as a caller who is refused, and prints one JSON object.
const account = `
import boto3, json, sys
from datetime import datetime, timezone
from botocore.config import Config
from botocore.exceptions import ClientError
control = sys.argv[1]
config = Config(retries={"max_attempts": 1})
def tell(call, **args):
    try:
        r = call(**args)
        r.pop("ResponseMetadata")
        return json.loads(json.dumps(r, default=str))
    except ClientError as e:
        return "%d %s %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"], e.response["Error"]["Message"])
kvs = boto3.client("kinesisvideo", endpoint_url=control, config=config)
sts = boto3.client("sts", endpoint_url=control, config=config)
out = {"caller": tell(sts.get_caller_identity), "session": tell(sts.get_session_token), "streams": tell(kvs.list_streams)}
if "cam" in str(out["streams"]):
    out["key"] = kvs.describe_stream(StreamName="cam")["StreamInfo"]["KmsKeyId"]
    data = boto3.client("kinesis-video-archived-media", config=config,
        endpoint_url=kvs.get_data_endpoint(StreamName="cam", APIName="GET_CLIP")["DataEndpoint"])
    a, b = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc), datetime(2026, 5, 4, 12, 0, 9, tzinfo=timezone.utc)
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": {"StartTimestamp": a, "EndTimestamp": b}}
    out["fragments"] = tell(data.list_fragments, StreamName="cam", FragmentSelector=selector)
    out["clip"] = tell(data.get_clip, StreamName="cam", ClipFragmentSelector=selector)
print(json.dumps(out))
`

func TestAccountByBoto3(t *testing.T) {
	python := pick(t, []string{"/usr/bin/python3", "python3"}, "-c", "import boto3")
	const identity = `^map\[Account:111122223333 Arn:arn:aws:iam::111122223333:user/emulated UserId:AIDA[A-Z0-9]{17}\]$`
	for name, c := range map[string]struct {
		server *kvsemu.Server
		want   map[string]string // patterns
	}{
		"a key that may not be used": {&kvsemu.Server{}, map[string]string{
			"caller": identity, "key": `^arn:aws:kms:us-west-2:111122223333:key/[0-9a-f-]{36}$`, "fragments": "FragmentNumber",
			"session": `^400 InvalidAction Could not find operation GetSessionToken for version 2011-06-15$`,
			"clip": `^403 AccessDeniedException User: arn:aws:iam::111122223333:user/emulated is not authorized to perform: kms:Decrypt ` +
				`on resource: arn:aws:kms:us-west-2:111122223333:key/[0-9a-f-]{36} because no identity-based policy allows the kms:Decrypt action$`,
		}},
		"denied":             {&kvsemu.Server{Deny: []string{"sts:GetCallerIdentity", "sts:ListStreams"}}, map[string]string{"caller": "^403 AccessDenied .*perform: sts:GetCallerIdentity", "streams": "cam"}},
		"denied by any name": {&kvsemu.Server{Deny: []string{"GetCallerIdentity"}}, map[string]string{"caller": "^403 AccessDenied "}},
		"allowed elsewhere":  {&kvsemu.Server{Deny: []string{"kinesisvideo:GetCallerIdentity"}}, map[string]string{"caller": identity}},
		"expired":            {&kvsemu.Server{Expired: true}, map[string]string{"caller": "^403 ExpiredToken The security token included in the request is expired$", "streams": "^403 ExpiredTokenException "}},
		"throttled":          {&kvsemu.Server{ThrottleRate: 1}, map[string]string{"caller": "^400 Throttling Rate exceeded"}},
		"failing":            {&kvsemu.Server{ErrorRate: 1}, map[string]string{"caller": "^500 InternalFailure "}},
		"in another region":  {&kvsemu.Server{Region: "eu-west-1"}, map[string]string{"caller": "^403 SignatureDoesNotMatch Credential should be scoped to a valid region.$"}},
		"clock behind": {&kvsemu.Server{ClockSkew: -6 * time.Minute}, map[string]string{
			"caller": `^403 SignatureDoesNotMatch Signature not yet current: \w+ is still later than \w+ \(\w+ \+ 5 min\.\)$`, "streams": "^403 InvalidSignatureException Signature not yet current: ",
		}},
		"clock ahead": {&kvsemu.Server{ClockSkew: 6 * time.Minute}, map[string]string{
			"caller": `^403 SignatureDoesNotMatch Signature expired: \w+ is now earlier than \w+ \(\w+ - 5 min\.\)$`, "streams": "^403 InvalidSignatureException Signature expired: ",
		}},
		"clock little ahead": {&kvsemu.Server{ClockSkew: 4 * time.Minute}, map[string]string{"caller": identity, "streams": "cam"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.server.Cameras = cameras(t, "cam:gop=1s,fps=10,kms=denied")
			run := start(t, c.server)
			var got map[string]any
			if err := json.Unmarshal([]byte(program(t, append(secrets, "PYTHONWARNINGS=ignore"), python, "-c", account, run.URL)), &got); err != nil {
				t.Fatal(err)
			}
			for key, pattern := range c.want {
				if text := fmt.Sprint(got[key]); !regexp.MustCompile(pattern).MatchString(text) {
					t.Errorf("%s: %s, want %s", key, text, pattern)
				}
			}
		})
	}
}

func TestCallerByAWSCLI(t *testing.T) {
	aws := pick(t, []string{"/usr/bin/aws", "aws"}, "--version")
	identity := func(s *kvsemu.Server) (string, error) {
		cmd := exec.CommandContext(t.Context(), aws, "sts", "get-caller-identity", "--output", "json", "--endpoint-url", start(t, s).URL)
		cmd.Env = append(os.Environ(), secrets...)
		b, err := cmd.CombinedOutput()
		return string(b), err
	}
	text, err := identity(&kvsemu.Server{Account: "999988887777"})
	var got struct{ Account, Arn, UserID string }
	if err != nil || json.Unmarshal([]byte(text), &got) != nil || got.Account != "999988887777" || got.Arn != "arn:aws:iam::999988887777:user/emulated" || got.UserID == "" {
		t.Errorf("%v, %s", err, text)
	}
	if text, err := identity(&kvsemu.Server{Expired: true}); err == nil || !strings.Contains(text, "(ExpiredToken)") {
		t.Errorf("expired: %v, %s", err, text)
	}
}

func TestKMSComesAfterTheRange(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,kms=denied", "open")})
	for body, want := range map[string]string{
		between("ClipFragmentSelector", "cam", "PRODUCER", noon.Add(-time.Hour), noon.Add(-time.Minute)): "ResourceNotFoundException",
		between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Minute)):                  "AccessDeniedException",
		between("ClipFragmentSelector", "open", "PRODUCER", noon, noon.Add(time.Minute)):                 "",
	} {
		if _, code, text := call(t, run.DataURL+"/getClip", body); code != want {
			t.Errorf("%s: %q %.200s, want %q", body, code, text, want)
		}
	}
	if _, _, text := call(t, run.URL+"/describeStream", `{"StreamName":"open"}`); !strings.Contains(text, ":alias/aws/kinesisvideo") {
		t.Errorf("key of another stream: %s", text)
	}
}

func TestExpireAfter(t *testing.T) {
	run := start(t, &kvsemu.Server{ExpireAfter: 3, Cameras: cameras(t, "cam:gop=1s,fps=10")})
	const expired = "ExpiredTokenException"
	clip := between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Second))
	fragments := between("FragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Second))
	for i, c := range []struct{ url, body, want string }{
		{run.URL + "/listStreams", "{}", ""},
		{run.DataURL + "/listFragments", fragments, ""},
		{run.DataURL + "/getImages", "{}", "UnknownOperationException"}, // does not count
		{run.DataURL + "/getClip", clip, ""},
		{run.URL + "/listStreams", "{}", ""},
		{run.DataURL + "/getClip", clip, ""},
		{run.DataURL + "/getClip", clip, expired},
		{run.DataURL + "/listFragments", fragments, expired},
		{run.URL + "/listStreams", "{}", expired},
	} {
		if _, code, text := call(t, c.url, c.body); code != c.want {
			t.Errorf("call %d: %q %.200s, want %q", i, code, text, c.want)
		}
	}
	resp := post(t, run.URL+"/", "Action=GetCallerIdentity&Version=2011-06-15")
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(b), "<Code>ExpiredToken</Code>") {
		t.Errorf("GetCallerIdentity: %d %s %v, want 403 ExpiredToken", resp.StatusCode, b, err)
	}
}
