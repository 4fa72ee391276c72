package splice_test

import (
	"bytes"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// ffmpeg dropped every picture of a second sample entry of another format.
func TestFormatsOfOneFamily(t *testing.T) {
	entry := func(format string) []byte { return []byte("\x00\x00\x00\x0c" + format + "body") }
	config := func(format string, private byte) media.Config {
		return media.Config{Format: format, Private: []byte{private}, Entry: entry(format), Width: 640, Height: 360}
	}
	for _, tc := range []struct {
		name string
		in   []media.Config // of each piece
		want []media.Config // of the movie
	}{
		{"one format stays", []media.Config{config("hvc1", 1), config("hvc1", 2)}, []media.Config{config("hvc1", 1), config("hvc1", 2)}},
		{"H.265", []media.Config{config("hvc1", 1), config("hev1", 1), config("hvc1", 1)}, []media.Config{config("hev1", 1)}},
		{"H.264, two configurations", []media.Config{config("avc3", 1), config("avc1", 2)}, []media.Config{config("avc3", 1), config("avc3", 2)}},
		{"made entries", []media.Config{{Format: "avc1"}, {Format: "avc3"}}, []media.Config{{Format: "avc3"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var pieces []splice.Piece
			for _, c := range tc.in {
				pieces = append(pieces, file(with(video(25), c)))
			}
			j, err := splice.Join(pieces, splice.Options{})
			if err != nil {
				t.Fatalf("Join: %v", err)
			}
			got := j.Movie.Tracks[0].Configs
			if len(j.Movie.Tracks) != 1 || len(got) != len(tc.want) {
				t.Fatalf("Join: got %d tracks, configurations %v, want 1 track, %v", len(j.Movie.Tracks), got, tc.want)
			}
			for i, w := range tc.want {
				if !got[i].Same(w) || !bytes.Equal(got[i].Entry, w.Entry) {
					t.Errorf("Join: configuration %d: got %v, want %v", i, got[i], w)
				}
			}
			for i, c := range tc.in {
				if c.Entry != nil && !bytes.Equal(c.Entry, entry(c.Format)) {
					t.Errorf("Join: changed the entry of piece %d to %q", i, c.Entry)
				}
			}
		})
	}
}
