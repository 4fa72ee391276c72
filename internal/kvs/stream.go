package kvs

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"

	"github.com/kvsclip/kvsclip/archive"
)

// maxStreams is the longest list of streams that is held; the quota that can be asked for is
// 100,000 a region.
const maxStreams = 200_000

// Patterns of StreamName and StreamARN, of the service's model.
var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,256}$`)
	arnPattern  = regexp.MustCompile(`^arn:[a-z0-9-]+:kinesisvideo:([a-z0-9-]+):[0-9]+:stream/([a-zA-Z0-9_.-]{1,256})/[0-9]+$`)
)

// RegionOf returns the region in a stream's ARN, or "" for a name and for what is neither.
func RegionOf(stream string) string {
	if m := arnPattern.FindStringSubmatch(stream); m != nil {
		return m[1]
	}
	return ""
}

// target is a stream as it is sent: one of the two fields is nil.
type target struct{ name, arn *string }

// target finds out what kind of text stream is, so that a slip costs no call.
func (c *Client) target(op, stream string) (target, error) {
	if !strings.HasPrefix(stream, "arn:") {
		if namePattern.MatchString(stream) {
			return target{name: &stream}, nil
		}
		return target{}, c.refused(op, stream, "InvalidStreamName", ErrBadStream,
			"expected a name of 1 to 256 letters, digits, \"_\", \".\", \"-\", or an ARN")
	}
	region := RegionOf(stream)
	switch region {
	case "":
		return target{}, c.refused(op, stream, "InvalidStreamName", ErrBadStream,
			"expected arn:aws:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATED")
	case c.region:
		return target{arn: &stream}, nil
	}
	return target{}, c.refused(op, stream, "WrongRegion", ErrWrongRegion, fmt.Sprintf("expected %s, got %s", c.region, region))
}

// nameOf makes a name and an ARN of one stream the same key.
func nameOf(stream string) string {
	if m := arnPattern.FindStringSubmatch(stream); m != nil {
		return m[2]
	}
	return stream
}

// Streams lists the streams whose names begin with prefix, all pages, in name order.
func (c *Client) Streams(ctx context.Context, prefix string) ([]archive.Stream, error) {
	in := &kinesisvideo.ListStreamsInput{MaxResults: aws.Int32(pageSize)}
	if prefix != "" {
		in.StreamNameCondition = &types.StreamNameCondition{
			ComparisonOperator: types.ComparisonOperatorBeginsWith, ComparisonValue: &prefix,
		}
	}
	var all []archive.Stream
	pages := tokens{limit: c.maxPages}
	for {
		page, token, err := c.streamPage(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if strings.HasPrefix(s.Name, prefix) {
				all = append(all, s)
			}
		}
		if len(all) > maxStreams {
			return nil, c.refused(opListStreams, "", "TooManyResults", ErrTooMany, fmt.Sprintf("more than %d streams", maxStreams))
		}
		more, err := pages.next(token)
		if err != nil {
			return nil, c.refused(opListStreams, "", "BadToken", err, "")
		}
		if !more {
			break
		}
		in.NextToken = token
	}
	slices.SortFunc(all, func(a, b archive.Stream) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// streamPage asks for one page.
func (c *Client) streamPage(ctx context.Context, in *kinesisvideo.ListStreamsInput) (page []archive.Stream, token *string, err error) {
	err = c.ask(ctx, opListStreams, "", func(ctx context.Context) error {
		out, err := c.control.ListStreams(ctx, in)
		if err != nil {
			return err
		}
		page, token = make([]archive.Stream, 0, len(out.StreamInfoList)), out.NextToken
		for i := range out.StreamInfoList {
			s, err := streamOf(&out.StreamInfoList[i])
			if err != nil {
				return err
			}
			page = append(page, s.Stream)
		}
		return nil
	})
	return page, token, err
}

// Description is what DescribeStream tells.
type Description struct {
	archive.Stream
	Key string // KMS key: ARN, id or alias; "" when it was not told
}

// Describe tells about one stream, given by name or ARN.
func (c *Client) Describe(ctx context.Context, stream string) (Description, error) {
	t, err := c.target(opDescribeStream, stream)
	if err != nil {
		return Description{}, err
	}
	var got Description
	err = c.ask(ctx, opDescribeStream, stream, func(ctx context.Context) error {
		out, err := c.control.DescribeStream(ctx, &kinesisvideo.DescribeStreamInput{StreamName: t.name, StreamARN: t.arn})
		if err != nil {
			return err
		}
		if out.StreamInfo == nil {
			return fmt.Errorf("%w: no StreamInfo", ErrGarbled)
		}
		got, err = streamOf(out.StreamInfo)
		return err
	})
	return got, err
}

// streamOf refuses names and ARNs that are none: they get into texts, file names and policies.
func streamOf(i *types.StreamInfo) (Description, error) {
	const mostHours = 1_000_000 // a Duration holds 2.5 million
	name, arn := aws.ToString(i.StreamName), aws.ToString(i.StreamARN)
	switch {
	case !namePattern.MatchString(name):
		return Description{}, fmt.Errorf("%w: stream name %.60q: expected letters, digits, \"_\", \".\", \"-\"", ErrGarbled, name)
	case arn != "" && !arnPattern.MatchString(arn):
		return Description{}, fmt.Errorf("%w: stream ARN %.200q: expected arn:aws:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATED", ErrGarbled, arn)
	}
	return Description{
		Stream: archive.Stream{
			Name:      name,
			ARN:       arn,
			Status:    mark(statusPattern, string(i.Status)),
			Created:   instant(i.CreationTime),
			Retention: time.Duration(min(max(aws.ToInt32(i.DataRetentionInHours), 0), mostHours)) * time.Hour,
		},
		Key: mark(keyPattern, aws.ToString(i.KmsKeyId)),
	}, nil
}

// instant rounds to the service's resolution: the wire has seconds as a floating point number.
func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Round(time.Millisecond).UTC()
}
