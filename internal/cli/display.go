package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/progress"
)

// display tells on standard error what a job does. event is called one call at a time; after
// close, which must be called once, nothing is written any more.
type display interface {
	event(progress.Event)
	close()
}

// talk chooses how: a log when asked for one, bars for somebody before a screen, lines else.
func (a *app) talk(ctx context.Context, t talkFlags) *talk {
	switch {
	case t.quiet:
		return &talk{display: silence{}}
	case t.verbose > 0 || t.format == "json":
		return &talk{display: &logged{log: a.logger(t), tally: tally{now: a.now}}}
	case terminal(a.stderr):
		return &talk{display: newBars(ctx, a.stderr, a.now, false)}
	}
	return &talk{display: &lines{w: a.stderr, tally: tally{now: a.now}}}
}

// talk is a display that remembers which notes it showed, so that nobody reads one twice.
type talk struct {
	display
	told []string
}

func (t *talk) event(e progress.Event) {
	if n, ok := e.(progress.Note); ok {
		t.told = append(t.told, n.Text)
	}
	t.display.event(e)
}

func (t *talk) note(text string) { t.event(progress.Note{Text: text}) }

// untold lists the notes that were not shown.
func (t *talk) untold(notes []string) []string {
	return slices.DeleteFunc(slices.Clone(notes), func(n string) bool { return slices.Contains(t.told, n) })
}

type silence struct{}

func (silence) event(progress.Event) {}
func (silence) close()               {}

// tally is how far a job is.
type tally struct {
	now      func() time.Time
	start    time.Time // when fetching began
	last     time.Time // when due was last true
	came     time.Time // when something last came, or fetching began
	pieces   int
	fetched  int   // pieces
	total    int64 // bytes, estimated; 0 means not known
	bytes    int64 // fetched in this run
	kept     int64 // bytes found from an earlier run
	writing  progress.Writing
	fragment int
}

func (t *tally) add(e progress.Event) {
	switch e := e.(type) {
	case progress.Planned:
		t.start, t.last, t.came = t.now(), t.now(), t.now()
		t.pieces, t.fragment, t.total = e.Pieces, e.Fragments, e.Bytes
	case progress.Bytes:
		t.bytes += e.N
		if e.N > 0 {
			t.came = t.now()
		}
	case progress.Fetched:
		t.fetched++
		if e.Kept {
			t.kept += e.Bytes
		}
	case progress.Halved:
		t.pieces++
	case progress.Writing:
		t.writing = e
	}
}

// due says whether it is time for another line, every 5 s.
func (t *tally) due() bool {
	now := t.now()
	if t.last.IsZero() {
		t.last = now
	}
	if now.Sub(t.last) < 5*time.Second {
		return false
	}
	t.last = now
	return true
}

// have is how many bytes of the clip are there.
func (t *tally) have() int64 { return max(0, t.bytes+t.kept) }

// speed is bytes a second since fetching began; 0 when that is too short to tell.
func (t *tally) speed() int64 {
	d := t.now().Sub(t.start)
	if t.start.IsZero() || d < 100*time.Millisecond {
		return 0
	}
	return int64(float64(max(0, t.bytes)) / d.Seconds())
}

// waiting says that nothing has come for some seconds, so that nobody knows how long it will take.
func (t *tally) waiting() bool { return !t.came.IsZero() && t.now().Sub(t.came) >= 5*time.Second }

// left guesses how long fetching goes on; 0 means nobody knows.
func (t *tally) left() time.Duration {
	speed := t.speed()
	if speed == 0 || t.total <= t.have() {
		return 0
	}
	return time.Duration(float64(t.total-t.have()) / float64(speed) * float64(time.Second)).Round(time.Second)
}

// begin tells the size of the job.
func (t *tally) begin() string {
	if t.fragment == 0 {
		return fmt.Sprintf("fetching %s", countText(t.pieces, "piece"))
	}
	return fmt.Sprintf("fetching %s, %s, in %s", countText(t.fragment, "fragment"), bytesText(t.total), countText(t.pieces, "piece"))
}

// text tells how far fetching is.
func (t *tally) text() string {
	s := bytesText(t.have())
	if t.total > 0 {
		s += " of " + bytesText(max(t.total, t.have()))
	}
	s += fmt.Sprintf(", %d of %s", t.fetched, countText(t.pieces, "piece"))
	if t.waiting() {
		return s + ", waiting"
	}
	if speed := t.speed(); speed > 0 {
		s += fmt.Sprintf(", %s/s", bytesText(speed))
	}
	if left := t.left(); left > 0 {
		s += fmt.Sprintf(", %s left", lengthText(left))
	}
	return s
}

// written tells how far joining is.
func (t *tally) written() string {
	return fmt.Sprintf("%s of %s", bytesText(t.writing.Done), bytesText(t.writing.Total))
}

// lines tells a line at the start and one every few seconds, for logs of other programs.
type lines struct {
	w io.Writer
	tally
}

func (l *lines) event(e progress.Event) {
	l.add(e)
	switch e := e.(type) {
	case progress.Planned:
		l.line(l.begin())
	case progress.Note:
		l.line("note: " + e.Text)
	case progress.Writing:
		if l.due() {
			l.line("joining, " + l.written())
		}
	default:
		if !l.start.IsZero() && l.due() {
			l.line(l.text())
		}
	}
}

func (l *lines) close()           {}
func (l *lines) line(text string) { fmt.Fprintf(l.w, "kvsclip: %s\n", text) }

// logged tells every event to a log, and bytes every few seconds.
type logged struct {
	log   *slog.Logger
	whole bool // the last of the writing was told
	tally
}

func (l *logged) event(e progress.Event) {
	l.add(e)
	switch e := e.(type) {
	case progress.Planned:
		l.log.Info("planned", "pieces", e.Pieces, "fragments", e.Fragments, "bytes", e.Bytes)
	case progress.Bytes:
		if l.due() {
			l.log.Info("progress", "bytes", l.have(), "total", l.total, "pieces", l.fetched, "bytesPerSecond", l.speed())
		}
	case progress.Fetched:
		l.log.Info("fetched", "piece", e.Piece+1, "bytes", e.Bytes, "kept", e.Kept)
	case progress.Retried:
		l.log.Info("retried", "call", e.Op, "try", e.Try, "error", e.Err)
	case progress.Halved:
		l.log.Info("halved", "piece", e.Piece+1, "error", e.Err)
	case progress.Turned:
		l.log.Info("turned to GetMediaForFragmentList", "piece", e.Piece+1, "error", e.Err)
	case progress.Writing:
		whole := e.Done == e.Total
		if (l.due() || whole) && !l.whole {
			l.whole = whole
			l.log.Info("writing", "done", e.Done, "total", e.Total)
		}
	case progress.Note:
		l.log.Warn(e.Text)
	case progress.Called:
		l.log.Debug("called", "call", e.Op, "took", e.Took, "error", e.Err)
	}
}

func (l *logged) close() {}
