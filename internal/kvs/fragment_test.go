package kvs_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

// entry is a fragment as the service prints it: E notation, keys in alphabetical order.
func entry(number string, at time.Time) string {
	return fmt.Sprintf(`{"FragmentLengthInMilliseconds":1796,"FragmentNumber":%q,"FragmentSizeInBytes":50000,"ProducerTimestamp":%.12E,"ServerTimestamp":%.12E}`,
		number, float64(at.UnixMilli()-250)/1000, float64(at.UnixMilli())/1000)
}

func fragment(number string, at time.Time) archive.Fragment {
	return archive.Fragment{
		Number: number, Server: at, Producer: at.Add(-250 * time.Millisecond),
		Length: 1796 * time.Millisecond, Size: 50000,
	}
}

func TestFragmentsPages(t *testing.T) {
	s := newService(t)
	last := oneDay.To
	s.fault("/listFragments",
		say(`{"Fragments":[`+entry("100", day.Add(4*time.Second))+`,`+entry("99", day.Add(4*time.Second))+`],"NextToken":"a+/="}`),
		say(`{"Fragments":[],"NextToken":"b="}`),
		say(`{"Fragments":[`+entry("98", day)+`,`+entry("97", day.Add(-time.Millisecond))+`],"NextToken":"c="}`),
		say(`{"Fragments":[`+entry("102", last)+`,`+entry("101", last.Add(-time.Millisecond))+`,`+entry("99", day.Add(4*time.Second))+`],"NextToken":null}`),
	)
	c := open(t, s)
	got, err := c.Fragments(t.Context(), "cam1", oneDay)
	if err != nil {
		t.Fatal(err)
	}
	want := []archive.Fragment{
		fragment("98", day),
		fragment("99", day.Add(4*time.Second)), fragment("100", day.Add(4*time.Second)),
		fragment("101", last.Add(-time.Millisecond)),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Fragments, -want +got:\n%s", d)
	}
	if n := s.count("/getDataEndpoint"); n != 1 {
		t.Errorf("GetDataEndpoint: got %d calls, want 1", n)
	}
	first := s.bodies[1]
	if first["MaxResults"] != 1000.0 || first["StreamName"] != "cam1" {
		t.Errorf("first request: got %v", first)
	}
	if tok := s.bodies[2]["NextToken"]; tok != "a+/=" {
		t.Errorf("second request's token: got %v, want a+/=", tok)
	}
	if got := c.Calls(); got.ListFragments != 4 || got.GetDataEndpoint != 1 {
		t.Errorf("Calls: got %+v", got)
	}
}

func TestFragmentsByARNOnProducerClock(t *testing.T) {
	s := newService(t)
	s.fault("/listFragments", say(`{"Fragments":[],"NextToken":null}`))
	r := oneDay
	r.Clock = archive.Producer
	if got, err := open(t, s).Fragments(t.Context(), arn, r); err != nil || len(got) != 0 {
		t.Fatalf("Fragments: got %v, %v", got, err)
	}
	want := map[string]any{
		"MaxResults": 1000.0, "StreamARN": arn,
		"FragmentSelector": map[string]any{
			"FragmentSelectorType": "PRODUCER_TIMESTAMP",
			"TimestampRange":       map[string]any{"StartTimestamp": float64(day.Unix()), "EndTimestamp": float64(oneDay.To.Unix())},
		},
	}
	if d := cmp.Diff(want, s.bodies[1]); d != "" {
		t.Errorf("request, -want +got:\n%s", d)
	}
}

func TestFragmentsEmptyRangeAsksNothing(t *testing.T) {
	s := newService(t)
	if got, err := open(t, s).Fragments(t.Context(), "cam1", archive.Range{From: day, To: day}); got != nil || err != nil {
		t.Errorf("Fragments: got %v, %v, want nothing", got, err)
	}
	if len(s.asked) != 0 {
		t.Errorf("asked %v, want nothing", s.asked)
	}
}

func TestFragmentsRefusals(t *testing.T) {
	page := `{"Fragments":[` + entry("1", day) + `,` + entry("2", day) + `],"NextToken":"x="}`
	for name, tc := range map[string]struct {
		answers []http.HandlerFunc
		want    error
	}{
		"token repeated":     {[]http.HandlerFunc{say(page), say(page)}, nil},
		"too many fragments": {[]http.HandlerFunc{say(page), say(`{"Fragments":[` + entry("3", day) + `,` + entry("4", day) + `]}`)}, kvs.ErrTooMany},
		"number no number":   {[]http.HandlerFunc{say(`{"Fragments":[` + entry("../../x", day) + `]}`)}, kvs.ErrGarbled},
		"time missing":       {[]http.HandlerFunc{say(`{"Fragments":[{"FragmentNumber":"1","FragmentLengthInMilliseconds":1,"FragmentSizeInBytes":1}]}`)}, kvs.ErrGarbled},
		"size negative":      {[]http.HandlerFunc{say(`{"Fragments":[{"FragmentNumber":"1","FragmentLengthInMilliseconds":1,"FragmentSizeInBytes":-1,"ProducerTimestamp":1,"ServerTimestamp":1}]}`)}, kvs.ErrGarbled},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.fault("/listFragments", tc.answers...)
			c := open(t, s, func(c *kvs.Config) { c.Retries = 1 })
			c.Narrow(1000, 3)
			got, err := c.Fragments(t.Context(), "cam1", oneDay)
			e, ok := errors.AsType[*kvs.Error](err)
			if !ok || got != nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatalf("Fragments: got %v, %v, want %v", got, err, tc.want)
			}
			if e.Action != "kinesisvideo:ListFragments" {
				t.Errorf("action: got %q", e.Action)
			}
		})
	}
}

func TestFragmentsTruncatedJSONIsAskedAgain(t *testing.T) {
	s := newService(t)
	s.fault("/listFragments", cut(`{"Fragments":[`), say(`{"Fragments":[`+entry("1", day)+`]}`))
	got, err := open(t, s).Fragments(t.Context(), "cam1", oneDay)
	if err != nil || len(got) != 1 {
		t.Errorf("Fragments: got %v, %v, want one", got, err)
	}
}

func TestFragmentsStalledJSONIsAskedAgain(t *testing.T) {
	s := newService(t)
	s.fault("/listFragments", stall(`{"Fragments":[`), say(`{"Fragments":[`+entry("1", day)+`]}`))
	c := open(t, s, func(c *kvs.Config) { c.Idle, c.HeaderTimeout = 150*time.Millisecond, 300*time.Millisecond })
	got, err := c.Fragments(t.Context(), "cam1", oneDay)
	if err != nil || len(got) != 1 {
		t.Errorf("Fragments: got %v, %v, want one", got, err)
	}
}
