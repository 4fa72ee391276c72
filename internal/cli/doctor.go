package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
retention, status and key. It fetches one fragment and throws it away. Without STREAM it tries what needs none.

A check is ok, failed, skipped (it could not be made) or a warning (get works all the same). The exit code is
that of the first failed check that get needs.

Keys of --json, which are only added to:
  stream, region, endpoint, account, caller    what is not known is absent
  clockSkewMs      how far the service's clock is ahead of this machine's
  checks[]         {name, result ("ok", "failed", "skipped" or "warning"), needed, detail, remedy, action, requestId}
  policy           the smallest IAM policy for get; absent without STREAM
  optionalActions  those of it that get works without, and then proves less
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
		data := f.Check == clip.CheckListFragments || f.Check == clip.CheckGetClip
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

// text is for people: a line for each check, remedies under those that need one, and the policy.
func (r *findings) text(quiet bool) string {
	var b strings.Builder
	for _, f := range r.Findings {
		wrong := f.Result == clip.ResultFailed || f.Result == clip.ResultWarning
		if quiet && !wrong {
			continue
		}
		fmt.Fprintf(&b, "%-8s %-21s %s\n", f.Result, f.Check, r.detail(f))
		if remedy := r.remedy(f); remedy != "" {
			fmt.Fprintf(&b, "%-8s %-21s remedy: %s\n", "", "", remedy)
		}
	}
	switch {
	case quiet:
	case r.Policy != nil:
		b.WriteString(r.policyText())
	case r.Stream == "":
		b.WriteString("\nWith a STREAM more is tried: what get needs, its retention, status and key; and the smallest policy is printed.\n")
	}
	return b.String()
}

func (r *findings) policyText() string {
	policy, err := json.MarshalIndent(r.Policy, "", "  ")
	if err != nil {
		panic("internal error: " + err.Error()) // it is made of strings
	}
	return fmt.Sprintf(`
The smallest policy for kvsclip get of %s:
%s
%s%s is optional: without it the clip cannot be proven whole. get does not need
kinesisvideo:DescribeStream and kinesisvideo:ListStreams; doctor and streams use them.
`, r.Stream, policy, placeholders(string(policy)), strings.Join(r.OptionalActions, ", "))
}

// placeholders says what to put for those that stand in a policy; "" if none does.
func placeholders(policy string) string {
	account, key := strings.Contains(policy, ":ACCOUNT:"), strings.Contains(policy, ":key/KEY\"")
	switch {
	case account && key:
		return "Put the stream's account for ACCOUNT, and its key's id for KEY: nobody told them.\n"
	case account:
		return "Put the stream's account for ACCOUNT: nobody told it.\n"
	case key:
		return "Put the id of the stream's key for KEY: nobody told it.\n"
	}
	return ""
}

// detail says what came of a check, and why.
func (r *findings) detail(f clip.Finding) string {
	switch {
	case f.After != "":
		return r.afterText(f.After)
	case f.Check == clip.CheckClock:
		return r.clockText(f)
	case f.Check == clip.CheckCredentials && f.Result == clip.ResultSkipped:
		return "whose they are was not told: " + f.Err.Error()
	case f.Check == clip.CheckKey && f.Err != nil:
		return "GetClip is not allowed to use " + r.keyText()
	case f.Err != nil:
		return f.Err.Error()
	}
	return r.fact(f)
}

// afterText says why a check was not made.
func (r *findings) afterText(after clip.Check) string {
	if r.silent() {
		return "not tried, since nothing answers"
	}
	if f, _ := r.Finding(after); f.Result == clip.ResultFailed {
		return "not tried, since " + string(after) + " failed"
	}
	return "not known without " + string(after)
}

// fact says what is known about a check that needed no refusal.
func (r *findings) fact(f clip.Finding) string {
	switch f.Check {
	case clip.CheckConfiguration:
		return r.regionText()
	case clip.CheckCredentials:
		return strings.TrimSuffix("account "+r.Account+", "+r.Caller, ", ")
	case clip.CheckListFragments:
		if r.Newest != nil {
			return "allowed; a fragment of " + wallTime(r.Newest.Server, time.UTC) + " is listed"
		}
	case clip.CheckGetClip:
		if r.ClipBytes > 0 {
			return "allowed; one fragment fetched, " + bytesText(r.ClipBytes)
		}
		return "allowed; nothing was there to fetch"
	case clip.CheckRetention:
		if r.Described.Retention == 0 {
			return "0: the stream keeps nothing of what it is sent"
		}
		return "footage is kept for " + lengthText(r.Described.Retention)
	case clip.CheckStatus:
		return "the stream is " + r.Described.Status
	case clip.CheckFootage:
		return r.footageText()
	case clip.CheckKey:
		return r.keyText()
	}
	return "allowed"
}

func (r *findings) footageText() string {
	switch {
	case r.Newest != nil:
		return "there is some of " + wallTime(r.Newest.Server, time.UTC)
	case r.ClipBytes > 0:
		return "there is some of the last minute"
	}
	return "nothing is recorded, as far back as the stream keeps it"
}

func (r *findings) keyText() string {
	switch {
	case r.CustomerKey && r.Key != "":
		return "the customer key " + r.Key
	case r.CustomerKey:
		return "the stream's customer key, which is not known: DescribeStream tells it"
	case r.Described == nil:
		return "it can be used"
	}
	return "AWS's own: no permission is needed"
}

// regionText says where the service is looked for, and who said so.
func (r *findings) regionText() string {
	at := "AWS's own endpoint"
	if r.Endpoint != "" {
		at = "endpoint " + r.Endpoint
	}
	return fmt.Sprintf("region %s (%s), %s", r.Region, r.regionSource(), at)
}

func (r *findings) regionSource() string {
	switch {
	case r.FromARN:
		return "of the stream's ARN"
	case r.asked.Region != "":
		return "--region"
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v, _ := r.app.env(name); v != "" {
			return name
		}
	}
	return "the profile"
}

// clockText tells the difference as exactly as dates in whole seconds let it be known.
func (r *findings) clockText(f clip.Finding) string {
	exact := time.Second
	if r.Skew.Abs() > clip.SkewWarning-5*time.Second {
		exact = 10 * time.Second
	}
	off := lengthText(r.Skew.Abs().Round(exact))
	switch {
	case r.Skew == 0 && f.Result == clip.ResultSkipped:
		return "no answer told the service's time"
	case r.Skew.Abs() < time.Second:
		return "right to the second"
	case r.Skew > 0:
		return "this machine's is " + off + " behind the service's"
	}
	return "this machine's is " + off + " ahead of the service's"
}

// remedy says what to do about a check that failed or warns; "" where nothing has to be done.
func (r *findings) remedy(f clip.Finding) string {
	switch {
	case f.Result == clip.ResultOK || f.Result == clip.ResultSkipped:
		return ""
	case f.Check == clip.CheckKey || kvs.IsKey(f.Err):
		return r.keyRemedy()
	case f.Check == clip.CheckClock:
		return "set this machine's clock, by ntp or chrony: AWS refuses signatures that are more than 5 minutes off, and \"now\" in a range is wrong"
	case f.Err != nil:
		_, _, hint := explain(r.ctx, r.path, f.Err)
		return hint + r.optional(f)
	}
	return r.remedyOf(f.Check)
}

func (r *findings) keyRemedy() string {
	key := r.Key
	if key == "" {
		key = "the stream's key"
	}
	who := r.Caller
	if who == "" {
		who = "the caller"
	}
	return fmt.Sprintf("allow kms:Decrypt on %s to %s, in its IAM policy and in the key's own", key, who)
}

// optional says what is lost without an action that get does not need.
func (r *findings) optional(f clip.Finding) string {
	switch {
	case f.Result != clip.ResultWarning:
		return ""
	case slices.Contains(r.OptionalActions, f.Action):
		return "; without it get works, and cannot prove that the clip is whole"
	case f.Check == clip.CheckListStreams:
		return "; only kvsclip streams needs it"
	}
	return "; only kvsclip doctor needs it"
}

// remedyOf is for what no call was refused for.
func (r *findings) remedyOf(check clip.Check) string {
	switch check {
	case clip.CheckRetention:
		return fmt.Sprintf("raise it for what will be recorded: aws kinesisvideo update-data-retention --stream-name %s --operation INCREASE_DATA_RETENTION "+
			"--data-retention-change-in-hours 24 --current-version VERSION; aws kinesisvideo describe-stream tells VERSION", r.Described.Name)
	case clip.CheckStatus:
		return "wait until it is ACTIVE; kvsclip streams shows it"
	case clip.CheckFootage:
		return "check that the camera is on and sends to this stream, region and account"
	}
	return ""
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
