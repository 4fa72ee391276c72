package kvsemu

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBody is the most that is read of a request.
const maxBody = 1 << 20

// plane says which calls an address answers, and where data calls go.
type plane struct {
	s             *Server
	control, data bool
	// endpoint returns where data calls go; nil means where the request came from.
	endpoint func() string
	// enter is told of each data call, and says whether the address is still good; nil means yes.
	enter func(*http.Request) bool
}

// ServeHTTP answers control and data calls on one address, which is the data endpoint too.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(&plane{s: s, control: true, data: true}).ServeHTTP(w, r)
}

// Control answers control calls only, and names dataURL as the data endpoint.
func (s *Server) Control(dataURL string) http.Handler {
	return &plane{s: s, control: true, endpoint: func() string { return dataURL }}
}

// Data answers data calls only.
func (s *Server) Data() http.Handler { return &plane{s: s, data: true} }

// operation is one call of the API.
type operation struct {
	name string
	data bool
	do   func(*call) (any, error) // nil: known, but not here
}

// operation returns what the request asks for, without a name if nothing that is known.
func (c *call) operation() operation {
	if c.r.URL.Path == "/" && c.r.Method == http.MethodPost {
		c.query = true
		return operation{name: "GetCallerIdentity", do: (*call).getCallerIdentity}
	}
	return operations[c.r.URL.Path]
}

// operations by path. Paths are case-sensitive.
var operations = map[string]operation{
	"/createStream":               {"CreateStream", false, (*call).createStream},
	"/deleteStream":               {"DeleteStream", false, (*call).deleteStream},
	"/describeStream":             {"DescribeStream", false, (*call).describeStream},
	"/listStreams":                {"ListStreams", false, (*call).listStreams},
	"/getDataEndpoint":            {"GetDataEndpoint", false, (*call).getDataEndpoint},
	"/updateDataRetention":        {"UpdateDataRetention", false, (*call).updateDataRetention},
	"/updateStream":               {"UpdateStream", false, (*call).updateStream},
	"/tagStream":                  {"TagStream", false, (*call).tagStream},
	"/untagStream":                {"UntagStream", false, (*call).untagStream},
	"/listTagsForStream":          {"ListTagsForStream", false, (*call).listTagsForStream},
	"/listFragments":              {"ListFragments", true, (*call).listFragments},
	"/getClip":                    {"GetClip", true, (*call).getClip},
	"/getMediaForFragmentList":    {"GetMediaForFragmentList", true, (*call).getMediaForFragmentList},
	"/getMedia":                   {"GetMedia", true, (*call).getMedia},
	"/putMedia":                   {"PutMedia", true, (*call).putMedia},
	"/getImages":                  {"GetImages", true, nil},
	"/getHLSStreamingSessionURL":  {"GetHLSStreamingSessionURL", true, nil},
	"/getDASHStreamingSessionURL": {"GetDASHStreamingSessionURL", true, nil},
}

// call is one request while it is served.
type call struct {
	s      *Server
	plane  *plane
	w      *answer
	r      *http.Request
	body   []byte
	now    time.Time
	query  bool    // it is a call of STS
	stream *stream // nil until named
	fault  Fault   // what of it suffers the answer
	hit    uint64  // chance of this call
	log    Call
}

// ServeHTTP implements http.Handler.
func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{s: p.s, plane: p, r: r}
	c.w = &answer{ResponseWriter: w, call: c}
	w.Header().Set("Date", p.s.clock().Format(http.TimeFormat))
	if err := p.s.setUp(); err != nil {
		refuse("InternalFailure", "%s", err).send(w)
		return
	}
	select {
	case p.s.state.slots <- struct{}{}:
		defer func() { <-p.s.state.slots }()
	case <-r.Context().Done():
		return
	}
	c.answer(c.operation())
	c.w.end()
}

// answer sends all but the last byte of the answer, and logs it.
func (c *call) answer(op operation) {
	began := time.Now()
	c.log.Op = op.name
	defer func() {
		c.log.Status, c.log.Bytes, c.log.Elapsed = c.w.status, c.w.sent, time.Since(began)
		if c.w.held {
			c.log.Bytes++
		}
		if c.s.Log != nil {
			c.s.Log(c.log)
		}
	}()
	c.count(op)
	c.w.Header().Set("X-Amzn-Requestid", c.log.RequestID)
	if op.name == "PutMedia" {
		defer c.hangUp()
	}
	result, err := c.serve(op)
	c.finish(result, err)
}

// count numbers the call among those of its operation, which decides what befalls it.
func (c *call) count(op operation) {
	st := &c.s.state
	st.mu.Lock()
	n := st.calls[op.name]
	st.calls[op.name]++
	st.mu.Unlock()
	seed := c.s.Seed
	for _, b := range []byte(op.name) {
		seed = chance(seed, uint64(b))
	}
	c.hit = chance(seed, n)
	a, b := chance(c.hit, 1), chance(c.hit, 2)
	c.log.RequestID = uuid(a, b)
}

// uuid writes 122 of 128 bits of chance as a random UUID (RFC 9562, version 4).
func uuid(a, b uint64) string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// finish sends what serve came to.
func (c *call) finish(result any, err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
		no = c.spoken(no)
		c.log.Code = no.code
		no.send(c.w)
	case err != nil:
		c.log.Code = "InternalFailure"
		if c.w.status != 0 {
			panic(http.ErrAbortHandler) // too late for another answer
		}
		c.spoken(refuse("InternalFailure", "%s", err)).send(c.w)
	case c.w.status == 0:
		sendJSON(c.w, http.StatusOK, result)
	}
}

// serve runs the call past everything that may refuse it.
func (c *call) serve(op operation) (any, error) {
	if err := c.read(op); err != nil {
		return nil, err
	}
	if err := c.trouble(); err != nil {
		return nil, err
	}
	c.now = c.s.now()
	if err := c.route(op); err != nil {
		return nil, err
	}
	if err := c.authorize(op); err != nil {
		return nil, err
	}
	if op.do == nil {
		return nil, refuse("UnknownOperationException", "%s is not emulated.", op.name)
	}
	return op.do(c)
}

// read reads the body, and puts it back for Fault. An upload is read as it comes.
func (c *call) read(op operation) error {
	if op.name == "PutMedia" {
		return c.duplex()
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refuse("RequestEntityTooLargeException", "Request body is larger than %d bytes.", maxBody)
	}
	if err != nil {
		return refuse("RequestAbortedException", "Reading the request body: %v", err)
	}
	c.body, c.r.Body = body, io.NopCloser(bytes.NewReader(body))
	return nil
}

// trouble applies what is to go wrong with this call.
func (c *call) trouble() error {
	if c.s.Fault != nil {
		if f := c.s.Fault(c.r); f != nil {
			c.fault = *f
		}
	}
	if f := &c.fault; f.Status == 0 {
		switch u := share(chance(c.hit, 3)); {
		case u < c.s.ThrottleRate:
			f.Status = http.StatusBadRequest
		case u < c.s.ThrottleRate+c.s.ErrorRate:
			f.Status = http.StatusInternalServerError
		}
	}
	if err := wait(c.r.Context(), c.s.Latency+c.fault.Delay); err != nil {
		panic(http.ErrAbortHandler)
	}
	if f := c.fault; f.Status != 0 {
		code := cmp.Or(f.Code, codeOf(f.Status))
		return &refusal{status: f.Status, code: code, message: cmp.Or(f.Message, textOf(code))}
	}
	return nil
}

// route refuses what this address does not serve.
func (c *call) route(op operation) error {
	switch {
	case op.name == "" || c.r.Method != http.MethodPost:
		return refuse("UnknownOperationException", "%s %s names no operation.", c.r.Method, c.r.URL.Path)
	case op.data && !c.plane.data || !op.data && !c.plane.control:
		return &refusal{status: http.StatusForbidden, code: "AccessDeniedException", xml: true}
	case op.data && c.plane.enter != nil && !c.plane.enter(c.r):
		return refuse("InvalidEndpointException", "%s", textOf("InvalidEndpointException"))
	}
	return nil
}

// authorize looks at who asks, and when; signatures themselves are not checked.
func (c *call) authorize(op operation) error {
	auth := c.r.Header.Get("Authorization")
	if auth == "" {
		return refuse("MissingAuthenticationTokenException", textNoToken)
	}
	if err := c.fresh(); err != nil {
		return err
	}
	if region, ok := signedFor(auth); ok && c.s.Region != "" && region != c.s.Region {
		return refuse("InvalidSignatureException", "Credential should be scoped to a valid region.")
	}
	if c.s.Expired || c.spend(op) {
		return refuse("ExpiredTokenException", textExpired)
	}
	action := "kinesisvideo:" + op.name
	if c.query {
		action = "sts:" + op.name
	}
	if slices.Contains(c.s.Deny, op.name) || slices.Contains(c.s.Deny, action) {
		return refuse("AccessDeniedException", textDenied, c.s.caller(), action, c.resource())
	}
	return nil
}

// spend counts a data call and says whether the session token has expired before it.
func (c *call) spend(op operation) bool {
	if c.s.ExpireAfter <= 0 {
		return false
	}
	st := &c.s.state
	st.mu.Lock()
	defer st.mu.Unlock()
	expired := st.spent >= c.s.ExpireAfter
	if op.data && op.do != nil && !expired {
		st.spent++
	}
	return expired
}

// signedFor returns the region in an Authorization header's credential scope.
func signedFor(auth string) (string, bool) {
	_, scope, ok := strings.Cut(auth, "Credential=")
	parts := strings.Split(scope, "/")
	if !ok || len(parts) < 5 {
		return "", false
	}
	return parts[len(parts)-3], true
}

// resource names what the request is about, as denials do.
func (c *call) resource() string {
	w := c.headerWhich()
	if len(c.body) > 0 && json.Unmarshal(c.body, &w) != nil {
		return "*"
	}
	switch {
	case w.StreamARN != nil:
		return *w.StreamARN
	case w.StreamName != nil:
		return *w.StreamName
	}
	return "*"
}

// decode reads the body into v, which has or embeds which where op is about a stream.
func (c *call) decode(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse("SerializationException", "%v", err)
	}
	return nil
}

// about finds the stream and spends one of its control calls.
func (c *call) about(w which) error {
	st, err := c.s.find(w)
	if err != nil {
		return err
	}
	c.stream, c.log.Stream = st, st.name
	op := c.log.Op
	if b := st.control[op]; b != nil && c.s.TPS && !b.take(c.now, controlCalls, 1) {
		return refuse("ClientLimitExceededException", "Limit exceeded on number of requests for %s API for resource '%s'", op, st.name)
	}
	return nil
}

// aboutActive is about, for calls that need the stream to be ACTIVE.
func (c *call) aboutActive(w which) error {
	if err := c.about(w); err != nil {
		return err
	}
	if c.stream.status(c.now) != "ACTIVE" {
		return refuse("ResourceNotFoundException", textNoStream)
	}
	return nil
}
