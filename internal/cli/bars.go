package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars shows one bar for fetching and one for joining, on a terminal, and takes them away at the
// end so that only the summary stays.
type bars struct {
	w        io.Writer
	all      *mpb.Progress
	fetching *mpb.Bar // nil until the job is planned
	joining  *mpb.Bar // nil until writing begins, when fetching has ended

	mu    sync.Mutex // guards tally, which the bars read from goroutines of their own
	tally tally
}

// newBars starts to draw. always draws even where there is no terminal, for tests.
func newBars(ctx context.Context, w io.Writer, now func() time.Time, always bool) *bars {
	all := mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.ContainerOptional(mpb.WithAutoRefresh(), always))
	return &bars{w: w, all: all, tally: tally{now: now}}
}

func (b *bars) event(e progress.Event) {
	b.mu.Lock()
	b.tally.add(e)
	have, total := b.tally.have(), b.tally.total
	b.mu.Unlock()
	switch e := e.(type) {
	case progress.Planned:
		b.fetching = b.add("fetching", (*tally).text)
	case progress.Writing:
		if b.joining == nil {
			drop(b.fetching)
			b.fetching = nil
			b.joining = b.add("joining", (*tally).written)
		}
		set(b.joining, e.Done, e.Total)
	case progress.Note:
		b.note(e.Text)
	}
	set(b.fetching, have, max(have, total))
}

func set(bar *mpb.Bar, current, total int64) {
	if bar != nil {
		bar.SetTotal(total, false)
		bar.SetCurrent(current)
	}
}

func drop(bar *mpb.Bar) {
	if bar != nil {
		bar.Abort(true)
	}
}

// add makes a bar of unknown size, which ends only when it is aborted. It is nil once the
// context has ended, since nothing is drawn any more.
func (b *bars) add(name string, text func(*tally) string) *mpb.Bar {
	bar, err := b.all.Add(0, mpb.BarStyle().Build(),
		mpb.BarWidth(30),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return " " + text(&b.tally)
		})))
	if err != nil {
		return nil
	}
	return bar
}

// note writes above the bars; once they are gone there is nothing left to write above.
func (b *bars) note(text string) {
	line := fmt.Sprintf("kvsclip: note: %s\n", text)
	if _, err := b.all.Write([]byte(line)); err != nil {
		fmt.Fprint(b.w, line)
	}
}

func (b *bars) close() {
	drop(b.fetching)
	drop(b.joining)
	b.all.Wait()
}
