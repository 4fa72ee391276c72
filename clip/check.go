package clip

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// MinPiece is the shortest that Request.Piece can be: the shortest fragment the service takes.
const MinPiece = time.Second

// Check says what is wrong with the request, as an ErrUsage, before anything is asked of anybody.
func (r Request) Check() error {
	_, err := r.checked()
	return err
}

// checked returns the request with its times in UTC milliseconds, the service's resolution, or an
// ErrUsage.
func (r Request) checked() (Request, error) {
	r.Range.From, r.Range.To = milliseconds(r.Range.From), milliseconds(r.Range.To)
	if wrong := cmp.Or(r.wrongRange(), r.wrongChoice(), r.wrongMix()); wrong != "" {
		return Request{}, fmt.Errorf("%w: %s", ErrUsage, wrong)
	}
	return r, nil
}

// wrongRange says what is wrong with what is asked for.
func (r Request) wrongRange() string {
	switch {
	case r.Stream == "":
		return "no stream is named"
	case !r.Range.From.Before(r.Range.To):
		return fmt.Sprintf("the range %v ends before it begins", r.Range)
	case r.Piece < 0 || r.Piece > 0 && r.Piece < MinPiece:
		return fmt.Sprintf("pieces of %v: a fragment is a second at the least, so is a piece", r.Piece)
	case r.Parallel < 0 || r.Parallel > MaxParallel:
		return fmt.Sprintf("%d pieces in flight: 1 to %d are possible", r.Parallel, MaxParallel)
	}
	return ""
}

// wrongChoice says which choice is none.
func (r Request) wrongChoice() string {
	return cmp.Or(
		among("trim", r.Trim, TrimExact, TrimFragment),
		among("merge", r.Merge, MergeNative, MergeFFmpeg, MergeNone),
		among("gaps", r.Gaps, GapsSqueeze, GapsKeep, GapsSplit),
		among("on change", r.OnChange, ChangeJoin, ChangeSplit),
		among("overlap", r.Overlap, plan.OverlapAuto, plan.OverlapOldest, plan.OverlapNewest, plan.OverlapAll),
	)
}

// among is "" if the choice is one of those possible, or none was made.
func among[T ~string](what string, choice T, possible ...T) string {
	if choice == "" || slices.Contains(possible, choice) {
		return ""
	}
	return fmt.Sprintf("%s %q: one of %q is possible", what, choice, possible)
}

// wrongMix says which choices exclude each other.
func (r Request) wrongMix() string {
	native := r.Merge == "" || r.Merge == MergeNative
	switch {
	case !native && r.Receipt != "":
		return fmt.Sprintf("merge %q: a receipt needs the native merge", r.Merge)
	case !native && (r.keeps() || r.splits()):
		return fmt.Sprintf("merge %q: gaps that are kept or split, and splits on change, need the native merge", r.Merge)
	case r.SignKey != "" && r.Receipt == "":
		return "signing needs a receipt: name one with --receipt"
	case r.Receipt != "" && clashes(r.Receipt, r.output(), r.SignKey):
		return fmt.Sprintf("receipt %q: the clip or the key has that name", r.Receipt)
	case r.SignKey != "" && clashes(r.Receipt+SignatureSuffix, r.output(), r.SignKey):
		return fmt.Sprintf("signature %q: the clip or the key has that name", r.Receipt+SignatureSuffix)
	case r.SignKey != "" && clashes(r.SignKey, r.output()):
		return fmt.Sprintf("key %q: the clip has that name", r.SignKey)
	}
	return ""
}

// clashes says whether path names the same file as one of the others.
func clashes(path string, others ...string) bool {
	a, err := filepath.Abs(path)
	return err == nil && slices.ContainsFunc(others, func(o string) bool {
		b, err := filepath.Abs(o)
		return o != "" && err == nil && a == b
	})
}

func (r Request) keeps() bool { return r.Gaps == GapsKeep }

// splits says that the clip may become several files.
func (r Request) splits() bool { return r.Gaps == GapsSplit || r.OnChange == ChangeSplit }

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
// a name from outside is never a path, a hidden file, a flag or a device.
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
	if device.MatchString(name) {
		return "_" + name
	}
	return name
}

// device matches names that older Windows takes for a device, whatever their ending.
var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])\.`)
