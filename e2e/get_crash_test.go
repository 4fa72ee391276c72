//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
)

// kills is how often a download is killed, each time at another moment of it.
const kills = 100

// A download is killed at random moments from its start to after its end, and run again: the
// outcome is the same file to the byte, and no piece that was finished is fetched again.
func TestGetSurvivesAKillAtAnyMoment(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--bandwidth", "4M", "--camera", "door:size=320x192,fps=10,sound=aac,bframes=1,rate=700k,for=1m20s,gap=30s+10s")
	get := []string{
		"get", "door", "--from", after(3 * time.Second), "--to", after(77 * time.Second),
		"--clock", "producer", "--piece", "10s", "-j", "3", "-o", "clip.mp4", "--receipt", "clip.json", "--json",
	}
	want := newHome(t, "AWS_ENDPOINT_URL="+e.url).report(t, get...)
	took := time.Duration(want.ElapsedMs) * time.Millisecond
	const seed = 20260203
	chance := rand.New(rand.NewPCG(seed, 0))
	tally := map[string]int{}
	for i := 0; tally["killed"] < kills; i++ {
		if i == 5*kills {
			t.Fatalf("%v: a run of %v is over before it can be killed", tally, took)
		}
		moment := time.Duration(chance.Int64N(int64(took)))
		t.Run(fmt.Sprintf("seed %d, %d at %v", seed, i, moment.Round(time.Millisecond)), func(t *testing.T) {
			e.killed(t, get, want, moment, tally)
		})
	}
	t.Logf("an undisturbed run takes %v; killed %d times: %v", took, kills, tally)
	if tally["with pieces"] < kills/4 {
		t.Errorf("%v: want at least a quarter of the kills when some pieces were there and others not", tally)
	}
}

// killed runs a download until a moment, kills it, and runs it again.
func (e *emulator) killed(t *testing.T, get []string, want *clip.Report, moment time.Duration, tally map[string]int) {
	h := newHome(t, "AWS_ENDPOINT_URL="+e.url)
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, get...) // killed, not asked to stop, when ctx ends
	cmd.Dir, cmd.Env = h.dir, h.env
	ended := cmd.Run() == nil
	kept, done := journaled(t, h.path("clip.mp4.pieces"))
	if ended {
		return
	}
	tally["killed"]++
	switch {
	case done:
		tally["when all was made"]++
	case kept > 0:
		tally["with pieces"]++
	default:
		tally["without pieces"]++
	}
	if exists(h.path("clip.mp4")) && !exists(h.path("clip.mp4.pieces")) {
		tally["on its way out"]++ // nothing is left to do, and a run says that the file exists
		same(t, h.path("clip.mp4"), want)
		return
	}
	again := h.report(t, get[:len(get)-1]...)
	same(t, h.path("clip.mp4"), want)
	if n := want.Calls.GetClip - kept; done && again.Calls.GetClip > 0 || !done && again.Calls.GetClip != n {
		t.Errorf("%d calls when run again, want %d: %d of %d pieces were there, all was made: %t", again.Calls.GetClip, n, kept, want.Calls.GetClip, done)
	}
	if exists(h.path("clip.mp4.pieces")) {
		t.Error("the folder of pieces is still there")
	}
	h.fails(t, 0, nil, "verify", "clip.mp4", "clip.json")
}

// journaled counts the pieces that a killed run's journal tells of, and says whether all was made.
func journaled(t *testing.T, folder string) (pieces int, done bool) {
	t.Helper()
	b, _ := os.ReadFile(filepath.Join(folder, "journal")) // none yet, or none any more
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte(`{"piece":`)) && bytes.HasSuffix(line, []byte("}\n")) {
			pieces++
		}
		done = done || bytes.HasPrefix(line, []byte(`{"done":`)) && bytes.HasSuffix(line, []byte("}\n"))
	}
	return pieces, done
}
