package clip

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/wav"
)

// endings are the formats by the ending of a file's name.
var endings = map[string]Format{
	".mp4": FormatMP4, ".m4v": FormatMP4, ".mov": FormatMP4, ".mkv": FormatMKV, ".m4a": FormatM4A, ".wav": FormatWAV, ".m3u8": FormatHLS,
}

// suffix is the ending of names of a format's files.
func (f Format) suffix() string {
	switch f {
	case FormatMKV, FormatM4A, FormatWAV:
		return "." + string(f)
	case FormatHLS:
		return ".m3u8"
	}
	return ".mp4"
}

// formatOf is the format that a file's name calls for.
func formatOf(path string) Format {
	if f, ok := endings[strings.ToLower(filepath.Ext(path))]; ok {
		return f
	}
	return FormatMP4
}

// isMP4 says that the file is a progressive MP4, whose samples have places that can be told.
func (f Format) isMP4() bool { return f == FormatMP4 || f == FormatM4A }

// soundOnly says that the format takes the sound alone.
func (f Format) soundOnly() bool { return f == FormatM4A || f == FormatWAV }

// layout is a movie laid out as a file that can be written and looked at again.
type layout interface {
	Size() int64
	WriteTo(w io.Writer) (int64, error)
}

// lay lays a movie out, and returns what reads it back and compares.
func (f Format) lay(m *media.Movie) (layout, func(io.ReaderAt, int64) error, error) {
	switch f {
	case FormatMKV:
		file, err := mkv.Lay(m, mkv.FileOptions{InBand: true})
		if errors.Is(err, mkv.ErrSeveral) {
			return nil, nil, fmt.Errorf("%w: %w: --on-change split does that", ErrCannotJoin, err)
		}
		if err != nil {
			return nil, nil, err
		}
		return file, file.Check, nil
	case FormatWAV:
		file, err := wav.Lay(m)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
		return file, func(io.ReaderAt, int64) error { return nil }, nil // there are no tables in it
	}
	file, err := mp4.Lay(m, f.options())
	if err != nil {
		return nil, nil, err
	}
	return file, func(r io.ReaderAt, size int64) error { return sound(r, size, file) }, nil
}

func (f Format) options() mp4.Options {
	if f == FormatM4A {
		return mp4.Options{Brand: "M4A ", Compatible: []string{"M4A ", "isom", "iso2", "mp42"}}
	}
	return mp4.Options{}
}

// sound reads the tables of the written file back and compares them with the layout.
func sound(r io.ReaderAt, size int64, laid *mp4.File) error {
	got, err := mp4.Read(r, size)
	if err != nil {
		return err
	}
	return mp4.Check(got, laid.Movie())
}

// takes leaves in the movie what the format takes.
func (f Format) takes(m *media.Movie) error {
	if !f.soundOnly() {
		return nil
	}
	var kept []*media.Track
	for _, t := range m.Tracks {
		if t.Kind == media.Audio {
			t.ID = uint32(len(kept) + 1)
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("%w: .%s holds sound alone, and there is none in the footage", ErrUsage, f)
	}
	m.Tracks = kept
	return nil
}
