package clip

import (
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/progress"
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

	Report progress.Func // told what happens; nil means nobody is
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
	NoResume bool // throw away what an earlier unfinished run of the same clip left
	Force    bool // overwrite Output
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

// Gaps says what becomes of holes in the recording.
type Gaps string

// GapsSqueeze closes holes up, and lists them in the report; also the meaning of "".
const GapsSqueeze Gaps = "squeeze"

// JoinRequest joins clips that lie on disk.
type JoinRequest struct {
	Clips  []string // MP4 files, in playing order, at least one
	Output string   // file name, needed
	Force  bool     // overwrite Output
	Report progress.Func
}
