package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/spf13/cobra"
)

// doctorFlags are the flags of kvsclip doctor.
type doctorFlags struct {
	aws  awsFlags
	talk talkFlags
	json bool
}

func (a *app) doctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [STREAM]",
		Short: "find out what keeps get from working, and print the smallest policy",
		Example: `  kvsclip doctor
  kvsclip doctor front-door --region eu-central-1
  kvsclip doctor front-door --json | jq .policy > policy.json`,
		Long: `Tries, one after the other: region, credentials, this machine's clock, each IAM action, and the stream's
retention, status and key. It fetches one fragment, by each of the two calls for that, and throws it away.
Without STREAM it tries what needs none.

A check is ok, failed, skipped (it could not be made) or a warning (get works all the same). The exit code is
that of the first failed check that get needs.

Keys of --json, which are only added to:
  stream, region, endpoint, account, caller    what is not known is absent
  clockSkewMs      how far the service's clock is ahead of this machine's
  checks[]         {name, result ("ok", "failed", "skipped" or "warning"), needed, detail, remedy, action, requestId}
  policy           the smallest IAM policy for get; absent without STREAM
  optionalActions  those of it that get works without, and then proves or fetches less
  code             the exit code`,
		Annotations: exits("get can work: all that it needs is ok", exitFailed, exitUsage, exitEmpty, exitDenied, exitNoStream, exitInterrupted),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && args[0] == "" {
				return notOne(cmd, args)
			}
			return nil
		},
		ValidArgsFunction: noFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runDoctor(cmd.Context(), cmd.CommandPath(), &f, strings.Join(args, ""))
		},
	}
	fs := cmd.Flags()
	f.aws.register(fs)
	f.aws.Retries = 3 // an answer soon is worth more here than one in any event
	fs.Lookup("retries").DefValue = "3"
	fs.BoolVar(&f.json, "json", false, "print the findings, or the error, as one JSON object")
	f.talk.register(fs)
	fs.Lookup("quiet").Usage = "print only what is wrong"
	return cmd
}

func (a *app) runDoctor(ctx context.Context, path string, f *doctorFlags, stream string) error {
	if err := f.talk.check(); err != nil {
		return err
	}
	config := f.aws.Config
	if f.talk.verbose > 0 {
		talk := a.talk(ctx, f.talk)
		defer talk.close()
		config.Report = talk.event
	}
	d, err := clip.Doctor(ctx, config, stream)
	if err != nil {
		return err
	}
	r := findings{Diagnosis: d, app: a, ctx: ctx, path: path, asked: config}
	failed := r.verdict()
	if f.json {
		err = a.printJSON(r.json(failed.code))
	} else {
		err = a.print(r.text(f.talk.quiet))
	}
	if err == nil && failed.code != exitOK {
		err = shownError{failed}
	}
	return err
}

// doctorError is what the findings come to: its own exit code, kind and hint.
type doctorError struct {
	code       int
	kind, hint string
	text       string
}

func (e doctorError) Error() string { return e.text }

// findings puts a diagnosis into words.
type findings struct {
	*clip.Diagnosis
	app   *app
	ctx   context.Context // of the one report this lives for
	path  string          // the command as typed
	asked clip.Config
}

// verdict names the checks that failed and get needs; its code is exitOK if there is none.
func (r *findings) verdict() doctorError {
	var names []string
	e := doctorError{hint: "the remedies are told with each check"}
	for _, f := range r.Findings {
		if f.Result != clip.ResultFailed || !f.Needed {
			continue
		}
		if e.code == exitOK {
			e.code, e.kind = r.exit(f)
		}
		names = append(names, string(f.Check))
	}
	e.text = r.sentence(names)
	return e
}

// sentence says what the failed checks mean for get. The SDK corrects a clock that is off, so that
// calls succeed unless they were refused for it.
func (r *findings) sentence(failed []string) string {
	refused := slices.ContainsFunc(r.Findings, func(f clip.Finding) bool { return f.After == clip.CheckClock })
	switch {
	case r.silent():
		return "get cannot work: nothing answers at " + r.address()
	case !refused && slices.Equal(failed, []string{string(clip.CheckClock)}):
		return "get may not work, or fetch the wrong times: failed clock"
	}
	return "get cannot work: failed " + strings.Join(failed, ", ")
}

// silent says that the control endpoint gives no answer, whatever call that showed at.
func (r *findings) silent() bool {
	return slices.ContainsFunc(r.Findings, func(f clip.Finding) bool {
		data := f.Check == clip.CheckListFragments || f.Check == clip.CheckGetClip || f.Check == clip.CheckGetMedia
		_, answered := errors.AsType[*tls.CertificateVerificationError](f.Err)
		return !data && !answered && f.Result == clip.ResultFailed && kvs.IsUnanswered(f.Err)
	})
}

// address is the control endpoint, for people.
func (r *findings) address() string {
	return cmp.Or(r.Endpoint, "AWS's own endpoint in "+r.Region)
}

// exit is the exit code, and the word for scripts, of a check that failed.
func (r *findings) exit(f clip.Finding) (code int, kind string) {
	switch {
	case f.Check == clip.CheckRetention || f.Check == clip.CheckFootage:
		return exitEmpty, "empty"
	case f.Check == clip.CheckStatus:
		return exitNoStream, "noStream"
	case f.Check == clip.CheckKey || kvs.IsKey(f.Err):
		return exitDenied, "denied"
	case f.Err != nil:
		code, kind, _ = explain(r.ctx, r.path, f.Err)
		return code, kind
	}
	return exitFailed, string(f.Check)
}

// doctorOut is the JSON of a diagnosis. Its keys are a contract, told in the command's help.
type doctorOut struct {
	Stream          string       `json:"stream,omitempty"`
	Region          string       `json:"region,omitempty"`
	Endpoint        string       `json:"endpoint,omitempty"`
	Account         string       `json:"account,omitempty"`
	Caller          string       `json:"caller,omitempty"`
	ClockSkewMs     int64        `json:"clockSkewMs"`
	Checks          []checkOut   `json:"checks"`
	Policy          *clip.Policy `json:"policy,omitempty"`
	OptionalActions []string     `json:"optionalActions,omitempty"`
	Code            int          `json:"code"`
}

type checkOut struct {
	Name      string `json:"name"`
	Result    string `json:"result"`
	Needed    bool   `json:"needed"`
	Detail    string `json:"detail"`
	Remedy    string `json:"remedy,omitempty"`
	Action    string `json:"action,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

func (r *findings) json(code int) doctorOut {
	out := doctorOut{
		Stream: r.Stream, Region: r.Region, Endpoint: r.Endpoint, Account: r.Account, Caller: r.Caller,
		ClockSkewMs: r.Skew.Milliseconds(), Checks: []checkOut{}, Policy: r.Policy, OptionalActions: r.OptionalActions, Code: code,
	}
	for _, f := range r.Findings {
		c := checkOut{
			Name: string(f.Check), Result: string(f.Result), Needed: f.Needed,
			Detail: r.detail(f), Remedy: r.remedy(f), Action: f.Action,
		}
		if e, ok := errors.AsType[*kvs.Error](f.Err); ok {
			c.RequestID = e.RequestID
		}
		out.Checks = append(out.Checks, c)
	}
	return out
}
