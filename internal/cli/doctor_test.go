package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/cli"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// checkOf returns one check of the JSON.
func checkOf(t *testing.T, v map[string]any, name string) map[string]any {
	t.Helper()
	for _, c := range v["checks"].([]any) {
		if c := c.(map[string]any); c["name"] == name {
			return c
		}
	}
	t.Fatalf("there is no check %q in %v", name, v["checks"])
	return nil
}

func TestDoctorOfWhatWorks(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, said := kvsclip(t, 0, "doctor", "door")
	for _, want := range []string{
		"ok       configuration           region us-west-2 (AWS_REGION), endpoint http://127.0.0.1:",
		"ok       credentials             account 111122223333, arn:aws:iam::111122223333:user/",
		"ok       clock                   right to the second",
		"ok       GetClip                 allowed; one fragment fetched, ",
		"ok       GetMediaForFragmentList allowed; ", " came for one fragment\n",
		"ok       retention               footage is kept for ",
		"ok       key                     AWS's own",
		"The smallest policy for kvsclip get of door:\n{\n",
		`"Resource": "arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/`,
		"kinesisvideo:ListFragments and kinesisvideo:GetMediaForFragmentList are optional: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the findings lack %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "remedy") || strings.Contains(out, "kms:") || said != "" {
		t.Errorf("something is wrong with what works:\n%s%s", out, said)
	}
	if out, said = kvsclip(t, 0, "doctor", "door", "-q"); out != "" || said != "" {
		t.Errorf("with -q: %q and %q, want nothing", out, said)
	}
	out, _ = kvsclip(t, 0, "doctor")
	if !strings.Contains(out, "ListStreams             allowed") || strings.Contains(out, "GetClip") || !strings.Contains(out, "With a STREAM more is tried") {
		t.Errorf("without a stream: %s", out)
	}
}

// The policy is what get works with, and no less.
func TestDoctorPolicyIsEnough(t *testing.T) {
	service(t, &kvsemu.Server{Deny: []string{"ListStreams", "DescribeStream", "GetCallerIdentity"}})
	out, _ := kvsclip(t, 0, "doctor", "door", "--json")
	v := object(t, out)
	statement := v["policy"].(map[string]any)["Statement"].([]any)[0].(map[string]any)
	allowed, optional := statement["Action"].([]any), v["optionalActions"].([]any)
	if want := []any{"kinesisvideo:ListFragments", "kinesisvideo:GetMediaForFragmentList"}; len(allowed) != 4 || !slices.Equal(optional, want) {
		t.Errorf("allowed are %v, of which %v are optional, want 4 actions and %v", allowed, optional, want)
	}
	if got := statement["Resource"]; got != "arn:aws:kinesisvideo:us-west-2:ACCOUNT:stream/door/*" {
		t.Errorf("resource = %v, want the name, for nobody tells the ARN", got)
	}
	if text, _ := kvsclip(t, 0, "doctor", "door"); !strings.Contains(text, "Put the stream's account for ACCOUNT: nobody told it.\n") {
		t.Errorf("nothing says what ACCOUNT stands for:\n%s", text)
	}
	kvsclip(t, 0, door("get")...)
	for i, action := range allowed {
		code := 5
		if slices.Contains(optional, action) {
			code = 0
		}
		service(t, &kvsemu.Server{Deny: []string{action.(string)}})
		kvsclip(t, code, door("get", "-o", fmt.Sprintf("%d.mp4", i))...)
	}
}

// Where GetClip refuses the footage, get needs the other call, and doctor knows. What get cannot do
// without that call is what doctor says.
func TestDoctorOfTheOtherCall(t *testing.T) {
	refuses := faultAt("/getClip", 400, "UnsupportedStreamMediaTypeException", "no")
	for i, c := range []struct {
		fault func(*http.Request) *kvsemu.Fault
		deny  []string
		args  []string
		code  int // of args
		well  int // of doctor
	}{
		{refuses, nil, door("get"), 0, 0},
		{refuses, []string{"GetMediaForFragmentList"}, door("get"), 5, 5},
		{refuses, []string{"ListFragments"}, door("get"), 4, 1},
		{nil, []string{"GetMediaForFragmentList"}, door("get", "--tags", "tags.ndjson"), 5, 0},
		{nil, []string{"GetMediaForFragmentList"}, door("get", "--where", `tag.motion == "true"`), 5, 0},
		{nil, []string{"GetMediaForFragmentList"}, []string{"still", "door", "--at", begin.Add(time.Minute).Format(time.RFC3339), "--clock", "producer"}, 5, 0},
	} {
		service(t, &kvsemu.Server{Fault: c.fault, Deny: c.deny})
		kvsclip(t, c.code, append(c.args, "-o", fmt.Sprintf("%d", i))...)
		kvsclip(t, c.well, "doctor", "door")
	}
}

// faultAt answers one path with a refusal.
func faultAt(path string, status int, code, message string) func(*http.Request) *kvsemu.Fault {
	return func(r *http.Request) *kvsemu.Fault {
		if r.URL.Path != path {
			return nil
		}
		return &kvsemu.Fault{Status: status, Code: code, Message: message}
	}
}

// thirdEndpoint refuses the third data endpoint in every run that asks for it: the calls before are
// about the other two.
func thirdEndpoint(status int, code, message string) func(*http.Request) *kvsemu.Fault {
	var asked atomic.Int64
	at := faultAt("/getDataEndpoint", status, code, message)
	return func(r *http.Request) *kvsemu.Fault {
		if f := at(r); f != nil && asked.Add(1)%3 == 0 {
			return f
		}
		return nil
	}
}

// Each thing is broken in turn: the exit code, and the check with its cause and its remedy.
func TestDoctorOfWhatIsBroken(t *testing.T) {
	hour := func(change func(*kvsemu.Camera)) *kvsemu.Server {
		c := camera
		change(&c)
		return &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": c}}
	}
	for name, tc := range map[string]struct {
		emu           *kvsemu.Server
		env           []string
		args          []string
		code          int
		check, result string
		detail        string // part of it
		remedy        string // part of it; "" for none
		error         string // part of it; "" means that get cannot work
	}{
		"credentials missing": {
			env:  []string{"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""},
			code: 5, check: "credentials", result: "failed", detail: "no usable AWS credentials", remedy: "aws sso login",
		},
		"credentials expired": {
			emu: &kvsemu.Server{Expired: true}, code: 5, check: "credentials", result: "failed", detail: "ExpiredToken", remedy: "the session has expired",
		},
		"credentials wrong": {
			emu:  &kvsemu.Server{Fault: faultAt("/", 403, "InvalidClientTokenId", "The security token included in the request is invalid.")},
			code: 5, check: "credentials", result: "failed", detail: "InvalidClientTokenId", remedy: "check the access key",
		},
		"credentials expired, and nobody tells whose": {
			emu:  &kvsemu.Server{Expired: true, Fault: faultAt("/", 404, "UnknownOperationException", "no")},
			code: 5, check: "ListStreams", result: "failed", detail: "ExpiredToken", remedy: "the session has expired",
		},
		"no STS": {
			emu:   &kvsemu.Server{Fault: faultAt("/", 404, "UnknownOperationException", "no")},
			check: "credentials", result: "skipped", detail: "whose they are was not told",
		},
		"GetCallerIdentity denied": {
			emu: &kvsemu.Server{Deny: []string{"GetCallerIdentity"}}, check: "credentials", result: "skipped", detail: "sts:GetCallerIdentity",
		},
		"ListStreams denied": {
			emu: &kvsemu.Server{Deny: []string{"ListStreams"}}, check: "ListStreams", result: "warning", detail: "AccessDenied", remedy: "only kvsclip streams needs it",
		},
		"DescribeStream denied": {
			emu: &kvsemu.Server{Deny: []string{"DescribeStream"}}, check: "DescribeStream", result: "warning", detail: "AccessDenied",
			remedy: "allow kinesisvideo:DescribeStream on arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/* in the IAM policy of the caller; only kvsclip doctor needs it",
		},
		"DescribeStream denied, retention": {
			emu: &kvsemu.Server{Deny: []string{"DescribeStream"}}, check: "retention", result: "skipped", detail: "not known without DescribeStream",
		},
		"GetDataEndpoint denied": {
			emu: &kvsemu.Server{Deny: []string{"GetDataEndpoint"}}, code: 5, check: "GetClipEndpoint", result: "failed", detail: "AccessDenied", remedy: "allow kinesisvideo:GetDataEndpoint on arn:",
		},
		"ListFragments denied": {
			emu: &kvsemu.Server{Deny: []string{"ListFragments"}}, check: "ListFragments", result: "warning", detail: "AccessDenied", remedy: "cannot prove that the clip is whole",
		},
		"GetClip denied": {
			emu: &kvsemu.Server{Deny: []string{"GetClip"}}, code: 5, check: "GetClip", result: "failed", detail: "AccessDenied", remedy: "allow kinesisvideo:GetClip on arn:",
		},
		"GetMediaForFragmentList denied": {
			emu: &kvsemu.Server{Deny: []string{"GetMediaForFragmentList"}}, check: "GetMediaForFragmentList", result: "warning", detail: "AccessDenied",
			remedy: "allow kinesisvideo:GetMediaForFragmentList on arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/* in the IAM policy of the caller; " +
				"without it get works, but not for what GetClip refuses, tags and stills",
		},
		"GetMediaForFragmentList denied, nothing listed": {
			emu:   &kvsemu.Server{Deny: []string{"ListFragments", "GetMediaForFragmentList"}},
			check: "GetMediaForFragmentList", result: "warning", detail: "AccessDenied", remedy: "allow kinesisvideo:GetMediaForFragmentList on arn:",
		},
		"GetMediaForFragmentList allowed, nothing listed": {
			emu:   &kvsemu.Server{Deny: []string{"ListFragments"}},
			check: "GetMediaForFragmentList", result: "ok", detail: "allowed; no fragment was there to ask for",
		},
		"GetMediaForFragmentList allowed, nothing recorded": {
			emu:  hour(func(c *kvsemu.Camera) { c.From, c.Retention = begin.Add(-5*time.Hour), 2*time.Hour }),
			code: 3, check: "GetMediaForFragmentList", result: "ok", detail: "allowed; no fragment was there to ask for",
		},
		"GetMediaForFragmentList says something else of a number that is made up": {
			emu: &kvsemu.Server{
				Deny:  []string{"ListFragments"},
				Fault: faultAt("/getMediaForFragmentList", 404, "ResourceNotFoundException", "Nothing there."),
			},
			check: "GetMediaForFragmentList", result: "skipped", detail: "Nothing there.",
		},
		"GetMediaForFragmentList fails": {
			emu:  &kvsemu.Server{Fault: faultAt("/getMediaForFragmentList", 500, "InternalFailure", "no")},
			args: []string{"door", "--retries", "1"}, check: "GetMediaForFragmentList", result: "warning", detail: "InternalFailure", remedy: "without it get works",
		},
		"GetMediaForFragmentList has no endpoint": {
			emu:   &kvsemu.Server{Fault: thirdEndpoint(403, "AccessDeniedException", "no")},
			check: "GetMediaForFragmentList", result: "warning", detail: "GetDataEndpoint of stream", remedy: "allow kinesisvideo:GetDataEndpoint on arn:",
		},
		"GetMediaForFragmentList without GetDataEndpoint": {
			emu: &kvsemu.Server{Deny: []string{"GetDataEndpoint"}}, code: 5, check: "GetMediaForFragmentList", result: "skipped", detail: "not tried, since GetClipEndpoint failed",
		},
		"GetClip refuses the footage": {
			emu:   &kvsemu.Server{Fault: faultAt("/getClip", 400, "UnsupportedStreamMediaTypeException", "no")},
			check: "GetClip", result: "warning", detail: "UnsupportedStreamMediaType", remedy: "GetMediaForFragmentList",
		},
		"GetClip refuses the footage, and the other call is denied": {
			emu: &kvsemu.Server{
				Deny:  []string{"GetMediaForFragmentList"},
				Fault: faultAt("/getClip", 400, "UnsupportedStreamMediaTypeException", "no"),
			},
			code: 5, check: "GetMediaForFragmentList", result: "failed", detail: "AccessDenied", remedy: "allow kinesisvideo:GetMediaForFragmentList on arn:",
			error: "get cannot work: failed GetMediaForFragmentList\n",
		},
		"GetClip refuses the footage, and nothing is listed": {
			emu: &kvsemu.Server{
				Deny:  []string{"ListFragments"},
				Fault: faultAt("/getClip", 400, "UnsupportedStreamMediaTypeException", "no"),
			},
			code: 1, check: "GetClip", result: "failed", detail: "UnsupportedStreamMediaType", remedy: "GetMediaForFragmentList",
		},
		"no region": {
			env: []string{"AWS_REGION", ""}, code: 2, check: "configuration", result: "failed", detail: "no AWS region is set", remedy: "--region",
		},
		"region of another endpoint": {
			emu: &kvsemu.Server{Region: "eu-west-1"}, code: 6, check: "configuration", result: "failed", detail: "valid region", remedy: "another region than us-west-2: name the stream's with --region",
		},
		"region of the ARN": {
			args: []string{"arn:aws:kinesisvideo:eu-west-1:111122223333:stream/door/1"},
			code: 6, check: "configuration", result: "failed", detail: "expected us-west-2, got eu-west-1", remedy: "use --region eu-west-1",
		},
		"no such stream": {
			args: []string{"gate"}, code: 6, check: "DescribeStream", result: "failed", detail: "ResourceNotFoundException", remedy: "in region us-west-2 of account 111122223333",
		},
		"retention none": {
			emu:  hour(func(c *kvsemu.Camera) { c.Retention = -1 }),
			code: 3, check: "retention", result: "failed", detail: "keeps nothing", remedy: "update-data-retention --stream-name door",
		},
		"retention short": {
			emu:   hour(func(c *kvsemu.Camera) { c.Retention = 2 * time.Hour }),
			check: "retention", result: "warning", detail: "kept for 2h", remedy: "update-data-retention",
		},
		"nothing recorded": {
			emu:  hour(func(c *kvsemu.Camera) { c.From, c.Retention = begin.Add(-5*time.Hour), 2*time.Hour }),
			code: 3, check: "footage", result: "failed", detail: "nothing is recorded", remedy: "camera is on",
		},
		"key": {
			emu:  hour(func(c *kvsemu.Camera) { c.KMS = "denied" }),
			code: 5, check: "key", result: "failed", detail: "customer key arn:aws:kms:", remedy: "allow kms:Decrypt on arn:aws:kms:us-west-2:111122223333:key/",
		},
		"key, by number": {
			emu:  hour(func(c *kvsemu.Camera) { c.KMS = "denied" }),
			code: 5, check: "GetMediaForFragmentList", result: "failed", detail: "kms:Decrypt", remedy: "allow kms:Decrypt on arn:aws:kms:us-west-2:111122223333:key/",
			error: "get cannot work: failed GetClip, key\n",
		},
		"key, and GetClip denied": {
			emu:  &kvsemu.Server{Cameras: hour(func(c *kvsemu.Camera) { c.KMS = "denied" }).Cameras, Deny: []string{"GetClip"}},
			code: 5, check: "key", result: "failed", detail: "GetMediaForFragmentList is not allowed to use the customer key arn:aws:kms:",
			remedy: "allow kms:Decrypt on arn:",
		},
		"clock behind": {
			emu: &kvsemu.Server{ClockSkew: 10 * time.Minute}, code: 1, check: "clock", result: "failed", detail: "is 10m behind the service's", remedy: "ntp",
			error: "get may not work, or fetch the wrong times: failed clock\n",
		},
		"throttled": {
			emu: &kvsemu.Server{ThrottleRate: 1}, args: []string{"door", "--retries", "1"},
			code: 1, check: "GetClipEndpoint", result: "failed", detail: "ClientLimitExceeded", remedy: "run again later, or raise --retries",
		},
		"clock ahead": {
			emu: &kvsemu.Server{ClockSkew: -10 * time.Minute}, code: 1, check: "clock", result: "failed", detail: "is 10m ahead of the service's", remedy: "ntp",
			error: "get may not work, or fetch the wrong times: failed clock\n",
		},
		"clock a little off": {
			emu: &kvsemu.Server{ClockSkew: 2 * time.Minute}, check: "clock", result: "warning", detail: "behind the service's", remedy: "ntp",
		},
		"stream not active": {
			emu:  &kvsemu.Server{Fault: faultAt("/getDataEndpoint", 404, "ResourceNotFoundException", "The requested stream is not found or not active.")},
			code: 6, check: "ListFragmentsEndpoint", result: "failed", detail: "not active", remedy: "list those that are",
		},
	} {
		t.Run(name, func(t *testing.T) {
			emu := tc.emu
			if emu == nil {
				emu = &kvsemu.Server{}
			}
			service(t, emu)
			for i := 0; i+1 < len(tc.env); i += 2 {
				t.Setenv(tc.env[i], tc.env[i+1])
			}
			if tc.args == nil {
				tc.args = []string{"door"}
			}
			args := append([]string{"doctor"}, tc.args...)
			out, _ := kvsclip(t, tc.code, append(args, "--json")...)
			v := object(t, out)
			c := checkOf(t, v, tc.check)
			if c["result"] != tc.result || !strings.Contains(c["detail"].(string), tc.detail) {
				t.Errorf("check = %v, want %s and %q", c, tc.result, tc.detail)
			}
			if remedy, _ := c["remedy"].(string); (tc.remedy == "") != (remedy == "") || !strings.Contains(remedy, tc.remedy) {
				t.Errorf("remedy = %q, want %q in it", remedy, tc.remedy)
			}
			if remedy, _ := c["remedy"].(string); strings.HasPrefix(remedy, "allow kinesisvideo:") && !strings.HasPrefix(remedy, fmt.Sprintf("allow %v on ", c["action"])) {
				t.Errorf("remedy = %q for the action %v", remedy, c["action"])
			}
			if v["code"] != float64(tc.code) {
				t.Errorf("code = %v, want %d", v["code"], tc.code)
			}
			text, said := kvsclip(t, tc.code, args...)
			if !strings.Contains(text, tc.detail) || !strings.Contains(text, tc.remedy) {
				t.Errorf("the text lacks %q or %q:\n%s", tc.detail, tc.remedy, text)
			}
			if tc.code == 0 && said != "" || tc.code != 0 && !strings.Contains(said, "kvsclip: error: "+cmp.Or(tc.error, "get cannot work: failed ")) {
				t.Errorf("standard error = %q for exit code %d", said, tc.code)
			}
		})
	}
}

// Doctor has no flags to ask for less of the quota, so that it advises none.
func TestDoctorAdvisesItsOwnFlags(t *testing.T) {
	service(t, &kvsemu.Server{ThrottleRate: 1})
	out, said := kvsclip(t, 1, "doctor", "door", "--retries", "1")
	for _, flag := range []string{"--share", "--parallel"} {
		if strings.Contains(out+said, flag) {
			t.Errorf("%s is advised:\n%s%s", flag, out, said)
		}
	}
}

// A key that nobody tells has a placeholder of its own, and only those that are there are explained.
func TestDoctorExplainsPlaceholders(t *testing.T) {
	c := camera
	c.KMS = "denied"
	service(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": c}, Deny: []string{"DescribeStream"}})
	out, _ := kvsclip(t, 5, "doctor", "door")
	contains(t, "text", out, ":key/KEY\"", "Put the id of the stream's key for KEY: nobody told it.\n")
	if strings.Contains(out, "ACCOUNT") {
		t.Errorf("ACCOUNT is explained, and is not there:\n%s", out)
	}
}

func TestDoctorWithoutAnAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	service(t, &kvsemu.Server{})
	out, said := kvsclip(t, 1, "doctor", "door", "--endpoint-url", url, "--retries", "1")
	contains(t, "standard error", said, "error: get cannot work: nothing answers at "+url+"\n")
	for _, want := range []string{"failed   ListStreams", "connection refused", "the network or the service failed for now", "not tried, since nothing answers"} {
		if !strings.Contains(out, want) {
			t.Errorf("the findings lack %q:\n%s", want, out)
		}
	}
}

func TestDoctorInterrupted(t *testing.T) {
	service(t, &kvsemu.Server{Latency: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var out, said bytes.Buffer
	code := cli.Run(ctx, []string{"doctor", "door", "--json"}, strings.NewReader(""), &out, &said)
	if e, ok := object(t, out.String())["error"].(map[string]any); code != 130 || !ok || e["kind"] != "interrupted" {
		t.Errorf("exits with %d and %s, want 130, interrupted", code, out.String())
	}
}
