package clip

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/ffmpeg"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// keep makes the pieces themselves the outputs, numbered in playing order. What did not come as a
// clip is made one.
func (g *get) keep(ctx context.Context, report *Report, p *plan.Plan, fetched *fetch.Result) (files []staged, err error) {
	base, ext := g.base()
	for i, pc := range fetched.Pieces {
		path := numbered(base, ext, i+1)
		var f staged
		if pc.Engine == fetch.EngineFragments {
			f, err = g.remade(ctx, report, p, pc, i+1)
		} else {
			f, err = g.asIs(report, pc, path)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	fetched.Close()
	return files, nil
}

// asIs keeps the file of a piece.
func (g *get) asIs(report *Report, p fetch.Piece, path string) (staged, error) {
	f := staged{Temp: filepath.Base(p.Path), Name: filepath.Base(path), Bytes: p.Size, SHA256: p.SHA256}
	if err := sink.Free(path, g.Force); err != nil {
		return f, err
	}
	if err := sink.Sync(p.Path); err != nil { // or a power cut between two names takes this one
		return f, local(err)
	}
	report.Outputs = append(report.Outputs, outputAsIs(path, f, p.Movie()))
	return f, nil
}

// remade writes the parts of the piece of a number, from 1, as one clip.
func (g *get) remade(ctx context.Context, report *Report, p *plan.Plan, pc fetch.Piece, number int) (staged, error) {
	f := &parts{}
	f.add(&p.Timeline, pc, number)
	joined, err := splice.Join(f.pieces, splice.Options{Clock: g.Range.Clock})
	if err != nil {
		return staged{}, err
	}
	base, ext := g.base()
	o := output{path: numbered(base, ext, number), format: FormatMP4, number: number, folder: g.folder.Path(), force: g.Force, tell: g.report}
	if codec := foreign(f.pieces, false); codec != "" {
		if err := g.matroska(codec, o.format); err != nil {
			return staged{}, err
		}
		o.path, o.format = beside(o.path, FormatMKV.suffix()), FormatMKV
	}
	return o.stage(ctx, report, joined, f.numbers)
}

// concat joins the pieces with the machine's ffmpeg, as AWS's sample does, and checks that as many
// pictures came out as went in.
func (g *get) concat(ctx context.Context, report *Report, fetched *fetch.Result) ([]staged, error) {
	var paths []string
	want := 0
	for _, p := range fetched.Pieces {
		paths = append(paths, p.Path)
		want += pictures(p.Movie())
	}
	part := filepath.Join(g.folder.Path(), "joined.mp4")
	if err := ffmpeg.Concat(ctx, paths, part); err != nil {
		os.Remove(part)
		return nil, err
	}
	joined, err := fetch.Open([]string{part})
	if err != nil {
		return nil, fmt.Errorf("ffmpeg's output: %w", err)
	}
	m := joined.Pieces[0].Movie()
	joined.Close()
	if got := pictures(m); got != want {
		return nil, fmt.Errorf("%w: ffmpeg made %d pictures of %d; use the native merge", ErrUnsound, got, want)
	}
	size, sum, err := sink.Hash(part)
	if err != nil {
		return nil, local(err)
	}
	f := staged{Temp: filepath.Base(part), Name: filepath.Base(g.path), Bytes: size, SHA256: sum}
	report.Outputs = append(report.Outputs, outputAsIs(g.path, f, m))
	return []staged{f}, nil
}

func pictures(m *media.Movie) int {
	if v := m.Find(media.Video); v != nil {
		return len(v.Samples)
	}
	return 0
}

// outputAsIs describes a file that was not written by us.
func outputAsIs(path string, f staged, m *media.Movie) Output {
	return Output{
		Path: path, Bytes: f.Bytes, SHA256: f.SHA256,
		DurationMs: m.Length().Milliseconds(), Tracks: tracks(m.Tracks),
	}
}
