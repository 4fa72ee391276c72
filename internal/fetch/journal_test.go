package fetch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/fetch"
)

// reopened closes the folder and opens it again, as the next run does. A file of somebody else's
// keeps it from being deleted.
func reopened(t *testing.T, f *fetch.Folder) *fetch.Folder {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.Path(), "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Close()
	next, err := fetch.OpenFolder(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

func opened(t *testing.T) *fetch.Folder {
	t.Helper()
	f, err := fetch.OpenFolder(filepath.Join(t.TempDir(), "pieces"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// started begins a run that comes as far as to note something.
func started(t *testing.T, f *fetch.Folder, request string) {
	t.Helper()
	f.Begin(fetch.Run{Request: request})
	if err := f.SetDone("much"); err != nil {
		t.Fatal(err)
	}
}

func TestTheJournalTellsTheNextRun(t *testing.T) {
	f := opened(t)
	if f.Last() != nil || !f.Known() {
		t.Errorf("a new folder tells of a run %v, known %t", f.Last(), f.Known())
	}
	first := fetch.Run{Version: "v1", Request: "door", Fragments: 3}
	f.Begin(first)
	if err := f.SetDone(map[string]int{"files": 2}); err != nil {
		t.Fatal(err)
	}
	f = reopened(t, f)
	if diff := cmp.Diff(&first, f.Last()); diff != "" {
		t.Error(diff)
	}
	var done map[string]int
	if !f.LastDone(&done) || done["files"] != 2 {
		t.Errorf("done: %v, want 2 files", done)
	}
	second := fetch.Run{Version: "v2", Request: "yard"}
	f.Begin(second)
	if f.LastDone(&done) {
		t.Error("what one run had done is told of the next one")
	}
	f = reopened(t, f)
	if diff := cmp.Diff(&first, f.Last()); diff != "" {
		t.Error(diff, "from a run that did nothing")
	}
	f.Begin(second)
	if err := f.SetDone(0); err != nil {
		t.Fatal(err)
	}
	f = reopened(t, f)
	if diff := cmp.Diff(&second, f.Last()); diff != "" {
		t.Error(diff)
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	if f = reopened(t, f); f.Last() != nil {
		t.Errorf("after Clear: %v", f.Last())
	}
}

// A kill or a power cut tears the last line; what was noted before it and after it stands.
func TestATornLineOfTheJournalCountsForNothing(t *testing.T) {
	f := opened(t)
	started(t, f, "first")
	path := filepath.Join(f.Path(), "journal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(whole, `{"run":{"kvsclip":"v9","requ`...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	f = reopened(t, f)
	if got := f.Last(); got == nil || got.Request != "first" {
		t.Errorf("after a torn line: %v, want the first run", got)
	}
	started(t, f, "second")
	f = reopened(t, f)
	if got := f.Last(); got == nil || got.Request != "second" {
		t.Errorf("after going on behind a torn line: %v, want the second run", got)
	}
}

func TestAJournalOfAnotherFormIsNotKnown(t *testing.T) {
	f := opened(t)
	if err := os.WriteFile(filepath.Join(f.Path(), "journal"), []byte(`{"format":99}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f = reopened(t, f)
	if f.Known() {
		t.Error("format 99 is known")
	}
	if err := f.Clear(); err != nil || !f.Known() {
		t.Errorf("Clear: %v; known %t afterwards", err, f.Known())
	}
}

// Whatever lies under the journal's name, a folder opens, or says that it cannot be read, and what
// is noted then is found by the next run.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"format":1}` + "\n" + `{"run":{"request":"a"}}` + "\n" + `{"piece":{"name":"x","bytes":1,"sha256":"00"}}` + "\n" + `{"halved":"y"}` + "\n" + `{"done":{}}`))
	f.Add([]byte("\x00\n\n{}\n[]\nnull\n{\"format\":1e99}\n"))
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "journal"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := fetch.OpenFolder(dir)
		if err != nil {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		started(t, j, "next")
		if j = reopened(t, j); j.Last() == nil || j.Last().Request != "next" {
			t.Errorf("behind %q the next run is not found", b)
		}
	})
}
