package kvs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

const info = `"CreationTime":1.574494961478E9,"DataRetentionInHours":24,"DeviceName":null,"MediaType":null,"Status":"ACTIVE"`

func TestStreams(t *testing.T) {
	s := newService(t)
	s.fault("/listStreams",
		say(`{"NextToken":"n=","StreamInfoList":[{"StreamName":"cam2",`+info+`}]}`),
		say(`{"NextToken":null,"StreamInfoList":[{"StreamName":"cam1",`+info+`},{"StreamName":"other"}]}`))
	got, err := open(t, s).Streams(t.Context(), "cam")
	if err != nil {
		t.Fatal(err)
	}
	created := time.UnixMilli(1574494961478).UTC()
	want := []archive.Stream{
		{Name: "cam1", Status: "ACTIVE", Created: created, Retention: 24 * time.Hour},
		{Name: "cam2", Status: "ACTIVE", Created: created, Retention: 24 * time.Hour},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Streams, -want +got:\n%s", d)
	}
}

func TestDescribe(t *testing.T) {
	s := newService(t)
	s.always["/describeStream"] = say(`{"StreamInfo":{"StreamName":"cam1","StreamARN":"` + arn + `",` + info + `}}`)
	c := open(t, s)
	for _, stream := range []string{"cam1", arn} {
		got, err := c.Describe(t.Context(), stream)
		if err != nil || got.ARN != arn || got.Retention != 24*time.Hour {
			t.Errorf("Describe(%s): got %+v, %v", stream, got, err)
		}
	}
	if s.bodies[0]["StreamName"] != "cam1" || s.bodies[1]["StreamARN"] != arn {
		t.Errorf("requests: got %v", s.bodies)
	}
}

func TestStreamTextsThatCostNoCall(t *testing.T) {
	s := newService(t)
	c := open(t, s)
	for stream, want := range map[string]error{
		"":         kvs.ErrBadStream,
		"cam 1":    kvs.ErrBadStream,
		"arn:cam1": kvs.ErrBadStream,
		"arn:aws:kinesisvideo:eu-west-1:111122223333:stream/cam1/1": kvs.ErrWrongRegion,
	} {
		_, err := c.Describe(t.Context(), stream)
		if e, ok := errors.AsType[*kvs.Error](err); !ok || !errors.Is(err, want) || e.Advice() == "" {
			t.Errorf("Describe(%q): got %v, want %v", stream, err, want)
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("asked %v, want nothing", s.asked)
	}
}

func TestRegionOf(t *testing.T) {
	for stream, want := range map[string]string{"cam1": "", arn: region, "arn:aws:s3:::x": ""} {
		if got := kvs.RegionOf(stream); got != want {
			t.Errorf("RegionOf(%q): got %q, want %q", stream, got, want)
		}
	}
}
