package kvs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia"
)

// MaxMediaFragments is the most fragment numbers of one call
// (API_reader_GetMediaForFragmentList; Amazon Kinesis Video Streams quotas).
const MaxMediaFragments = 1000

var errNumbers = errors.New("unusable fragment numbers")

// MediaRequest is one GetMediaForFragmentList call.
type MediaRequest struct {
	Stream    string   // name or ARN
	Fragments []string // 1 to MaxMediaFragments numbers; each costs a quota point
	// Left is asked before each try for those of Fragments that are still wanted: what came whole in
	// an answer that broke off later need not come again. With none left the call is done. Nil means
	// that all are wanted each time.
	Left func() []string
}

// Media asks GetMediaForFragmentList and hands the answer to use, as Clip does with GetClip; where
// q.Left is set, use keeps what it made of an earlier try. At most 5 such calls of one stream run
// at a time; others wait.
func (c *Client) Media(ctx context.Context, q MediaRequest, use func(Answer) error) error {
	t, err := c.target(opGetMedia, q.Stream)
	if err != nil {
		return err
	}
	if err := fit(q.Fragments); err != nil {
		return c.refused(opGetMedia, q.Stream, "InvalidFragments", err, "")
	}
	in := &kinesisvideoarchivedmedia.GetMediaForFragmentListInput{StreamName: t.name, StreamARN: t.arn}
	next := func() int {
		in.Fragments = q.Fragments
		if q.Left == nil {
			return len(in.Fragments)
		}
		if in.Fragments = q.Left(); len(in.Fragments) == 0 {
			return -1
		}
		return len(in.Fragments)
	}
	call := dataCall{op: opGetMedia, api: types.APINameGetMediaForFragmentList, stream: q.Stream, media: next, line: true}
	err = c.askData(ctx, call, func(ctx context.Context, at atEndpoint, quiet *time.Timer) error {
		out, err := c.media.GetMediaForFragmentList(ctx, in, at)
		quiet.Stop() // from here on only a read is watched: use may take its time
		if err != nil {
			return err
		}
		defer func() { _ = out.Payload.Close() }() // all that matters has been read by then
		return c.pour(ctx, answerOf(out.Payload, out.ResultMetadata), quiet, q.Left != nil, use)
	})
	return unwrapped(err)
}

// fit says whether fragments can be asked for by these numbers.
func fit(numbers []string) error {
	if n := len(numbers); n < 1 || n > MaxMediaFragments {
		return fmt.Errorf("%w: expected 1 to %d, got %d", errNumbers, MaxMediaFragments, n)
	}
	for _, n := range numbers {
		if n == "" || len(n) > 128 || strings.Trim(n, "0123456789") != "" {
			return fmt.Errorf("%w: %.200q: expected 1 to 128 digits", errNumbers, n)
		}
	}
	return nil
}

// InBand is an error that an answer of Media holds in place of a fragment: its code in words or as
// a number, and what the service says (API_dataplane_GetMedia, API_reader_GetMediaForFragmentList;
// which of its codes come in the archive's answers is not documented). One about the stream's key is
// IsDenied, one about a fragment that is not there IsNoFragment, and both are final. Of others Judge
// says Retry: they are ErrGarbled, so that use can return them to have the call tried again.
func (c *Client) InBand(stream, requestID, code string, id int, message string) *Error {
	e := &Error{
		Op: opGetMedia, Stream: stream, Region: c.region, Account: c.creds.accountID(), Action: action(opGetMedia),
		Code: mark(codePattern, code), Message: clean(message), RequestID: mark(idPattern, requestID), Status: http.StatusOK,
	}
	if e.Code == "" {
		e.Code = fmt.Sprintf("Error%d", id)
	}
	if n := numbered.FindString(e.Code); id == 0 && n != "" {
		_, _ = fmt.Sscan(n, &id)
	}
	if id/100 == 45 && id != keyUnavailable || id == 0 && strings.Contains(strings.ToUpper(e.Code), "KMS") {
		e.locked, e.Err = true, errLocked
		return e
	}
	if id == fragmentNotFound || id == 0 && strings.Contains(strings.ToUpper(e.Code), "NOT_FOUND") {
		e.gone, e.Err = true, errGone
		return e
	}
	e.Err = fmt.Errorf("%w: an error inside it", ErrGarbled)
	return e
}

// Codes of errors inside an answer (API_dataplane_GetMedia). All from 4500 to 4599 are about the key.
const (
	fragmentNotFound = 4000
	keyUnavailable   = 4503 // of the key's service: that passes
)

var (
	errLocked = errors.New("the stream's key does not open it")
	errGone   = errors.New("the fragment is not in the stream")
	numbered  = regexp.MustCompile(`[0-9]{4}$`)
)

// IsNoFragment tells that Media was asked for fragments that are not in the stream, or no longer.
func IsNoFragment(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == opGetMedia && (e.gone || e.Code == "InvalidArgumentException" && strings.HasPrefix(e.Message, invalidNumbers))
}

// invalidNumbers is how the service's refusal begins when a number is none of the stream's, or no
// longer; the numbers follow.
const invalidNumbers = "Fragment numbers are invalid"

// Absent returns the fragment numbers that an error that IsNoFragment names; nil if it names none.
func Absent(err error) []string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.absent
	}
	return nil
}

var digits = regexp.MustCompile(`[0-9]{1,128}`)

// numbersIn finds the numbers in a refusal of Media before its text is cut.
func numbersIn(op, code, message string) []string {
	if op != opGetMedia || code != "InvalidArgumentException" || !strings.HasPrefix(message, invalidNumbers) {
		return nil
	}
	return digits.FindAllString(message, MaxMediaFragments)
}
