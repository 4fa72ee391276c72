package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

// text is for people: a line for each check, remedies under those that need one, and the policy.
func (r *findings) text(quiet bool) string {
	var b strings.Builder
	for _, f := range r.Findings {
		wrong := f.Result == clip.ResultFailed || f.Result == clip.ResultWarning
		if quiet && !wrong {
			continue
		}
		fmt.Fprintf(&b, "%-8s %-23s %s\n", f.Result, f.Check, r.detail(f))
		if remedy := r.remedy(f); remedy != "" {
			fmt.Fprintf(&b, "%-8s %-23s remedy: %s\n", "", "", remedy)
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
%s%s are optional: without the first
the clip cannot be proven whole; without the second what GetClip refuses cannot be had, nor tags and stills.
get does not need kinesisvideo:DescribeStream and kinesisvideo:ListStreams; doctor and streams use them.
`, r.Stream, policy, placeholders(string(policy)), strings.Join(r.OptionalActions, " and "))
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
		return refusedCall(f.Err) + " is not allowed to use " + r.keyText()
	case f.Err != nil:
		return f.Err.Error()
	}
	return r.fact(f)
}

// refusedCall is the name of the call that was refused.
func refusedCall(err error) string {
	e, _ := errors.AsType[*kvs.Error](err)
	return e.Op
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
	case clip.CheckGetMedia:
		if r.MediaBytes > 0 {
			return "allowed; " + bytesText(r.MediaBytes) + " came for one fragment"
		}
		return "allowed; no fragment was there to ask for"
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
		return hint + optional(f)
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
func optional(f clip.Finding) string {
	if f.Result != clip.ResultWarning {
		return ""
	}
	switch f.Check {
	case clip.CheckListFragments:
		return "; without it get works, and cannot prove that the clip is whole"
	case clip.CheckGetMedia:
		return "; without it get works, but not for what GetClip refuses, tags and stills"
	case clip.CheckListStreams:
		return "; only kvsclip streams needs it"
	case clip.CheckDescribeStream:
		return "; only kvsclip doctor needs it"
	}
	return ""
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
