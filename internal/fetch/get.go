package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/plan"
)

// copyBuffer is how many bytes of an answer are held in memory.
const copyBuffer = 256 << 10

// get fetches p into its file. The file has its name only when it is whole and checked.
func (j *Job) get(ctx context.Context, p plan.Piece, name name) error {
	f, err := os.OpenFile(name.part(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("creating a piece: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	err = j.Client.Clip(ctx, j.request(p), func(body io.Reader) error {
		return j.take(f, body, p)
	})
	if err != nil {
		return err
	}
	return commit(f, name.file())
}

func (j *Job) request(p plan.Piece) kvs.ClipRequest {
	return kvs.ClipRequest{
		Stream: j.Stream, Clock: j.clock(),
		First: p.First, Last: p.Last, Fragments: len(p.Fragments),
	}
}

// take writes one answer to f and checks it. An answer that is no MP4 is worth another try; one
// that is short is not: it would come short again.
func (j *Job) take(f *os.File, body io.Reader, p plan.Piece) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	size, err := io.CopyBuffer(io.NewOffsetWriter(f, 0), body, make([]byte, copyBuffer))
	if err != nil {
		return fmt.Errorf("writing a piece: %w", err)
	}
	m, err := mp4.Read(f, size)
	if err != nil {
		return errors.Join(kvs.ErrGarbled, err)
	}
	return check(Piece{Piece: p, Size: size, Movie: m}, j.Plan.Listed)
}

// commit gives the finished file its name, after its bytes are on the disk.
func commit(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing a piece: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing a piece: %w", err)
	}
	return os.Rename(f.Name(), filepath.Clean(path))
}
