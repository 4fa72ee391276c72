package kvsemu

import (
	"net/http"
	"sync"
	"time"
)

// Server is the service. Its zero value works and has no streams. Set fields before the first
// request; only Fault may be set later, between requests. It serves any number of requests at
// once, at most MaxRequests of them working.
type Server struct {
	// Cameras are the streams that exist from the start, by stream name.
	Cameras map[string]Camera
	// Region is where the streams are. If set, a request signed for another region is refused;
	// empty means any, and us-west-2 in ARNs.
	Region  string
	Account string // 12 digits; empty means 111122223333
	// Now is the service's clock; nil means time.Now. It must not run backwards.
	Now func() time.Time
	// Seed is what all chance comes from; 0 is a seed like any other.
	Seed uint64

	Latency  time.Duration // before each answer
	Lag      time.Duration // until a complete fragment can be listed
	Creating time.Duration // how long a created stream stays CREATING

	NoPoints    bool  // switches off the quota of points: 500 media, 10,000 metadata a second and stream
	TPS         bool  // switches on 5 calls a second and stream for each control operation on a stream
	Bandwidth   int64 // most bytes a second of one answer; 0 means no limit
	MaxRequests int   // 0 means 256; more wait

	// ClipFragments and ClipBytes are where a clip silently ends; 0 means 200 and 100,000,000.
	ClipFragments int
	ClipBytes     int64
	// ChangeCode is the error for a clip whose codec configuration or tracks would change; empty
	// means InvalidCodecPrivateDataException.
	ChangeCode string
	Clip       Layout
	// Idle is how long PutMedia waits for data before it ends; it tells of silence six times in that
	// time. 0 means 30 s.
	Idle time.Duration
	// MediaWait is how long GetMedia waits for another fragment before it ends; 0 means 3 s.
	MediaWait time.Duration
	// DataDir is a folder for streams that are created and what is uploaded to them, so that they are
	// there again when a server is started with it; one server at a time. Empty means memory.
	DataDir string
	// MaxStored is how many bytes of uploads a stream may keep in memory. A fragment that would be
	// more ends its upload with ARCHIVAL_ERROR. 0 means 1 GiB.
	MaxStored int64

	// LostFor is how many times a lost fragment is missing from answers of GetMediaForFragmentList
	// before it can be had there after all; 0 means always. Clips never hold it.
	LostFor int
	// LongTagNames writes the tags of fragments as the API's description of GetMediaForFragmentList
	// spells them, not as they were seen: SERVER_SIDE_TIMESTAMP, EXCEPTION_ERROR_CODE.
	LongTagNames bool

	// Fault is asked before each call; nil, or a nil answer, means: behave. It is called from
	// many goroutines at once, and may read the body, but that of PutMedia.
	Fault func(*http.Request) *Fault
	// ThrottleRate and ErrorRate are shares, 0 to 1, of all calls that are answered with
	// ClientLimitExceededException or InternalFailure. CutRate and StallRate are shares of clips
	// whose body breaks off, or pauses, somewhere. Which calls it hits depends on Seed, the
	// operation and how many calls of it came before.
	ThrottleRate, ErrorRate, CutRate, StallRate float64
	// StallFor is the length of such pauses; 0 means until the client goes away.
	StallFor time.Duration

	// RotateEvery changes the data endpoint after every so many data calls; 0 means never. The
	// endpoint before the present one answers InvalidEndpointException, older ones refuse the
	// connection. It needs Start.
	RotateEvery int
	Deny        []string // IAM actions that are not allowed, with or without "kinesisvideo:" or "sts:"
	Expired     bool     // the caller's session token has expired
	// ExpireAfter is how many calls of GetClip and ListFragments are let through before the caller's
	// session token expires, for all calls; 0 means it never does.
	ExpireAfter int
	// ClockSkew is how far the service's clock is ahead of this machine's in Date headers and where
	// the age of signatures is checked, behind if negative. It does not move Now, nor recordings.
	ClockSkew time.Duration

	// Log is told of each call before the last byte of its answer leaves, so that a client that
	// has an answer knows it was logged. It is called from many goroutines at once; nil means
	// silent.
	Log func(Call)

	once  sync.Once
	bad   error // why the cameras cannot be set up
	state state
}

// Layout chooses among forms of a clip's MP4 that the service's documentation leaves open. The
// zero value: moov first, no edit list, hvc1, ctts version 0, 32-bit sizes where they do,
// Content-Length, and gaps between fragments closed up.
type Layout struct {
	MoovLast bool
	// EditList writes edit lists that say exactly when sound and picture begin. Without it those
	// offsets are lost: sound begins with the picture, and B-frames delay the picture.
	EditList bool
	HEVCTag  string // sample entry of H.265: hvc1 or hev1; empty means hvc1
	CTTS     int    // version of ctts: 0, or 1 for negative offsets and no delay
	Large64  bool   // 64-bit mdat size and co64
	Chunked  bool   // no Content-Length
	KeepGaps bool   // gaps last as long as they did
}

// Fault is what goes wrong with one call. With a Status the call is not carried out; otherwise
// it is, and its answer suffers.
type Fault struct {
	Status  int    // HTTP status of the refusal; 0 means none
	Code    string // exception; empty means the usual one for Status
	Message string // empty means the usual one for Code

	Delay      time.Duration // before anything is answered
	CutAfter   int64         // body bytes until the connection breaks; negative means before the header
	StallAfter int64         // body bytes before a stall
	Stall      bool          // stalls until the client goes away
	StallFor   time.Duration // or for so long
	// Fragments ends a clip silently after so many; 0 means where it would end anyway.
	Fragments int
}

// Call is one call as it was answered.
type Call struct {
	Op        string // operation, such as GetClip; empty when the path names none
	Stream    string // name; empty when the request names none that exists
	RequestID string
	Status    int    // HTTP status sent, 0 if the connection was cut before it
	Code      string // exception, empty on success
	Bytes     int64  // body bytes sent
	Fragments int    // fragments listed, or in the clip
	Elapsed   time.Duration
}
