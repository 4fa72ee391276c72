package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// ranges is how many random ranges of each recording are asked for.
const ranges = 40

// Forty ranges of each recording, on both clocks: the first picture is the last one taken at or
// before the start, the last one the last taken before the end, and the sound goes as far.
func TestGetShowsExactlyTheRangeAsked(t *testing.T) {
	t.Parallel()
	for name, camera := range map[string]string{
		"no b-frames, aac":     "door:size=320x192,fps=15,sound=aac,for=3m",
		"two b-frames, aac":    "door:size=320x192,fps=15,bframes=2,sound=aac,for=3m",
		"two b-frames, alaw":   "door:size=320x192,fps=12.5,bframes=2,sound=alaw,gop=1s,for=3m",
		"arrival jitters":      "door:size=320x192,fps=10,gop=1s,bframes=1,sound=aac,server-jitter=400ms,for=3m",
		"irregular, one, alaw": "door:size=320x192,fps=10,bframes=1,irregular,sound=alaw,for=3m",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shoot(t, camera, "--edit-list")
			seed := uint64(len(name))
			chance := rand.New(rand.NewPCG(seed, 3))
			for i := range ranges {
				clock := []string{"producer", "server"}[i%2]
				from := begin.Add(time.Duration(400+chance.IntN(150_000)) * time.Millisecond)
				to := from.Add(time.Duration(1+chance.IntN(25_000)) * time.Millisecond)
				t.Run(fmt.Sprintf("seed %d, range %d", seed, i), func(t *testing.T) { r.exactly(t, from, to, clock, i) })
			}
		})
	}
}

// exactly downloads a range and holds its two ends against the recording.
func (r *reel) exactly(t *testing.T, from, to time.Time, clock string, i int) {
	out := fmt.Sprintf("range-%d.mp4", i)
	r.report(t, "get", r.name, "--from", from.Format(time.RFC3339Nano), "--to", to.Format(time.RFC3339Nano), "--clock", clock, "-o", out)
	want := r.within(from, to, clock, "exact")
	frames := whole(t, r.path(out), want)
	if len(frames) == 0 {
		t.Fatalf("%v to %v on the %s clock: no pictures, want %v", from, to, clock, want)
	}
	first, last := frames[0], frames[len(frames)-1]
	if first.Index != want.First || last.Index != want.Last {
		t.Errorf("%v to %v on the %s clock: shows pictures %d to %d, want %v", from, to, clock, first.Index, last.Index, want)
	}
	if first.PTS != 0 {
		t.Errorf("the first picture is shown at %v, want 0", first.PTS)
	}
	length := r.filmed(last, to, clock).Sub(first.Wall)
	spec := film.Spec{Sound: r.sound}
	// Decoders give the block of sound that a cut falls into whole, or not at all.
	block := time.Duration(spec.BlockSize())*time.Second/time.Duration(spec.SampleRate()) + time.Millisecond
	heard, silent := judgetest.Sound(t, r.path(out))
	if heard.Abs() > block {
		t.Errorf("sound begins at %v, want 0 within a block of %v", heard, block)
	}
	if off := silent - length; off.Abs() > block {
		t.Errorf("sound ends at %v of %v, want the end within a block of %v", silent, length, block)
	}
	r.untold(t, out, want)
}

// filmed is when what a range ends with was filmed; last is its last picture. On the server clock the
// next fragment may have come later than it was filmed.
func (r *reel) filmed(last judgetest.Frame, to time.Time, clock string) time.Time {
	if clock == "producer" {
		return to
	}
	g := r.holder(last)
	end := g.Producer.Add(to.Sub(g.Server))
	for _, next := range r.fragments {
		if next.First > g.First && next.Producer.Before(end) {
			return next.Producer
		}
	}
	return end
}

// untold holds the samples in the file against the pictures shown: none may lie behind the last
// one that is needed to show them.
func (r *reel) untold(t *testing.T, out string, want judgetest.Run) {
	t.Helper()
	packets := judgetest.Packets(t, r.path(out), "v:0")
	if last := packets[len(packets)-1]; last.Discard {
		t.Errorf("%s: the last of %d samples is not shown", out, len(packets))
	}
	if lead := len(packets) - int(want.Last-want.First+1); lead > 60 {
		t.Errorf("%s: %d samples for %d pictures", out, len(packets), want.Last-want.First+1)
	}
}
