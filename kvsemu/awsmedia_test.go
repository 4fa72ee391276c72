package kvsemu_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// The AWS CLI reads what curl uploaded, and what a camera recorded.
func TestAWSCLIReadsMatroska(t *testing.T) {
	aws := pick(t, []string{"/usr/bin/aws", "aws"}, "--version")
	s := &kvsemu.Server{Region: "us-west-2", MediaWait: shortly, Cameras: cameras(t, "cam:gop=1s,fps=10,for=5s")}
	run := start(t, s)
	create(t, run, "sent", 1)
	path := made(t, "-c:v", "libx264", "-an")
	wantAcks(t, upload(t, run, "sent", path))
	cli := func(args ...string) string {
		t.Helper()
		return program(t, secrets, aws, append([]string{"--endpoint-url", run.DataURL, "--output", "json"}, args...)...)
	}
	out := filepath.Join(t.TempDir(), "out.mkv")
	for name, n := range map[string]int{"cam": 5, "sent": 4} {
		all := numbers(t, s, name)
		list, _ := json.Marshal(all)
		selector := fmt.Sprintf(`{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":{"StartTimestamp":%d,"EndTimestamp":%d}}`, noon.Unix(), noon.Unix()+60)
		text := cli("kinesis-video-archived-media", "list-fragments", "--stream-name", name, "--fragment-selector", selector)
		if strings.Count(text, `"FragmentNumber"`) != n || !strings.Contains(text, all[0]) {
			t.Errorf("%s: list-fragments: %s, want %d", name, text, n)
		}
		if text := cli("kinesis-video-archived-media", "get-media-for-fragment-list", out, "--stream-name", name, "--fragments", string(list)); !strings.Contains(text, `"ContentType": "video/webm"`) {
			t.Errorf("%s: get-media-for-fragment-list: %s", name, text)
		}
		wantDocuments(t, out, n)
		if text := cli("kinesis-video-media", "get-media", "--stream-name", name, "--start-selector", "StartSelectorType=EARLIEST", out); !strings.Contains(text, `"ContentType": "video/webm"`) {
			t.Errorf("%s: get-media: %s", name, text)
		}
		wantDocuments(t, out, n)
	}
}

// wantDocuments checks that a file is n documents of ten pictures; players see the first.
func wantDocuments(t *testing.T, path string, n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "\x1a\x45\xdf\xa3")
	if len(parts) != n+1 {
		t.Fatalf("%d documents, want %d", len(parts)-1, n)
	}
	for _, p := range parts[1:] {
		if got := len(judgetest.Packets(t, keep(t, "one.mkv", []byte("\x1a\x45\xdf\xa3"+p)), "v:0")); got != 10 {
			t.Errorf("%d pictures in a document, want 10", got)
		}
	}
}

// mediaScript asks for Matroska by boto3 and prints one JSON object.
const mediaScript = `
import boto3, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
control, out = sys.argv[1:3]
config = Config(retries={"max_attempts": 1})
kvs = boto3.client("kinesisvideo", endpoint_url=control, config=config)
def client(name, api):
    endpoint = kvs.get_data_endpoint(StreamName="cam", APIName=api)["DataEndpoint"]
    return boto3.client(name, endpoint_url=endpoint, config=config)
got = {}
archived = client("kinesis-video-archived-media", "GET_MEDIA_FOR_FRAGMENT_LIST")
selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 2000000000}}
found = archived.list_fragments(StreamName="cam", FragmentSelector=selector)["Fragments"]
found.sort(key=lambda f: f["FragmentNumber"])
numbers = [f["FragmentNumber"] for f in found]
answer = archived.get_media_for_fragment_list(StreamName="cam", Fragments=numbers)
got["type"] = answer["ContentType"]
got["listed"] = answer["Payload"].read().count(b"AWS_KINESISVIDEO_FRAGMENT_NUMBER")
try:
    archived.get_media_for_fragment_list(StreamName="cam", Fragments=["1"])
except ClientError as e:
    got["unknown"] = e.response["Error"]["Code"] + " " + e.response["Error"]["Message"]
media = client("kinesis-video-media", "GET_MEDIA")
answer = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": numbers[1]})
got["watched"] = answer["Payload"].read().count(b"AWS_KINESISVIDEO_CONTINUATION_TOKEN")
got["put"] = kvs.get_data_endpoint(StreamName="cam", APIName="PUT_MEDIA")["DataEndpoint"]
print(json.dumps(got))
`

func TestBoto3ReadsMatroska(t *testing.T) {
	python := pick(t, []string{"/usr/bin/python3", "python3"}, "-c", "import boto3")
	run := start(t, &kvsemu.Server{MediaWait: shortly, Cameras: cameras(t, "cam:gop=1s,fps=10,for=5s")})
	var got map[string]any
	text := program(t, append(secrets, "PYTHONWARNINGS=ignore"), python, "-c", mediaScript, run.URL, t.TempDir())
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"type": "video/webm", "listed": 5., "watched": 3., "put": run.DataURL,
		"unknown": "InvalidArgumentException Fragment numbers are invalid : [1]",
	} {
		if got[key] != want {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
}
