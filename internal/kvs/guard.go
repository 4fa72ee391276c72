package kvs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Limits that answers other than media meet, in bytes.
const (
	// maxJSON is many times the longest page: a fragment takes 250 bytes, a stream with all that
	// can be said about it 4,000, and a page holds 1,000 of either.
	maxJSON    = 8 << 20
	maxRefusal = 1 << 20   // an answer that is no success: a sentence, or a proxy's page
	maxHeader  = 256 << 10 // all headers of one answer together
)

var (
	errRedirect = errors.New("answer is a redirect")
	errEncoding = errors.New("answer is encoded")
)

// unfit is an answer that is refused before the SDK reads it.
type unfit struct {
	code, text string
	kind       error
}

func (u *unfit) Error() string { return u.text }
func (u *unfit) Unwrap() error { return u.kind }

func unfitf(code string, kind error, format string, a ...any) *unfit {
	return &unfit{code: code, text: kind.Error() + ": " + fmt.Sprintf(format, a...), kind: kind}
}

// sender sends one request and follows no redirect. The SDK's own client follows some, with
// the session token, to wherever they point.
type sender struct{ to http.RoundTripper }

// newSender uses the transport of the SDK's client, which has been told of proxies and certificates.
func newSender(web *awshttp.BuildableClient) *sender { return &sender{to: web.GetTransport()} }

// Do implements aws.HTTPClient.
func (s *sender) Do(req *http.Request) (*http.Response, error) {
	resp, err := s.to.RoundTrip(req)
	if err != nil {
		return nil, &url.Error{Op: "Post", URL: req.URL.Redacted(), Err: err}
	}
	return resp, nil
}

// guarded puts the guard nearest to the network, where it sees each answer first.
func (c *Client) guarded(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Guard", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		began := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, metadata, err
		}
		c.dated(resp.Header, began, time.Now())
		return out, metadata, guard(resp.Response, middleware.GetOperationName(ctx))
	}), middleware.After)
}

// guard refuses an answer that cannot be one of the service. All but media is read
// here, whole and within a limit.
func guard(resp *http.Response, op string) error {
	good := resp.StatusCode/100 == 2
	switch encoding := resp.Header.Get("Content-Encoding"); {
	case resp.StatusCode/100 == 3:
		return unfitf("RedirectedAnswer", errRedirect, "to %q: it is not followed", clean(resp.Header.Get("Location")))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return unfitf("UnreadableAnswer", errEncoding, "as %q, which was not asked for", clean(encoding))
	case good && (op == opGetClip || op == opGetMedia):
		return nil
	case good:
		return whole(resp, maxJSON, sane)
	}
	return whole(resp, maxRefusal, func([]byte) error { return nil })
}

// whole reads the body, within a limit in bytes, and hands it on once check has seen it.
func whole(resp *http.Response, limit int64, check func([]byte) error) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case int64(len(b)) > limit:
		return unfitf("OversizedAnswer", ErrTooLarge, "expected at most %d bytes", limit)
	case err != nil:
		return &smithy.DeserializationError{Err: &brokenBody{after: int64(len(b)), err: err}}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(b), resp.Body}
	return check(b)
}

// stamped are the timestamps of all answers, in seconds.
type stamped struct {
	Fragments      []struct{ ProducerTimestamp, ServerTimestamp json.Number }
	StreamInfoList []struct{ CreationTime json.Number }
	StreamInfo     struct{ CreationTime json.Number }
}

// sane refuses what the SDK would take: an empty body, which it reads as an answer without
// fields, and timestamps that it wraps round silently (smithy-go v1.28.8, time.ParseEpochSeconds:
// nanoseconds in 64 bits). What else is wrong with the text, the SDK says.
func sane(b []byte) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return unfitf("GarbledAnswer", ErrGarbled, "it is empty")
	}
	var s stamped
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	all := []json.Number{s.StreamInfo.CreationTime}
	for _, f := range s.Fragments {
		all = append(all, f.ProducerTimestamp, f.ServerTimestamp)
	}
	for _, i := range s.StreamInfoList {
		all = append(all, i.CreationTime)
	}
	for _, n := range all {
		if at, err := n.Float64(); n != "" && (err != nil || at < 0 || at > maxSeconds) {
			return unfitf("GarbledAnswer", ErrGarbled, "timestamp %.40q: expected seconds since 1970", n)
		}
	}
	return nil
}

// maxSeconds is the last second that fits into 64 bits as nanoseconds: in the year 2262.
const maxSeconds = 1<<63/1e9 - 1
