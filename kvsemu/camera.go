package kvsemu

import "time"

// Camera is one recording. The zero value has filmed 640x360 H.264 at 25 pictures a second in
// fragments of 2 s for 24 hours, without sound, and goes on. The package comment has more on each
// field under its key.
type Camera struct {
	FPS           float64       // pictures a second; 0 means 25; 29.97 and its kin mean N*1000/1001
	GOP           time.Duration // fragment length, rounded to whole pictures; 0 means 2 s
	BFrames       int           // B-frames between two other pictures, 0 to 2
	Sound         string        // "", "aac", "alaw" or "ulaw"
	Pictures      string        // "", or "none": sound only, which there must be then; no clip can be had of it
	Width, Height int           // pixels; 0 means 640 and 360
	Rate          int64         // bits a second of pictures, by padding; 0 means as few as go, about 200k
	File          string        // MP4 or Matroska to replay; then the fields above, Jitter, Irregular and Changes must be zero

	From time.Time     // begin on the true clock, kept to the millisecond; zero means: see Ago
	Ago  time.Duration // begin before the server's first request or Start; 0 means 24 h
	For  time.Duration // length with gaps; 0 means: goes on for ever

	Gaps    []Gap
	Changes []Change
	Again   []Again

	Jitter       time.Duration // picture times stray by up to so much, at most 45 % of a picture's duration
	Irregular    bool          // Jitter at its widest
	Upload       time.Duration // server time minus true time of a fragment's start; 0 means 300 ms, negative none
	ServerJitter time.Duration // more of Upload, from 0 to this; server times still rise strictly
	ClockOffset  time.Duration // producer time minus true time
	Retention    time.Duration // whole hours; 0 means 87600 h, negative none

	Relative   bool // each session's producer times count from 1970
	ClockSteps []ClockStep
	Late       []Late
	Replays    []Replay
	Lost       []Lost
	Tags       []Tag  // up to 10
	KMS        string // "", or "denied": the caller may not decrypt
}

// Gap is a span in which nothing was recorded.
type Gap struct {
	After  time.Duration // since the recording began, earlier gaps included
	Length time.Duration
}

// Change begins a new session in which something about the tracks differs. Zero fields stay as
// they were; if all do, the codec configuration alone changes.
type Change struct {
	After         time.Duration // since the recording began, gaps included
	Width, Height int
	Sound         string // "none", "aac", "alaw" or "ulaw"
}

// Again is a second upload of the fragments that start in a span, right after it, in a session of
// its own: equal producer times, but with Relative, and later server times and fragment numbers.
type Again struct {
	After  time.Duration // since the recording began, gaps included
	Length time.Duration
}

// ClockStep sets the camera's clock, which the pictures show, and begins a new session.
type ClockStep struct {
	After time.Duration // since the recording began, gaps included
	By    time.Duration // forward, or back if negative; not 0
}

// Late is a span that was filmed while the network was away: it is uploaded after its end, in the
// same session, and delays what follows until the backlog is gone.
type Late struct {
	After  time.Duration // since the recording began, gaps included
	Length time.Duration
	Speed  float64 // of the backlog's upload against filming, 1.1 to 1000; 0 means 10
}

// Replay is a restart of a camera that keeps footage: a new session sends the last of it again,
// cut into fragments half a fragment off where a fragment has two pictures or more, then goes on.
type Replay struct {
	After  time.Duration // since the recording began, gaps included
	Length time.Duration // of what is sent again, up to a fragment more
}

// Lost is a span whose fragments are listed but in no clip. What is uploaded again of them can be
// had.
type Lost struct {
	After  time.Duration // since the recording began, gaps included
	Length time.Duration
}

// Tag is what the producer says of the fragments that start in a span, or of all where Length is 0: a
// Matroska tag before the cluster. Clips do not hold it.
type Tag struct {
	Name, Value   string        // up to 128 and 256 bytes; a name does not begin with AWS
	After, Length time.Duration // since the recording began, gaps included
}

// Fragment is one fragment of a recording, as ListFragments tells it and with the picture numbers
// that it does not tell.
type Fragment struct {
	Number           string
	Producer, Server time.Time     // start, UTC, whole milliseconds
	Length           time.Duration // first to last picture: the last one's duration is left out
	Size             int64         // bytes, headers included
	First            int64         // number of its first picture in the recording
	Pictures         int
	Lost             bool // no clip holds it
}
