package kvsemu

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// state is what changes while a server runs.
type state struct {
	mu      sync.Mutex // guards all below
	streams map[string]*stream
	calls   map[string]uint64 // so far, by operation
	started time.Time
	spent   int // data calls that were let through

	slots chan struct{} // one for each request being worked on; set once
}

// stream is one stream. Fields without a note never change.
type stream struct {
	name    string
	arn     string
	created time.Time
	active  time.Time // CREATING before it
	seed    uint64
	footage footage
	folder  *folder // nil if nothing of it is kept in files
	sealed  bool    // the caller may not use the key that it is encrypted with

	media, metadata bucket
	control         map[string]*bucket // by operation

	mu        sync.Mutex // guards all below
	revision  uint64
	retention int       // hours
	forgotten time.Time // older data is gone for good
	mediaType string
	device    string
	kms       string
	tags      map[string]string
	open      map[string]int // connections by operation, where they are limited
	missed    map[string]int // how often a lost fragment was asked for, by number
}

// setUp makes the streams of the cameras, once.
func (s *Server) setUp() error {
	s.once.Do(func() {
		st := &s.state
		st.streams, st.calls = map[string]*stream{}, map[string]uint64{}
		st.slots = make(chan struct{}, cmp.Or(s.MaxRequests, 256))
		st.started = s.now()
		if s.DataDir != "" {
			if s.bad = s.restore(s.DataDir); s.bad != nil {
				return
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Cameras)) {
			if st.streams[name] != nil {
				s.bad = fmt.Errorf("camera %q: a stream of that name is kept in %s", name, s.DataDir)
				return
			}
			if err := s.record(name, s.Cameras[name]); err != nil {
				s.bad = fmt.Errorf("camera %q: %w", name, err)
				return
			}
		}
	})
	return s.bad
}

// record adds the stream of a camera.
func (s *Server) record(name string, c Camera) error {
	if !streamName.MatchString(name) {
		return fmt.Errorf("expected a name of 1 to 256 of a-z, A-Z, 0-9, _ . -")
	}
	r, err := c.recording(s.Seed, name, s.state.started)
	if err != nil {
		return err
	}
	hours := 87600
	if c.Retention != 0 {
		hours = max(0, int(c.Retention/time.Hour))
	}
	created := time.UnixMilli(r.from).Add(-time.Minute)
	st := s.newStream(name, created, r.seed, r)
	st.retention, st.mediaType = hours, "video/h264"
	if c.KMS == "denied" {
		st.sealed, st.kms = true, s.key(r.seed)
	}
	s.state.streams[name] = st
	return nil
}

// key is the ARN of a customer's key.
func (s *Server) key(seed uint64) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", s.region(), s.account(), uuid(chance(seed, 'k', 1), chance(seed, 'k', 2)))
}

// newStream makes a stream that was created at a time and is active.
func (s *Server) newStream(name string, created time.Time, seed uint64, f footage) *stream {
	created = created.UTC().Truncate(time.Millisecond)
	return &stream{
		name: name, created: created, active: created, seed: seed, footage: f,
		arn: fmt.Sprintf("arn:aws:kinesisvideo:%s:%s:stream/%s/%d", s.region(), s.account(), name, created.UnixMilli()),
		kms: fmt.Sprintf("arn:aws:kms:%s:%s:alias/aws/kinesisvideo", s.region(), s.account()),
		control: map[string]*bucket{
			"DescribeStream": {}, "GetDataEndpoint": {}, "DeleteStream": {}, "UpdateStream": {}, "UpdateDataRetention": {},
			"PutMedia": {}, "GetMedia": {}, "TagStream": {}, "UntagStream": {}, "ListTagsForStream": {},
		},
		tags: map[string]string{}, open: map[string]int{}, missed: map[string]int{},
	}
}

// enter counts a connection of an operation that a stream may have only so many of at once. The
// caller runs leave at its end.
func (st *stream) enter(op string, most int) (leave func(), err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.open[op] >= most {
		return nil, refuse("ConnectionLimitExceededException", textConnections, op, st.name)
	}
	st.open[op]++
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.open[op]--
	}, nil
}

// hours returns the stream's retention.
func (st *stream) hours() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.retention
}

// misses says whether a fragment cannot be had this time: a lost one is missing the first times it is
// asked for, or always where times is 0.
func (st *stream) misses(f Fragment, times int) bool {
	if !f.Lost || times <= 0 {
		return f.Lost
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.missed[f.Number] >= times {
		return false
	}
	st.missed[f.Number]++
	return true
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Server) region() string  { return cmp.Or(s.Region, "us-west-2") }
func (s *Server) account() string { return cmp.Or(s.Account, "111122223333") }

var (
	streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,256}$`)
	streamARN  = regexp.MustCompile(`^arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:[a-z]+/([a-zA-Z0-9_.-]+)/[0-9]+$`)
	mediaType  = regexp.MustCompile(`^[\w\-.+]+/[\w\-.+]+(,[\w\-.+]+/[\w\-.+]+)*$`)
)

// which names a stream in a request.
type which struct {
	StreamName, StreamARN *string
}

// find returns the stream that w names.
func (s *Server) find(w which) (*stream, error) {
	name, err := w.name()
	if err != nil {
		return nil, err
	}
	s.state.mu.Lock()
	st := s.state.streams[name]
	s.state.mu.Unlock()
	if st == nil || w.StreamARN != nil && *w.StreamARN != st.arn {
		return nil, refuse("ResourceNotFoundException", textNoStream)
	}
	return st, nil
}

// name returns the name in w, which is not empty.
func (w which) name() (string, error) {
	if w.StreamName == nil && w.StreamARN == nil {
		return "", invalid("Either StreamName or StreamARN must be specified.")
	}
	if w.StreamName != nil && !streamName.MatchString(*w.StreamName) {
		return "", constraint(*w.StreamName, "streamName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length between 1 and 256")
	}
	if w.StreamARN == nil {
		return *w.StreamName, nil
	}
	m := streamARN.FindStringSubmatch(*w.StreamARN)
	if m == nil || len(*w.StreamARN) > 1024 {
		return "", constraint(*w.StreamARN, "streamARN", "satisfy regular expression pattern: "+
			`arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:[a-z]+/[a-zA-Z0-9_.-]+/[0-9]+`)
	}
	if w.StreamName != nil && *w.StreamName != m[1] {
		return "", invalid("StreamName and StreamARN name different streams.")
	}
	return m[1], nil
}

// constraint is the refusal of a value that the model does not allow.
func constraint(value, member, must string) *refusal {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, member, must)
}

// status returns the stream's status at now.
func (st *stream) status(now time.Time) string {
	if now.Before(st.active) {
		return "CREATING"
	}
	return "ACTIVE"
}

// version returns 20 letters and digits that change with each update. st.mu is held.
func (st *stream) versionLocked() string {
	var b strings.Builder
	for b.Len() < 20 {
		b.WriteString(strconv.FormatUint(chance(st.seed, 'v', st.revision, uint64(b.Len())), 36))
	}
	return b.String()[:20]
}

// infoLocked is StreamInfo. st.mu is held.
func (st *stream) infoLocked(now time.Time) map[string]any {
	return map[string]any{
		"CreationTime":         epochSeconds(st.created.UnixMilli()),
		"DataRetentionInHours": st.retention,
		"DeviceName":           orNull(st.device),
		"KmsKeyId":             st.kms,
		"MediaType":            orNull(st.mediaType),
		"Status":               st.status(now),
		"StreamARN":            st.arn,
		"StreamName":           st.name,
		"Version":              st.versionLocked(),
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// held returns what can be read of the stream at now, and its retention in hours.
func (s *Server) held(st *stream, now time.Time) (span, int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	since := now.Add(-time.Duration(st.retention) * time.Hour)
	if st.forgotten.After(since) {
		since = st.forgotten
	}
	if st.retention == 0 {
		return span{}, 0
	}
	return st.footage.held(now.Add(-s.Lag).UnixMilli(), since.UnixMilli()), st.retention
}

// Fragments lists what the stream holds now with a producer time in [from, to), in order of
// upload, second uploads included. It costs no points and is not a call.
func (s *Server) Fragments(name string, from, to time.Time) ([]Fragment, error) {
	if err := s.setUp(); err != nil {
		return nil, err
	}
	st, err := s.find(which{StreamName: &name})
	if err != nil {
		return nil, err
	}
	held, _ := s.held(st, s.now())
	var out []Fragment
	for _, sp := range st.footage.pick(held, true, from.UnixMilli(), to.UnixMilli()-1) {
		for u := sp.lo; u < sp.hi; u++ {
			out = append(out, st.footage.fragment(u))
		}
	}
	return out, nil
}
