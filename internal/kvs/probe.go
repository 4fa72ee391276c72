package kvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/kvsclip/kvsclip/archive"
)

// The calls here find out what is allowed and what is wrong. Each asks for as little as there is.

// Caller is whose credentials are used.
type Caller struct {
	Account string // 12 digits
	ARN     string // of the user or the assumed role; "" when it was not told in a form that is known
}

// callerLimit is how long the token service may take: a network without a way to it swallows calls.
const callerLimit = 5 * time.Second

// Caller asks the token service whose credentials these are. No permission is needed for that,
// but a private endpoint or a proxy may not serve it: only an error that is IsCredentials says
// something about the credentials.
func (c *Client) Caller(ctx context.Context) (Caller, error) {
	var got Caller
	err := c.ask(ctx, opGetCallerIdentity, "", func(ctx context.Context) error {
		if _, err := c.creds.Retrieve(ctx); err != nil { // may take its time, e.g. for a login
			return err
		}
		soon, cancel := context.WithTimeout(ctx, callerLimit)
		defer cancel()
		out, err := c.token.GetCallerIdentity(soon, &sts.GetCallerIdentityInput{})
		switch {
		case err != nil && soon.Err() != nil && ctx.Err() == nil:
			return fmt.Errorf("%w: no answer for %v", ErrStalled, callerLimit)
		case err != nil:
			return err
		}
		got = Caller{Account: mark(accountPattern, aws.ToString(out.Account)), ARN: mark(callerPattern, aws.ToString(out.Arn))}
		if got.Account == "" {
			return fmt.Errorf("%w: account %.40q: expected 12 digits", ErrGarbled, aws.ToString(out.Account))
		}
		c.creds.account.Store(got.Account)
		return nil
	})
	return got, err
}

// Check says whether stream can be asked for at all: an *Error that is ErrBadStream or
// ErrWrongRegion. It asks nothing.
func (c *Client) Check(stream string) error {
	_, err := c.target(opOpen, stream)
	return err
}

// Lists asks for one stream of the account, to see whether that is allowed.
func (c *Client) Lists(ctx context.Context) error {
	return c.ask(ctx, opListStreams, "", func(ctx context.Context) error {
		_, err := c.control.ListStreams(ctx, &kinesisvideo.ListStreamsInput{MaxResults: aws.Int32(1)})
		return err
	})
}

// ListEndpoint finds the data endpoint for Fragments.
func (c *Client) ListEndpoint(ctx context.Context, stream string) (string, error) {
	return c.endpoint(ctx, stream, types.APINameListFragments)
}

// ClipEndpoint finds the data endpoint for Clip.
func (c *Client) ClipEndpoint(ctx context.Context, stream string) (string, error) {
	return c.endpoint(ctx, stream, types.APINameGetClip)
}

// MediaEndpoint finds the data endpoint for Media.
func (c *Client) MediaEndpoint(ctx context.Context, stream string) (string, error) {
	return c.endpoint(ctx, stream, types.APINameGetMediaForFragmentList)
}

// Some lists a few of the fragments in r, in the order of Fragments: which is not specified.
// A page that is empty need not be the last, so a few are asked for.
func (c *Client) Some(ctx context.Context, stream string, r archive.Range) ([]archive.Fragment, error) {
	const few, pages = 100, 3
	t, err := c.target(opListFragments, stream)
	if err != nil {
		return nil, err
	}
	in := listing(t, r)
	in.MaxResults = aws.Int64(few)
	for range pages {
		page, token, err := c.page(ctx, stream, in)
		if err != nil {
			return nil, err
		}
		if all := inOrder(within(r, page), r.Clock); len(all) > 0 || aws.ToString(token) == "" {
			return all, nil
		}
		in.NextToken = token
	}
	return nil, nil
}

// Try asks for a clip and throws it away. It returns the size in bytes.
func (c *Client) Try(ctx context.Context, q ClipRequest) (size int64, err error) {
	err = c.Clip(ctx, q, func(a Answer) error {
		size, err = io.Copy(io.Discard, a)
		if err == nil && size == 0 {
			return fmt.Errorf("%w: it is empty", ErrGarbled)
		}
		return err
	})
	return size, err
}

// TryMedia asks for fragments by their numbers and throws them away. It returns the size in bytes.
func (c *Client) TryMedia(ctx context.Context, q MediaRequest) (size int64, err error) {
	err = c.Media(ctx, q, func(a Answer) error {
		size, err = io.Copy(io.Discard, a)
		if err == nil && size == 0 {
			return fmt.Errorf("%w: it is empty", ErrGarbled)
		}
		return err
	})
	return size, err
}

// awsKey is the end of the alias of the key that AWS keeps for streams without one of their own.
const awsKey = ":alias/aws/kinesisvideo"

// CustomerKey tells that a key, as DescribeStream names it, is the customer's own: then reading
// needs kms:Decrypt.
func CustomerKey(key string) bool {
	return key != "" && !strings.HasSuffix(":"+key, awsKey)
}

// KeyARN completes a key that DescribeStream names by id or alias alone.
func (c *Client) KeyARN(key, account string) string {
	if strings.HasPrefix(key, "arn:") {
		return key
	}
	if !strings.HasPrefix(key, "alias/") {
		key = "key/" + key
	}
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", partition(c.region), c.region, account, key)
}

// StreamARN is what a policy names for a stream of which only the name is known.
func (c *Client) StreamARN(stream, account string) string {
	e := Error{Stream: stream, Region: c.region, Account: account}
	return e.resource()
}

// IsKey tells that the key of the stream is why the service gives no media.
func IsKey(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status != 0 && !e.stopped &&
		(e.locked || strings.HasPrefix(e.Code, "KMS") || strings.Contains(strings.ToLower(e.Message), "kms"))
}

// IsSkewed tells that this machine's clock is why the service said no.
func IsSkewed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.skewed
}

// IsWrongRegion tells that the service, or the stream's ARN, is of another region.
func IsWrongRegion(err error) bool { return errors.Is(err, ErrWrongRegion) }

// IsUnanswered tells that nothing answered at all.
func IsUnanswered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == 0 && !e.stopped && (e.Code == "ConnectionError" || e.Code == "StalledAnswer")
}

// Endpoint returns the control endpoint that flag, environment or profile set; "" means AWS's own.
func (c *Client) Endpoint() string {
	if c.base == nil {
		return ""
	}
	return clean(c.base.String())
}

// stsAt is where the token service is asked about the caller. With an endpoint of somebody else's
// for streams, credentials are not shown to AWS: what answers there has to know them.
func (c *Client) stsAt(o *sts.Options) {
	o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 0
	if o.BaseEndpoint == nil && c.base != nil && !ofAWS(c.base.Hostname()) {
		o.BaseEndpoint = aws.String(c.base.String())
	}
	if o.BaseEndpoint != nil { // the SDK refuses a custom endpoint with either of these
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateDisabled
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateDisabled
	}
}
