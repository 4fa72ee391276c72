package kvs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
)

// endpointAge is when a data endpoint is asked for again at the latest (Amazon Kinesis Video
// Streams quotas: a typical reader asks once in 45 minutes, and at most 5 times a second).
const endpointAge = 45 * time.Minute

var errEndpoint = errors.New("unusable endpoint")

type endpointKey struct {
	stream string // name
	api    types.APIName
}

// endpoint is what GetDataEndpoint said last. Its fields but asked belong to who holds turn.
type endpoint struct {
	turn  chan struct{}
	asked atomic.Int64 // answers so far, good or bad
	base  string       // "" when not known
	at    time.Time
	err   error // of the last answer, unless its asker gave up
}

// endpoint returns the data endpoint for one API of a stream. Of many that need it at once one
// asks, and all get its answer.
func (c *Client) endpoint(ctx context.Context, stream string, api types.APIName) (string, error) {
	ep := c.endpointOf(stream, api)
	before := ep.asked.Load()
	select {
	case ep.turn <- struct{}{}:
		defer func() { <-ep.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if ep.base != "" && time.Since(ep.at) < endpointAge {
		return ep.base, nil
	}
	if ep.err != nil && ep.asked.Load() != before {
		return "", ep.err
	}
	base, err := c.askEndpoint(ctx, stream, api)
	ep.base, ep.at, ep.err = base, time.Now(), err
	if ctx.Err() != nil {
		ep.err = nil
	}
	ep.asked.Add(1)
	return base, err
}

// Ready finds the endpoint that Clip will need, so that the first Clip need not wait for it. A
// failure is not told: Clip asks again.
func (c *Client) Ready(ctx context.Context, stream string) {
	_, _ = c.endpoint(ctx, stream, types.APINameGetClip)
}

// ReadyMedia is Ready for Media.
func (c *Client) ReadyMedia(ctx context.Context, stream string) {
	_, _ = c.endpoint(ctx, stream, types.APINameGetMediaForFragmentList)
}

func (c *Client) endpointOf(stream string, api types.APIName) *endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := endpointKey{nameOf(stream), api}
	ep := c.endpoints[key]
	if ep == nil {
		ep = &endpoint{turn: make(chan struct{}, 1)}
		c.endpoints[key] = ep
	}
	return ep
}

// forget drops an endpoint that failed, unless a newer one has come already.
func (c *Client) forget(ctx context.Context, stream string, api types.APIName, base string) {
	ep := c.endpointOf(stream, api)
	select {
	case ep.turn <- struct{}{}:
		defer func() { <-ep.turn }()
	case <-ctx.Done():
		return
	}
	if ep.base == base {
		ep.base = ""
	}
}

func (c *Client) askEndpoint(ctx context.Context, stream string, api types.APIName) (string, error) {
	t, err := c.target(opGetDataEndpoint, stream)
	if err != nil {
		return "", err
	}
	var base string
	err = c.ask(ctx, opGetDataEndpoint, stream, func(ctx context.Context) error {
		out, err := c.control.GetDataEndpoint(ctx, &kinesisvideo.GetDataEndpointInput{APIName: api, StreamName: t.name, StreamARN: t.arn})
		if err != nil {
			return err
		}
		base = aws.ToString(out.DataEndpoint)
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := trusted(base, c.base); err != nil {
		return "", c.refused(opGetDataEndpoint, stream, "InvalidEndpoint", err, "")
	}
	return base, nil
}

// awsDomains are AWS's own, of all its partitions (aws-sdk-go-v2, internal/endpoints/awsrulesfn/partitions.json).
var awsDomains = []string{
	"amazonaws.com", "api.aws", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "amazonaws.eu", "api.amazonwebservices.eu",
	"c2s.ic.gov", "api.aws.ic.gov", "sc2s.sgov.gov", "api.aws.scloud", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk",
	"csp.hci.ic.gov", "api.aws.hci.ic.gov",
}

func ofAWS(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(awsDomains, func(domain string) bool { return strings.HasSuffix(host, "."+domain) })
}

// trusted checks what the service names as data endpoint, because signed requests go there. AWS's
// own control endpoint names hosts of AWS's alone; another one may name any host over https.
// Plain http is taken only from a control endpoint that was itself set to plain http, and then
// only on loopback or on the same host: an emulator on this machine or in the next container.
func trusted(base string, control *url.URL) error {
	u, err := url.Parse(base)
	if err != nil || !bare(u) || !strings.HasPrefix(base, u.Scheme+"://") { // which is in small letters in u
		return fmt.Errorf("%w: data endpoint %q: expected a scheme and a host", errEndpoint, clean(base))
	}
	own := control == nil || ofAWS(control.Hostname())
	switch {
	case u.Scheme == "https" && own && !ofAWS(u.Hostname()):
		return fmt.Errorf("%w: data endpoint %q: expected a host of AWS", errEndpoint, clean(base))
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && control != nil && control.Scheme == "http" && (loopback(u.Hostname()) || u.Hostname() == control.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: data endpoint %q: expected https", errEndpoint, clean(base))
}

// bare says that a URL is a scheme and a host, and nothing else.
func bare(u *url.URL) bool {
	return u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && (u.Path == "" || u.Path == "/")
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
