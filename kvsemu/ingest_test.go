package kvsemu_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	camera "github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// sending is an upload under way.
type sending struct {
	t    testing.TB
	body *io.PipeWriter
	stop context.CancelFunc
	resp *http.Response
	acks *bufio.Scanner
}

// send begins an upload. Headers are pairs of a name and a value.
func send(t testing.TB, run *kvsemu.Running, stream string, headers ...string) *sending {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, run.DataURL+"/putMedia", r)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range [][]string{
		{"Authorization", "AWS4-HMAC-SHA256 Credential=test/20260504/us-west-2/kinesisvideo/aws4_request, SignedHeaders=host, Signature=0"},
		{"x-amzn-stream-name", stream},
		{"x-amzn-fragment-timecode-type", "ABSOLUTE"},
	} {
		req.Header.Set(h[0], h[1])
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		resp.Body.Close()
		r.Close() // ends the client's sending, whatever became of the service
	})
	return &sending{t: t, body: w, stop: stop, resp: resp, acks: bufio.NewScanner(resp.Body)}
}

// write sends more. The service may have hung up.
func (s *sending) write(b []byte) { _, _ = s.body.Write(b) }

// next returns the next acknowledgement, or false at the end.
func (s *sending) next() (a ack, ok bool) {
	s.t.Helper()
	if !s.acks.Scan() {
		return a, false
	}
	if err := json.Unmarshal(s.acks.Bytes(), &a); err != nil {
		s.t.Fatalf("%q: %v", s.acks.Text(), err)
	}
	return a, true
}

// rest returns the acknowledgements to the end.
func (s *sending) rest() (all []ack) {
	s.t.Helper()
	for a, ok := s.next(); ok; a, ok = s.next() {
		all = append(all, a)
	}
	return all
}

// refused returns status and exception of an upload that was not begun.
func (s *sending) refused() string {
	code, _, _ := strings.Cut(s.resp.Header.Get("X-Amzn-Errortype"), ":")
	return fmt.Sprint(s.resp.StatusCode, " ", code)
}

// put sends a whole body.
func put(t testing.TB, run *kvsemu.Running, stream string, body []byte, headers ...string) []ack {
	t.Helper()
	s := send(t, run, stream, headers...)
	go func() {
		s.write(body)
		_ = s.body.Close()
	}()
	return s.rest()
}

// track is a track of pictures, or of sound from the second one on.
func track(t testing.TB, number uint64) mkv.Track {
	t.Helper()
	spec, kind := camera.Spec{Sound: camera.AAC}, media.Video
	config := spec.Video()
	if number > 1 {
		config, _ = spec.Audio()
		kind = media.Audio
	}
	out, err := mkv.TrackOf(config, kind, number)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// head is what comes before the first cluster.
func head(t testing.TB, tracks ...mkv.Track) []byte {
	t.Helper()
	if len(tracks) == 0 {
		tracks = []mkv.Track{track(t, 1)}
	}
	return mkv.AppendHeader(nil, 1_000_000, tracks)
}

// cluster is one of blocks of track 1 at milliseconds, each a NAL unit of 3 bytes.
func cluster(at time.Time, times ...int16) []byte {
	b := mkv.AppendCluster(nil, at.UnixMilli())
	for i, t := range times {
		b = append(mkv.AppendBlock(b, 1, t, i == 0, 7), 0, 0, 0, 3, 9, 9, 9)
	}
	return b
}

func second(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// named are n tags.
func named(n int, name, value string) []byte {
	var all []mkv.Tag
	for range n {
		all = append(all, mkv.Tag{Name: name, Value: value})
	}
	return mkv.AppendTags(nil, all)
}

func TestUploadsThatAreWrong(t *testing.T) {
	good := cluster(second(0), 0, 500)
	sound := mkv.AppendBlock(nil, 2, 0, true, 0)
	big := append(mkv.AppendBlock(cluster(second(1), 0), 1, 10, false, 50_000_000), make([]byte, 50_000_000)...)
	for name, c := range map[string]struct {
		body    []byte // behind header and good fragment
		headers []string
		kept    int // fragments; the good one among them
		id      int
		code    string
	}{
		"too large":              {body: big, kept: 1, id: 4001, code: "MAX_FRAGMENT_SIZE_REACHED"},
		"too long":               {body: cluster(second(1), 0, 20_001), kept: 1, id: 4002, code: "MAX_FRAGMENT_DURATION_REACHED"},
		"just not too long":      {body: cluster(second(1), 0, 20_000), kept: 2},
		"same time again":        {body: cluster(second(0), 0), kept: 1, id: 4004, code: "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		"overlap":                {body: cluster(noon.Add(400*time.Millisecond), 0), kept: 1, id: 4004, code: "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		"not Matroska":           {body: []byte("\x00rubbish"), kept: 0, id: 4006, code: "INVALID_MKV_DATA"},
		"rubbish behind one":     {body: slices.Concat(cluster(second(1), 0), []byte("\xecXXXX")), kept: 1, id: 4006, code: "INVALID_MKV_DATA"},
		"second document":        {body: slices.Concat(head(t), cluster(second(1), 0)), kept: 1, id: 4006, code: "INVALID_MKV_DATA"},
		"another document":       {body: slices.Concat(head(t, track(t, 1), track(t, 2)), cluster(second(1), 0)), kept: 1, id: 4006, code: "INVALID_MKV_DATA"},
		"before 1970":            {headers: []string{"x-amzn-fragment-timecode-type", "RELATIVE", "x-amzn-producer-start-timestamp", "-99999999999"}, id: 4007, code: "INVALID_PRODUCER_TIMESTAMP"},
		"tags":                   {body: named(10, strings.Repeat("n", 128), strings.Repeat("v", 256)), kept: 1},
		"too many tags":          {body: named(11, "a", "b"), id: 4009, code: "FRAGMENT_METADATA_LIMIT_REACHED"},
		"long name":              {body: named(1, strings.Repeat("n", 129), "b"), id: 4009, code: "FRAGMENT_METADATA_LIMIT_REACHED"},
		"long value":             {body: named(1, "a", strings.Repeat("v", 257)), id: 4009, code: "FRAGMENT_METADATA_LIMIT_REACHED"},
		"the service's name":     {body: named(1, "AWS_KINESISVIDEO_FRAGMENT_NUMBER", "7"), id: 4012, code: "INVALID_FRAGMENT_METADATA"},
		"a name of the like":     {body: named(1, "AWSOME", "b"), id: 4012, code: "INVALID_FRAGMENT_METADATA"},
		"track that is not told": {body: slices.Concat(cluster(second(1), 0), sound), kept: 1, id: 4010, code: "TRACK_NUMBER_MISMATCH"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &kvsemu.Server{}
			run := start(t, s)
			create(t, run, "cam", 1)
			all := put(t, run, "cam", slices.Concat(head(t), good, c.body), c.headers...)
			last := all[len(all)-1]
			if c.id == 0 {
				if len(wantAcks(t, all)) != c.kept {
					t.Errorf("%+v, want %d fragments", all, c.kept)
				}
			} else if last.EventType != "ERROR" || last.ErrorId != c.id || last.ErrorCode != c.code {
				t.Errorf("at the end %+v, want ERROR %d %s", last, c.id, c.code)
			}
			held, err := s.Fragments("cam", time.Unix(0, 0), evening)
			if err != nil || len(held) != c.kept {
				t.Errorf("%d fragments are there, %v, want %d", len(held), err, c.kept)
			}
		})
	}
}

func TestUploadsOfWrongTracks(t *testing.T) {
	run := start(t, &kvsemu.Server{})
	create(t, run, "cam", 1)
	four := slices.Concat(head(t, track(t, 1), track(t, 2), track(t, 3), track(t, 4)), cluster(second(0), 0))
	if all := put(t, run, "cam", four); len(all) != 1 || all[0].ErrorId != 4005 || all[0].FragmentTimecode != -1 {
		t.Errorf("four tracks: %+v, want ERROR 4005", all)
	}
	silent := slices.Concat(head(t, track(t, 1), track(t, 2)), cluster(second(0), 0))
	if all := put(t, run, "cam", silent); len(all) != 2 || all[1].ErrorId != 4011 || all[1].FragmentTimecode != noon.UnixMilli() {
		t.Errorf("no sound: %+v, want BUFFERING and ERROR 4011", all)
	}
	if all := put(t, run, "cam", nil); len(all) != 0 {
		t.Errorf("nothing: %+v, want nothing", all)
	}
	if all := put(t, run, "cam", []byte("GET / HTTP/1.1")); len(all) != 1 || all[0].ErrorId != 4006 {
		t.Errorf("no Matroska: %+v, want ERROR 4006", all)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	run := start(t, &kvsemu.Server{Creating: time.Hour, Deny: nil, Cameras: cameras(t, "film")})
	create(t, run, "new", 1)
	for want, s := range map[string]*sending{
		"404 ResourceNotFoundException":        send(t, run, "nope"),
		"404 ResourceNotFoundException ":       send(t, run, "new"),
		"400 ConnectionLimitExceededException": send(t, run, "film"),
		"400 InvalidArgumentException":         send(t, run, "film", "x-amzn-fragment-timecode-type", "LOCAL"),
		"400 InvalidArgumentException ":        send(t, run, "film", "x-amzn-producer-start-timestamp", "noon"),
	} {
		if got := s.refused(); got != strings.TrimSpace(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestUploadsAreFull(t *testing.T) {
	s := &kvsemu.Server{MaxStored: 100}
	run := start(t, s)
	create(t, run, "cam", 1)
	all := put(t, run, "cam", slices.Concat(head(t), cluster(second(0), 0, 10), cluster(second(1), 0, 10)))
	if last := all[len(all)-1]; last.ErrorId != 5001 || len(numbers(t, s, "cam")) != 1 {
		t.Errorf("%+v, want ERROR 5001 for the second fragment", all)
	}
}

// Acknowledgements come while the upload runs; one stream takes one upload at a time.
func TestUploadUnderWay(t *testing.T) {
	var passed atomic.Int64
	s := &kvsemu.Server{Now: func() time.Time { return evening.Add(time.Duration(passed.Load())) }}
	run := start(t, s)
	create(t, run, "cam", 1)
	u := send(t, run, "cam")
	want := func(events ...string) (a ack) {
		t.Helper()
		for _, event := range events {
			a, _ = u.next()
			if a.EventType != event {
				t.Fatalf("acknowledged %+v, want %s", a, event)
			}
		}
		return a
	}
	u.write(slices.Concat(head(t), cluster(second(0), 0, 500)))
	if a := want("BUFFERING"); a.FragmentTimecode != noon.UnixMilli() {
		t.Errorf("timecode %d, want that of the cluster", a.FragmentTimecode)
	}
	if got := send(t, run, "cam").refused(); got != "400 ConnectionLimitExceededException" {
		t.Errorf("second upload: %s, want 400 ConnectionLimitExceededException", got)
	}
	u.write(cluster(second(1), 0, 500))
	want("RECEIVED", "PERSISTED", "BUFFERING")
	passed.Add(int64(46 * time.Minute))
	u.write(cluster(second(2), 0, 500))
	if a := want("RECEIVED", "PERSISTED", "ERROR"); a.ErrorId != 4003 {
		t.Errorf("after 46 minutes %+v, want ERROR 4003", a)
	}
	if more := u.rest(); len(more) > 0 {
		t.Errorf("behind the error: %+v", more)
	}
}

// What was complete stays when the connection is cut; then there can be another session.
func TestUploadIsCut(t *testing.T) {
	s := &kvsemu.Server{}
	run := start(t, s)
	create(t, run, "cam", 1)
	u := send(t, run, "cam")
	u.write(slices.Concat(head(t), cluster(second(0), 0, 500), cluster(second(1), 0, 500)))
	for _, want := range []string{"BUFFERING", "RECEIVED", "PERSISTED", "BUFFERING"} {
		if a, _ := u.next(); a.EventType != want {
			t.Fatalf("acknowledged %+v, want %s", a, want)
		}
	}
	u.stop()
	again := send(t, run, "cam")
	for again.resp.StatusCode != http.StatusOK { // the service has not noticed yet
		again = send(t, run, "cam")
	}
	again.write(slices.Concat(head(t), cluster(second(5), 0, 500)))
	_ = again.body.Close()
	got := wantAcks(t, again.rest())
	if seq := sequences(t, got); !slices.Equal(seq, []int64{1001}) {
		t.Errorf("sequences %v of the second session, want 1001", seq)
	}
	if all := sequences(t, numbers(t, s, "cam")); !slices.Equal(all, []int64{1, 1001}) {
		t.Errorf("sequences %v are there, want 1 and 1001", all)
	}
}

func TestUploadIsSilent(t *testing.T) {
	run := start(t, &kvsemu.Server{Idle: 60 * time.Millisecond})
	create(t, run, "cam", 1)
	u := send(t, run, "cam")
	u.write(slices.Concat(head(t), cluster(second(0), 0)))
	all := u.rest()
	if len(all) < 2 || all[0].EventType != "BUFFERING" || all[1].EventType != "IDLE" {
		t.Errorf("%+v, want BUFFERING, IDLE and an end", all)
	}
}

func TestUploadsAtOnce(t *testing.T) {
	s := &kvsemu.Server{}
	run := start(t, s)
	path := made(t, "-c:v", "libx264", "-c:a", "aac")
	var work sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		create(t, run, name, 1)
		work.Go(func() {
			if got := sequences(t, wantAcks(t, upload(t, run, name, path))); !slices.Equal(got, []int64{1, 2, 3, 4}) {
				t.Errorf("%s: sequences %v, want 1 to 4", name, got)
			}
		})
	}
	work.Wait()
	if a, b := numbers(t, s, "a"), numbers(t, s, "b"); a[0] == b[0] {
		t.Error("two streams have the same fragment number")
	}
}

func TestClipsOfUploadsThatAreRefused(t *testing.T) {
	bare, foreign, annexB := track(t, 1), track(t, 1), track(t, 1)
	bare.Private = nil
	foreign.CodecID = "V_VP9"
	annexB.Private = append([]byte{0, 0, 0, 1}, annexB.Private[8:]...)
	starts := append(mkv.AppendBlock(mkv.AppendCluster(nil, noon.UnixMilli()), 1, 0, true, 7), 0, 0, 1, 9, 9, 9, 9)
	good := cluster(second(0), 0, 500)
	for want, body := range map[string][]byte{
		"MissingCodecPrivateDataException":    slices.Concat(head(t, bare), good),
		"UnsupportedStreamMediaTypeException": slices.Concat(head(t, foreign), good),
		"InvalidCodecPrivateDataException":    slices.Concat(head(t, annexB), good),
		"InvalidMediaFrameException":          slices.Concat(head(t), starts),
	} {
		run := start(t, &kvsemu.Server{})
		create(t, run, "cam", 1)
		n := wantAcks(t, put(t, run, "cam", body))
		status, code, text := call(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, second(9)))
		if status != 400 || code != want {
			t.Errorf("%d %s %s, want 400 %s", status, code, text, want)
		}
		if want == "MissingCodecPrivateDataException" && !strings.Contains(text, "Missing codec private data in fragment for track 1.") {
			t.Errorf("%s: %s", want, text)
		}
		matroska(t, run, "cam", n...) // which takes anything
	}
}

func TestClipsOfTwoConfigurations(t *testing.T) {
	run := start(t, &kvsemu.Server{})
	create(t, run, "cam", 1)
	other := track(t, 1)
	other.Private = camera.Spec{Variant: 1}.Video().Private
	wantAcks(t, put(t, run, "cam", slices.Concat(head(t), cluster(second(0), 0, 500))))
	wantAcks(t, put(t, run, "cam", slices.Concat(head(t, other), cluster(second(1), 0, 500))))
	status, code, _ := call(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, second(9)))
	if status != 400 || code != "InvalidCodecPrivateDataException" {
		t.Errorf("%d %s, want 400 InvalidCodecPrivateDataException", status, code)
	}
	if status, code, _ := call(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, second(0).Add(time.Millisecond))); status != 200 {
		t.Errorf("one configuration: %d %s, want 200", status, code)
	}
}
