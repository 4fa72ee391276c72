package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// Exit codes. Scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitEmpty       = 3
	exitIncomplete  = 4
	exitDenied      = 5
	exitNoStream    = 6
	exitLocal       = 7
	exitInterrupted = 130
)

// usageError marks an error as wrong use of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// shownError marks an error of a command that has printed its result nevertheless, so that no
// second JSON object follows.
type shownError struct{ error }

func (e shownError) Unwrap() error { return e.error }

// pipedError marks an error of a clip that was written to standard output: nothing of it is kept.
type pipedError struct{ error }

func (e pipedError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

const (
	goOn      = "run the same command again to go on: finished pieces are kept"
	tellUs    = "run again; if it stays, run with -vv and send what it says with a report"
	again     = "run the same command again"
	byNumbers = "GetClip does not take such footage; the native merge and --engine auto or fragments do, where kinesisvideo:ListFragments and kinesisvideo:GetMediaForFragmentList are allowed"
	otherName = "give another name with -o (or --receipt, if that is the one), or --force to overwrite"
)

// verdict is what an error means to the user.
type verdict struct {
	match      bool
	code       int
	kind, hint string
}

// explain turns an error into an exit code, a word for scripts and advice. Nothing below cli
// prints or exits. path is the command as typed.
func explain(ctx context.Context, path string, err error) (code int, kind, hint string) {
	answer, called := errors.AsType[*kvs.Error](err)
	for _, v := range verdicts(ctx, path, err) {
		if !v.match {
			continue
		}
		if called && v.code != exitInterrupted && v.code != exitIncomplete {
			v.kind = cmp.Or(answer.Code, v.kind)
			v.hint = cmp.Or(answer.Advice(), v.hint)
			if strings.HasSuffix(path, " get") && kvs.IsThrottled(err) {
				v.hint += "\nlower --share or --parallel to ask for less at once"
			}
			if resumes(path, err) && (kvs.Judge(answer) == kvs.Retry || v.code == exitDenied) {
				v.hint += "\n" + goOn
			}
		}
		return v.code, v.kind, v.hint
	}
	panic("internal error: no verdict")
}

// resumes says that a command goes on where an earlier run of it ended.
func resumes(path string, err error) bool { return strings.HasSuffix(path, " get") && !piped(err) }

func piped(err error) bool {
	_, is := errors.AsType[pipedError](err)
	return is
}

// further is how to go on.
func further(path string, err error) string {
	if resumes(path, err) {
		return goOn
	}
	return again
}

// incompleteHint is what can be done about footage that is listed and cannot be had.
func incompleteHint(path string, err error) string {
	switch {
	case kvs.Judge(err) == kvs.Split:
		return byNumbers + "\n" + further(path, err)
	case strings.HasSuffix(path, " still"):
		return "ask for another time with --at"
	case piped(err):
		return "name a file with -o: with --allow-incomplete it is written without that, and what is missing is named"
	}
	return "--allow-incomplete writes the clip without it, and names what is missing\n" + further(path, err)
}

// apartHint is what can be done about pieces that do not go together.
func apartHint(err error) string {
	if piped(err) {
		return "name a file with -o: it can hold what a pipe cannot"
	}
	return "kvsclip get --merge none keeps the pieces as files; each plays by itself"
}

// verdicts lists what err may mean; the first that matches counts, the last one always does. What
// the user can mend by hand (rights, stream, disk) comes before what follows from it, since an
// incomplete clip wraps its cause.
func verdicts(ctx context.Context, path string, err error) []verdict {
	is := func(target error) bool { return errors.Is(err, target) }
	_, usage := errors.AsType[usageError](err)
	doctor, examined := errors.AsType[doctorError](err)
	joins := strings.HasSuffix(path, " join")
	more := further(path, err)
	return []verdict{
		{usage || is(clip.ErrUsage) || is(kvs.ErrBadStream), exitUsage, "usage", path + " --help shows examples"},
		{ctx.Err() != nil, exitInterrupted, "interrupted", more},
		{examined, doctor.code, doctor.kind, doctor.hint},
		{isConfiguration(err), exitUsage, "usage", "aws configure list-profiles shows which profiles there are; check --profile, AWS_PROFILE and the files in ~/.aws"},
		{is(kvs.ErrNoRegion), exitUsage, "usage", "give --region, or set AWS_REGION, or a region in the profile"},
		{kvs.IsDenied(err) || kvs.IsCredentials(err), exitDenied, "denied", "aws sts get-caller-identity shows whose credentials are used; --profile and --role-arn choose others"},
		{kvs.IsNoStream(err) || is(kvs.ErrWrongRegion), exitNoStream, "noStream", "kvsclip streams lists what is there; --region and --profile choose where"},
		{is(clip.ErrBusy), exitLocal, "busy", "wait until it ends, or give another name with -o"},
		{is(clip.ErrExists) || is(fs.ErrExist), exitLocal, "exists", otherName},
		{isLocal(err), exitLocal, "local", localHint(err)},
		{is(errLacking), exitIncomplete, "incomplete", "should the footage come back, --force makes the clip anew"},
		{is(clip.ErrAllMissing), exitIncomplete, "incomplete", "kvsclip plan with a wider range shows what else was recorded"},
		{is(clip.ErrIncomplete), exitIncomplete, "incomplete", incompleteHint(path, err)},
		{is(clip.ErrEmpty) || kvs.IsEmpty(err) || kvs.IsRetention(err), exitEmpty, "empty", "kvsclip plan with a wider range shows what was recorded; check --tz and --clock"},
		{is(clip.ErrReceipt), exitFailed, "receipt", verifyHint(err)},
		{is(clip.ErrDiffers), exitFailed, "differs", verifyHint(err)},
		{is(clip.ErrBroken), exitFailed, "unsound", verifyHint(err)},
		{joins && is(clip.ErrCannotJoin), exitFailed, "cannotJoin", "leave that clip out, or download its range again with --trim fragment"},
		{is(clip.ErrCannotJoin), exitFailed, "cannotJoin", apartHint(err)},
		{joins && is(mp4.ErrNotMP4), exitFailed, "failed", "it is not an MP4 file: check the name"},
		{joins && is(mp4.ErrTruncated), exitFailed, "failed", "the file is cut short: get it again"},
		{is(clip.ErrUnsound), exitFailed, "unsound", "check the disk, then " + more},
		{is(clip.ErrEngines), exitFailed, "differs", "keep --engine fragments, which gives every fragment by number, and send what this says with a report"},
		{true, exitFailed, "failed", tellUs},
	}
}

// isConfiguration says that the SDK's configuration could not be read, or lacks the profile asked for.
func isConfiguration(err error) bool {
	e, ok := errors.AsType[*kvs.Error](err)
	return ok && e.Code == "ConfigurationError"
}

func isLocal(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	listen, network := errors.AsType[*net.OpError](err)
	return path || link || network && listen.Op == "listen" ||
		errors.Is(err, clip.ErrLocal) || errors.Is(err, clip.ErrExists) || isDiskFull(err)
}

func localHint(err error) string {
	listen, network := errors.AsType[*net.OpError](err)
	at, named := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return "the program that reads standard output ended before the clip did"
	case isDiskFull(err) && piped(err):
		return "make room on the disk: pieces wait there, in the folder for temporary files, until they are written"
	case isDiskFull(err):
		return "make room on the disk, or give a place on another one with -o, then run the same command again to go on"
	case network && listen.Op == "listen":
		return "choose another --listen: 127.0.0.1:0 takes a free port"
	case errors.Is(err, fs.ErrPermission):
		return "give a place you may write to with -o"
	case errors.Is(err, fs.ErrNotExist) && named && at.Op == "open" && strings.Contains(at.Path, ".kvsclip-"):
		return "make the folder of OUT first"
	case errors.Is(err, fs.ErrNotExist):
		return "check the name"
	}
	return "mend that and run the same command again"
}

// failure is the error of a command as scripts get it. Its keys are a contract.
type failure struct {
	Code      int    `json:"code"`
	Kind      string `json:"kind"` // AWS's code, or one of our words
	Message   string `json:"message"`
	Hint      string `json:"hint,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

// fail tells about err on standard error, on standard output too as JSON if asked to, and
// returns the exit code.
func (a *app) fail(ctx context.Context, path string, err error, asJSON bool) int {
	code, kind, hint := explain(ctx, path, err)
	f := failure{Code: code, Kind: kind, Message: err.Error(), Hint: hint}
	if answer, ok := errors.AsType[*kvs.Error](err); ok {
		f.RequestID = answer.RequestID
	}
	if code == exitInterrupted {
		f.Message = "interrupted"
	}
	fmt.Fprintf(a.stderr, "kvsclip: error: %s\n", f.Message)
	if f.RequestID != "" && !strings.Contains(f.Message, f.RequestID) {
		fmt.Fprintf(a.stderr, "kvsclip: request id: %s\n", f.RequestID)
	}
	for line := range strings.Lines(f.Hint) {
		fmt.Fprintf(a.stderr, "kvsclip: hint: %s\n", strings.TrimSpace(line))
	}
	if asJSON {
		// What cannot be written to standard output has been said on standard error.
		_ = a.printJSON(struct {
			Error failure `json:"error"`
		}{f})
	}
	return code
}

// printJSON writes v as one line on standard output.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return a.written(enc.Encode(v))
}

// print writes text for people on standard output.
func (a *app) print(text string) error {
	_, err := fmt.Fprint(a.stdout, text)
	return a.written(err)
}

func (a *app) written(err error) error {
	if err != nil {
		return fmt.Errorf("%w: writing standard output: %w", clip.ErrLocal, err)
	}
	return nil
}
