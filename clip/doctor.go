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
	CheckRetention      Check = "retention"
	CheckStatus         Check = "status"
	CheckFootage        Check = "footage" // something was recorded
	CheckKey            Check = "key"     // the KMS key that the stream is encrypted with can be used
)

var checks = []Check{
	CheckConfiguration, CheckCredentials, CheckClock, CheckListStreams, CheckDescribeStream, CheckListEndpoint,
	CheckClipEndpoint, CheckListFragments, CheckGetClip, CheckRetention, CheckStatus, CheckFootage, CheckKey,
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

	Findings []Finding
	// Policy is the smallest that Get works with; nil without a stream. OptionalActions are those
	// of it that Get can do without, and then proves less.
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
// fragment and throws it away. Without a stream it tries only what needs none. It returns an error
// when ctx ends or stream is no stream's name; what else is wrong is in the Diagnosis.
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
	for i := range x.Findings {
		if own := &x.Findings[i]; own.Check == CheckConfiguration {
			own.Result, own.Err = ResultFailed, f.Err
		}
	}
	f.Result, f.After, f.Err = ResultSkipped, CheckConfiguration, nil
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

// stream is about what is asked of one stream.
func (x *examination) stream(ctx context.Context) {
	key := ""
	_ = x.try(CheckDescribeStream, "kinesisvideo:DescribeStream", false, func() error {
		got, err := x.door.Describe(ctx, x.Stream)
		if err == nil {
			x.Described, key = &got.Stream, got.Key
		}
		return err
	})
	listed := x.endpoint(CheckListEndpoint, func() (string, error) { return x.door.ListEndpoint(ctx, x.Stream) })
	fetched := x.endpoint(CheckClipEndpoint, func() (string, error) { return x.door.ClipEndpoint(ctx, x.Stream) })
	x.list(ctx, listed)
	err := x.fetch(ctx, fetched)
	x.retention()
	x.status()
	x.footage()
	x.key(key, err)
}

// endpoint tries one data endpoint, and says whether it is known then.
func (x *examination) endpoint(check Check, ask func() (string, error)) bool {
	err := x.try(check, "kinesisvideo:GetDataEndpoint", true, func() error { _, err := ask(); return err })
	return err == nil && x.stop == ""
}

// skip notes a check that cannot be made since another one failed.
func (x *examination) skip(check Check, action string, needed bool, after Check) {
	x.add(Finding{Check: check, Result: ResultSkipped, Needed: needed, Action: action, After: cmp.Or(x.stop, after)})
}

// list looks for the newest fragment, further and further back, a page at most each time.
func (x *examination) list(ctx context.Context, reachable bool) {
	const action = "kinesisvideo:ListFragments"
	if !reachable {
		x.skip(CheckListFragments, action, false, CheckListEndpoint)
		return
	}
	_ = x.try(CheckListFragments, action, false, func() error {
		for _, back := range x.windows() {
			some, err := x.door.Some(ctx, x.Stream, x.recent(back, 0))
			switch {
			case kvs.IsRetention(err):
				return nil // it is allowed, and that nothing is kept is found below
			case err != nil:
				return err
			case len(some) > 0:
				x.Newest = &some[len(some)-1]
				return nil
			}
		}
		return nil
	})
}

// windows are how far back to look.
func (x *examination) windows() []time.Duration {
	all := []time.Duration{2 * time.Minute, time.Hour}
	switch {
	case x.Described == nil:
		return append(all, ShortRetention)
	case x.Described.Retention > time.Hour:
		return append(all, x.Described.Retention)
	}
	return all
}

// recent is the range of length back that ended ago, by the clock of either side.
func (x *examination) recent(back, ago time.Duration) archive.Range {
	now := time.Now().UTC().Add(-ago).Truncate(time.Millisecond)
	skew, _ := x.door.Skew()
	return archive.Range{Clock: archive.Server, From: now.Add(min(skew, 0) - back), To: now.Add(max(skew, 0))}
}

// fetch asks for the clip of one fragment, or, when none is known, of the time before last: that
// tells whether it is allowed, too.
func (x *examination) fetch(ctx context.Context, reachable bool) (refusal error) {
	const action = "kinesisvideo:GetClip"
	if !reachable {
		x.skip(CheckGetClip, action, true, CheckClipEndpoint)
		return nil
	}
	return x.try(CheckGetClip, action, true, func() error {
		n, err := x.door.Try(ctx, x.sample())
		if x.ClipBytes = n; kvs.IsEmpty(err) || kvs.IsRetention(err) {
			x.ClipBytes = 0
			return nil
		}
		return err
	})
}

func (x *examination) sample() kvs.ClipRequest {
	q := kvs.ClipRequest{Stream: x.Stream, Clock: archive.Server}
	if x.Newest != nil {
		q.First, q.Last, q.Fragments = x.Newest.Server, x.Newest.Server, 1
		return q
	}
	r := x.recent(archive.MaxFragmentLength, archive.MaxFragmentLength)
	q.First, q.Last = r.From, r.From.Add(archive.MaxFragmentLength)
	return q
}

func (x *examination) retention() {
	f := Finding{Check: CheckRetention, Result: ResultOK, Needed: true}
	switch {
	case x.Described == nil:
		f.Result, f.After = ResultSkipped, cmp.Or(x.stop, CheckDescribeStream)
	case x.Described.Retention == 0:
		f.Result = ResultFailed
	case x.Described.Retention < ShortRetention:
		f.Result = ResultWarning
	}
	x.add(f)
}

func (x *examination) status() {
	f := Finding{Check: CheckStatus, Result: ResultOK, Needed: true}
	switch {
	case x.Described == nil:
		f.Result, f.After = ResultSkipped, cmp.Or(x.stop, CheckDescribeStream)
	case x.Described.Status == "CREATING" || x.Described.Status == "DELETING":
		f.Result = ResultFailed
	}
	x.add(f)
}

// footage says whether there is anything to get. What was fetched proves it as well as a listing.
func (x *examination) footage() {
	f := Finding{Check: CheckFootage, Result: ResultOK, Needed: true}
	switch {
	case x.Newest != nil || x.ClipBytes > 0:
	case x.result(CheckRetention) == ResultFailed:
		f.Result, f.After = ResultSkipped, CheckRetention
	case x.result(CheckListFragments) != ResultOK:
		f.Result, f.After = ResultSkipped, cmp.Or(x.stop, CheckListFragments)
	default:
		f.Result = ResultFailed
	}
	x.add(f)
}

// key is about the KMS key that DescribeStream names. refusal is what GetClip said.
func (x *examination) key(key string, refusal error) {
	if x.Described != nil {
		x.CustomerKey = kvs.CustomerKey(key)
		if key != "" {
			x.Key = x.door.KeyARN(key, cmp.Or(accountOf(x.Described.ARN), x.Account))
		}
	}
	f := Finding{Check: CheckKey, Result: ResultOK, Needed: true}
	switch {
	case kvs.IsKey(refusal):
		f.Result, f.Action, f.Err, x.CustomerKey = ResultFailed, "kms:Decrypt", refusal, true
	case x.ClipBytes > 0 || x.Described != nil && !x.CustomerKey:
	default:
		f.Result, f.After = ResultSkipped, cmp.Or(x.stop, CheckGetClip)
	}
	if x.CustomerKey {
		f.Action = "kms:Decrypt"
	}
	x.add(f)
}
