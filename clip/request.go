package clip

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
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

	Piece    time.Duration // longest piece; 0 means as long as the service's limits allow
	Parallel int           // pieces in flight, 1 to 32; 0 means 5
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
}

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
