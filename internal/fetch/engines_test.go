package fetch_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

// The emulator's two answers bring the same, in either spelling of the tags.
func TestEnginesBringTheSameOfTheEmulator(t *testing.T) {
	for name, c := range cameras {
		for _, long := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, long names %t", name, long), func(t *testing.T) {
				b := newBench(t, &kvsemu.Server{LongTagNames: long}, c, 1)
				j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: 20 * time.Second}))
				j.Engine, j.CrossCheck = fetch.EngineFragments, true
				r, err := j.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if r.CrossChecked != 3 || r.CrossRefused != 0 {
					t.Errorf("%d pieces compared, %d refused; want 3 and none", r.CrossChecked, r.CrossRefused)
				}
				inParts(t, j.Plan, r.Pieces)
				if got := notes(b); len(got) > 0 {
					t.Errorf("notes: %q", got)
				}
			})
		}
	}
}

// inParts checks that the parts of the pieces hold every fragment of the plan once, in order, with a
// sync sample each.
func inParts(t *testing.T, p *plan.Plan, got []fetch.Piece) {
	t.Helper()
	var want, have []string
	for _, pc := range p.Pieces {
		for _, f := range pc.Fragments {
			want = append(want, f.Number)
		}
	}
	for _, pc := range got {
		for _, part := range pc.Parts {
			if n := part.Movie.Find(media.Video).SyncSamples(); n != len(part.Fragments) {
				t.Errorf("piece %d: %d sync samples for %d fragments", pc.Index, n, len(part.Fragments))
			}
			for _, f := range part.Fragments {
				have = append(have, f.Number)
			}
		}
	}
	if !slices.Equal(want, have) {
		t.Errorf("%d fragments came, want %d, or they came in another order", len(have), len(want))
	}
}

// A piece in which the codec changes comes as parts, and is not halved.
func TestAutoGetsWhatChanges(t *testing.T) {
	c := kvsemu.Camera{Changes: []kvsemu.Change{{After: 70 * time.Second}, {After: 100 * time.Second, Width: 640, Height: 360}}}
	b := newBench(t, &kvsemu.Server{}, c, 1)
	j := b.job(t, b.listed(t, 4*time.Minute, plan.Options{}))
	j.Engine, j.CrossCheck = fetch.EngineAuto, true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Pieces) != 1 || len(r.Pieces[0].Parts) != 3 || r.CrossRefused != 1 || r.CrossChecked != 0 {
		t.Errorf("%d pieces, %d refused, want 1 of three parts, and that GetClip gives nothing to compare", len(r.Pieces), r.CrossRefused)
	}
	inParts(t, j.Plan, r.Pieces)
}

// What clips never hold can be had by numbers, if the service needs to be asked no more than some times.
func TestLostFragmentsThatComeAfterAll(t *testing.T) {
	lost := kvsemu.Camera{Lost: []kvsemu.Lost{{After: 40 * time.Second, Length: 6 * time.Second}, {After: 70 * time.Second, Length: 2 * time.Second}}}
	for times, missing := range map[int]int{2: 0, 0: 4} {
		b := newBench(t, &kvsemu.Server{LostFor: times}, lost, 10)
		j := b.job(t, b.listed(t, 2*time.Minute, plan.Options{MaxPiece: time.Minute}))
		j.Engine = fetch.EngineFragments
		r, err := j.Run(t.Context())
		if missing > 0 {
			if !errors.Is(err, fetch.ErrIncomplete) {
				t.Errorf("lost %d times: %v, want ErrIncomplete", times, err)
			}
			j.Incomplete = true
			r, err = j.Run(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if len(r.Missing) != missing {
			t.Errorf("lost %d times: %d missing, want %d", times, len(r.Missing), missing)
		}
		if missing == 0 {
			inParts(t, j.Plan, r.Pieces)
		}
	}
}
