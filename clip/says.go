package clip

import (
	"bufio"
	"context"
	"path/filepath"

	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/sink"
)

// sidecar is a file beside the clip, or elsewhere, that tells of it.
type sidecar struct {
	*bufio.Writer
	path string
	of   string // see staged.Of
	f    *sink.File
}

// sidecar begins one, which waits in the folder of pieces for its name.
func (g *get) sidecar(path, of string) (*sidecar, error) {
	f, err := sink.Create(path, g.folder.Path(), g.Force)
	if err != nil {
		return nil, local(err)
	}
	return &sidecar{Writer: bufio.NewWriterSize(f, 64<<10), path: path, of: of, f: f}, nil
}

// stage finishes the file.
func (s *sidecar) stage(ctx context.Context) (staged, error) {
	if err := s.Flush(); err != nil {
		return staged{}, local(err)
	}
	temp, err := s.f.Stage(ctx)
	if err != nil {
		return staged{}, local(err)
	}
	return staged{Temp: filepath.Base(temp), Name: filepath.Base(s.path), Bytes: s.f.Size(), SHA256: s.f.SHA256(), Of: s.of}, nil
}

// open begins what is written along with all outputs.
func (m *making) open() (err error) {
	if m.Frames != "" {
		m.frames, err = m.sidecar(m.Frames, ofFrames)
	}
	return err
}

func (m *making) close() {
	if m.frames != nil {
		m.frames.f.Close()
	}
}

// addClock adds the clock as timed text, and chapters at its marks.
func (m *making) addClock(movie *media.Movie, runs []origin.Run) {
	if !m.ClockTrack {
		return
	}
	movie.Chapters = footage.Chapters(movie, runs, m.clockOptions())
	if m.format == FormatWAV || m.format == FormatM4A {
		return
	}
	t, source := footage.Clock(movie, runs, m.clockOptions())
	if t == nil {
		return
	}
	t.ID = uint32(len(movie.Tracks) + 1)
	for i := range t.Samples {
		t.Samples[i].Source = uint16(len(movie.Sources))
	}
	movie.Tracks, movie.Sources = append(movie.Tracks, t), append(movie.Sources, source)
}

func (m *making) clockOptions() footage.ClockOptions {
	return footage.ClockOptions{Zone: m.zone(), Clock: m.Range.Clock}
}

// tellOf writes what is to be told of one output: its samples, and its clock.
func (m *making) tellOf(ctx context.Context, out *Output, movie *media.Movie, runs []origin.Run) error {
	if m.frames != nil {
		inFile, err := own(m.format, movie)
		if err != nil {
			return err
		}
		if err := footage.WriteFrames(m.frames, filepath.Base(out.Path), inFile, runs); err != nil {
			return local(err)
		}
	}
	if !m.ClockTrack {
		return nil
	}
	s, err := m.sidecar(beside(out.Path, ".vtt"), "")
	if err != nil {
		return err
	}
	defer s.f.Close()
	if err := footage.WriteVTT(s, movie, runs, streamName(m.Stream), m.clockOptions()); err != nil {
		return local(err)
	}
	f, err := s.stage(ctx)
	out.Captions = s.path
	m.files = append(m.files, f)
	return err
}

// rest makes what tells of all outputs.
func (m *making) rest(ctx context.Context) ([]staged, error) {
	if m.frames != nil {
		f, err := m.frames.stage(ctx)
		if err != nil {
			return nil, err
		}
		m.files, m.report.Frames = append(m.files, f), m.Frames
	}
	if m.Tags != "" {
		f, err := m.tagsFile(ctx)
		if err != nil {
			return nil, err
		}
		m.files, m.report.Tags = append(m.files, f), m.Tags
	}
	return m.withReceipt(ctx, m.files, m.proof, m.report)
}

// tagsFile tells of each fragment, and what its producer said.
func (m *making) tagsFile(ctx context.Context) (staged, error) {
	s, err := m.sidecar(m.Tags, ofTags)
	if err != nil {
		return staged{}, err
	}
	defer s.f.Close()
	for i, p := range m.parts.pieces {
		rows := make([]footage.TagRow, len(p.Fragments))
		for k, f := range p.Fragments {
			rows[k].Fragment = f
			if k < len(m.parts.tags[i]) {
				rows[k].Tags = m.parts.tags[i][k]
			}
		}
		if err := footage.WriteTags(s, rows); err != nil {
			return staged{}, local(err)
		}
	}
	return s.stage(ctx)
}
