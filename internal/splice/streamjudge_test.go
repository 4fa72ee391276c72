package splice_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// fragmented writes pieces to a file of the test while they come.
func fragmented(t *testing.T, pieces []splice.Piece, o splice.Options) string {
	t.Helper()
	var b bytes.Buffer
	st, f := splice.NewStream(o), mp4.NewFragmenter(&b)
	for i := range len(pieces) + 1 {
		j, err := (*splice.Joined)(nil), error(nil)
		if i < len(pieces) {
			j, err = st.Add(pieces[i])
		} else {
			j, err = st.End()
		}
		if err == nil && i == 0 {
			err = f.Init(j.Movie)
		}
		if err == nil {
			_, err = f.Write(j.Movie)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "stream.mp4")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What ffprobe reads of a movie that was written while its pieces came is what it reads of the same
// movie written at once: each packet of each track, its time and its bytes.
func TestStreamJudgedByFFmpeg(t *testing.T) {
	specs := map[string]film.Spec{"plain": {Sound: film.ALaw}, "B-frames": {BFrames: 2, Sound: film.AAC}, "pictures alone": {}}
	for name, spec := range specs {
		for _, o := range []splice.Options{{}, {Keep: true}, {Clock: archive.Producer, From: noon.Add(1300 * ms)}} {
			t.Run(name, func(t *testing.T) {
				pieces := []splice.Piece{filmed(spec, 0, 3), filmed(spec, 3*s, 2), after(4*s, filmed(spec, 9*s, 3)), filmed(spec, 12*s, 2)}
				got, want := packets(t, fragmented(t, pieces, o)), packets(t, saved(t, joined(t, pieces, o).Movie))
				diff(t, "packets", want, got)
				if len(want) < 200 {
					t.Errorf("%d packets, want more", len(want))
				}
			})
		}
	}
}

// packets lists those of a file that are shown, by track, with time, size and bytes.
func packets(t *testing.T, path string) []string {
	t.Helper()
	out := tool(t, "ffprobe", "-show_packets", "-show_data_hash", "crc32", "-show_entries", "packet=stream_index,pts_time,size,data_hash", "-of", "csv=p=0", path)
	hidden := func(l string) bool { return strings.Contains(l, ",-") || l[0] < '0' || l[0] > '9' } // or side data
	lines := slices.DeleteFunc(strings.Fields(string(out)), hidden)
	slices.Sort(lines)
	return lines
}
