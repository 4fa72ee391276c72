package clip

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// MinPiece is the shortest that Request.Piece can be: the shortest fragment the service takes.
const MinPiece = time.Second

// checked returns the request with its times in UTC milliseconds, the service's resolution, or an
// ErrUsage.
func (r Request) checked() (Request, error) {
	bad := func(format string, a ...any) (Request, error) {
		return Request{}, fmt.Errorf("%w: "+format, append([]any{ErrUsage}, a...)...)
	}
	r.Range.From, r.Range.To = milliseconds(r.Range.From), milliseconds(r.Range.To)
	switch {
	case r.Stream == "":
		return bad("no stream is named")
	case !r.Range.From.Before(r.Range.To):
		return bad("the range %v ends before it begins", r.Range)
	case r.Piece < 0 || r.Piece > 0 && r.Piece < MinPiece:
		return bad("pieces of %v: a fragment is a second at the least, so is a piece", r.Piece)
	case r.Parallel < 0 || r.Parallel > MaxParallel:
		return bad("%d pieces in flight: 1 to %d are possible", r.Parallel, MaxParallel)
	case !slices.Contains([]Trim{"", TrimExact, TrimFragment}, r.Trim):
		return bad("trim %q: exact or fragment", r.Trim)
	case !slices.Contains([]Merge{"", MergeNative, MergeFFmpeg, MergeNone}, r.Merge):
		return bad("merge %q: native, ffmpeg or none", r.Merge)
	case !slices.Contains([]Gaps{"", GapsSqueeze}, r.Gaps):
		return bad("gaps %q: only squeeze is supported yet", r.Gaps)
	}
	return r, nil
}

// output returns the file name of the clip: Output itself, or the default name in the folder it
// names.
func (r Request) output() string {
	folder := strings.HasSuffix(r.Output, "/") || strings.HasSuffix(r.Output, string(filepath.Separator))
	if st, err := os.Stat(r.Output); err == nil && st.IsDir() {
		folder = true
	}
	if r.Output != "" && !folder {
		return r.Output
	}
	return filepath.Join(r.Output, DefaultName(r.Stream, r.Range))
}

// maxName is how much of a stream's name a file's name takes: a stream's can have 256 characters,
// a file's 255 in all on most systems.
const maxName = 180

// DefaultName is the name of a clip when none is given, such as
// "cam1_20260314T081735Z_20260314T083035Z.mp4": only characters that every file system takes.
func DefaultName(stream string, r archive.Range) string {
	const stamp = "20060102T150405Z"
	name := safe(streamName(stream))
	return fmt.Sprintf("%s_%s_%s.mp4", name[:min(len(name), maxName)], r.From.UTC().Format(stamp), r.To.UTC().Format(stamp))
}

// streamName takes the name out of an ARN: arn:aws:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATED.
func streamName(stream string) string {
	if !strings.HasPrefix(stream, "arn:") {
		return stream
	}
	if parts := strings.Split(stream, "/"); len(parts) == 3 {
		return parts[1]
	}
	return "stream"
}

// safe replaces what is not a letter, digit, '.', '-' or '_', and a leading dot or dash, so that
// a name from outside is never a path, a hidden file or a flag.
func safe(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '_'
	}, name)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return "_" + name[1:]
	}
	return name
}
