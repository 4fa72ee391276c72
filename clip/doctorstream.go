package clip

import (
	"cmp"
	"context"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

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
	byClip := x.fetch(ctx, fetched)
	byNumber := x.number(ctx, fetched)
	x.retention()
	x.status()
	x.footage()
	x.key(key, byClip, byNumber)
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
	refusal = x.try(CheckGetClip, action, true, func() error {
		n, err := x.door.Try(ctx, x.sample())
		if x.ClipBytes = n; kvs.IsEmpty(err) || kvs.IsRetention(err) {
			x.ClipBytes = 0
			return nil
		}
		return err
	})
	if x.turn = x.Newest != nil && kvs.Judge(refusal) == kvs.Split; x.turn {
		x.change(CheckGetClip, ResultWarning, refusal)
	}
	return refusal
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

// number asks for the newest fragment by its number, or, when none is known, by one that no fragment
// has: that tells whether it is allowed, too. Get needs it for footage that GetClip refuses.
func (x *examination) number(ctx context.Context, reachable bool) (refusal error) {
	f := Finding{Check: CheckGetMedia, Result: ResultOK, Needed: x.turn, Action: "kinesisvideo:GetMediaForFragmentList"}
	if !reachable || x.stop != "" {
		x.skip(f.Check, f.Action, f.Needed, CheckClipEndpoint)
		return nil
	}
	if _, refusal = x.door.MediaEndpoint(ctx, x.Stream); refusal != nil {
		f.Action = "kinesisvideo:GetDataEndpoint"
	} else if x.MediaBytes, refusal = x.door.TryMedia(ctx, x.numbered()); refusal != nil {
		x.MediaBytes = 0
	}
	f.Err = refusal
	x.unnumbered(&f)
	x.add(f)
	return refusal
}

// noFragment is the least fragment number of the form that was seen, of the year 1970: no stream has it.
const noFragment = "91343852333181432387730302044767688728495783936"

func (x *examination) numbered() kvs.MediaRequest {
	q := kvs.MediaRequest{Stream: x.Stream, Fragments: []string{noFragment}}
	if x.Newest != nil {
		q.Fragments[0] = x.Newest.Number
	}
	return q
}

// unnumbered judges what came of asking by number. Unless Get needs it, hardly anything is a failure.
func (x *examination) unnumbered(f *Finding) {
	switch err := f.Err; {
	case err == nil:
	case kvs.IsNoFragment(err), kvs.IsRetention(err):
		f.Err = nil // it is allowed, and that nothing is kept is found below
	case f.Needed, kvs.IsSkewed(err), kvs.IsWrongRegion(err), kvs.IsCredentials(err):
		x.failed(f)
	case kvs.IsKey(err):
		f.Result = ResultFailed
	case x.Newest == nil && !kvs.IsDenied(err):
		f.Result = ResultSkipped // what is said of a number of our own tells nothing
	default:
		f.Result = ResultWarning
	}
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

// key is about the KMS key that DescribeStream names. byClip is what GetClip said, byNumber what was
// said of a fragment's number: that counts where GetClip was refused for another reason.
func (x *examination) key(key string, byClip, byNumber error) {
	refusal := byClip
	if !kvs.IsKey(byClip) && x.ClipBytes == 0 {
		refusal = byNumber
	}
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
	case x.ClipBytes > 0 || x.MediaBytes > 0 || x.Described != nil && !x.CustomerKey:
	default:
		f.Result, f.After = ResultSkipped, cmp.Or(x.stop, CheckGetClip)
	}
	if x.CustomerKey {
		f.Action = "kms:Decrypt"
	}
	x.add(f)
}
