package clip

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/naming"
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
	if wrong := cmp.Or(r.wrongRange(), r.wrongChoice(), r.wrongMix(), r.wrongFormat(), r.wrongWriter(), r.wrongNames()); wrong != "" {
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
		among("engine", r.Engine, EngineAuto, EngineClip, EngineFragments),
		among("format", r.Format, FormatMP4, FormatMKV, FormatM4A, FormatWAV, FormatHLS),
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

// wrongFormat says what a format cannot have.
func (r Request) wrongFormat() string {
	format := r.format()
	switch {
	case r.Engine == EngineClip && r.needsTags():
		return "tags come with the fragments engine alone: leave --engine clip away"
	case r.Receipt != "" && !format.isMP4():
		return fmt.Sprintf("a receipt is of MP4 files, not of .%s", format)
	case r.Frames != "" && !format.isMP4():
		return fmt.Sprintf("frames have places in MP4 files, not in .%s", format)
	case format == FormatHLS && strings.EqualFold(filepath.Ext(r.output()), ".mp4"):
		return fmt.Sprintf("output %q: the footage of a playlist lies beside it, in an .mp4 file: name the playlist .m3u8", r.output())
	case r.CrossCheck && r.Where != "":
		return "a filter and a cross-check exclude each other"
	}
	return cmp.Or(r.wrongMerge(), r.wrongMarks())
}

// wrongMerge says what only the native merge can do.
func (r Request) wrongMerge() string {
	switch {
	case r.Merge == "" || r.Merge == MergeNative:
		return ""
	case r.Every > 0 || r.Tags != "" || r.Frames != "" || r.ClockTrack || r.Where != "" || r.format() != FormatMP4:
		return fmt.Sprintf("merge %q: other formats, files cut at clock marks, tags, frames, filters and the clock track need the native merge", r.Merge)
	case r.Merge == MergeFFmpeg && r.FirstEngine() == EngineFragments:
		return "merge \"ffmpeg\" joins what GetClip gives: it cannot be had with the fragments engine"
	}
	return ""
}

// wrongMarks says what is wrong with the marks at which files are cut.
func (r Request) wrongMarks() string {
	switch {
	case r.Every == 0:
		return ""
	case r.Every < MinPiece:
		return fmt.Sprintf("files of %v: a second is the least", r.Every)
	case r.Range.To.Sub(r.Range.From)/r.Every > maxFiles:
		return fmt.Sprintf("files of %v: more than %d would come of it", r.Every, maxFiles)
	case r.Trim == TrimFragment:
		return "files cut at clock marks need the exact trim"
	}
	return ""
}

// wrongWriter says what cannot be written while it comes.
func (r Request) wrongWriter() string {
	native := r.Merge == "" || r.Merge == MergeNative
	switch {
	case r.Writer == nil:
		return ""
	case !native || r.splits() || r.Receipt != "" || r.Frames != "" || r.Tags != "" || r.ClockTrack || r.Incomplete:
		return "standard output takes one clip as it comes: no other merge, files, splits, receipt, tags, frames, clock track or incomplete clip"
	case r.Format != "" && r.Format != FormatMP4:
		return fmt.Sprintf("standard output takes fragmented MP4, not .%s", r.Format)
	}
	return ""
}

// wrongNames says what is wrong with names of files and expressions.
func (r Request) wrongNames() string {
	if _, err := filterOf(r.Where); err != nil {
		return err.Error()
	}
	if !r.literal() {
		if _, err := naming.Parse(r.Output); err != nil {
			return fmt.Sprintf("output %q: %v", r.Output, err)
		}
	}
	names := append(r.besides(r.output()), r.output(), r.Tags, r.Frames, r.Receipt, r.signature(), r.SignKey)
	for i, name := range names {
		if name != "" && clashes(name, names[i+1:]...) {
			return fmt.Sprintf("%q: another file of this clip has that name", name)
		}
	}
	return ""
}

// signature is the file of the receipt's signature; "" if there is none.
func (r Request) signature() string {
	if r.SignKey == "" {
		return ""
	}
	return r.Receipt + SignatureSuffix
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
func (r Request) splits() bool {
	return r.Gaps == GapsSplit || r.OnChange == ChangeSplit || r.Every > 0
}

// FirstEngine is the engine that each piece is tried with first, and EngineAuto for GetClip if another
// may follow. What only documents tell needs the fragments engine, and the ffmpeg program joins clips alone.
func (r Request) FirstEngine() Engine {
	switch e := cmp.Or(r.Engine, EngineAuto); {
	case e != EngineAuto:
		return e
	case r.needsTags():
		return EngineFragments
	case r.Merge == MergeFFmpeg:
		return EngineClip
	}
	return EngineAuto
}

// needsListing says that pieces of time alone will not do.
func (r Request) needsListing() bool {
	return r.FirstEngine() == EngineFragments || r.Where != "" || r.Every > 0 || r.CrossCheck
}

// needsTags says that something is asked for that GetClip does not tell.
func (r Request) needsTags() bool {
	f, err := filterOf(r.Where)
	return r.Tags != "" || err == nil && f != nil && f.UsesTags()
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
