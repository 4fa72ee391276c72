package sink_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/kvsclip/kvsclip/internal/sink"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out
}

func TestTheFinalNameAppearsWithCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.mp4")
	f, err := sink.Create(path, "", false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] == "a.mp4" {
		t.Errorf("before Commit: %v", got)
	}
	if err := f.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "a.mp4" {
		t.Errorf("after Commit: %v", got)
	}
	sum := sha256.Sum256([]byte("whole"))
	if want := hex.EncodeToString(sum[:]); f.SHA256() != want || f.Size() != 5 {
		t.Errorf("hash %s of %d bytes, want %s of 5", f.SHA256(), f.Size(), want)
	}
	size, again, err := sink.Hash(path)
	if err != nil || size != 5 || again != f.SHA256() {
		t.Errorf("Hash: %d, %s, %v", size, again, err)
	}
	st, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", st.Mode(), err)
	}
}

func TestCloseWithoutCommitLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := sink.Create(filepath.Join(dir, "a.mp4"), "", false)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestNothingIsOverwrittenUnasked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	late, err := sink.Create(path, "", false)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Create(path, "", false); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Create: %v, want ErrExists", err)
	}
	if err := late.Commit(t.Context()); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Commit over a file that came meanwhile: %v, want ErrExists", err)
	}
	late.Close()
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("the file now holds %q", got)
	}
	if err := sink.Free(filepath.Dir(path), true); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Free of a folder: %v, want ErrExists", err)
	}
	if err := sink.Free(path, true); err != nil {
		t.Errorf("Free with force: %v", err)
	}
}

func TestTwoWritersOfOneNameDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	write := func(text string) *sink.File {
		f, err := sink.Create(path, "", true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, _ := write("first"), write("second")
	if err := a.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "first" {
		t.Errorf("the file holds %q, want what the writer that committed wrote", got)
	}
}

func TestMoveOverwritesOnlyWithForce(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, p := range []string{from, to} {
		if err := os.WriteFile(p, []byte(p), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Move(from, to, false); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Move: %v, want ErrExists", err)
	}
	if err := sink.Move(from, to, true); err != nil {
		t.Errorf("Move with force: %v", err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "to" {
		t.Errorf("left: %v", got)
	}
}

func TestFreeRefusesWhatIsNoFile(t *testing.T) {
	if err := sink.Free(os.DevNull, true); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Free of a device: %v, want ErrExists", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(t.TempDir(), "gone"), link); err != nil {
		t.Fatal(err)
	}
	if err := sink.Free(link, false); !errors.Is(err, sink.ErrExists) {
		t.Errorf("Free of a link to nothing: %v, want ErrExists", err)
	}
}
