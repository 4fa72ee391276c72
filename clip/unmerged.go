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
)

// keep makes the pieces themselves the outputs, numbered in playing order.
func (g *get) keep(report *Report, fetched *fetch.Result) (files []staged, err error) {
	base, ext := g.base()
	fetched.Close()
	for i, p := range fetched.Pieces {
		path := numbered(base, ext, i+1)
		f := staged{Temp: filepath.Base(p.Path), Name: filepath.Base(path), Bytes: p.Size, SHA256: p.SHA256}
		if err := sink.Free(path, g.Force); err != nil {
			return nil, err
		}
		if err := sink.Sync(p.Path); err != nil { // or a power cut between two names takes this one
			return nil, local(err)
		}
		files = append(files, f)
		report.Outputs = append(report.Outputs, outputAsIs(path, f, p.Movie))
	}
	return files, nil
}

// concat joins the pieces with the machine's ffmpeg, as AWS's sample does, and checks that as many
// pictures came out as went in.
func (g *get) concat(ctx context.Context, report *Report, fetched *fetch.Result) ([]staged, error) {
	var paths []string
	want := 0
	for _, p := range fetched.Pieces {
		paths = append(paths, p.Path)
		want += pictures(p.Movie)
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
	m := joined.Pieces[0].Movie
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
