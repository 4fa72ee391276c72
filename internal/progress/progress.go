// Package progress says what a long job can report while it runs. It prints nothing.
package progress

import "time"

// Func takes events. It is called from several goroutines, one call at a time, and must return
// at once. A nil Func may not be called: use Report.
type Func func(Event)

// Report calls f with e unless f is nil.
func (f Func) Report(e Event) {
	if f != nil {
		f(e)
	}
}

// Event is one thing that happened: Planned, Bytes, Fetched, Called, Retried, Halved,
// Turned, Writing or Note.
type Event interface{ event() }

type (
	// Planned tells the size of the job, once, before the first piece is asked for.
	Planned struct {
		Pieces    int
		Fragments int   // 0 when fragments could not be listed
		Bytes     int64 // estimate, slightly high; 0 when not known
	}
	// Bytes tells that N more media bytes have arrived. N is negative when an answer that broke
	// off is thrown away to be asked for again.
	Bytes struct{ N int64 }
	// Fetched tells that a piece lies on disk, whole and checked.
	Fetched struct {
		Piece int  // Piece.Index
		Kept  bool // found from an earlier run, not fetched now
		Bytes int64
	}
	// Retried tells that a call failed in a way worth another try.
	Retried struct {
		Op  string // API name
		Try int    // the try that failed, from 1
		Err error
	}
	// Called tells of every answer, good or bad: for those who look for trouble.
	Called struct {
		Op   string // API name
		Took time.Duration
		Err  error // nil if the call was carried out
	}
	// Halved tells that a piece was cut in two, and why.
	Halved struct {
		Piece int
		Err   error
	}
	// Turned tells that a piece is fetched fragment by fragment, because GetClip refuses it, and why.
	Turned struct {
		Piece int
		Err   error
	}
	// Writing tells how far the joined file is; Done never exceeds Total.
	Writing struct{ Done, Total int64 }
	// Note is a sentence for the user: something they should know that is no failure.
	Note struct{ Text string }
)

func (Planned) event() {}
func (Bytes) event()   {}
func (Fetched) event() {}
func (Retried) event() {}
func (Called) event()  {}
func (Halved) event()  {}
func (Turned) event()  {}
func (Writing) event() {}
func (Note) event()    {}
