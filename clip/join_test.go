package clip_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// pictures writes a clip of two pictures, a second each.
func pictures(t *testing.T, path string, edits ...media.Edit) {
	t.Helper()
	track := &media.Track{
		ID: 1, Kind: media.Video, Timescale: 1000, End: 2000, Edits: edits,
		Configs: []media.Config{{Format: "avc1", Private: []byte{1, 0x64, 0, 0x28, 0xff, 0xe0, 0}, Width: 320, Height: 192}},
		Samples: []media.Sample{{Size: 5, Sync: true}, {Offset: 5, Size: 5, Time: 1000, Sync: true}},
	}
	m := &media.Movie{
		Timescale: 1000, Tracks: []*media.Track{track},
		Sources: []media.Source{{ReaderAt: strings.NewReader("ten  bytes"), Size: 10}},
	}
	laid, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := laid.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Clips of one name in several folders are told apart.
func TestJoinNamesTheClip(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "monday", "clip.mp4"), filepath.Join(dir, "tuesday", "clip.mp4")
	pictures(t, good)
	pictures(t, bad, media.Edit{Media: 1000})
	_, err := clip.Join(t.Context(), clip.JoinRequest{Clips: []string{good, bad}, Output: filepath.Join(dir, "out.mp4")})
	if !errors.Is(err, clip.ErrCannotJoin) || !strings.Contains(err.Error(), strconv.Quote(bad)) {
		t.Errorf("Join: got %v, want ErrCannotJoin that names %q", err, bad)
	}
}
