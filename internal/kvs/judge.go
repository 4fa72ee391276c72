package kvs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Verdict says what to do about an error.
type Verdict int

const (
	// Final means asking again gives the same answer.
	Final Verdict = iota
	// Retry means the same call may succeed later. Client has tried as often as it may.
	Retry
	// Split means GetClip refuses this set of fragments, but may take each half of it.
	Split
)

func (v Verdict) String() string { return [...]string{"final", "retry", "split"}[v] }

// splits are what GetClip may say when the codec configuration or the tracks change inside the
// range, or when some of its fragments are unfit. Which it says is not documented.
var splits = map[string]bool{
	"InvalidCodecPrivateDataException":    true,
	"MissingCodecPrivateDataException":    true,
	"UnsupportedStreamMediaTypeException": true,
	"InvalidMediaFrameException":          true,
}

// passing are codes that pass by themselves, apart from throttles and the HTTP 5xx.
var passing = map[string]bool{
	"InternalFailure": true, "InternalFailureException": true, "InternalServerError": true, "InternalError": true,
	"ServiceUnavailable": true, "ServiceUnavailableException": true,
	"RequestTimeout": true, "RequestTimeoutException": true, "RequestAbortedException": true,
}

// Judge is the one place that decides what an error means. nil is Final.
func Judge(err error) Verdict {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok && (errors.Is(err, ErrGarbled) || errors.Is(err, ErrStalled)):
		return Retry
	case !ok, e.hopeless(), e.locked, e.gone:
		return Final
	case e.throttled(), errors.Is(e.Err, ErrGarbled):
		return Retry
	case e.skewed: // the SDK has learned the difference from the refusal: once more is enough
		return retryIf(e.Tries <= 1)
	case e.Op == opGetClip && splits[e.Code]:
		return Split
	case e.foreign, e.Code == "InvalidEndpointException": // then askData has dropped the endpoint
		return retryIf(e.Op == opGetClip || e.Op == opGetMedia || e.Op == opListFragments)
	case e.Status == 0:
		return judgeUnanswered(e.Err)
	}
	_, broken := errors.AsType[*brokenBody](e.Err)
	return retryIf(broken || passing[e.Code] || passingStatus(e.Status))
}

// hopeless tells that the next answer would be the same, whatever its status.
func (e *Error) hopeless() bool {
	return e.stopped || e.lost ||
		errors.Is(e.Err, ErrTooLarge) || errors.Is(e.Err, errEncoding) || errors.Is(e.Err, ErrWrongRegion)
}

func retryIf(yes bool) Verdict {
	if yes {
		return Retry
	}
	return Final
}

// passingStatus takes 2xx too: those come here only when their body was unreadable.
func passingStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500 || status/100 == 2
}

func judgeUnanswered(err error) Verdict {
	if ce, ok := errors.AsType[*credentialsError](err); ok {
		return judgeCredentials(ce)
	}
	if _, ok := errors.AsType[*brokenBody](err); ok || errors.Is(err, ErrStalled) || errors.Is(err, ErrGarbled) {
		return Retry
	}
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	return retryIf(unsent && !badCertificate(err))
}

// judgeCredentials lets a token service that is out of reach or out of breath be asked again. A
// metadata service that does not answer is none: this is no EC2 instance.
func judgeCredentials(ce *credentialsError) Verdict {
	op, ok := errors.AsType[*smithy.OperationError](ce.err)
	if !ok || op.Service() == "ec2imds" {
		return Final
	}
	if _, unsent := errors.AsType[*smithyhttp.RequestSendError](op); unsent {
		return retryIf(!badCertificate(op))
	}
	re, ok := errors.AsType[*smithyhttp.ResponseError](op)
	return retryIf(ok && passingStatus(re.HTTPStatusCode()))
}

func badCertificate(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return verify || unknown || name || plain
}

// throttled tells that the service said: too many. The first two come with HTTP 400.
func (e *Error) throttled() bool {
	if e.Status == 0 {
		return false
	}
	_, known := retry.DefaultThrottleErrorCodes[e.Code]
	return known || e.Status == http.StatusTooManyRequests || strings.HasPrefix(e.Code, "Throttl") ||
		e.Code == "ClientLimitExceededException" || e.Code == "ConnectionLimitExceededException"
}

// misplaced tells that the data endpoint may have moved: it is asked for anew before the next try.
func (e *Error) misplaced() bool {
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](e.Err)
	return unsent || e.foreign || e.Code == "InvalidEndpointException"
}

// IsDenied tells that the credentials are good but do not allow the call.
func IsDenied(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if ok && e.locked {
		return true
	}
	if !ok || e.foreign || e.Status == 0 || IsCredentials(err) || IsWrongRegion(err) {
		return false
	}
	if _, ok := errors.AsType[*unfit](e.Err); ok {
		return false
	}
	switch e.Code {
	case "AccessDeniedException", "AccessDenied", "NotAuthorizedException", "NotAuthorized", "OptInRequired",
		"KMSAccessDeniedException":
		return true
	}
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// IsCredentials tells that credentials are missing, expired or not accepted.
func IsCredentials(err error) bool {
	if _, ok := errors.AsType[*credentialsError](err); ok {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || IsWrongRegion(err) { // a signature for another region is as good as any
		return false
	}
	switch e.Code {
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestTimeTooSkewed", "RequestExpired":
		return true
	}
	return false
}

// IsUnsupported tells that GetClip refuses the stream's media as such, not only these fragments of it.
func IsUnsupported(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == opGetClip && (e.Code == "UnsupportedStreamMediaTypeException" || e.Code == "MissingCodecPrivateDataException")
}

const notFound = "ResourceNotFoundException"

// IsThrottled tells that the service was asked for more than a quota allows.
func IsThrottled(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.throttled()
}

// IsNoStream tells that the stream does not exist, or is not active, in this account and region.
func IsNoStream(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == notFound && !IsEmpty(err)
}

// IsEmpty tells that GetClip found no fragment in the range: a hole, not a failure. The service
// says so with the code of a missing stream, so only the text tells.
func IsEmpty(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == notFound && strings.HasPrefix(e.Message, "No fragments found")
}

// IsRetention tells that the footage is older than the stream keeps it, or that it keeps none.
func IsRetention(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == "NoDataRetentionException" ||
		e.Code == "InvalidArgumentException" && strings.Contains(e.Message, "retention period"))
}
