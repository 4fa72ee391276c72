//go:build unix

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow makes a download last long enough to be stopped in the middle: 15 pieces, one after the
// other.
func slow(t *testing.T) (e *emulator, get []string) {
	e = emulate(t, "--bandwidth", "6M", "--latency", "20ms", "--camera", "door:size=320x192,sound=aac,bframes=1,rate=500k,for=5m")
	return e, []string{
		"get", "door", "--from", after(7 * time.Second), "--to", after(4*time.Minute + 33*time.Second),
		"--clock", "producer", "--piece", "18s", "-j", "1", "-o", "clip.mp4", "--json",
	}
}

func TestGetGoesOnAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"interrupt": syscall.SIGINT, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, get := slow(t)
			r := e.start(t, get...)
			e.await(t, 6, "GetClip", "200")
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			stopped := r.wait(t)
			if stopped.code != 130 || !strings.Contains(stopped.stderr, "run the same command again") {
				t.Fatalf("exit code %d, want 130 and advice:\n%s", stopped.code, stopped.stderr)
			}
			if !strings.Contains(stopped.stdout, `"error":{"code":130`) {
				t.Errorf("JSON: %s", stopped.stdout)
			}
			e.goesOn(t, get, 5)
		})
	}
}

func TestGetGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	e, get := slow(t)
	for _, calls := range []int{1, 4, 5, 9} {
		r := e.start(t, get...)
		e.await(t, calls, "GetClip", "200")
		if err := r.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		r.wait(t)
		if _, err := os.Stat(e.path("clip.mp4")); err == nil {
			t.Fatal("a killed run leaves the final name behind")
		}
	}
	pieces, err := filepath.Glob(filepath.Join(e.path("clip.mp4.pieces"), "*.mp4"))
	if err != nil || len(pieces) < 4 {
		t.Fatalf("%d pieces on disk, %v, want at least 4", len(pieces), err)
	}
	damage(t, pieces[1])
	e.goesOn(t, get, len(pieces)-1)
}

// damage turns one byte in the middle of a file, and leaves half a clip beside it.
func damage(t *testing.T, piece string) {
	t.Helper()
	b, err := os.ReadFile(piece)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(piece, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(piece), ".kvsclip-1234.part"), b[:len(b)/3], 0o600); err != nil {
		t.Fatal(err)
	}
}

// goesOn runs a stopped download again. At least kept pieces must not be asked for again, and the
// file must be that of a run that was never stopped.
func (e *emulator) goesOn(t *testing.T, get []string, kept int) {
	t.Helper()
	before := e.answered("GetClip", "200")
	again := e.run(t, get...).report(t)
	calls := e.answered("GetClip", "200") - before
	whole(t, e.path("clip.mp4"))
	tidied(t, e.home)
	undisturbed := newHome(t, "AWS_ENDPOINT_URL="+e.url)
	want := undisturbed.run(t, get...).report(t)
	t.Logf("%d pieces, %d calls and %d bytes when run again, %d calls and %d bytes undisturbed",
		want.Pieces, calls, again.BytesFetched, want.Calls.GetClip, want.BytesFetched)
	if again.Outputs[0].SHA256 != want.Outputs[0].SHA256 {
		t.Error("the file differs from that of an undisturbed run")
	}
	// The answer that was under way when the run before ended may be told of after its end.
	if n := again.Calls.GetClip; n > calls || calls > n+1 || n > want.Pieces-kept {
		t.Errorf("%d calls, %d reported, want at most %d of %d", calls, n, want.Pieces-kept, want.Pieces)
	}
	if again.BytesFetched >= want.BytesFetched {
		t.Errorf("%d bytes fetched, want less than %d", again.BytesFetched, want.BytesFetched)
	}
}
