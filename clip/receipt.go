package clip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

// receiptFormat is the version of Receipt's form. Keys are added without a new one; it rises when what
// is there gets another meaning.
const receiptFormat = 1

// Receipt is the proof of a download: what was asked for, which answers came, and the hashes of what
// became of them. Its JSON is a contract: keys are only added. See docs/receipt.md.
//
// It holds no credentials, no addresses and no folders.
type Receipt struct {
	Format  int    `json:"receipt"` // 1
	Version string `json:"kvsclip"` // of the program that made it
	Made    Time   `json:"made"`

	Stream    string    `json:"stream,omitempty"`
	Region    string    `json:"region,omitempty"`
	Clock     string    `json:"clock,omitempty"`
	Requested *Instants `json:"requested,omitempty"`
	Delivered *Instants `json:"delivered,omitempty"`
	Fragments Fragments `json:"fragments"`
	Gaps      []Gap     `json:"gaps"`
	GapPolicy Gaps      `json:"gapPolicy,omitempty"`
	Missing   []Missing `json:"missing,omitempty"`
	Seams     []Seam    `json:"seams"`
	Notes     []string  `json:"notes,omitempty"`

	Pieces  []ReceiptPiece  `json:"pieces"`
	Outputs []ReceiptOutput `json:"outputs"`
}

// ReceiptPiece is one answer of the service.
type ReceiptPiece struct {
	Piece     int               `json:"piece"` // from 1, in playing order
	RequestID string            `json:"requestId,omitempty"`
	Clock     string            `json:"clock"` // that First and Last are on
	First     Time              `json:"first"` // starts of its first and its last fragment, as asked
	Last      Time              `json:"last"`
	Bytes     int64             `json:"bytes"`
	SHA256    string            `json:"sha256"`              // of the answer
	Fragments []ReceiptFragment `json:"fragments,omitempty"` // none when they could not be listed
}

// ReceiptFragment is a fragment as the service listed it.
type ReceiptFragment struct {
	Number   string `json:"number"`
	Server   Time   `json:"server"`
	Producer Time   `json:"producer"`
	LengthMs int64  `json:"lengthMs"`
	Bytes    int64  `json:"bytes"`
}

// ReceiptOutput is one file. Its runs hold every sample once, its boxes every other byte of the file.
type ReceiptOutput struct {
	Name       string       `json:"path"` // without folder
	Bytes      int64        `json:"bytes"`
	SHA256     string       `json:"sha256"`
	DurationMs int64        `json:"durationMs"`
	From       Time         `json:"from,omitzero"`
	Tracks     []Track      `json:"tracks"`
	Tables     string       `json:"tables"` // hash of what the tables say
	Boxes      []ReceiptBox `json:"boxes"`
	Runs       []ReceiptRun `json:"runs"` // track by track, in decode order
}

// ReceiptBox is bytes of a file that are no samples.
type ReceiptBox struct {
	Box    string `json:"box"` // path
	Track  uint32 `json:"track,omitempty"`
	From   int64  `json:"from"` // in the file, To not included
	To     int64  `json:"to"`
	Bytes  int64  `json:"bytes"`  // those that belong to no sample
	SHA256 string `json:"sha256"` // of those
}

// ReceiptRun is consecutive samples of one track that came from one fragment of one piece.
type ReceiptRun struct {
	Track    uint32 `json:"track"` // track_ID
	Kind     string `json:"kind"`
	Piece    int    `json:"piece"` // 0 for samples that came in no piece
	Fragment string `json:"fragment,omitempty"`
	At       Time   `json:"at,omitzero"` // when the first sample was taken, producer clock
	First    int    `json:"first"`       // sample number, from 1
	Samples  int    `json:"samples"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
}

// unsound marks what differs in a file just written.
func unsound(err error) error {
	if _, ok := errors.AsType[*proof.Difference](err); ok {
		return fmt.Errorf("%w: %w", ErrUnsound, err)
	}
	return err
}

// prover gathers what a receipt proves while the outputs are made.
type prover struct {
	pieces  []fetch.Piece // all of them, in playing order
	outputs []ReceiptOutput
}

// add proves one output that is written and not closed yet: it hashes the samples of m, the movie that
// was written, where they were downloaded to, and again in the file, and the two must agree. pieces
// are those of m's first sources; other sources came from no piece.
// An error wraps ErrUnsound where they do not agree.
func (p *prover) add(ctx context.Context, o Output, m *media.Movie, pieces []proof.Piece, file io.ReaderAt) error {
	fail := func(err error) error { return fmt.Errorf("receipt of %q: %w", o.Path, err) }
	runs, err := proof.Hash(ctx, m, proof.Cut(m, pieces))
	if err != nil {
		return fail(err)
	}
	written, err := mp4.Read(file, o.Bytes)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrUnsound, err))
	}
	if err := proof.Check(ctx, written, runs); err != nil {
		return fail(unsound(err))
	}
	regions, err := proof.Regions(ctx, file, o.Bytes, written)
	if err != nil {
		return fail(err)
	}
	p.outputs = append(p.outputs, ReceiptOutput{
		Name: filepath.Base(o.Path), Bytes: o.Bytes, SHA256: o.SHA256, DurationMs: o.DurationMs, From: o.From,
		Tracks: o.Tracks, Tables: proof.Tables(written), Boxes: receiptBoxes(regions), Runs: receiptRuns(runs),
	})
	return nil
}

// receipt makes the receipt of all outputs; r is complete.
func (p *prover) receipt(version string, made time.Time, r *Report) *Receipt {
	return &Receipt{
		Format: receiptFormat, Version: version, Made: Time{milliseconds(made)},
		Stream: r.Stream, Region: r.Region, Clock: r.Clock, Requested: r.Requested, Delivered: r.Delivered,
		Fragments: r.Fragments, Gaps: r.Gaps, GapPolicy: r.GapPolicy, Missing: r.Missing, Seams: r.Seams, Notes: r.Notes,
		Pieces: receiptPieces(p.pieces), Outputs: p.outputs,
	}
}

// encode returns the bytes of the receipt's file: these are what is signed.
func (r *Receipt) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return append(b, '\n'), nil
}

func receiptPieces(pieces []fetch.Piece) []ReceiptPiece {
	out := make([]ReceiptPiece, len(pieces))
	for i, p := range pieces {
		out[i] = ReceiptPiece{
			Piece: i + 1, RequestID: p.RequestID, Clock: p.Clock.String(), First: Time{p.First}, Last: Time{p.Last},
			Bytes: p.Size, SHA256: p.SHA256,
		}
		for _, f := range p.Fragments {
			out[i].Fragments = append(out[i].Fragments, ReceiptFragment{
				Number: f.Number, Server: Time{f.Server}, Producer: Time{f.Producer},
				LengthMs: f.Length.Milliseconds(), Bytes: f.Size,
			})
		}
	}
	return out
}

func receiptBoxes(regions []proof.Region) []ReceiptBox {
	out := make([]ReceiptBox, len(regions))
	for i, g := range regions {
		out[i] = ReceiptBox{Box: g.Box, Track: g.Track, From: g.From, To: g.To, Bytes: g.Bytes, SHA256: g.SHA256}
	}
	return out
}

func receiptRuns(runs []proof.Run) []ReceiptRun {
	out := make([]ReceiptRun, len(runs))
	for i, r := range runs {
		out[i] = ReceiptRun{
			Track: r.Track, Kind: string(r.Kind), Piece: r.Piece, Fragment: r.Fragment, At: Time{r.At},
			First: r.First, Samples: r.Samples, Bytes: r.Bytes, SHA256: r.SHA256,
		}
	}
	return out
}
