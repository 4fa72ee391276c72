// Package clip downloads long clips from Amazon Kinesis Video Streams. It wires the floors below
// together: list, plan, fetch, join, check, rename. Decisions about time and codecs live there.
package clip

import (
	"context"
	"errors"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
)

// Client reads the streams of one account and region. It is safe for concurrent use.
type Client struct{}

// Open finds credentials and region; it calls no stream yet.
func Open(ctx context.Context, c Config) (*Client, error) {
	return nil, errors.New("under construction")
}

// Region returns the AWS region the client speaks to.
func (c *Client) Region() string { return "" }

// Streams lists the streams whose names begin with prefix, in name order.
func (c *Client) Streams(ctx context.Context, prefix string) ([]archive.Stream, error) {
	return nil, nil
}

// Plan lists what was recorded and plans the pieces, and fetches nothing.
func (c *Client) Plan(ctx context.Context, r Request) (*plan.Plan, error) { return nil, nil }

// Get downloads one clip. The final name appears only when the file is whole and checked.
func (c *Client) Get(ctx context.Context, r Request) (*Report, error) { return nil, nil }

// Join makes one file of clips that lie on disk, by the same seam code as Get.
func Join(ctx context.Context, r JoinRequest) (*Report, error) { return nil, nil }
