package clip

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/plan"
)

// staged is a file that is whole and waits for its final name in the folder of pieces.
type staged struct {
	Temp   string `json:"temp"` // its name in the folder
	Name   string `json:"name"` // its final name, without folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Of says that it goes where the receipt goes, or the files of tags and frames, not where the
	// clip does.
	Of string `json:"of,omitempty"`
}

// What else than the clip a file can be of.
const (
	ofReceipt = "receipt"
	ofTags    = "tags"
	ofFrames  = "frames"
)

// done is what the journal keeps of a run that has all its files staged: from there on nothing
// is asked of the service again.
type done struct {
	Report *Report  `json:"report"`
	Files  []staged `json:"files"`
	// For is what the files depend on beside the run's request: names, signer and version, as a hash.
	For string `json:"for"`
}

// outcome is a hash of what files, signatures and reports of this run depend on beside the request.
func (g *get) outcome() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q", g.version, filepath.Base(g.path), filepath.Base(g.Receipt), filepath.Base(g.Tags), filepath.Base(g.Frames))
	if g.perFile() {
		io.WriteString(h, g.Output)
	}
	if g.signer != nil {
		io.WriteString(h, fingerprint(g.signer.Public().(ed25519.PublicKey)))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// publish gives all files their names. It can be stopped anywhere and called again.
func (g *get) publish(ctx context.Context, files []staged) error {
	for _, f := range files {
		if err := g.name(ctx, f); err != nil {
			return local(err)
		}
	}
	return nil
}

// name gives one file its final name, unless it has it.
func (g *get) name(ctx context.Context, f staged) error {
	if f.is(g.final(f)) {
		return nil
	}
	if f.Of == ofReceipt && g.SignKey == "" && g.Force {
		os.Remove(g.final(f) + SignatureSuffix) // of the receipt that is overwritten
	}
	if f.Of != "" {
		return sink.Copy(ctx, g.temp(f), g.final(f), g.Force)
	}
	return sink.Move(g.temp(f), g.final(f), g.Force)
}

// earlier finishes what an earlier run of the same request had staged, and returns its report;
// nil if there is nothing to finish.
func (g *get) earlier(ctx context.Context) (*Report, error) {
	var d done
	last, now := g.folder.Last(), g.this()
	if last == nil || last.Request != now.Request || last.Place != now.Place || !g.folder.LastDone(&d) || d.Report == nil || d.For != g.outcome() {
		return nil, nil
	}
	for _, f := range d.Files {
		if !f.local() || !f.is(g.final(f)) && !f.is(g.temp(f)) {
			return nil, nil
		}
	}
	if err := g.publish(ctx, d.Files); err != nil {
		return nil, err
	}
	r := d.Report
	g.moved(r)
	r.Calls, r.BytesFetched, r.EstimatedCostUSD = Calls{}, 0, nil // of this run
	r.Notes = append(r.Notes, "an earlier run had made this clip; it was given its name, and nothing was fetched")
	return g.tidied(r), nil
}

// moved names the files of an earlier run's report where they are: their folder may go by another name now.
func (g *get) moved(r *Report) {
	here := func(path *string) {
		if *path != "" {
			*path = filepath.Join(filepath.Dir(g.path), filepath.Base(*path))
		}
	}
	for i := range r.Outputs {
		here(&r.Outputs[i].Path)
		here(&r.Outputs[i].Media)
		here(&r.Outputs[i].Captions)
	}
	r.Receipt, r.Tags, r.Frames = g.Receipt, g.Tags, g.Frames
	if g.SignKey != "" {
		r.Signature = g.Receipt + SignatureSuffix
	}
}

// local says that both names are names, and no paths to elsewhere.
func (f staged) local() bool {
	return f.Temp == filepath.Base(f.Temp) && f.Name == filepath.Base(f.Name) && filepath.IsLocal(f.Temp) && filepath.IsLocal(f.Name)
}

// is says whether the file at path holds the bytes of f.
func (f staged) is(path string) bool {
	st, err := os.Stat(path)
	if err != nil || st.Size() != f.Bytes {
		return false
	}
	_, sum, err := sink.Hash(path)
	return err == nil && sum == f.SHA256
}

func (g *get) temp(f staged) string { return filepath.Join(g.folder.Path(), f.Temp) }

func (g *get) final(f staged) string {
	dir := filepath.Dir(g.path)
	switch f.Of {
	case ofReceipt:
		dir = filepath.Dir(g.Receipt)
	case ofTags:
		dir = filepath.Dir(g.Tags)
	case ofFrames:
		dir = filepath.Dir(g.Frames)
	}
	return filepath.Join(dir, f.Name)
}

// tidied deletes the pieces. Footage that was delivered is no failure, whatever stays behind.
func (g *get) tidied(r *Report) *Report {
	if err := g.folder.Clear(); err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("the pieces in %q could not be deleted: %v", g.folder.Path(), err))
	}
	return r
}

// begin notes in the journal what this run makes, and tells what an unfinished one before it was
// to make if that was something else.
func (g *get) begin(p *plan.Plan) {
	now := g.this()
	now.Recording, now.Fragments = recording(p), p.Fragments()
	if last := g.folder.Last(); last != nil {
		for _, text := range changes(*last, now, g.folder.Path()) {
			g.tellHere(text)
		}
	}
	g.folder.Begin(now)
}

// recording is a hash of what the plan is made of.
func recording(p *plan.Plan) string {
	h := sha256.New()
	for _, pc := range p.Pieces {
		for _, f := range pc.Fragments {
			io.WriteString(h, f.Number+"\n")
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// changes says in what an unfinished run differs from this one. Pieces that do not belong to both
// are never used: each is known by what it must hold.
func changes(last, now fetch.Run, folder string) (notes []string) {
	if last.Request != now.Request || last.Place != now.Place {
		notes = append(notes, fmt.Sprintf("the unfinished run in %q was of another request (%s): only pieces that belong to both are used", folder, otherwise(last.Request, now.Request)))
	} else if last.Recording != now.Recording {
		notes = append(notes, fmt.Sprintf("the recording has changed since the unfinished run in %q: %d fragments were listed then, %d now", folder, last.Fragments, now.Fragments))
	}
	if last.Version != now.Version {
		notes = append(notes, fmt.Sprintf("the unfinished run in %q was begun by another version, kvsclip %q", folder, last.Version))
	}
	return notes
}

// otherwise names what an unfinished run asked for that this one does not.
func otherwise(last, now string) string {
	var others []string
	asked := strings.Split(now, "; ")
	for _, part := range strings.Split(last, "; ") {
		if !slices.Contains(asked, part) {
			others = append(others, strconv.Quote(part))
		}
	}
	if len(others) == 0 {
		return "from another endpoint, account or region"
	}
	return strings.Join(others, ", ")
}
