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
func (g *get) keep(report *Report, fetched *fetch.Result) error {
	base, ext := g.base()
	fetched.Close()
	for i, p := range fetched.Pieces {
		path := numbered(base, ext, i+1)
		if err := sink.Move(p.Path, path, g.Force); err != nil {
			return local(err)
		}
		if err := addFile(report, path, p.Movie); err != nil {
			return err
		}
	}
	return nil
}

// concat joins the pieces with the machine's ffmpeg, as AWS's sample does, and checks that as many
// pictures came out as went in.
func (g *get) concat(ctx context.Context, report *Report, fetched *fetch.Result) error {
	var paths []string
	want := 0
	for _, p := range fetched.Pieces {
		paths = append(paths, p.Path)
		want += pictures(p.Movie)
	}
	part := filepath.Join(g.folder.Path(), "joined.mp4")
	defer os.Remove(part)
	if err := ffmpeg.Concat(ctx, paths, part); err != nil {
		return err
	}
	joined, err := fetch.Open([]string{part})
	if err != nil {
		return fmt.Errorf("ffmpeg's output: %w", err)
	}
	m := joined.Pieces[0].Movie
	joined.Close()
	if got := pictures(m); got != want {
		return fmt.Errorf("%w: ffmpeg made %d pictures of %d; use the native merge", ErrUnsound, got, want)
	}
	if err := sink.Move(part, g.path, g.Force); err != nil {
		return local(err)
	}
	return addFile(report, g.path, m)
}

func pictures(m *media.Movie) int {
	if v := m.Find(media.Video); v != nil {
		return len(v.Samples)
	}
	return 0
}

// addFile adds a file that was not written by us to the report.
func addFile(report *Report, path string, m *media.Movie) error {
	size, sum, err := sink.Hash(path)
	if err != nil {
		return local(err)
	}
	report.Outputs = append(report.Outputs, Output{
		Path: path, Bytes: size, SHA256: sum,
		DurationMs: m.Length().Milliseconds(), Tracks: tracks(m.Tracks),
	})
	return nil
}
