package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// secrets let the judges sign.
var secrets = []string{
	"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-west-2", "AWS_EC2_METADATA_DISABLED=true",
	"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=",
}

// pick returns the first of the programs that runs with args: of two installed ones, the one on
// PATH may be broken or lack a module.
func pick(t *testing.T, programs []string, args ...string) string {
	t.Helper()
	for _, p := range programs {
		if exec.CommandContext(t.Context(), p, args...).Run() == nil {
			return p
		}
	}
	t.Fatalf("%s %s does not run: make test installs it", programs[0], strings.Join(args, " "))
	return ""
}

func TestAWSCLI(t *testing.T) {
	aws := pick(t, []string{"/usr/bin/aws", "aws"}, "--version")
	run := start(t, &kvsemu.Server{Region: "us-west-2", Cameras: cameras(t, "cam:gop=1s,fps=10,for=5m")})
	cli := func(url string, args ...string) string {
		t.Helper()
		return program(t, secrets, aws, append([]string{"--endpoint-url", url, "--output", "json"}, args...)...)
	}
	want := func(text, key string) {
		t.Helper()
		if !strings.Contains(text, key) {
			t.Errorf("expected %s, got %s", key, text)
		}
	}
	want(cli(run.URL, "kinesisvideo", "create-stream", "--stream-name", "s", "--data-retention-in-hours", "24"), "stream/s/")
	want(cli(run.URL, "kinesisvideo", "describe-stream", "--stream-name", "s"), `"DataRetentionInHours": 24`)
	want(cli(run.URL, "kinesisvideo", "get-data-endpoint", "--stream-name", "s", "--api-name", "GET_CLIP"), run.DataURL)

	selector := fmt.Sprintf(`{"FragmentSelectorType":"SERVER_TIMESTAMP","TimestampRange":{"StartTimestamp":%d,"EndTimestamp":%d}}`,
		noon.Unix(), noon.Add(4*time.Minute).Unix())
	var out struct{ Fragments []listed }
	text := cli(run.DataURL, "kinesis-video-archived-media", "list-fragments", "--stream-name", "cam", "--page-size", "7",
		"--fragment-selector", selector, "--query", "{Fragments:Fragments[].{FragmentNumber:FragmentNumber}}")
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out.Fragments) != 240 {
		t.Errorf("list-fragments: %d fragments of all pages, want 240 (%v)", len(out.Fragments), err)
	}
	path := filepath.Join(t.TempDir(), "out.mp4")
	want(cli(run.DataURL, "kinesis-video-archived-media", "get-clip", "--stream-name", "cam", "--clip-fragment-selector", selector, path),
		`"ContentType": "video/mp4"`)
	if got := len(judgetest.Packets(t, path, "v:0")); got != 2000 {
		t.Errorf("get-clip: %d pictures, want 2000", got)
	}
	cmd := exec.CommandContext(t.Context(), aws, "--endpoint-url", run.URL, "kinesis-video-archived-media", "get-clip",
		"--stream-name", "cam", "--clip-fragment-selector", selector, path)
	cmd.Env = append(os.Environ(), secrets...)
	b, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(b), "403") {
		t.Errorf("data call on the control address: %v, %s, want 403", err, b)
	}
}

// script drives the service by boto3 and prints one JSON object.
const script = `
import boto3, io, json, os, sys
from datetime import datetime, timezone
from botocore.config import Config
from botocore.exceptions import ClientError
control, path = sys.argv[1:3]
config = Config(retries={"max_attempts": 1})
kvs = boto3.client("kinesisvideo", endpoint_url=control, config=config)
out = {}
def code(call, **args):
    try:
        call(**args)
    except ClientError as e:
        return "%d %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])
arn = kvs.create_stream(StreamName="s", DataRetentionInHours=2, Tags={"a": "b"})["StreamARN"]
out["again"] = code(kvs.create_stream, StreamName="s")
info = kvs.describe_stream(StreamARN=arn)["StreamInfo"]
out["status"], out["version"] = info["Status"], len(info["Version"])
kvs.update_data_retention(StreamName="s", CurrentVersion=info["Version"], Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=3)
out["stale"] = code(kvs.update_data_retention, StreamName="s", CurrentVersion=info["Version"], Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=3)
out["retention"] = kvs.describe_stream(StreamName="s")["StreamInfo"]["DataRetentionInHours"]
kvs.tag_stream(StreamName="s", Tags={"c": "d"})
out["tags"] = kvs.list_tags_for_stream(StreamName="s")["Tags"]
pages = kvs.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1})
out["streams"] = [s["StreamName"] for p in pages for s in p["StreamInfoList"]]
out["prefixed"] = [s["StreamName"] for s in kvs.list_streams(StreamNameCondition={"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "c"})["StreamInfoList"]]
data = boto3.client("kinesis-video-archived-media", config=config,
    endpoint_url=kvs.get_data_endpoint(StreamName="cam", APIName="LIST_FRAGMENTS")["DataEndpoint"])
a, b = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc), datetime(2026, 5, 4, 12, 2, 0, tzinfo=timezone.utc)
selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": {"StartTimestamp": a, "EndTimestamp": b}}
found = [f for p in data.get_paginator("list_fragments").paginate(StreamName="cam", FragmentSelector=selector, PaginationConfig={"PageSize": 50}) for f in p["Fragments"]]
out["fragments"], out["numbers"] = len(found), len({f["FragmentNumber"] for f in found})
out["first"] = min(f["ProducerTimestamp"] for f in found).astimezone(timezone.utc).isoformat()
clip = data.get_clip(StreamName="cam", ClipFragmentSelector=selector)
out["type"] = clip["ContentType"]
with open(path, "wb") as f:
    f.write(clip["Payload"].read())
out["no selector"] = code(data.list_fragments, StreamName="cam")
out["empty stream"] = code(data.get_clip, StreamName="s", ClipFragmentSelector=selector)
out["no stream"] = code(data.get_clip, StreamName="nope", ClipFragmentSelector=selector)
wrong = boto3.client("kinesis-video-archived-media", endpoint_url=control, config=config)
out["wrong host"] = code(wrong.get_clip, StreamName="cam", ClipFragmentSelector=selector)
kvs.delete_stream(StreamARN=arn)
out["deleted"] = code(kvs.describe_stream, StreamName="s")
print(json.dumps(out))
`

func TestBoto3(t *testing.T) {
	python := pick(t, []string{"/usr/bin/python3", "python3"}, "-c", "import boto3")
	run := start(t, &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=10,for=5m")})
	path := filepath.Join(t.TempDir(), "out.mp4")
	var got map[string]any
	if err := json.Unmarshal([]byte(program(t, append(secrets, "PYTHONWARNINGS=ignore"), python, "-c", script, run.URL, path)), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"again": "400 ResourceInUseException", "status": "ACTIVE", "version": 20., "stale": "400 VersionMismatchException",
		"retention": 5., "tags": map[string]any{"a": "b", "c": "d"}, "streams": []any{"cam", "s"}, "prefixed": []any{"cam"},
		"fragments": 121., "numbers": 121., "first": "2026-05-04T12:00:00+00:00", "type": "video/mp4",
		"no selector": "500 InternalFailure", "empty stream": "404 ResourceNotFoundException",
		"no stream": "404 ResourceNotFoundException", "wrong host": "403 403", "deleted": "404 ResourceNotFoundException",
	}
	for key, value := range want {
		if fmt.Sprint(got[key]) != fmt.Sprint(value) {
			t.Errorf("%s: %v, want %v", key, got[key], value)
		}
	}
	if got := len(judgetest.Packets(t, path, "v:0")); got != 1210 {
		t.Errorf("get_clip: %d pictures, want 1210", got)
	}
}
