package clip

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

// Result is what came of one check.
type Result string

const (
	ResultOK      Result = "ok"
	ResultFailed  Result = "failed"
	ResultSkipped Result = "skipped" // it could not be made: Finding.After or Finding.Err says why
	ResultWarning Result = "warning" // Get works all the same
)

// Check names one thing that Doctor looks at.
type Check string

// The checks, in the order of Diagnosis.Findings. Those from CheckDescribeStream on are about a
// stream.
const (
	CheckConfiguration  Check = "configuration" // region, profile and endpoint can be read
	CheckCredentials    Check = "credentials"
	CheckClock          Check = "clock" // this machine's, against the service's
	CheckListStreams    Check = "ListStreams"
	CheckDescribeStream Check = "DescribeStream"
	CheckListEndpoint   Check = "ListFragmentsEndpoint" // GetDataEndpoint for ListFragments
	CheckClipEndpoint   Check = "GetClipEndpoint"       // GetDataEndpoint for GetClip
	CheckListFragments  Check = "ListFragments"
	CheckGetClip        Check = "GetClip"
	CheckGetMedia       Check = "GetMediaForFragmentList" // and GetDataEndpoint for it
	CheckRetention      Check = "retention"
	CheckStatus         Check = "status"
	CheckFootage        Check = "footage" // something was recorded
	CheckKey            Check = "key"     // the KMS key that the stream is encrypted with can be used
)

var checks = []Check{
	CheckConfiguration, CheckCredentials, CheckClock, CheckListStreams, CheckDescribeStream, CheckListEndpoint,
	CheckClipEndpoint, CheckListFragments, CheckGetClip, CheckGetMedia, CheckRetention, CheckStatus, CheckFootage, CheckKey,
}

// Bounds of Doctor's judgement.
const (
	// SkewWarning and SkewFailure are differences of clocks. AWS refuses signatures that are more
	// than five minutes off; the SDK corrects its own, but "now" in a range stays wrong.
	SkewWarning = time.Minute
	SkewFailure = 5 * time.Minute
	// ShortRetention is what a stream should keep at the least: who looks for something looks on
	// the next day.
	ShortRetention = 24 * time.Hour
)

// Finding is what came of one check.
type Finding struct {
	Check  Check
	Result Result
	Needed bool   // Get cannot do without it
	Action string // IAM action that was tried; "" for none
	After  Check  // a check that failed, so that this one was skipped; "" for none
	Err    error  // of the call; nil when there was none, or it was carried out
}

// Diagnosis is what Doctor found out. Facts that are not known are zero.
type Diagnosis struct {
	Stream   string // as asked; "" when none was
	Region   string
	FromARN  bool   // Region is that of the stream's ARN, for nothing else names one
	Endpoint string // control endpoint; "" for AWS's own
	Account  string
	Caller   string        // ARN of the user or the role
	Skew     time.Duration // the service's clock is ahead by so much

	Described   *archive.Stream
	Key         string            // ARN of the stream's KMS key
	CustomerKey bool              // Key is the customer's own
	Newest      *archive.Fragment // of those that were listed
	ClipBytes   int64             // of the clip that was tried
	MediaBytes  int64             // of what came when Newest was asked for by its number

	Findings []Finding
	// Policy is the smallest that Get works with; nil without a stream. OptionalActions are those
	// of it that Get can do without, and then proves or fetches less.
	Policy          *Policy
	OptionalActions []string
}

// Finding returns what came of check; ok is false when it was not made.
func (d *Diagnosis) Finding(check Check) (f Finding, ok bool) {
	i := slices.IndexFunc(d.Findings, func(f Finding) bool { return f.Check == check })
	if i < 0 {
		return Finding{}, false
	}
	return d.Findings[i], true
}

// Doctor tries what Get needs, one thing after the other: configuration, credentials, this
// machine's clock, each IAM action, and the stream's retention, status and key. It fetches one
// fragment, by each of the two calls for that, and throws it away. Without a stream it tries only
// what needs none. It returns an error when ctx ends or stream is no stream's name; what else is
// wrong is in the Diagnosis.
func Doctor(ctx context.Context, c Config, stream string) (*Diagnosis, error) {
	x := &examination{Diagnosis: &Diagnosis{Stream: stream}}
	err := x.configuration(ctx, c)
	if err == nil && x.door != nil {
		x.account(ctx)
		if stream != "" {
			x.stream(ctx)
			x.policy()
		}
		x.clock()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slices.SortFunc(x.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(checks, a.Check), slices.Index(checks, b.Check))
	})
	return x.Diagnosis, err
}

// examination is one Doctor at work.
type examination struct {
	*Diagnosis
	door *kvs.Client // nil when the configuration cannot be read
	stop Check       // the check whose failure makes all further ones pointless
	turn bool        // GetClip refuses the footage as such, so that Get fetches it by numbers
}

func (x *examination) add(f Finding) { x.Findings = append(x.Findings, f) }

// result is what came of a check, or "" when it was not made.
func (x *examination) result(check Check) Result {
	f, _ := x.Finding(check)
	return f.Result
}

// try makes a call that check is about.
func (x *examination) try(check Check, action string, needed bool, call func() error) error {
	f := Finding{Check: check, Result: ResultOK, Needed: needed, Action: action, After: x.stop}
	if x.stop != "" {
		f.Result = ResultSkipped
		x.add(f)
		return nil
	}
	if f.Err = call(); f.Err != nil {
		x.failed(&f)
	}
	x.add(f)
	return f.Err
}

// failed judges a call that was not carried out.
func (x *examination) failed(f *Finding) {
	f.Result = ResultFailed
	switch {
	case kvs.IsSkewed(f.Err):
		x.stop, f.Result, f.After = CheckClock, ResultSkipped, CheckClock
	case kvs.IsWrongRegion(f.Err):
		x.region(f)
	case kvs.IsCredentials(f.Err), kvs.IsUnanswered(f.Err), kvs.IsNoStream(f.Err):
		x.stop, f.Needed = f.Check, true
	case kvs.IsDenied(f.Err) && !f.Needed:
		f.Result = ResultWarning
	}
}

// region makes a refusal of the region a failure of the configuration, and not of what was asked.
func (x *examination) region(f *Finding) {
	x.stop = CheckConfiguration
	x.change(CheckConfiguration, ResultFailed, f.Err)
	f.Result, f.After, f.Err = ResultSkipped, CheckConfiguration, nil
}

// change gives a check that was made another result.
func (x *examination) change(check Check, result Result, err error) {
	for i := range x.Findings {
		if f := &x.Findings[i]; f.Check == check {
			f.Result, f.Err = result, err
		}
	}
}

// configuration opens the client. A region that is wrong is its failure too.
func (x *examination) configuration(ctx context.Context, c Config) error {
	client, err := Open(ctx, c)
	if region := kvs.RegionOf(x.Stream); region != "" && errors.Is(err, kvs.ErrNoRegion) {
		c.Region, x.FromARN = region, true
		client, err = Open(ctx, c)
	}
	if err == nil {
		x.door, x.Region, x.Endpoint = client.door, client.Region(), client.door.Endpoint()
		if x.Stream != "" {
			err = x.door.Check(x.Stream)
		}
	}
	if errors.Is(err, kvs.ErrBadStream) {
		return err
	}
	f := Finding{Check: CheckConfiguration, Result: ResultOK, Needed: true, Err: err}
	if err != nil {
		f.Result, x.stop = ResultFailed, CheckConfiguration
	}
	x.add(f)
	return nil
}

// account is about whose credentials these are, and what they may whatever the stream.
func (x *examination) account(ctx context.Context) {
	x.credentials(ctx)
	_ = x.try(CheckListStreams, "kinesisvideo:ListStreams", false, func() error { return x.door.Lists(ctx) })
}

// credentials asks whose they are. That nobody there knows is no failure: a private endpoint need
// not serve that call, and what the service thinks of them shows at the next.
func (x *examination) credentials(ctx context.Context) {
	f := Finding{Check: CheckCredentials, Result: ResultSkipped, Needed: true, Action: "sts:GetCallerIdentity", After: x.stop}
	if x.stop == "" {
		var who kvs.Caller
		who, f.Err = x.door.Caller(ctx)
		x.Account, x.Caller = who.Account, who.ARN
		switch {
		case f.Err == nil:
			f.Result = ResultOK
		case kvs.IsSkewed(f.Err), kvs.IsCredentials(f.Err), kvs.IsWrongRegion(f.Err):
			x.failed(&f)
		}
	}
	x.add(f)
}

// clock compares clocks when all that could answer has.
func (x *examination) clock() {
	f := Finding{Check: CheckClock, Result: ResultOK, Needed: true}
	skew, known := x.door.Skew()
	x.Skew = skew
	switch {
	case x.stop == CheckClock, skew.Abs() > SkewFailure:
		f.Result = ResultFailed
	case skew.Abs() > SkewWarning:
		f.Result = ResultWarning
	case !known:
		f.Result, f.After = ResultSkipped, x.stop
	}
	x.add(f)
}
