package clip

import (
	"io"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// Config says whose streams are read and how politely. The zero value uses the default
// credential chain of the AWS SDK and all of the stream's quota.
type Config struct {
	Region      string // AWS region; "" means what the environment or profile says
	Profile     string // name in the shared configuration files; "" means the default
	RoleARN     string // role to assume with those credentials; "" means none
	EndpointURL string // control endpoint; "" means AWS's own, or what AWS_ENDPOINT_URL* says
	Anonymous   bool   // made-up credentials and region, for emulators; EndpointURL is needed then

	Retries   int   // tries of one call before it fails, 1 to 100; 0 means 10
	Share     int   // percent of the stream's quota points to use, 1 to 10,000, above 100 where AWS has raised the quota; 0 means 100
	LimitRate int64 // bytes a second over all answers; 0 means no limit

	// Version is the program's, for journals and receipts; "" is a version like any other.
	Version string
	Report  progress.Func // told what happens; nil means nobody is
}

// Request is one clip. Stream and Range are needed; everything else has a zero value that is right.
type Request struct {
	Stream string // name or ARN
	Range  archive.Range
	// Output is a file name, or a folder when it ends in a path separator or is one. "" means
	// the default name in the working folder.
	Output string

	// Format is what Output is written as; "" means what its ending says, and MP4 otherwise.
	Format Format
	// Writer takes the clip as fragmented MP4 while it comes, if not nil; Output then counts for
	// nothing, no file is written, and a run that ends early starts anew.
	Writer io.Writer

	Engine Engine
	// CrossCheck fetches a sample of the pieces by both engines and compares them.
	CrossCheck bool
	Piece      time.Duration // longest piece; 0 means as long as the service's limits allow
	Parallel   int           // pieces in flight, 1 to 32; 0 means 5

	// Where takes only the fragments for which the expression is true, such as
	// tag.motion == "true"; "" means all. See docs/footage.md.
	Where string
	// Every cuts files at clock marks: multiples of it since midnight in Zone; 0 means not.
	Every time.Duration
	Zone  *time.Location // of marks, names and the clock track; nil means UTC

	// Tags and Frames are files that are to tell, one JSON object a line, of each fragment and what
	// its producer said of it, and of each sample; "" means none. See docs/footage.md.
	Tags, Frames string
	// ClockTrack adds the time on the wall as timed text, chapters at its marks, and a file of
	// WebVTT beside each output.
	ClockTrack bool

	Trim     Trim
	Merge    Merge
	Gaps     Gaps
	OnChange OnChange
	Overlap  plan.Overlap // which of footage that was recorded more than once is taken; "" means plan.OverlapAuto
	NoResume bool         // throw away what an earlier unfinished run of the same clip left
	Force    bool         // overwrite Output and Receipt

	// Incomplete makes a clip also where something that was listed cannot be had. Report.Missing
	// names it.
	Incomplete bool
	// Receipt is a file that is to tell what the clip was made of, piece by piece, with hashes;
	// "" means none. See docs/receipt.md.
	Receipt string
	// SignKey is a file with the private Ed25519 key, PKCS #8 in PEM, that signs the receipt; ""
	// means that it is not signed.
	SignKey string

	region string // for names of files
}

// Engine is which call of the service brings the footage.
type Engine = fetch.Engine

const (
	EngineAuto      = fetch.EngineAuto      // GetClip, and for what that refuses GetMediaForFragmentList; also the meaning of ""
	EngineClip      = fetch.EngineClip      // GetClip alone
	EngineFragments = fetch.EngineFragments // GetMediaForFragmentList alone
)

// Format is a kind of file.
type Format string

const (
	FormatMP4 Format = "mp4"
	FormatMKV Format = "mkv" // Matroska, which takes any codec
	FormatM4A Format = "m4a" // MP4 with the sound alone
	FormatWAV Format = "wav" // the sound alone, where it is G.711 or PCM
	FormatHLS Format = "hls" // a playlist, and one fragmented MP4 beside it
)

// Trim says where the clip begins and ends.
type Trim string

const (
	TrimExact    Trim = "exact"    // play the asked range by edit list; also the meaning of ""
	TrimFragment Trim = "fragment" // play whole fragments
)

// Merge says how pieces become one file.
type Merge string

const (
	MergeNative Merge = "native" // in-process, losslessly; also the meaning of ""
	MergeFFmpeg Merge = "ffmpeg" // with the machine's ffmpeg program
	MergeNone   Merge = "none"   // not at all: the pieces are the outputs
)

// Gaps says what becomes of holes in the recording. All of them are in the report.
type Gaps string

const (
	GapsSqueeze Gaps = "squeeze" // close them up; also the meaning of ""
	GapsKeep    Gaps = "keep"    // let them last as long as they did: picture held, sound silent
	GapsSplit   Gaps = "split"   // one file a span
)

// OnChange says what becomes of a change of codec configuration, picture size or tracks.
type OnChange string

const (
	ChangeJoin  OnChange = "join"  // one file that holds both; also the meaning of ""
	ChangeSplit OnChange = "split" // one file for each configuration
)

// JoinRequest joins clips that lie on disk.
type JoinRequest struct {
	Clips  []string // MP4 files, in playing order, at least one
	Output string   // file name, needed
	Force  bool     // overwrite Output
	Report progress.Func
}
