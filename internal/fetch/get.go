package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
// hash is in the journal then: a piece is kept from one run to the next without being synced to
// the disk, for that would halve the speed, so after a power cut the hash says whether it is
// still whole.
func (j *Job) get(ctx context.Context, p plan.Piece, name name) (noted, error) {
	got := noted{Name: name.key}
	f, err := os.OpenFile(j.part(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return got, fmt.Errorf("creating a piece: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	err = j.Client.Clip(ctx, j.request(p), func(answer kvs.Answer) (err error) {
		got.RequestID = answer.RequestID
		got.Bytes, got.SHA256, err = j.take(f, answer, p)
		return err
	})
	if err != nil {
		return got, err
	}
	if err := f.Close(); err != nil {
		return got, fmt.Errorf("writing a piece: %w", err)
	}
	if err := os.Rename(f.Name(), j.file(name)); err != nil {
		return got, err
	}
	return got, j.Folder.journal.note(line{Piece: &got})
}

func (j *Job) request(p plan.Piece) kvs.ClipRequest {
	return kvs.ClipRequest{
		Stream: j.Stream, Clock: p.Clock,
		First: p.First, Last: p.Last, Fragments: len(p.Fragments),
	}
}

// take writes one answer to f, checks it and returns its length and hash. An answer that is no MP4
// is worth another try; one that is short is not: it would come short again.
func (j *Job) take(f *os.File, body io.Reader, p plan.Piece) (size int64, sum string, err error) {
	if err := f.Truncate(0); err != nil {
		return 0, "", err
	}
	h := sha256.New()
	to := io.MultiWriter(io.NewOffsetWriter(f, 0), h)
	size, err = io.CopyBuffer(to, body, make([]byte, copyBuffer))
	if err != nil {
		return 0, "", fmt.Errorf("writing a piece: %w", err)
	}
	m, err := mp4.Read(f, size)
	switch {
	case errors.Is(err, mp4.ErrNotMP4) || errors.Is(err, mp4.ErrTruncated) || errors.Is(err, mp4.ErrMalformed):
		return 0, "", fmt.Errorf("%w: %w", kvs.ErrGarbled, err)
	case err != nil: // would be no better another time
		return 0, "", fmt.Errorf("reading the answer: %w", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), check(Piece{Piece: p, Size: size, Parts: []Part{{Movie: m}}}, j.Plan.Listed)
}
