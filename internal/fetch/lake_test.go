package fetch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// lake is a service with one recording, which is no MP4 can hold: fragments of two seconds, ten
// pictures each.
type lake struct {
	fragments []archive.Fragment
	docs      map[string][]byte // by number

	mu     sync.Mutex                                                   // guards all below
	asked  [][]string                                                   // numbers of each call
	clips  int                                                          // calls of GetClip
	answer func(call int, numbers []string, w http.ResponseWriter) bool // false: give what was asked for
	clip   func(call int, w http.ResponseWriter)
}

const (
	frames   = 10
	interval = 200 * time.Millisecond
)

// newLake makes a recording of n fragments, and a client of it.
func newLake(t *testing.T, n, tries int) (*lake, *bench) {
	t.Helper()
	l := &lake{docs: map[string][]byte{}}
	for i := range n {
		at := begin.Add(time.Duration(i) * frames * interval)
		f := archive.Fragment{
			Number: strconv.Itoa(91343852333181432 + i), Producer: at, Server: at.Add(time.Second),
			Length: (frames - 1) * interval, Size: 5000,
		}
		l.fragments = append(l.fragments, f)
		l.docs[f.Number] = document(f, i)
	}
	l.clip = func(_ int, w http.ResponseWriter) { refuse(w, 400, "UnsupportedStreamMediaTypeException", "no") }
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	client, err := kvs.Open(t.Context(), kvs.Config{Anonymous: true, EndpointURL: srv.URL, Retries: tries, Backoff: time.Nanosecond, Share: kvs.MaxShare})
	if err != nil {
		t.Fatal(err)
	}
	return l, &bench{client: client}
}

// document is what the service stores of a fragment. Its number in the recording is in its pictures
// and in its tags.
func document(f archive.Fragment, i int) []byte {
	return documentOf(f, i, frames, mkv.AppendTags(nil, []mkv.Tag{{Name: "odd", Value: strconv.FormatBool(i%2 == 1)}}))
}

func documentOf(f archive.Fragment, i, frames int, tags []byte) []byte {
	b := mkv.AppendHeader(nil, 1e6, []mkv.Track{{Number: 1, Type: mkv.TypeVideo, CodecID: "V_MJPEG", Width: 320, Height: 200}})
	b = append(b, tags...)
	b = mkv.AppendKVSTags(b, f.Number, f.Server, f.Producer)
	b = mkv.AppendCluster(b, f.Producer.UnixMilli())
	for k := range frames {
		picture := bytes.Repeat([]byte{byte(i), byte(k)}, 200+k)
		b = mkv.AppendBlock(b, 1, int16(k*int(interval.Milliseconds())), true, int64(len(picture)))
		b = append(b, picture...)
	}
	return b
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Message": message})
}

func (l *lake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", "00000000-1111-2222-3333-444444444444")
	switch r.URL.Path {
	case "/getDataEndpoint":
		_, _ = fmt.Fprintf(w, `{"DataEndpoint":"http://%s"}`, r.Host)
	case "/getClip":
		l.mu.Lock()
		l.clips++
		call := l.clips
		l.mu.Unlock()
		l.clip(call, w)
	case "/getMediaForFragmentList":
		var in struct{ Fragments []string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		l.mu.Lock()
		l.asked = append(l.asked, in.Fragments)
		call, answer := len(l.asked), l.answer
		l.mu.Unlock()
		if answer == nil || !answer(call, in.Fragments, w) {
			l.give(w, in.Fragments...)
		}
	}
}

// give sends documents, one behind the other.
func (l *lake) give(w io.Writer, numbers ...string) {
	for _, n := range numbers {
		_, _ = w.Write(l.docs[n])
	}
}

// plan plans pieces of so many fragments.
func (l *lake) plan(per int) *plan.Plan {
	r := archive.Range{Clock: archive.Producer, From: begin, To: begin.Add(time.Duration(len(l.fragments)) * frames * interval)}
	return plan.Build(r, l.fragments, plan.Options{MaxPiece: time.Duration(per-1) * frames * interval})
}

func (l *lake) job(t *testing.T, b *bench, per int, e fetch.Engine) *fetch.Job {
	t.Helper()
	j := b.job(t, l.plan(per))
	j.Engine = e
	return j
}

// pictures lists which pictures the pieces show, as "fragment.picture", and when in milliseconds
// since the recording began.
func pictures(t *testing.T, pieces []fetch.Piece) (which []string, when []int64) {
	t.Helper()
	for _, pc := range pieces {
		n := 0
		for _, part := range pc.Parts {
			n += len(part.Fragments)
			if len(part.Tags) != len(part.Fragments) {
				t.Errorf("%d fragments and tags of %d", len(part.Fragments), len(part.Tags))
			}
			v := part.Movie.Tracks[0]
			for i, s := range v.Samples {
				b := make([]byte, s.Size)
				if _, err := part.Movie.Sources[s.Source].ReadAt(b, s.Offset); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				which = append(which, fmt.Sprintf("%d.%d", b[0], b[1]))
				when = append(when, part.Fragments[0].Producer.Sub(begin).Milliseconds()+v.Composition(i)*1000/int64(v.Timescale))
				if want := bytes.Repeat(b[:2], len(b)/2); !bytes.Equal(b, want) || len(b) != 2*(200+int(b[1])) {
					t.Errorf("picture %s is not as it was recorded", which[len(which)-1])
				}
			}
		}
		if n != len(pc.Fragments) {
			t.Errorf("piece %d: %d fragments, and its parts have %d", pc.Index, len(pc.Fragments), n)
		}
	}
	return which, when
}

// shows fails unless the pieces show the pictures of these fragments, all, in order and at their times.
func shows(t *testing.T, pieces []fetch.Piece, fragments ...int) {
	t.Helper()
	which, when := pictures(t, pieces)
	var want []string
	var at []int64
	for _, i := range fragments {
		for k := range frames {
			want = append(want, fmt.Sprintf("%d.%d", i, k))
			at = append(at, int64(i*frames+k)*interval.Milliseconds())
		}
	}
	if !slices.Equal(which, want) {
		t.Errorf("shown: %v\nwant:  %v", which, want)
	}
	if !slices.Equal(when, at) {
		t.Errorf("times: %v\nwant:  %v", when, at)
	}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func notes(b *bench) (out []string) {
	for _, e := range b.events {
		if n, ok := e.(progress.Note); ok {
			out = append(out, n.Text)
		}
	}
	return out
}
