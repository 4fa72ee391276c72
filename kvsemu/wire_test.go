package kvsemu_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestErrorsOnTheWire(t *testing.T) {
	run := start(t, &kvsemu.Server{
		Region:   "us-west-2",
		Cameras:  cameras(t, "cam:gop=1s,fps=10,retention=4h", "none:retention=0"),
		Creating: time.Hour,
		Deny:     []string{"TagStream", "kinesisvideo:UntagStream"},
	})
	const xml = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n"
	clip := func(clock string, from, to time.Time) string {
		return between("ClipFragmentSelector", "cam", clock, from, to)
	}
	fragments := func(clock string, from, to time.Time) string {
		return between("FragmentSelector", "cam", clock, from, to)
	}
	call(t, run.URL+"/createStream", `{"StreamName":"new"}`)
	hour := time.Hour
	for _, c := range []struct {
		name, url, body string
		status          int
		code, text      string // text is part of the body
	}{
		{"data call on control", run.URL + "/getClip", `{}`, 403, "", xml},
		{"control call on data", run.DataURL + "/describeStream", `{}`, 403, "", xml},
		{"unknown path", run.URL + "/nothing", `{}`, 404, "UnknownOperationException", ""},
		{"path in another case", run.URL + "/DescribeStream", `{}`, 404, "UnknownOperationException", ""},
		{"not emulated", run.DataURL + "/getImages", `{}`, 404, "UnknownOperationException", ""},
		{"no JSON", run.URL + "/describeStream", `{`, 400, "SerializationException", ""},
		{"large body", run.URL + "/describeStream", strings.Repeat(" ", 1<<20+1), 413, "RequestEntityTooLargeException", ""},
		{"no stream named", run.URL + "/describeStream", `{}`, 400, "InvalidArgumentException", "StreamName or StreamARN"},
		{"bad name", run.URL + "/describeStream", `{"StreamName":"a b"}`, 400, "InvalidArgumentException", "streamName"},
		{"bad ARN", run.URL + "/describeStream", `{"StreamARN":"arn:aws:s3:::x"}`, 400, "InvalidArgumentException", "streamARN"},
		{"unknown stream", run.URL + "/describeStream", `{"StreamName":"x"}`, 404, "ResourceNotFoundException", `{"Message":"The requested stream is not found or not active."}`},
		{"bad API name", run.URL + "/getDataEndpoint", `{"StreamName":"cam","APIName":"X"}`, 400, "InvalidArgumentException", "aPIName"},
		{"not active", run.URL + "/getDataEndpoint", `{"StreamName":"new","APIName":"GET_CLIP"}`, 404, "ResourceNotFoundException", "not active"},
		{"being created", run.URL + "/describeStream", `{"StreamName":"new"}`, 200, "", `"Status":"CREATING"`},
		{"exists", run.URL + "/createStream", `{"StreamName":"cam"}`, 400, "ResourceInUseException", ""},
		{"denied", run.URL + "/tagStream", `{"StreamName":"cam"}`, 403, "AccessDeniedException", "not authorized to perform: kinesisvideo:TagStream on resource: cam"},
		{"denied with prefix", run.URL + "/untagStream", `{"StreamName":"cam"}`, 403, "AccessDeniedException", ""},
		{"bad limit of streams", run.URL + "/listStreams", `{"MaxResults":0}`, 400, "InvalidArgumentException", ""},
		{"no selector", run.DataURL + "/listFragments", `{"StreamName":"cam"}`, 500, "InternalFailure", ""},
		{"bad limit", run.DataURL + "/listFragments", `{"StreamName":"cam","MaxResults":1001}`, 400, "InvalidArgumentException", ""},
		{"bad token", run.DataURL + "/listFragments", `{"StreamName":"cam","NextToken":"AAAA"}`, 400, "InvalidArgumentException", ""},
		{"nothing in range", run.DataURL + "/listFragments", fragments("PRODUCER", noon.Add(-hour), noon.Add(-1)), 200, "", `{"Fragments":[],"NextToken":null}`},
		{"list behind retention", run.DataURL + "/listFragments", fragments("SERVER", noon, noon.Add(hour)), 400, "InvalidArgumentException", "End timestamp 1777899600000 is outside of the stream retention period."},
		{"clip behind retention", run.DataURL + "/getClip", clip("SERVER", noon, noon.Add(hour)), 400, "InvalidArgumentException", "outside of the stream retention period"},
		{"clip by producer behind retention", run.DataURL + "/getClip", clip("PRODUCER", noon, noon.Add(hour)), 404, "ResourceNotFoundException", "No fragments found in the stream for the clip request."},
		{"clip of nothing", run.DataURL + "/getClip", clip("PRODUCER", noon.Add(-hour), noon.Add(-1)), 404, "ResourceNotFoundException", "No fragments found in the stream for the clip request."},
		{"clip of a future", run.DataURL + "/getClip", clip("SERVER", evening.Add(-hour), evening.Add(1e6)), 400, "InvalidArgumentException", "past"},
		{"clip backwards", run.DataURL + "/getClip", clip("PRODUCER", evening, evening), 400, "InvalidArgumentException", ""},
		{"clip of more than a day", run.DataURL + "/getClip", clip("PRODUCER", evening.Add(-24*hour-1e6), evening), 400, "InvalidArgumentException", "24 hours"},
		{"clip without selector", run.DataURL + "/getClip", `{"StreamName":"cam"}`, 400, "InvalidArgumentException", ""},
		{"clip without range", run.DataURL + "/getClip", `{"StreamName":"cam","ClipFragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP"}}`, 400, "InvalidArgumentException", "timestampRange"},
		{"clip on no clock", run.DataURL + "/getClip", clip("X", noon, evening), 400, "InvalidArgumentException", "PRODUCER_TIMESTAMP, SERVER_TIMESTAMP"},
		{"clip with text for time", run.DataURL + "/getClip", `{"StreamName":"cam","ClipFragmentSelector":{"TimestampRange":{"StartTimestamp":"now"}}}`, 400, "SerializationException", ""},
		{"clip without retention", run.DataURL + "/getClip", strings.Replace(clip("PRODUCER", noon, evening), "cam", "none", 1), 400, "NoDataRetentionException", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := post(t, c.url, c.body)
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			header := ""
			if c.code != "" {
				header = c.code + ":https://kinesisvideo.amazonaws.com/doc/2017-09-30/"
			}
			if got := resp.Header.Get("X-Amzn-Errortype"); resp.StatusCode != c.status || got != header || !strings.Contains(string(b), c.text) {
				t.Errorf("%d %q %s, want %d %q with %q", resp.StatusCode, got, b, c.status, header, c.text)
			}
			if len(resp.Header.Get("X-Amzn-Requestid")) != 36 {
				t.Errorf("request id %q", resp.Header.Get("X-Amzn-Requestid"))
			}
		})
	}
}

func TestCallers(t *testing.T) {
	run := start(t, &kvsemu.Server{Region: "eu-central-1", Cameras: cameras(t, "cam")})
	if status, code, text := call(t, run.URL+"/listStreams", "{}"); status != 403 || code != "InvalidSignatureException" ||
		!strings.Contains(text, "Credential should be scoped to a valid region.") {
		t.Errorf("signed for another region: %d %s %s", status, code, text)
	}
	resp, err := client.Post(run.URL+"/listStreams", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("X-Amzn-Errortype"); resp.StatusCode != http.StatusForbidden || !strings.HasPrefix(got, "MissingAuthenticationTokenException:") {
		t.Errorf("not signed: %d %s", resp.StatusCode, got)
	}
	resp, err = client.Get(run.URL + "/listStreams")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET: %d, want 404", resp.StatusCode)
	}
	expired := start(t, &kvsemu.Server{Expired: true})
	if status, code, text := call(t, expired.URL+"/listStreams", "{}"); status != 403 || code != "ExpiredTokenException" ||
		!strings.Contains(text, "The security token included in the request is expired") {
		t.Errorf("expired: %d %s %s", status, code, text)
	}
}

func TestTimesOnTheWire(t *testing.T) {
	run := start(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": {From: time.UnixMilli(1_577_156_938_297), Upload: -1, For: time.Minute}}})
	_, _, text := call(t, run.DataURL+"/listFragments", `{"StreamName":"cam","MaxResults":1,"FragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP",`+
		`"TimestampRange":{"StartTimestamp":1.577156938297E9,"EndTimestamp":1577156938.297}}}`)
	for _, want := range []string{
		`{"Fragments":[{"FragmentLengthInMilliseconds":1960,"FragmentNumber":"`, `"ProducerTimestamp":1.577156938297E9,"ServerTimestamp":1.577156938297E9}],"NextToken":null}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s in it", text, want)
		}
	}
}
