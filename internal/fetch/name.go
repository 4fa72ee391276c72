package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kvsclip/kvsclip/plan"
)

// name is a piece's place on disk without its ending. It is made of what the piece must hold, so
// a file found under it belongs to this place, stream, clock, time and set of fragments and no other;
// nothing that came from outside is in it but through a hash.
type name string

func (j *Job) name(p plan.Piece) name {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n%d\n", j.Client.Place(), j.Stream, j.clock(), p.First.UnixMilli(), p.Last.UnixMilli())
	for _, f := range p.Fragments {
		io.WriteString(h, f.Number+"\n")
	}
	key := hex.EncodeToString(h.Sum(nil)[:8])
	return name(filepath.Join(j.Folder.Path(), p.First.UTC().Format("20060102T150405.000Z-")+key))
}

func (n name) file() string { return string(n) + ".mp4" }
func (n name) part() string { return string(n) + ".part" }

// writeSum puts the hash of the piece beside it.
func (n name) writeSum(sum []byte) error {
	return os.WriteFile(string(n)+".sha256", []byte(hex.EncodeToString(sum)), 0o600)
}

// sound says that the piece's bytes have the hash that was written with them.
func (n name) sound() bool {
	want, err := os.ReadFile(string(n) + ".sha256")
	if err != nil {
		return false
	}
	f, err := os.Open(n.file())
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && hex.EncodeToString(h.Sum(nil)) == string(want)
}

// halved says that an earlier try showed that the piece cannot be had whole.
func (n name) halved() bool {
	_, err := os.Stat(string(n) + ".halved")
	return err == nil
}

func (n name) markHalved() error {
	return os.WriteFile(string(n)+".halved", nil, 0o600)
}
