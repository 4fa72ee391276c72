package kvs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia"
	mediatypes "github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia/types"

	"github.com/kvsclip/kvsclip/archive"
)

// pageSize is the largest page of ListFragments. Its points are spent whether the page is full
// or not (Amazon Kinesis Video Streams quotas).
const pageSize = 1000

// Fragments lists all fragments that start in r, in the order of their starts on r.Clock, then
// of their numbers; each once. An empty r asks nothing. The listing may lag recording by a second.
func (c *Client) Fragments(ctx context.Context, stream string, r archive.Range) ([]archive.Fragment, error) {
	t, err := c.target(opListFragments, stream)
	if err != nil || !r.From.Before(r.To) {
		return nil, err
	}
	in := listing(t, r)
	var all []archive.Fragment
	pages := tokens{limit: c.maxPages}
	for {
		page, token, err := c.page(ctx, stream, in)
		if err != nil {
			return nil, err
		}
		all = append(all, within(r, page)...)
		if len(all) > c.maxListing {
			return nil, c.refused(opListFragments, stream, "TooManyResults", ErrTooMany, fmt.Sprintf("more than %d fragments", c.maxListing))
		}
		// A page may be short or empty and still not be the last: only the token tells.
		more, err := pages.next(token)
		if err != nil {
			return nil, c.refused(opListFragments, stream, "BadToken", err, "")
		}
		if !more {
			return inOrder(all, r.Clock), nil
		}
		in.NextToken = token
	}
}

// listing is a request for full pages of the fragments in r.
func listing(t target, r archive.Range) *kinesisvideoarchivedmedia.ListFragmentsInput {
	return &kinesisvideoarchivedmedia.ListFragmentsInput{
		StreamName: t.name, StreamARN: t.arn, MaxResults: aws.Int64(pageSize),
		FragmentSelector: &mediatypes.FragmentSelector{
			FragmentSelectorType: mediatypes.FragmentSelectorType(selector(r.Clock)),
			TimestampRange:       &mediatypes.TimestampRange{StartTimestamp: &r.From, EndTimestamp: &r.To},
		},
	}
}

// within leaves out what the service lists because it takes both ends of a range as inclusive.
func within(r archive.Range, page []archive.Fragment) []archive.Fragment {
	return slices.DeleteFunc(page, func(f archive.Fragment) bool {
		at := f.Start(r.Clock)
		return at.Before(r.From) || !at.Before(r.To)
	})
}

// page asks for one page. The order within a page, and among pages, is not specified.
func (c *Client) page(ctx context.Context, stream string, in *kinesisvideoarchivedmedia.ListFragmentsInput) (page []archive.Fragment, token *string, err error) {
	call := dataCall{op: opListFragments, api: types.APINameListFragments, stream: stream, media: fixed(0), metadata: int(aws.ToInt64(in.MaxResults))}
	err = c.askData(ctx, call, func(ctx context.Context, at atEndpoint, _ *time.Timer) error {
		out, err := c.media.ListFragments(ctx, in, at)
		if err != nil {
			return err
		}
		page, token = make([]archive.Fragment, 0, len(out.Fragments)), out.NextToken
		for i := range out.Fragments {
			f, err := fragmentOf(&out.Fragments[i])
			if err != nil {
				return err
			}
			page = append(page, f)
		}
		return nil
	})
	return page, token, err
}

func fragmentOf(f *mediatypes.Fragment) (archive.Fragment, error) {
	number := aws.ToString(f.FragmentNumber)
	switch {
	case number == "" || len(number) > 128 || strings.Trim(number, "0123456789") != "":
		return archive.Fragment{}, fmt.Errorf("%w: fragment number %.200q: expected 1 to 128 digits", ErrGarbled, number)
	case f.ServerTimestamp == nil || f.ProducerTimestamp == nil:
		return archive.Fragment{}, fmt.Errorf("%w: fragment %s lacks a timestamp", ErrGarbled, number)
	case f.FragmentSizeInBytes < 0 || f.FragmentLengthInMilliseconds < 0 || f.FragmentLengthInMilliseconds > maxLengthMs:
		return archive.Fragment{}, fmt.Errorf("%w: fragment %s of %d bytes, %d ms", ErrGarbled, number, f.FragmentSizeInBytes, f.FragmentLengthInMilliseconds)
	}
	return archive.Fragment{
		Number:   number,
		Server:   instant(f.ServerTimestamp),
		Producer: instant(f.ProducerTimestamp),
		Length:   time.Duration(f.FragmentLengthInMilliseconds) * time.Millisecond,
		Size:     f.FragmentSizeInBytes,
	}, nil
}

// maxLengthMs keeps a Duration from overflowing. It is far over what the service takes, because
// a camera with a broken clock shall be listed, not refused.
const maxLengthMs = 1 << 40

func inOrder(all []archive.Fragment, clock archive.Clock) []archive.Fragment {
	slices.SortFunc(all, func(a, b archive.Fragment) int {
		return cmp.Or(a.Start(clock).Compare(b.Start(clock)), archive.CompareNumbers(a, b))
	})
	return slices.CompactFunc(all, func(a, b archive.Fragment) bool { return a.Number == b.Number })
}

// selector is the clock in the service's words, the same for both of its selector types.
func selector(c archive.Clock) string {
	if c == archive.Producer {
		return string(mediatypes.FragmentSelectorTypeProducerTimestamp)
	}
	return string(mediatypes.FragmentSelectorTypeServerTimestamp)
}
