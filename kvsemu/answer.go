package kvsemu

import (
	"context"
	"net/http"
	"time"
)

// answer sends a response, slowed and broken as the call's fault says.
type answer struct {
	http.ResponseWriter
	call    *call
	status  int   // 0 until the header is written
	sent    int64 // body bytes
	stalled bool

	held bool // whether the last byte written waits for the next one, or for the end
	last [1]byte
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.call.fault.CutAfter < 0 {
		panic(http.ErrAbortHandler)
	}
	if a.status == 0 {
		a.status = status
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter. The last byte stays behind, so that nobody has read a
// whole answer before it was logged.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if len(b) == 0 {
		return 0, nil
	}
	a.end()
	n, err := a.push(b[:len(b)-1])
	if err != nil {
		return n, err
	}
	a.held, a.last[0] = true, b[len(b)-1]
	return len(b), nil
}

// end sends the byte that stayed behind. An error shows again at the next byte, if there is one.
func (a *answer) end() {
	if a.held {
		a.held = false
		_, _ = a.push(a.last[:])
	}
}

// flush sends all there is, for answers whose end is told apart from their last byte.
func (a *answer) flush() error {
	a.end()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// push sends b.
func (a *answer) push(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n := a.room(len(b) - done)
		if n == 0 {
			if err := a.stumble(); err != nil {
				return done, err
			}
			continue
		}
		wrote, err := a.ResponseWriter.Write(b[done : done+n])
		done += wrote
		a.sent += int64(wrote)
		if err != nil {
			return done, err
		}
		if err := a.pace(wrote); err != nil {
			return done, err
		}
	}
	return done, a.atEnd()
}

// room returns how many of n bytes can be sent before something happens.
func (a *answer) room(n int) int {
	f, room := a.call.fault, int64(n)
	if f.CutAfter > 0 {
		room = min(room, f.CutAfter-a.sent)
	}
	if a.stalls() {
		room = min(room, f.StallAfter-a.sent)
	}
	if a.call.s.Bandwidth > 0 {
		room = min(room, max(1, a.call.s.Bandwidth/50))
	}
	return int(max(0, room))
}

func (a *answer) stalls() bool {
	return !a.stalled && (a.call.fault.Stall || a.call.fault.StallFor > 0)
}

// stumble cuts or stalls, whichever is due.
func (a *answer) stumble() error {
	if err := http.NewResponseController(a.ResponseWriter).Flush(); err != nil {
		return err
	}
	f := a.call.fault
	if f.CutAfter > 0 && a.sent >= f.CutAfter {
		panic(http.ErrAbortHandler)
	}
	a.stalled = true
	d := f.StallFor
	if f.Stall {
		d = endless
	}
	return wait(a.call.r.Context(), d)
}

// atEnd cuts at exactly where a write ended, which may be the body's end.
func (a *answer) atEnd() error {
	if f := a.call.fault; f.CutAfter > 0 && a.sent >= f.CutAfter {
		return a.stumble()
	}
	return nil
}

// pace keeps to the bandwidth.
func (a *answer) pace(n int) error {
	if a.call.s.Bandwidth <= 0 {
		return nil
	}
	return wait(a.call.r.Context(), time.Duration(float64(n)/float64(a.call.s.Bandwidth)*float64(time.Second)))
}

// wait waits for d, or for the end of ctx, which it reports.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
