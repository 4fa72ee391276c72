package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/internal/progress"
	"go.uber.org/goleak"
)

// clock is a time that rises when told to.
type clock struct{ t time.Time }

func newClock() *clock                  { return &clock{time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time         { return c.t }
func (c *clock) passes(d time.Duration) { c.t = c.t.Add(d) }
func report(d display, e ...progress.Event) {
	for _, e := range e {
		d.event(e)
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	l := &lines{w: &out, tally: tally{now: c.now}}
	report(l, progress.Planned{Pieces: 4, Fragments: 251, Bytes: 100_000_000}, progress.Fetched{Piece: 0, Kept: true, Bytes: 20_000_000})
	for range 8 {
		c.passes(time.Second)
		report(l, progress.Bytes{N: 2_000_000})
	}
	report(l, progress.Bytes{N: -1_000_000}, progress.Retried{Op: "GetClip", Try: 1, Err: errors.New("cut")},
		progress.Halved{Piece: 2}, progress.Fetched{Piece: 1, Bytes: 15_000_000}, progress.Note{Text: "sound changes"})
	c.passes(5 * time.Second)
	report(l, progress.Bytes{N: 0})
	c.passes(5 * time.Second)
	report(l, progress.Writing{Done: 50_000_000, Total: 100_000_000})
	l.close()
	want := `kvsclip: fetching 251 fragments, 100.0 MB, in 4 pieces
kvsclip: 30.0 MB of 100.0 MB, 1 of 4 pieces, 2.0 MB/s, 35s left
kvsclip: note: sound changes
kvsclip: 35.0 MB of 100.0 MB, 2 of 5 pieces, waiting
kvsclip: joining, 50.0 MB of 100.0 MB
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLinesWithoutListing(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	l := &lines{w: &out, tally: tally{now: c.now}}
	report(l, progress.Planned{Pieces: 1})
	c.passes(6 * time.Second)
	report(l, progress.Bytes{N: 6000})
	if want := "kvsclip: fetching 1 piece\nkvsclip: 6.0 kB, 0 of 1 piece, 1.0 kB/s\n"; out.String() != want {
		t.Errorf("lines = %q, want %q", out.String(), want)
	}
}

func TestLogTellsTheEndOnce(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, now: newClock().now}
	talk := a.talk(t.Context(), talkFlags{verbose: 1, format: "text"})
	report(talk, progress.Planned{Pieces: 2}, progress.Fetched{Piece: 1}, progress.Writing{Done: 9, Total: 9}, progress.Writing{Done: 9, Total: 9})
	talk.close()
	if got := strings.Count(out.String(), "msg=writing"); got != 1 || !strings.Contains(out.String(), "piece=2") {
		t.Errorf("the end of the writing is told %d times, want once, and piece 2:\n%s", got, out.String())
	}
}

func TestLogIsJSON(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, now: newClock().now}
	talk := a.talk(t.Context(), talkFlags{format: "json"})
	talk.note("the range ends in the future")
	report(talk, progress.Planned{Pieces: 2}, progress.Retried{Op: "GetClip", Try: 1, Err: errors.New("cut")})
	talk.close()
	var kinds []string
	for line := range strings.Lines(out.String()) {
		var v struct {
			Msg   string `json:"msg"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, v.Msg+v.Error)
	}
	if want := []string{"the range ends in the future", "planned", "retriedcut"}; !slices.Equal(kinds, want) {
		t.Errorf("log = %q, want %q", kinds, want)
	}
}

func TestNotesAreToldOnce(t *testing.T) {
	a := &app{stderr: &bytes.Buffer{}, now: newClock().now}
	talk := a.talk(t.Context(), talkFlags{format: "text"})
	talk.note("one")
	if got := talk.untold([]string{"one", "two"}); !slices.Equal(got, []string{"two"}) {
		t.Errorf("untold = %q, want two", got)
	}
}

// screen is written to by the goroutine of the bars.
type screen struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestBarsDraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		b := newBars(t.Context(), &out, time.Now, true)
		report(b, progress.Planned{Pieces: 2, Fragments: 300, Bytes: 100_000_000})
		time.Sleep(time.Second) // of the bubble's clock: a frame is drawn
		report(b, progress.Bytes{N: 40_000_000}, progress.Note{Text: "sound changes"})
		time.Sleep(time.Second)
		report(b, progress.Fetched{Piece: 0, Bytes: 40_000_000}, progress.Writing{Done: 10, Total: 100})
		time.Sleep(time.Second)
		b.close()
		for _, want := range []string{"fetching", "40.0 MB of 100.0 MB, 0 of 2 pieces, 33.3 MB/s, 2s left", "kvsclip: note: sound changes", "joining", " 10 B of 100 B"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the screen lacks %q:\n%s", want, out.String())
			}
		}
	})
}

func TestBarsEndWithTheirContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	b := newBars(ctx, &screen{}, time.Now, true)
	report(b, progress.Planned{Pieces: 1, Bytes: 10}, progress.Bytes{N: 5})
	cancel()
	report(b, progress.Bytes{N: 5}, progress.Note{Text: "late"}, progress.Writing{Done: 1, Total: 2})
	b.close()
}

func TestBarsWithoutEvents(t *testing.T) {
	defer goleak.VerifyNone(t)
	newBars(t.Context(), &screen{}, time.Now, true).close()
}
