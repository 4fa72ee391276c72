package fetch

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
)

// strip makes a track of one sample a time, ten bytes each, the n-th of which are all n.
func strip(kind media.Kind, scale uint32, times ...int64) *media.Track {
	t := &media.Track{ID: 1, Kind: kind, Timescale: scale}
	for i, at := range times {
		t.Samples = append(t.Samples, media.Sample{Offset: int64(10 * i), Time: at, Size: 10, Sync: true})
		t.End = at + 1
	}
	return t
}

func movie(ts ...*media.Track) *media.Movie {
	var b []byte
	for i := range 100 {
		b = append(b, bytes.Repeat([]byte{byte(i)}, 10)...)
	}
	for i, t := range ts {
		t.ID = uint32(i + 1)
	}
	return &media.Movie{Timescale: 1000, Tracks: ts, Sources: []media.Source{{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}}}
}

// shifted gives a track composition offsets.
func shifted(t *media.Track, by ...int32) *media.Track {
	for i := range by {
		t.Samples[i].Shift = by[i]
	}
	return t
}

func edited(t *media.Track, es ...media.Edit) *media.Track {
	t.Edits = es
	return t
}

// later moves where the bytes of a track's samples lie.
func later(t *media.Track, samples int) *media.Track {
	for i := range t.Samples {
		t.Samples[i].Offset += int64(10 * samples)
	}
	return t
}

func TestCompare(t *testing.T) {
	pictures := func(times ...int64) *media.Track { return strip(media.Video, 1000, times...) }
	sound := func(times ...int64) *media.Track { return strip(media.Audio, 1000, times...) }
	cut := pictures(0, 40, 80)
	cut.Samples[1].Size = 9
	for name, tc := range map[string]struct {
		clip    *media.Movie
		numbers []*media.Movie
		want    string // of the error; "" for none
	}{
		"the same":                  {movie(pictures(0, 40, 80)), []*media.Movie{movie(pictures(0, 40, 80))}, ""},
		"from another time on":      {movie(pictures(500, 540, 580)), []*media.Movie{movie(pictures(0, 40, 80))}, ""},
		"on another scale":          {movie(strip(media.Video, 90000, 0, 3600, 7200)), []*media.Movie{movie(pictures(0, 40, 80))}, ""},
		"a millisecond":             {movie(pictures(0, 41, 80)), []*media.Movie{movie(pictures(0, 40, 80))}, ""},
		"two milliseconds":          {movie(pictures(0, 42, 80)), []*media.Movie{movie(pictures(0, 40, 80))}, "video track 1, sample 2: shown at 42ms by GetClip, at 40ms"},
		"one picture less":          {movie(pictures(0, 40, 80)), []*media.Movie{movie(pictures(0, 40))}, "video track 1: 3 samples by GetClip, 2 by"},
		"one picture more":          {movie(pictures(0, 40)), []*media.Movie{movie(pictures(0, 40, 80))}, "video track 1: 2 samples by GetClip, 3 by"},
		"other bytes":               {movie(later(pictures(0, 40, 80), 1)), []*media.Movie{movie(pictures(0, 40, 80))}, "sample 1: byte 1 of 10 is 0x01 by GetClip, 0x00"},
		"fewer bytes":               {movie(cut), []*media.Movie{movie(pictures(0, 40, 80))}, "sample 2: 9 bytes by GetClip, 10 by"},
		"no such track":             {movie(pictures(0), sound(0)), []*media.Movie{movie(pictures(0))}, "audio track 1: 1 samples by GetClip, 0 by"},
		"a track that clips lack":   {movie(pictures(0)), []*media.Movie{movie(pictures(0), sound(0))}, ""},
		"B-frames, delayed":         {movie(shifted(pictures(0, 40, 80), 40, 80, 0)), []*media.Movie{movie(edited(shifted(pictures(0, 40, 80), 80, 120, 40), media.Edit{Media: 80}))}, ""},
		"B-frames in another order": {movie(shifted(pictures(0, 40, 80), 40, 0, 40)), []*media.Movie{movie(shifted(pictures(0, 40, 80), 40, 80, 0))}, "sample 2: shown"},
		"a hole that is closed": {
			movie(pictures(0, 40, 80, 120)),
			[]*media.Movie{movie(pictures(0, 40)), movie(later(pictures(0, 40), 2))},
			"",
		},
		"a hole inside a part": {movie(pictures(0, 40, 80, 120)), []*media.Movie{movie(pictures(0, 40, 180, 220))}, "sample 3: shown at 80ms by GetClip, at 180ms"},
		"sound later, by an edit list": {
			movie(pictures(0, 40), edited(sound(0, 20), media.Edit{Duration: 30, Media: -1}, media.Edit{})),
			[]*media.Movie{movie(pictures(0, 40), sound(30, 50))},
			"",
		},
		"sound at another place beside the pictures": {
			movie(pictures(0, 40), edited(sound(0, 20), media.Edit{Duration: 10, Media: -1}, media.Edit{})),
			[]*media.Movie{movie(pictures(0, 40), sound(30, 50))},
			"audio track 1, sample 1: shown at 10ms by GetClip, at 30ms",
		},
		"sound of which no edit list tells": {movie(pictures(0, 40), sound(0, 20)), []*media.Movie{movie(pictures(0, 40), sound(30, 50))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			numbers := Piece{Engine: EngineFragments}
			for _, m := range tc.numbers {
				numbers.Parts = append(numbers.Parts, Part{Movie: m})
			}
			err := compare(t.Context(), Piece{Parts: []Part{{Movie: tc.clip}}}, numbers)
			if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, ErrDiffer) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("compare: %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSampled(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 2: 2, 11: 2, 12: 3, 100: 11, 180: 19, 190: 20, 191: 20, 1000: 20, 4999: 20, 100_000: 20} {
		got := 0
		for i := range n {
			if sampled(i, n) {
				got++
			}
		}
		if got > want || got < want-1 || n > 0 && (!sampled(0, n) || !sampled(n-1, n)) {
			t.Errorf("of %d pieces %d are compared, want %d, the first and the last among them", n, got, want)
		}
	}
}
