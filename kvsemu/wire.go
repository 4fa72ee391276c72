package kvsemu

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// refusal is an answer other than 200.
type refusal struct {
	status  int
	code    string
	message string
	xml     bool   // the front end's answer to a call on the wrong host
	sts     string // request id of a call of STS, which is refused in its own form
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.message) }

// refuse makes a refusal with the status that goes with code.
func refuse(code, format string, args ...any) *refusal {
	return &refusal{status: statusOf(code), code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *refusal {
	return refuse("InvalidArgumentException", format, args...)
}

// statusOf returns the HTTP status of a code (CommonErrors, and the errors of each operation).
func statusOf(code string) int {
	switch code {
	case "ResourceNotFoundException", "UnknownOperationException":
		return http.StatusNotFound
	case "NotAuthorizedException":
		return http.StatusUnauthorized
	case "AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException", "MissingAuthenticationTokenException",
		"IncompleteSignature", "UnrecognizedClientException":
		return http.StatusForbidden
	case "RequestEntityTooLargeException":
		return http.StatusRequestEntityTooLarge
	case "RequestTimeoutException":
		return http.StatusRequestTimeout
	case "InternalFailure":
		return http.StatusInternalServerError
	case "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// codeOf returns the usual code of an HTTP status.
func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "NotAuthorizedException"
	case http.StatusForbidden:
		return "AccessDeniedException"
	case http.StatusNotFound:
		return "ResourceNotFoundException"
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return "ServiceUnavailable"
	case http.StatusBadRequest, http.StatusTooManyRequests:
		return "ClientLimitExceededException"
	}
	return "InternalFailure"
}

// The texts that were seen in the wild.
const (
	textNoStream    = "The requested stream is not found or not active."
	textNoFragments = "No fragments found in the stream for the clip request."
	textExpired     = "The security token included in the request is expired"
	textNoToken     = "Missing Authentication Token"
	textDenied      = "User: %s is not authorized to perform: %s on resource: %s"
	textConnections = "Limit exceeded on number of connections for %s API for resource '%s'"
	textThrottled   = "Rate exceeded for the stream."
	textMedia       = "The type of the media (for example, h.264 or h.265 video or ACC or G.711 audio) could not be determined from" +
		" the codec IDs of the tracks in the first fragment for a playback session. The codec ID for track 1 should be" +
		" V_MPEG/ISO/AVC and, optionally, the codec ID for track 2 should be A_AAC."
	xmlWrongHost = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
		"</AccessDeniedException>\n"
)

// textOf returns the usual text of a code.
func textOf(code string) string {
	switch code {
	case "ClientLimitExceededException":
		return textThrottled
	case "ResourceNotFoundException":
		return textNoStream
	case "ExpiredTokenException":
		return textExpired
	case "InvalidEndpointException":
		return "The endpoint is not valid for the stream. Call GetDataEndpoint again."
	case "InternalFailure":
		return "The request processing has failed because of an unknown error, exception or failure."
	case "ServiceUnavailable":
		return "The request has failed due to a temporary failure of the server."
	}
	return code
}

// send writes a refusal.
func (r *refusal) send(w http.ResponseWriter) {
	if r.xml {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte(xmlWrongHost))
		return
	}
	if r.sts != "" {
		_ = r.sendSTS(w)
		return
	}
	w.Header().Set("X-Amzn-Errortype", r.code+":https://kinesisvideo.amazonaws.com/doc/2017-09-30/")
	sendJSON(w, r.status, map[string]any{"Message": r.message})
}

// sendJSON writes an answer; nil is an empty body. Keys are sorted, as the service's are.
func sendJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		body, status = []byte(`{"Message":"answer cannot be written"}`), http.StatusInternalServerError
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// epochSeconds writes milliseconds as seconds the way Java prints a double, which is what the
// service does: 1.577156938297E9.
func epochSeconds(ms int64) json.Number {
	s := float64(ms) / 1000
	if a := math.Abs(s); a < 1e7 {
		text := strconv.FormatFloat(s, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return json.Number(text)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(s, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return json.Number(mantissa + "E" + strings.TrimLeft(exponent, "+0"))
}

// stamp is a timestamp of a request: any JSON number, to the millisecond.
type stamp struct {
	ms  int64
	set bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *stamp) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	s, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(s) > 1e12 {
		return fmt.Errorf("expected epoch seconds, got %s", b)
	}
	*t = stamp{ms: int64(math.Round(s * 1000)), set: true}
	return nil
}
