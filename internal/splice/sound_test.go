package splice_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// block is how long one AAC access unit lasts, in seconds.
const block = 1024.0 / 48000

// stream is sound that goes on and on, cut in clips.
type stream struct {
	scale uint32  // of the clips' sound
	rate  float64 // blocks a second
	empty bool    // an empty edit keeps where in its clip the sound begins; else that is lost
}

// clip has the blocks that start in [from, to) seconds, and says how much after from the first one
// really starts.
func (st stream) clip(from, to float64) (*media.Track, float64) {
	k := int(math.Ceil(from*st.rate - eps))
	start := float64(k) / st.rate
	var times []int64
	at := func(k int) int64 { return int64(math.Round((float64(k)/st.rate - start) * float64(st.scale))) }
	first := k
	for ; float64(k) < to*st.rate-eps; k++ {
		times = append(times, at(k))
	}
	end := 2*at(k-1) - at(k-2) // a last duration is a guess: that of the one before
	t := track(media.Audio, st.scale, aac, end, times...)
	if st.empty {
		t.Edits = []media.Edit{{Duration: int64(math.Round((float64(first)/st.rate - from) * 1000)), Media: -1}, {}}
	}
	return t, start - from
}

// clips cuts n of four seconds, and tells where the sound of each really starts.
func (st stream) clips(n int) (pieces []splice.Piece, truth []float64) {
	for i := range n {
		sound, after := st.clip(4*float64(i), 4*float64(i+1))
		pieces, truth = append(pieces, piece(time.Duration(i)*4*s, video(100), sound)), append(truth, after)
	}
	return pieces, truth
}

// Over 500 seams sound never leaves its picture by more than one block, and no more at the end
// than at the start. Pictures are where their times say, to the tick.
func TestSoundDoesNotDrift(t *testing.T) {
	for name, c := range map[string]struct {
		stream
		most float64 // seconds
	}{
		"milliseconds, offset lost":             {stream{1000, 1 / block, false}, block + 0.001},
		"milliseconds, offset kept":             {stream{1000, 1 / block, true}, 0.0011},
		"48 kHz, offset lost":                   {stream{48000, 1 / block, false}, block},
		"48 kHz, offset kept":                   {stream{48000, 1 / block, true}, 0.0011},
		"milliseconds, 100 ppm fast":            {stream{1000, 1.0001 / block, false}, block + 0.001},
		"48 kHz, 300 ppm slow":                  {stream{48000, 0.9997 / block, false}, block + 0.0015},
		"48 kHz, 300 ppm fast, the offset kept": {stream{48000, 1.0003 / block, true}, block / 2},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 500
			pieces, truth := c.clips(n)
			j := join(t, pieces, splice.Options{})
			pictures, blocks := byPiece(play(t, j.Movie, j.Movie.Tracks[0]), n), byPiece(play(t, j.Movie, j.Movie.Tracks[1]), n)
			var off []float64
			for i := range n {
				at := first(pictures[i])
				if at-first(pictures[0]) != 4*float64(i) {
					t.Fatalf("piece %d: picture at %f s, want %d", i, at, 4*i)
				}
				off = append(off, math.Abs(first(blocks[i])-at-truth[i]))
			}
			start, end := slices.Max(off[:n/5]), slices.Max(off[n-n/5:])
			if start > c.most || end > c.most {
				t.Errorf("sound is off by up to %.2f ms in the first fifth, %.2f ms in the last; want at most %.2f ms", 1000*start, 1000*end, 1000*c.most)
			}
			for i, sm := range j.Seams {
				if got := first(blocks[i+1]) - first(pictures[i+1]) - inside(t, pieces[i+1]); math.Abs(got-sm.AudioError.Seconds()) > 1e-6 {
					t.Fatalf("seam %d: AudioError %v, want %f s", i+1, sm.AudioError, got)
				}
				if sm.AudioError.Abs() > 10667*time.Microsecond {
					t.Fatalf("seam %d: AudioError %v is more than half a block", i+1, sm.AudioError)
				}
			}
		})
	}
}

// inside is how much after the picture the sound starts in a piece.
func inside(t failer, p splice.Piece) float64 {
	t.Helper()
	return first(play(t, p.Movie, p.Movie.Find(media.Audio))) - first(play(t, p.Movie, p.Movie.Find(media.Video)))
}

// Sound goes on without a hole where it is off by up to half a block, and starts beside its
// picture where it is off by more, or by no more than rounding.
func TestSoundGoesOn(t *testing.T) {
	ending := func(scale uint32, c media.Config, step, end int64) *media.Track {
		var times []int64
		for at := int64(0); at+step <= end; at += step {
			times = append(times, at)
		}
		return track(media.Audio, scale, c, end, times...)
	}
	millis := func(end int64) *media.Track { return ending(1000, aac, 20, end) }
	law := func(step, end int64) *media.Track { return ending(8000, alaw, step, end) }
	for name, c := range map[string]struct {
		before, after *media.Track // of pieces a second apart
		want          time.Duration
	}{
		"to the tick":                      {millis(1000), millis(1000), 0},
		"rounding, late":                   {millis(1002), millis(1000), 0},
		"more than rounding, late":         {millis(1003), millis(1000), 3 * ms},
		"more than rounding, early":        {millis(997), millis(1000), -3 * ms},
		"half a block, late":               {millis(1010), millis(1000), 10 * ms},
		"over half a block, late":          {millis(1011), millis(1000), 0},
		"half a block, early":              {millis(990), millis(1000), -10 * ms},
		"over half a block, early":         {millis(989), millis(1000), 0},
		"48 kHz: half a block":             {ending(48000, aac, 1024, 48512), sound(46), 512 * s / 48000},
		"48 kHz: over half a block":        {ending(48000, aac, 1024, 48513), sound(46), 0},
		"A-law, 20 ms: half a block":       {law(160, 8080), law(160, 8000), 10 * ms},
		"A-law, 20 ms: over half a block":  {law(160, 8081), law(160, 8000), 0},
		"A-law, 1 s: what people forgive":  {law(8000, 8085), law(8000, 8000), 10625 * time.Microsecond},
		"A-law, 1 s: more":                 {law(8000, 8086), law(8000, 8000), 0},
		"priming in front of the next":     {millis(1005), edited(millis(1020), media.Edit{Media: 20}), 0},
		"the end was cut":                  {edited(millis(1040), media.Edit{Duration: 1005}), millis(1000), 0},
		"the end was cut by rounding only": {edited(ending(48000, aac, 1024, 48230), media.Edit{Duration: 1004}), sound(46), 230 * s / 48000},
		"far too long":                     {millis(3000), millis(1000), 0},
		"far too short":                    {millis(40), millis(1000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			pieces := []splice.Piece{piece(0, video(25), c.before), piece(s, video(25), c.after)}
			j := join(t, pieces, splice.Options{})
			if got := apart(t, 1, pieces[1], j); math.Abs(got-c.want.Seconds()) > eps || (j.Seams[0].AudioError-c.want).Abs() > 1 {
				t.Errorf("sound is %.3f ms late, AudioError %v; want %v", 1000*got, j.Seams[0].AudioError, c.want)
			}
		})
	}
}

// Clips encoded one by one have priming each, and a last block that goes on too long. What is
// shown of each starts exactly with its picture.
func TestPrimingOfEveryPiece(t *testing.T) {
	for name, primed := range map[string]func() *media.Track{
		"cut":          func() *media.Track { return edited(sound(189), media.Edit{Duration: 4000, Media: 1024}) },
		"not cut":      func() *media.Track { return edited(sound(189), media.Edit{Media: 1024}) },
		"two blocks":   func() *media.Track { return edited(sound(191), media.Edit{Duration: 4000, Media: 2112}) },
		"far too long": func() *media.Track { return edited(sound(230), media.Edit{Media: 1024}) },
		"in milliseconds": func() *media.Track {
			return edited(regular(media.Audio, 1000, aac, 189, 1024, 48000), media.Edit{Media: 21})
		},
		"and an empty one": func() *media.Track {
			return edited(sound(188), media.Edit{Duration: 7, Media: -1}, media.Edit{Media: 1024})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var pieces []splice.Piece
			for i := range 20 {
				pieces = append(pieces, piece(time.Duration(i)*4*s, video(100), primed()))
			}
			j := join(t, pieces, splice.Options{})
			for i := range pieces {
				if got := apart(t, i, pieces[i], j); math.Abs(got) > eps {
					t.Errorf("piece %d: sound is %.3f ms late, want 0", i, 1000*got)
				}
			}
		})
	}
}

// A piece without sound leaves a hole in it, and the next one starts beside its picture.
func TestPieceWithoutSound(t *testing.T) {
	for name, silent := range map[string]int{"at the start": 0, "in the middle": 2, "at the end": 4} {
		t.Run(name, func(t *testing.T) {
			var pieces []splice.Piece
			for i := range 5 {
				p := piece(time.Duration(i)*4*s, video(100), sound(187))
				if i == silent {
					p = piece(time.Duration(i)*4*s, video(100))
				}
				pieces = append(pieces, p)
			}
			j := join(t, pieces, splice.Options{})
			for i, p := range pieces {
				if i == silent {
					continue
				}
				if got := apart(t, i, p, j); math.Abs(got) > block/2+eps {
					t.Errorf("piece %d: sound is %.3f ms late, want half a block at most", i, 1000*got)
				}
			}
			want := 20.0
			if got := length(t, j.Movie); math.Abs(got-want) > 0.02 {
				t.Errorf("%f s long, want %f", got, want)
			}
		})
	}
}

func TestBFrameDelayWithoutEditList(t *testing.T) {
	movieOf := func(together bool) splice.Piece {
		p := piece(0, reordered(100, 80), sound(187)) // first shown at 80 ms, as ctts version 0 needs
		p.Together = together
		return p
	}
	for name, tc := range map[string]struct {
		piece splice.Piece
		want  float64 // sound after picture, seconds
	}{
		"a piece of fragments: an artefact": {movieOf(true), 0},
		"a clip: what its boxes say":        {movieOf(false), -0.080},
		"a piece with an edit list: what it is": {func() splice.Piece {
			p := movieOf(true)
			edited(p.Movie.Tracks[0], media.Edit{Media: 80, Duration: 4000})
			edited(p.Movie.Tracks[1], media.Edit{Duration: 15, Media: -1}, media.Edit{})
			return p
		}(), 0.015},
	} {
		t.Run(name, func(t *testing.T) {
			m := join(t, []splice.Piece{tc.piece}, splice.Options{}).Movie
			got := first(shots(t, m, 0, media.Audio)) - first(shots(t, m, 0, media.Video))
			if d := got - tc.want; d > 1e-6 || d < -1e-6 {
				t.Errorf("sound begins %.3f s after the picture, want %.3f", got, tc.want)
			}
		})
	}
}
