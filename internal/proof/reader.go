package proof

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Blocks are doubled from the smaller to the larger as long as reading goes on without a jump, so that
// a file whose samples lie all over it does not cost a large block for each.
const (
	minBlock = 64 << 10
	maxBlock = 4 << 20
)

// reader reads sources through one block.
type reader struct {
	sources []media.Source
	source  uint16
	at      int64 // of block, in source
	block   []byte
	buffer  []byte
	size    int // of the last block that was asked for
}

// read writes the bytes from at to end of a source to w, which never fails. It returns io.EOF where
// the source ends before.
func (r *reader) read(ctx context.Context, source uint16, at, end int64, w io.Writer) error {
	for at < end {
		if !r.holds(source, at) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := r.fill(source, at, end); err != nil {
				return err
			}
		}
		part := r.block[at-r.at:]
		part = part[:min(int64(len(part)), end-at)]
		if _, err := w.Write(part); err != nil {
			return err
		}
		at += int64(len(part))
	}
	return nil
}

func (r *reader) holds(source uint16, at int64) bool {
	return len(r.block) > 0 && source == r.source && at >= r.at && at-r.at < int64(len(r.block))
}

// fill reads a block from at on.
func (r *reader) fill(source uint16, at, end int64) error {
	edge := r.at + int64(len(r.block))
	if source == r.source && at >= edge && at-edge < minBlock {
		r.size = min(2*r.size, maxBlock)
	} else {
		r.size = minBlock
	}
	r.size = max(r.size, minBlock, int(min(end-at, maxBlock)))
	if len(r.buffer) < r.size {
		r.buffer = make([]byte, r.size)
	}
	n, err := r.sources[source].ReadAt(r.buffer[:r.size], at)
	r.source, r.at, r.block = source, at, r.buffer[:n]
	switch {
	case n > 0:
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.EOF
	}
	return fmt.Errorf("reading media bytes at %d: %w", at, err)
}
