package clip

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/hls"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"

	"github.com/kvsclip/kvsclip/archive"
)

// playlist makes a playlist of a run of pieces, and the file of their footage beside it.
func (m *making) playlist(ctx context.Context, run []splice.Piece, w archive.Range) error {
	joined, err := m.joined(run, w)
	if err != nil {
		return err
	}
	these := m.parts.of(run)
	o := m.next(joined, w)
	runs := origin.Cut(joined.Movie, these.origins())
	path := beside(o.path, ".mp4")
	list, file, err := m.segments(ctx, path, joined.Movie, runs)
	if err != nil {
		return err
	}
	m.files = append(m.files, file)
	s, err := m.sidecar(o.path, "")
	if err != nil {
		return err
	}
	defer s.f.Close()
	if _, err := list.WriteTo(s); err != nil {
		return local(err)
	}
	f, err := s.stage(ctx)
	if err != nil {
		return err
	}
	m.files = append(m.files, f)
	out := outputOf(s.f, o.path, joined)
	out.Media = path
	m.report.Outputs = append(m.report.Outputs, out)
	o.seams(m.report, joined.Seams, these.numbers)
	return m.tellOf(ctx, &m.report.Outputs[len(m.report.Outputs)-1], joined.Movie, runs)
}

// segments writes the footage of a playlist.
func (m *making) segments(ctx context.Context, path string, movie *media.Movie, runs []origin.Run) (*hls.Playlist, staged, error) {
	f, err := sink.Create(path, m.folder.Path(), m.Force)
	if err != nil {
		return nil, staged{}, local(err)
	}
	defer f.Close()
	list, err := hls.Write(&teller{ctx: ctx, to: f, tell: m.Client.report}, hls.Split(movie, moments(movie, runs)), hls.Options{URI: filepath.Base(path)})
	if err != nil {
		return nil, staged{}, fmt.Errorf("writing %q: %w", path, err)
	}
	temp, err := f.Stage(ctx)
	if err != nil {
		return nil, staged{}, local(err)
	}
	return list, staged{Temp: filepath.Base(temp), Name: filepath.Base(path), Bytes: f.Size(), SHA256: f.SHA256()}, nil
}

// moments tie the movie's presentation to the time on the wall.
func moments(m *media.Movie, runs []origin.Run) []hls.Moment {
	var out []hls.Moment
	for _, f := range footage.Moments(m, runs) {
		out = append(out, hls.Moment{At: f.At, Wall: f.Wall})
	}
	return out
}
