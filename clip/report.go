package clip

import "time"

// Report is what became of a request. Its JSON is a contract with scripts: keys are only added.
type Report struct {
	Stream    string    `json:"stream,omitempty"`
	Region    string    `json:"region,omitempty"`
	Clock     string    `json:"clock,omitempty"` // "server" or "producer"
	Requested *Instants `json:"requested,omitempty"`
	Delivered *Instants `json:"delivered,omitempty"` // what the outputs hold; nil for join
	Outputs   []Output  `json:"outputs"`
	Fragments Fragments `json:"fragments"`
	Gaps      []Gap     `json:"gaps"`
	GapPolicy Gaps      `json:"gapPolicy,omitempty"` // what became of them; "" for join
	Missing   []Missing `json:"missing,omitempty"`   // listed, and not in the outputs
	Seams     []Seam    `json:"seams"`
	Pieces    int       `json:"pieces"`
	Engine    string    `json:"engine,omitempty"` // "clip", "fragments" or "clip+fragments": which calls brought the pieces
	// CrossChecked counts pieces that were fetched by both engines and found equal; nil if none were to be.
	CrossChecked *int  `json:"crossChecked,omitempty"`
	Calls        Calls `json:"calls"`
	// BytesFetched counts media bytes over the network, those of answers thrown away included.
	BytesFetched int64 `json:"bytesFetched"`
	ElapsedMs    int64 `json:"elapsedMs"`
	// EstimatedCostUSD is a low and a high price by US East list prices a GB consumed; transfer
	// out of AWS is not in it. See docs/cost.md for where the two come from.
	EstimatedCostUSD *[2]float64 `json:"estimatedCostUSD,omitempty"`
	Receipt          string      `json:"receipt,omitempty"`   // file that says what the outputs are made of
	Signature        string      `json:"signature,omitempty"` // of the receipt
	Where            string      `json:"where,omitempty"`     // which fragments were wanted, as Request.Where
	Tags             string      `json:"tags,omitempty"`      // file that tells of fragments and their tags
	Frames           string      `json:"frames,omitempty"`    // file that tells of each sample
	Notes            []string    `json:"notes,omitempty"`     // what the user should know
}

// Time is an instant, UTC. Its JSON always has milliseconds, the service's resolution:
// "2026-03-14T08:17:35.000Z".
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// Instants are two UTC instants on the report's clock.
type Instants struct {
	From       Time  `json:"from"`
	To         Time  `json:"to"`
	DurationMs int64 `json:"durationMs,omitempty"` // of the delivered media, gaps left out
}

// Output is one file written.
type Output struct {
	Path       string  `json:"path"`
	Bytes      int64   `json:"bytes"`
	SHA256     string  `json:"sha256"` // of the whole file, hex
	DurationMs int64   `json:"durationMs"`
	From       Time    `json:"from,omitzero"` // its first picture, on the report's clock, when known
	Tracks     []Track `json:"tracks"`
	Media      string  `json:"media,omitempty"`    // of a playlist: the file beside it that holds the footage
	Captions   string  `json:"captions,omitempty"` // file of WebVTT beside it
}

// Track is one track of an output.
type Track struct {
	Kind    string   `json:"kind"`             // "video" or "audio"
	Codec   string   `json:"codec"`            // of the first sample, RFC 6381
	Codecs  []string `json:"codecs,omitempty"` // all configurations in order of appearance, if more than one
	Samples int      `json:"samples"`
	Width   int      `json:"width,omitempty"`
	Height  int      `json:"height,omitempty"`
}

// Fragments compares the listing with what came. Both are 0 when listing was not permitted.
type Fragments struct {
	Listed  int `json:"listed"`
	Fetched int `json:"fetched"`
	Skipped int `json:"skipped,omitempty"` // not wanted, as Request.Where says
}

// Missing is a fragment that the service lists and does not give.
type Missing struct {
	Fragment string `json:"fragment"` // its number
	From     Time   `json:"from"`     // on the report's clock
	To       Time   `json:"to"`
	Bytes    int64  `json:"bytes"`
	Reason   string `json:"reason"`
}

// Gap is a hole in the recording.
type Gap struct {
	From       Time  `json:"from"`
	To         Time  `json:"to"`
	DurationMs int64 `json:"durationMs"` // more than To minus From where what was filmed around it came late
}

// Seam is the join of two neighbouring pieces as it was made.
type Seam struct {
	Piece        int     `json:"piece"`            // the piece after the seam, from 1 for the first
	At           Time    `json:"at,omitzero"`      // producer time of its first fragment, when known
	FileMs       int64   `json:"fileMs"`           // where in the file's media it lies
	VideoErrorMs float64 `json:"videoErrorMs"`     // picture against its producer time
	AudioErrorMs float64 `json:"audioErrorMs"`     // sound against the picture
	Action       string  `json:"action"`           // "join", "gap", "held", "back-to-back" or "config"
	Output       int     `json:"output,omitempty"` // the output it lies in, from 1, if there are several
}

// Calls counts requests to the service.
type Calls struct {
	ListFragments           int `json:"ListFragments"`
	GetClip                 int `json:"GetClip"`
	GetMediaForFragmentList int `json:"GetMediaForFragmentList,omitempty"`
	Throttled               int `json:"throttled"` // answers that said: too many
	Retried                 int `json:"retried"`   // calls asked again, for whatever reason
}
