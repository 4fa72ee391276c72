package clip

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/proof"
	"github.com/kvsclip/kvsclip/internal/sink"
)

// readKey reads the key that is to sign the receipt, before anything is downloaded.
func (g *get) readKey() (err error) {
	if g.SignKey == "" {
		return nil
	}
	if g.signer, err = readSigner(g.SignKey); err != nil {
		return err
	}
	if note := exposed(g.SignKey); note != "" {
		g.tellHere(note)
	}
	return nil
}

// prove adds an output, joined of pieces, to what the receipt tells.
func (g *get) prove(ctx context.Context, p *prover, o Output, f staged, m *media.Movie, pieces []proof.Piece) error {
	if g.Receipt == "" {
		return nil
	}
	file, err := os.Open(g.temp(f))
	if err != nil {
		return local(err)
	}
	defer file.Close()
	return p.add(ctx, o, m, pieces, file)
}

// withReceipt adds the receipt, and its signature, to the files that wait for their names.
func (g *get) withReceipt(ctx context.Context, files []staged, p *prover, report *Report) ([]staged, error) {
	if g.Receipt == "" {
		return files, nil
	}
	receipt := p.receipt(g.version, time.Now(), report)
	receipt.Notes = slices.DeleteFunc(slices.Clone(report.Notes), func(n string) bool { return slices.Contains(g.here, n) })
	b, err := receipt.encode()
	if err != nil {
		return nil, err
	}
	report.Receipt = g.Receipt
	f, err := g.stageBytes(ctx, b, g.Receipt)
	if err != nil || g.signer == nil {
		return append(files, f), err
	}
	report.Signature = g.Receipt + SignatureSuffix
	sig, err := g.stageBytes(ctx, ed25519.Sign(g.signer, b), g.Receipt+SignatureSuffix)
	return append(files, f, sig), err
}

// stageBytes writes a small file that goes to path, where the receipt goes.
func (g *get) stageBytes(ctx context.Context, b []byte, path string) (staged, error) {
	f, err := sink.Create(path, g.folder.Path(), g.Force)
	if err != nil {
		return staged{}, local(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return staged{}, local(err)
	}
	temp, err := f.Stage(ctx)
	if err != nil {
		return staged{}, local(err)
	}
	return staged{Temp: filepath.Base(temp), Name: filepath.Base(path), Bytes: f.Size(), SHA256: f.SHA256(), Of: ofReceipt}, nil
}
