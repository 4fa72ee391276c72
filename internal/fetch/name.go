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

// name is what a piece is known by. Its key is the piece's file without folder and ending. It is made
// of what the piece must hold, so a file found under it belongs to this place, stream, clock, time, set
// of fragments, engine and choice among them, and no other; nothing that came from outside is in it but
// through a hash.
type name struct {
	key    string
	engine Engine // EngineClip or EngineFragments
}

func (j *Job) name(p plan.Piece, e Engine) name {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n%d\n", j.Client.Place(), j.Stream, p.Clock, p.First.UnixMilli(), p.Last.UnixMilli())
	for _, f := range p.Fragments {
		io.WriteString(h, f.Number+"\n")
	}
	if e == EngineFragments {
		io.WriteString(h, "by numbers\n")
		if j.Where != nil {
			fmt.Fprintf(h, "where %q\n", j.WhereText)
		}
	}
	key := hex.EncodeToString(h.Sum(nil)[:8])
	return name{p.First.UTC().Format("20060102T150405.000Z-") + key, e}
}

func (j *Job) file(n name) string { return filepath.Join(j.Folder.Path(), n.key+n.ending()) }
func (j *Job) part(n name) string { return filepath.Join(j.Folder.Path(), n.key+unfinished) }

// ending is that of the file's form: one MP4, or Matroska documents one behind the other.
func (n name) ending() string {
	if n.engine == EngineFragments {
		return ".mkv"
	}
	return ".mp4"
}

// whole returns what the journal tells of a piece whose file is as it was written.
func (j *Job) whole(n name) (noted, bool) {
	known, ok := j.Folder.journal.piece(n.key)
	if !ok {
		return noted{}, false
	}
	f, err := os.Open(j.file(n))
	if err != nil {
		return noted{}, false
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	return known, err == nil && size == known.Bytes && hex.EncodeToString(h.Sum(nil)) == known.SHA256
}
