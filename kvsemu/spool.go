package kvsemu

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// errCut means that the connection ended in the middle of a body.
var errCut = errors.New("the connection was cut")

// spool reads a body, and keeps what was read until it is cut off.
type spool struct {
	in   io.Reader
	most int64 // bytes that may be kept
	kept []byte
	from int64 // where in the body kept begins
	err  error // nothing is read any more

	touched atomic.Int64 // when bytes came last, nanoseconds since 1970 on this machine's clock
}

// Read implements io.Reader.
func (s *spool) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if room := s.most - int64(len(s.kept)); room <= 0 {
		return 0, ackSize
	} else if int64(len(b)) > room {
		b = b[:room]
	}
	n, err := s.in.Read(b)
	if n > 0 {
		s.touched.Store(time.Now().UnixNano())
	}
	s.kept = append(s.kept, b[:n]...)
	if err != nil && err != io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
		err = fmt.Errorf("%w: %v", errCut, err) //nolint:errorlint // an unexpected EOF is not the body's
	}
	return n, err
}

// stop lets all further reads fail, unless err is nil.
func (s *spool) stop(err error) {
	if s.err == nil {
		s.err = err
	}
}

// spooled is a stretch of a body, and what came before it.
type spooled struct{ before, of []byte }

// cut returns the bytes from lo to hi, and those before them that were not cut off yet. They are lent
// until the next call.
func (s *spool) cut(lo, hi int64) (spooled, error) {
	if lo < s.from || hi < lo || hi > s.from+int64(len(s.kept)) {
		return spooled{}, ackInternal
	}
	out := spooled{s.kept[:lo-s.from], s.kept[lo-s.from : hi-s.from]}
	s.kept, s.from = s.kept[hi-s.from:], hi
	return out, nil
}
