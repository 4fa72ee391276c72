package fetch

import (
	"errors"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/plan"
)

// An answer without pictures is not whole.
func TestAnswerWithoutPictures(t *testing.T) {
	fs := []archive.Fragment{{Number: "1", Length: 2 * time.Second}, {Number: "2", Length: 2 * time.Second}}
	sound := &media.Track{Kind: media.Audio, Timescale: 48000, End: 1024, Samples: make([]media.Sample, 1)}
	for name, m := range map[string]*media.Movie{"no tracks": {}, "one block of sound": {Tracks: []*media.Track{sound}}} {
		if err := check(Piece{Piece: plan.Piece{Fragments: fs}, Parts: []Part{{Movie: m}}}, true); err == nil {
			t.Errorf("%s: taken for two whole fragments", name)
		}
	}
}

// Of an answer without pictures its sound tells how long it is.
func TestAnswerOfSoundAlone(t *testing.T) {
	at := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	fs := []archive.Fragment{
		{Number: "1", Producer: at, Length: 1980 * time.Millisecond},
		{Number: "2", Producer: at.Add(2 * time.Second), Length: 1980 * time.Millisecond},
	}
	for end, want := range map[int64]error{4000: nil, 3740: nil, 3700: ErrShort, 2000: ErrShort} {
		sound := &media.Track{Kind: media.Audio, Timescale: 1000, End: end, Samples: []media.Sample{{Sync: true}}}
		empty := &media.Track{Kind: media.Video, Timescale: 1000}
		for name, ts := range map[string][]*media.Track{"sound": {sound}, "sound and no picture": {empty, sound}} {
			p := Piece{Piece: plan.Piece{Fragments: fs}, Engine: EngineClip, Parts: []Part{{Movie: &media.Movie{Tracks: ts}}}}
			if err := check(p, true); !errors.Is(err, want) {
				t.Errorf("%s of %d ms: %v, want %v", name, end, err, want)
			}
		}
	}
}
