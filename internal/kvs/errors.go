package kvs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Errors that callers branch on. All but ErrGarbled arrive inside an *Error.
var (
	// ErrGarbled is for use functions to wrap: the answer is whole but makes no sense, ask again.
	ErrGarbled = errors.New("answer is garbled")
	// ErrStalled means a body, or the wait for an answer, was silent for too long.
	ErrStalled = errors.New("answer stalled")
	// ErrTooLarge means a body of media went over MaxAnswer, or any other answer over its limit.
	ErrTooLarge = errors.New("answer is too large")
	// ErrTooMany means a listing went over MaxFragments, or had too many pages.
	ErrTooMany = errors.New("listing is too long")
	// ErrNoRegion means neither flag nor environment nor profile names a region.
	ErrNoRegion = errors.New("no AWS region is set")
	// ErrWrongRegion means a stream's ARN, or the service that answered, is of another region than
	// the client's.
	ErrWrongRegion = errors.New("stream is in another region")
	// ErrBadStream means a text that can be neither a stream's name nor its ARN.
	ErrBadStream = errors.New("neither a stream name nor a stream ARN")
)

var errNoProvider = errors.New("no provider is set")

// Error is a call that failed. It holds no credentials and no signature, and unwraps to the cause.
type Error struct {
	Op        string // API name, or "Open"
	Code      string // AWS's code, e.g. AccessDeniedException; one of our own words when there was no answer
	Message   string // the service's words, or the cause's
	RequestID string // "" when there was no answer
	Stream    string // name or ARN as asked; "" when the call is about none
	Region    string
	Account   string // of the credentials; "" when they don't tell
	Action    string // IAM action the call needs, e.g. kinesisvideo:GetClip
	Status    int    // HTTP status; 0 when there was no answer, or its body failed
	Tries     int    // how often it was asked, the last one included; 0 when it was not
	Err       error

	after   time.Duration // the answer's Retry-After
	skewed  bool          // this machine's clock is wrong
	foreign bool          // 403 that no Kinesis Video endpoint for this API gives
	lost    bool          // the host has no address and nothing ever answered
	stopped bool          // ctx ended
	locked  bool          // the answer says in its body that the stream's key does not open it
	gone    bool          // the answer says in its body that a fragment is not in the stream
	absent  []string      // fragment numbers that the service says are none of the stream
}

// Error is one line: operation, stream, code, the service's words, request, tries.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != opOpen { // nothing was called yet
		b.WriteString(e.Op)
		if e.Stream != "" {
			fmt.Fprintf(&b, " of stream %q", e.Stream)
		}
		b.WriteString(": ")
	}
	if e.Status != 0 && e.Code != "" {
		b.WriteString(e.Code + ": ")
	}
	b.WriteString(e.Message)
	var notes []string
	if e.Status != 0 {
		notes = append(notes, "HTTP "+strconv.Itoa(e.Status))
	}
	if e.RequestID != "" {
		notes = append(notes, "request "+e.RequestID)
	}
	if e.Tries > 1 {
		notes = append(notes, fmt.Sprintf("after %d tries", e.Tries))
	}
	if notes != nil {
		fmt.Fprintf(&b, " (%s)", strings.Join(notes, ", "))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refused is an error of our own over an argument or an answer that makes no sense.
func (c *Client) refused(op, stream, code string, err error, detail string) *Error {
	message := err.Error()
	if detail != "" {
		message += ": " + detail
	}
	return &Error{Op: op, Code: code, Message: message, Stream: stream, Region: c.region, Action: action(op), Err: err}
}

func action(op string) string {
	if op == opGetCallerIdentity {
		return "sts:" + op
	}
	return "kinesisvideo:" + op
}

// explain makes an *Error of whatever one try failed with. What the service said is copied out
// of the SDK's errors, whose texts may repeat a signed request.
func (c *Client) explain(op, stream string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Op: op, Stream: stream, Region: c.region, Account: c.creds.accountID(), Action: action(op), Err: err}
	if ce, ok := errors.AsType[*credentialsError](err); ok {
		e.Code, e.Message, e.Err = "MissingCredentials", clean(ce.Error()), ce
		if api, ok := errors.AsType[smithy.APIError](ce.err); ok {
			e.Code = cmp.Or(mark(codePattern, api.ErrorCode()), "UnknownError")
		}
		return e
	}
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && re.Response != nil && re.HTTPStatusCode() != 0 {
		c.reached.Store(true)
		e.answered(re)
		if skew, ok := errors.AsType[skewError](err); ok {
			e.skewed = e.skewed || skew.RetryableError()
		}
	} else {
		e.unanswered(err, c.reached.Load())
	}
	if e.throttled() {
		c.counts.throttled.Add(1)
	}
	return e
}

// answered takes what the service's answer says.
func (e *Error) answered(re *smithyhttp.ResponseError) {
	h := re.Response.Header
	e.Status = re.HTTPStatusCode()
	e.RequestID = mark(idPattern, cmp.Or(h.Get("X-Amzn-Requestid"), h.Get("X-Amz-Requestid")))
	e.after = retryAfter(h, time.Now())
	if u, ok := errors.AsType[*unfit](re.Err); ok {
		e.Code, e.Message, e.Err = u.code, u.text, u
		return
	}
	if api, ok := errors.AsType[smithy.APIError](re.Err); ok {
		e.Code = cmp.Or(mark(codePattern, api.ErrorCode()), "UnknownError")
		e.Message = clean(api.ErrorMessage())
		e.absent = numbersIn(e.Op, e.Code, api.ErrorMessage())
		e.skewed = e.Code == "RequestTimeTooSkewed" || e.Code == "RequestExpired"
		e.Err = &smithy.GenericAPIError{Code: e.Code, Message: e.Message, Fault: api.ErrorFault()}
		if strings.Contains(e.Message, "scoped to a valid region") {
			e.Err = errors.Join(ErrWrongRegion, e.Err)
		}
		return
	}
	// No JSON. The regional endpoint answers a data call with 403 and XML; proxies answer in HTML.
	code, _, _ := strings.Cut(h.Get("X-Amzn-Errortype"), ":")
	e.Code, e.foreign = cmp.Or(mark(codePattern, code), "UnreadableAnswer"), e.Status == http.StatusForbidden
	e.Message, e.Err = "answer is unreadable", errUnreadable
	d, ok := errors.AsType[*smithy.DeserializationError](re.Err)
	switch {
	case ok && len(d.Snapshot) > 0:
		e.Message += fmt.Sprintf(": %q", clean(string(d.Snapshot)))
	case ok: // a refusal that broke off: its text decides what it means, so it is asked again
		e.Message, e.Err, e.foreign = "answer broke off", &brokenBody{err: io.ErrUnexpectedEOF}, false
	}
}

var errUnreadable = errors.New("unreadable answer")

// skewError is what the SDK wraps a refusal in when the answer's date is far from ours.
type skewError interface {
	error
	RetryableError() bool
}

// unanswered takes what can be known when there is no answer, or when its body failed.
func (e *Error) unanswered(err error, reached bool) {
	if send, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		e.Code, e.Message = "ConnectionError", clean(send.Err.Error())
		dns, ok := errors.AsType[*net.DNSError](err)
		e.lost = ok && dns.IsNotFound && !reached
		return
	}
	e.Message = clean(err.Error())
	switch _, broken := errors.AsType[*brokenBody](err); {
	case broken:
		e.Code = "BrokenAnswer"
	case errors.Is(err, ErrStalled):
		e.Code = "StalledAnswer"
	case errors.Is(err, ErrGarbled):
		e.Code = "GarbledAnswer"
	case errors.Is(err, ErrTooLarge):
		e.Code = "OversizedAnswer"
	default:
		e.Code = "RequestError"
	}
}

// stopped tells of the end of ctx, which is what the caller should hear of after a try that
// failed with last. It is always an *Error of its own: the cause of the end, and last with it, can
// be the *Error of another call, whose failure ended this one.
func (c *Client) stopped(ctx context.Context, op, stream string, tries int, last error) *Error {
	why := context.Cause(ctx)
	e := &Error{
		Op: op, Stream: stream, Region: c.region, Account: c.creds.accountID(), Action: action(op),
		Code: "Interrupted", Message: clean(why.Error()), Tries: tries, stopped: true, Err: why,
	}
	if !errors.Is(why, ctx.Err()) {
		e.Err = errors.Join(why, ctx.Err())
	}
	if own, ok := errors.AsType[*Error](last); ok && tries > 1 && !errors.Is(why, last) {
		e.Message += " while trying again: " + own.Message
	}
	return e
}

// retryAfter reads the header of RFC 9110 10.2.3: seconds or a date. 0 means none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(time.Duration(s)*time.Second, 0)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
