package kvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia"
	mediatypes "github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/progress"
)

// ClipRequest is one GetClip call.
type ClipRequest struct {
	Stream string // name or ARN
	Clock  archive.Clock
	// First and Last are fragment START times, both inclusive, as GetClip compares them
	// (API_reader_ClipTimestampRange). They are sent in whole milliseconds. The service refuses
	// an end that is not after the start, so for one fragment the end is sent 1 ms later.
	First, Last time.Time
	Fragments   int // quota points it costs; 0 means not known, counted as one a second and MaxClipFragments at the most
}

// points is what the call costs. Fragments that are not known start a second apart at the least
// (Amazon Kinesis Video Streams quotas, minimum fragment duration).
func (q ClipRequest) points() int {
	if q.Fragments > 0 {
		return q.Fragments
	}
	return int(min(MaxClipFragments, 1+q.Last.Sub(q.First)/time.Second))
}

// Answer is one answer of GetClip or GetMediaForFragmentList on its way.
type Answer struct {
	io.Reader        // its body; not to be kept
	RequestID string // x-amzn-RequestId, by which AWS finds the call again; "" if it sent none, or something else
}

// Clip asks GetClip and hands the answer to use; nil means the whole body was read and use took it.
//
// A body that breaks off, stalls, or that use rejects with an error that is ErrGarbled, is asked
// for again within the tries. use is called once a try, from the caller's goroutine, and must not
// keep the reader; before it is called again what it made of the earlier try is to be thrown
// away. What use leaves unread is read and dropped. Any other error of use, while the body is
// sound, is returned as it is and ends the call. All other errors are *Error.
func (c *Client) Clip(ctx context.Context, q ClipRequest, use func(Answer) error) error {
	t, err := c.target(opGetClip, q.Stream)
	if err != nil {
		return err
	}
	first, last := q.First, q.Last
	if !last.Truncate(time.Millisecond).After(first.Truncate(time.Millisecond)) {
		last = first.Add(time.Millisecond)
	}
	in := &kinesisvideoarchivedmedia.GetClipInput{
		StreamName: t.name, StreamARN: t.arn,
		ClipFragmentSelector: &mediatypes.ClipFragmentSelector{
			FragmentSelectorType: mediatypes.ClipFragmentSelectorType(selector(q.Clock)),
			TimestampRange:       &mediatypes.ClipTimestampRange{StartTimestamp: &first, EndTimestamp: &last},
		},
	}
	cost := q.points()
	call := dataCall{op: opGetClip, api: types.APINameGetClip, stream: q.Stream, media: fixed(cost), metadata: cost}
	err = c.askData(ctx, call, func(ctx context.Context, at atEndpoint, quiet *time.Timer) error {
		out, err := c.media.GetClip(ctx, in, at)
		quiet.Stop() // from here on only a read is watched: use may take its time
		if err != nil {
			return err
		}
		defer func() { _ = out.Payload.Close() }() // all that matters has been read by then
		return c.pour(ctx, answerOf(out.Payload, out.ResultMetadata), quiet, false, use)
	})
	return unwrapped(err)
}

func answerOf(body io.Reader, m middleware.Metadata) Answer {
	id, _ := awsmiddleware.GetRequestIDMetadata(m)
	return Answer{Reader: body, RequestID: mark(idPattern, id)}
}

// unwrapped returns an error of use as it was.
func unwrapped(err error) error {
	if r, ok := errors.AsType[*rejection](err); ok {
		return r.err
	}
	return err
}

// rejection is an error of use over a sound body: no error of this package's to judge.
type rejection struct{ err error }

func (r *rejection) Error() string { return r.err.Error() }

// pour hands one answer to use, and what it finds about the body goes before what use says. keeps
// says that use does not throw away what came of an answer that broke off.
func (c *Client) pour(ctx context.Context, from Answer, quiet *time.Timer, keeps bool, use func(Answer) error) (err error) {
	b := &body{
		from: from.Reader, quiet: quiet, idle: c.cfg.Idle, limit: c.maxAnswer,
		stalled: func() bool { return errors.Is(context.Cause(ctx), ErrStalled) },
		arrived: func(n int) error { return c.arrived(ctx, n) },
	}
	defer func() {
		if err != nil && b.n > 0 && !keeps {
			c.report(progress.Bytes{N: -b.n})
		}
	}()
	err = use(Answer{Reader: b, RequestID: from.RequestID})
	switch {
	case b.err != nil:
		return b.err
	case errors.Is(err, ErrGarbled):
		return err
	case err != nil:
		return &rejection{err}
	}
	if _, err := io.Copy(io.Discard, b); err != nil {
		return err
	}
	return nil
}

// arrived counts n bytes and waits until the speed limit has room for them.
func (c *Client) arrived(ctx context.Context, n int) error {
	c.counts.bytes.Add(int64(n))
	c.report(progress.Bytes{N: int64(n)})
	if c.speed == nil {
		return nil
	}
	return spend(ctx, c.speed, n)
}

// body is one answer's body. Its first failure sticks, so that it is known whatever use makes of it.
type body struct {
	from    io.Reader
	quiet   *time.Timer // cuts the answer off; runs during a read only
	idle    time.Duration
	stalled func() bool // quiet has run out
	arrived func(n int) error
	limit   int64 // bytes
	n       int64 // bytes read
	err     error // first failure, never io.EOF
	end     bool
	slow    slowness
}

// slowness ends an answer that trickles: a byte before every idle time is up would last for years.
// Only time spent waiting for bytes counts.
type slowness struct {
	spent time.Duration
	came  int64 // bytes in that time
}

// At least so many bytes have to come in so many idle times: 16 KiB in two minutes.
const (
	trickleBytes = 16 << 10
	trickleIdles = 4
)

// read notes one read, and tells whether the answer is too slow.
func (s *slowness) read(n int, took, idle time.Duration) bool {
	s.spent, s.came = s.spent+took, s.came+int64(n)
	if s.came >= trickleBytes {
		*s = slowness{}
	}
	return s.spent > trickleIdles*idle
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.end:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	began := time.Now()
	b.quiet.Reset(b.idle)
	n, err := b.from.Read(p)
	b.quiet.Stop()
	trickles := b.slow.read(n, time.Since(began), b.idle)
	end := err == io.EOF //nolint:errorlint // what only wraps io.EOF is a failure, not the end
	b.n += int64(n)
	if n > 0 {
		if werr := b.arrived(n); werr != nil && (err == nil || end) {
			err, end = werr, false
		}
	}
	switch {
	case b.n > b.limit:
		b.err = fmt.Errorf("%w: expected at most %d bytes", ErrTooLarge, b.limit)
	case end:
		b.end = true
		return n, io.EOF
	case err != nil && b.stalled():
		b.err = fmt.Errorf("%w: no byte for %v after %d bytes", ErrStalled, b.idle, b.n)
	case err != nil:
		b.err = &brokenBody{after: b.n, err: err}
	case trickles:
		b.err = fmt.Errorf("%w: less than %d bytes in %v after %d bytes", ErrStalled, trickleBytes, trickleIdles*b.idle, b.n)
	}
	return n, b.err
}

// brokenBody is a body that ended before its length said, or with its connection.
type brokenBody struct {
	after int64 // bytes
	err   error
}

func (b *brokenBody) Error() string {
	return fmt.Sprintf("answer broke off after %d bytes: %v", b.after, b.err)
}

func (b *brokenBody) Unwrap() error { return b.err }
