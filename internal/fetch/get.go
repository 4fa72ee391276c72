package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/plan"
)

// copyBuffer is how many bytes of an answer are held in memory.
const copyBuffer = 256 << 10

// get fetches p into its file. The file has its name only when it is whole and checked, and its
// hash beside it then: a piece is kept from one run to the next without being synced to the disk,
// for that would halve the speed, so after a power cut the hash says whether it is still whole.
func (j *Job) get(ctx context.Context, p plan.Piece, name name) error {
	f, err := os.OpenFile(name.part(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("creating a piece: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var sum []byte
	err = j.Client.Clip(ctx, j.request(p), func(answer kvs.Answer) (err error) {
		sum, err = j.take(f, answer, p)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing a piece: %w", err)
	}
	if err := name.writeSum(sum); err != nil {
		return fmt.Errorf("writing the hash of a piece: %w", err)
	}
	return os.Rename(f.Name(), name.file())
}

func (j *Job) request(p plan.Piece) kvs.ClipRequest {
	return kvs.ClipRequest{
		Stream: j.Stream, Clock: j.clock(),
		First: p.First, Last: p.Last, Fragments: len(p.Fragments),
	}
}

// take writes one answer to f, checks it and returns its hash. An answer that is no MP4 is worth
// another try; one that is short is not: it would come short again.
func (j *Job) take(f *os.File, body io.Reader, p plan.Piece) ([]byte, error) {
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	h := sha256.New()
	to := io.MultiWriter(io.NewOffsetWriter(f, 0), h)
	size, err := io.CopyBuffer(to, body, make([]byte, copyBuffer))
	if err != nil {
		return nil, fmt.Errorf("writing a piece: %w", err)
	}
	m, err := mp4.Read(f, size)
	switch {
	case errors.Is(err, mp4.ErrNotMP4) || errors.Is(err, mp4.ErrTruncated) || errors.Is(err, mp4.ErrMalformed):
		return nil, fmt.Errorf("%w: %w", kvs.ErrGarbled, err)
	case err != nil: // would be no better another time
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return h.Sum(nil), check(Piece{Piece: p, Size: size, Movie: m}, j.Plan.Listed)
}
