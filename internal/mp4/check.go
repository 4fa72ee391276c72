package mp4

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Check compares the tables of a file that was read back with those it was written from (see
// File.Movie) and returns what differs first, or nil. Sources are not compared.
func Check(got, want *media.Movie) error {
	if got.Timescale != want.Timescale {
		return fmt.Errorf("movie timescale: want %d, got %d", want.Timescale, got.Timescale)
	}
	if !got.Created.Equal(want.Created) {
		return fmt.Errorf("creation time: want %v, got %v", want.Created, got.Created)
	}
	if !slices.Equal(got.Chapters, want.Chapters) {
		return fmt.Errorf("chapters: want %v, got %v", want.Chapters, got.Chapters)
	}
	if len(got.Tracks) != len(want.Tracks) {
		return fmt.Errorf("tracks: want %d, got %d", len(want.Tracks), len(got.Tracks))
	}
	for i, w := range want.Tracks {
		if err := checkTrack(got.Tracks[i], w); err != nil {
			return fmt.Errorf("track %d: %w", w.ID, err)
		}
	}
	return nil
}

func checkTrack(got, want *media.Track) error {
	g, w := header(got), header(want)
	if g != w {
		return fmt.Errorf("header: want %s, got %s", w, g)
	}
	if !slices.Equal(got.Edits, want.Edits) {
		return fmt.Errorf("edits: want %v, got %v", want.Edits, got.Edits)
	}
	for i := range want.Configs {
		if !sameEntry(got.Configs[i], want.Configs[i]) {
			return fmt.Errorf("configuration %d: want %s, got %s", i+1, configLine(want.Configs[i]), configLine(got.Configs[i]))
		}
	}
	for i := range want.Samples {
		if got.Samples[i] != want.Samples[i] {
			return fmt.Errorf("sample %d: want %+v, got %+v", i+1, want.Samples[i], got.Samples[i])
		}
	}
	return nil
}

// header is what there is to say about a track but for its lists.
func header(t *media.Track) string {
	return fmt.Sprintf("%d %s timescale %d language %s handler %q: %d configurations, %d samples, end %d",
		t.ID, t.Kind, t.Timescale, t.Language, t.Handler, len(t.Configs), len(t.Samples), t.End)
}

func sameEntry(a, b media.Config) bool {
	return a.Same(b) && bytes.Equal(a.Entry, b.Entry)
}
