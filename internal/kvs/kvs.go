// Package kvs is the only door to AWS: client, endpoint cache, quota points, retry verdict.
// It never looks into media, never writes a file and never decides what belongs into a piece.
package kvs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideoarchivedmedia"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/time/rate"

	"github.com/kvsclip/kvsclip/internal/progress"
)

// What the zero Config means, and the limits that every answer meets.
const (
	DefaultRetries = 10
	DefaultShare   = 100 // percent
	// MaxShare lets an account whose quota AWS has raised, or an emulator without one, be asked faster.
	MaxShare = 10_000 // percent

	// IdleTimeout is how long an answer's body may be silent before it is cut off.
	IdleTimeout = 30 * time.Second
	// HeaderTimeout is how long the service may think before it answers. GetClip packages up to
	// 100 MB before its first byte, so this is long.
	HeaderTimeout = 2 * time.Minute

	// MaxAnswer is the largest body of media that is read, in bytes. GetClip stops at 100 MB, and
	// nobody asks GetMediaForFragmentList for more at once.
	MaxAnswer = 256 << 20
	// MaxFragments is the largest listing that is held: 23 days of fragments of one second.
	MaxFragments = 2_000_000
	// MaxClipFragments is the most fragments of one GetClip answer, and the points that are
	// reserved at most for a ClipRequest that doesn't know its own (Amazon Kinesis Video Streams quotas).
	MaxClipFragments = 200
)

// Config says whose streams are read and how politely. The zero value is the SDK's default
// credential chain, all of the quota and no speed limit.
type Config struct {
	Region      string // "" means what the environment or the profile says
	Profile     string // name in the shared configuration files; "" means the default
	RoleARN     string // role to assume with those credentials; "" means none
	EndpointURL string // control endpoint; "" means AWS's own, or what AWS_ENDPOINT_URL* says
	// Anonymous uses made-up credentials, and us-east-1 for want of a Region, and reads no
	// profile: for emulators. EndpointURL is needed with it.
	Anonymous bool

	Retries   int   // tries of one call, 1 to 100; 0 means DefaultRetries
	Share     int   // percent of each stream's quota points, 1 to MaxShare; 0 means DefaultShare
	LimitRate int64 // bytes a second over all bodies together; 0 means no limit

	Idle          time.Duration // silence after which a body is cut off and asked again; 0 means IdleTimeout
	HeaderTimeout time.Duration // wait for an answer to begin; 0 means HeaderTimeout
	Backoff       time.Duration // longest wait before the second try, which doubles from try to try; 0 means half a second

	Report progress.Func // gets Bytes and Retried, one call at a time; nil means nobody is told
}

// Client reads the streams of one account and region. It is safe for concurrent use and has no
// goroutine of its own, so there is nothing to close.
type Client struct {
	cfg     Config // checked, no zero left that means something else
	region  string
	base    *url.URL // control endpoint that flag, environment or profile set; nil means AWS's own
	control *kinesisvideo.Client
	media   *kinesisvideoarchivedmedia.Client
	token   *sts.Client
	web     *sender
	creds   *identity
	speed   *rate.Limiter // bytes a second; nil means no limit
	counts  counts
	reached atomic.Bool // something answered: the region's host exists
	skew    skew

	backoff    time.Duration // ceiling of the first wait between tries
	maxAnswer  int64
	maxListing int
	maxPages   int

	mu        sync.Mutex // guards the two maps; their values guard themselves
	endpoints map[endpointKey]*endpoint
	quotas    map[string]*quota // by stream name

	reporting sync.Mutex // one call of cfg.Report at a time
}

// Open finds region and settings. It reads files and environment but calls no stream; missing
// credentials show at the first call. A missing region is ErrNoRegion, in an *Error.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	ac, err := config.LoadDefaultConfig(ctx, loadOptions(cfg)...)
	if err != nil {
		return nil, &Error{Op: opOpen, Code: "ConfigurationError", Message: clean(err.Error()), Region: cfg.Region, Err: err}
	}
	if ac.Region == "" {
		return nil, &Error{Op: opOpen, Code: "MissingRegion", Message: ErrNoRegion.Error(), Err: ErrNoRegion}
	}
	c := &Client{
		cfg: cfg, region: ac.Region,
		backoff: cfg.Backoff, maxAnswer: MaxAnswer, maxListing: MaxFragments, maxPages: maxPages,
		endpoints: map[endpointKey]*endpoint{}, quotas: map[string]*quota{},
	}
	ac.APIOptions = append(ac.APIOptions, plainBody, c.guarded)
	if web, ok := ac.HTTPClient.(*awshttp.BuildableClient); ok {
		c.web = newSender(web)
		ac.HTTPClient = c.web
	}
	c.creds = &identity{from: inRole(ac, cfg.RoleARN)}
	ac.Credentials = c.creds
	if cfg.LimitRate > 0 {
		c.speed = rate.NewLimiter(rate.Limit(cfg.LimitRate), int(min(max(cfg.LimitRate/4, 1), speedBurst)))
	}
	if err := c.dial(ac); err != nil {
		return nil, err
	}
	return c, nil
}

// inRole returns the credentials of a role, or, without one, those that were found.
func inRole(ac aws.Config, arn string) aws.CredentialsProvider {
	if arn == "" {
		return ac.Credentials
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(ac), arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
	})
	return aws.NewCredentialsCache(role, renewEarly)
}

// dial makes the clients. None tries again by itself: that is the business of Client.call.
func (c *Client) dial(ac aws.Config) error {
	c.control = kinesisvideo.NewFromConfig(ac, func(o *kinesisvideo.Options) {
		o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 0
		if c.cfg.EndpointURL != "" {
			o.BaseEndpoint = &c.cfg.EndpointURL
		}
		if o.BaseEndpoint != nil { // the SDK refuses a custom endpoint with either of these
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateDisabled
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateDisabled
		}
	})
	// Every data call says its own endpoint, which wins over AWS_ENDPOINT_URL*; so FIPS and
	// dual-stack have to be off whatever environment and profile say.
	c.media = kinesisvideoarchivedmedia.NewFromConfig(ac, func(o *kinesisvideoarchivedmedia.Options) {
		o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 0
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateDisabled
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateDisabled
	})
	if err := c.based(); err != nil {
		return err
	}
	c.token = sts.NewFromConfig(ac, c.stsAt)
	return nil
}

// based finds out which control endpoint was set, by whatever means.
func (c *Client) based() error {
	custom := c.control.Options().BaseEndpoint
	if custom == nil {
		return nil
	}
	u, err := url.Parse(*custom)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &Error{
			Op: opOpen, Code: "InvalidEndpoint", Region: c.region, Err: errEndpoint,
			Message: fmt.Sprintf("endpoint URL %q: expected http:// or https:// and a host", clean(*custom)),
		}
	}
	c.base = u
	return nil
}

func loadOptions(cfg Config) []func(*config.LoadOptions) error {
	// No time limit over a whole answer: a clip may take as long as it flows. SDK read timeouts
	// are off because the watch over silence is ours and knows who is slow.
	web := awshttp.NewBuildableClient().WithReadTimeout(0).WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = cfg.HeaderTimeout
		t.MaxIdleConnsPerHost = idleConnections
		t.MaxResponseHeaderBytes = maxHeader
	})
	common := []func(*config.LoadOptions) error{
		config.WithRegion(cfg.Region), // "" leaves it to environment and profile
		config.WithHTTPClient(web),
		config.WithLogger(logging.Nop{}), // the SDK would write to standard error
		config.WithCredentialsCacheOptions(renewEarly),
	}
	if cfg.Anonymous {
		return append(common, nobody(cmp.Or(cfg.Region, "us-east-1"))...)
	}
	return append(common, config.WithSharedConfigProfile(cfg.Profile))
}

// nobody keeps the user's own credentials and profiles away from an emulator.
func nobody(region string) []func(*config.LoadOptions) error {
	return []func(*config.LoadOptions) error{
		config.WithRegion(region),
		config.WithSharedConfigFiles([]string{}),
		config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("emulator", "emulator", "")),
	}
}

// renewEarly keeps a call from being signed with credentials that expire under way.
func renewEarly(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 2 * time.Minute }

const (
	sessionName     = "kvsclip"
	idleConnections = 32      // as many as pieces may be in flight
	speedBurst      = 1 << 20 // bytes
)

func (cfg Config) checked() (Config, error) {
	cfg.Retries = cmp.Or(cfg.Retries, DefaultRetries)
	cfg.Share = cmp.Or(cfg.Share, DefaultShare)
	cfg.Idle = cmp.Or(cfg.Idle, IdleTimeout)
	cfg.HeaderTimeout = cmp.Or(cfg.HeaderTimeout, HeaderTimeout)
	cfg.Backoff = cmp.Or(cfg.Backoff, firstBackoff)
	switch {
	case cfg.Retries < 1 || cfg.Retries > 100:
		return cfg, fmt.Errorf("retries: expected 1 to 100, got %d", cfg.Retries)
	case cfg.Share < 1 || cfg.Share > MaxShare:
		return cfg, fmt.Errorf("share: expected 1 to %d percent, got %d", MaxShare, cfg.Share)
	case cfg.Anonymous && cfg.EndpointURL == "":
		return cfg, errors.New("anonymous: an endpoint URL is needed, AWS takes nobody without credentials")
	case cfg.LimitRate < 0:
		return cfg, fmt.Errorf("rate limit: expected 0 or more bytes a second, got %d", cfg.LimitRate)
	case cfg.Idle < 0 || cfg.HeaderTimeout < 0 || cfg.Backoff < 0:
		return cfg, fmt.Errorf("timeouts: expected more than 0, got %v idle, %v for headers and %v before the second try", cfg.Idle, cfg.HeaderTimeout, cfg.Backoff)
	}
	return cfg, nil
}

// Place names where the client reads from: endpoint, region, and whose credentials. Footage of one
// place is never taken for that of another.
func (c *Client) Place() string {
	base := ""
	if c.base != nil {
		base = c.base.String()
	}
	return strings.Join([]string{base, c.region, c.cfg.Profile, c.cfg.RoleARN}, "|")
}

// Region returns the region the client signs for.
func (c *Client) Region() string { return c.region }
