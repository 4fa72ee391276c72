package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

// Many runs take and give back one folder; never two at once.
func TestTwoRunsNeverHaveOneFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.pieces")
	var holders, doubles, others atomic.Int64
	var wg sync.WaitGroup
	var text sync.Map
	for range 4 {
		wg.Go(func() {
			for range 3000 {
				f, err := fetch.OpenFolder(path)
				if errors.Is(err, fetch.ErrBusy) {
					continue
				}
				if err != nil {
					others.Add(1)
					text.Store(err.Error(), true)
					continue
				}
				if holders.Add(1) > 1 {
					doubles.Add(1)
				}
				os.WriteFile(filepath.Join(path, "x"), nil, 0o600) // a little work
				os.Remove(filepath.Join(path, "x"))
				holders.Add(-1)
				f.Close()
			}
		})
	}
	wg.Wait()
	if doubles.Load() > 0 || others.Load() > 0 {
		t.Errorf("two runs at once: %d times; other errors %d", doubles.Load(), others.Load())
		text.Range(func(k, _ any) bool { t.Log(k); return true })
	}
}

// A piece of time is halved; its first half comes, its second never does.
func TestPatienceEnds(t *testing.T) {
	var calls, first atomic.Int64
	r := archive.Range{Clock: archive.Producer, From: begin.Add(plan.Lookback), To: begin.Add(10 * time.Minute)}
	p := plan.ByTime(r, plan.Options{MaxPiece: 20 * time.Minute})
	a, bb, _ := plan.Split(p.Pieces[0])
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if !strings.HasSuffix(r.URL.Path, "/getClip") {
			return nil
		}
		n := calls.Add(1)
		if n > 60 { // enough is enough
			return &kvsemu.Fault{Status: 403, Code: "AccessDeniedException"}
		}
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(fmt.Sprint(bb.First.Unix()))) && !bytes.Contains(body, []byte(fmt.Sprint(a.First.Unix()))) {
			return &kvsemu.Fault{Status: 503}
		}
		first.Add(1)
		return nil
	}}
	b := newBench(t, emu, kvsemu.Camera{For: 20 * time.Minute}, 1)
	j := b.job(t, p)
	_, err := j.Run(t.Context())
	if calls.Load() > 10 {
		t.Errorf("%d pieces planned, %d calls until the test ended it, %d of them of what had come: %v", len(p.Pieces), calls.Load(), first.Load(), err)
	} else {
		t.Logf("%d calls: %v", calls.Load(), err)
	}
}

// A fragment that cannot be had is told once, however often its piece is tried.
func TestMissingIsToldOnce(t *testing.T) {
	var bad atomic.Int64
	lost := kvsemu.Camera{Lost: []kvsemu.Lost{{After: 0, Length: 2 * time.Second}}}
	end := begin.Add(58 * time.Second)
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if !strings.HasSuffix(r.URL.Path, "/getClip") {
			return nil
		}
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(fmt.Sprint(begin.Unix()))) && bytes.Contains(body, []byte(fmt.Sprint(end.Unix()))) && bad.Add(1) < 2 {
			return &kvsemu.Fault{Status: 503}
		}
		return nil
	}}
	b := newBench(t, emu, lost, 1)
	j := b.job(t, b.listed(t, time.Minute, plan.Options{}))
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Missing) != 1 {
		t.Errorf("%d fragments missing, want 1: %v", len(r.Missing), r.Missing)
	}
}

// A fragment that failed at first and came when its piece was tried again is not missing.
func TestWhatCameIsNotMissing(t *testing.T) {
	var bad, bad2 atomic.Int64
	end := begin.Add(58 * time.Second)
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if !strings.HasSuffix(r.URL.Path, "/getClip") {
			return nil
		}
		body, _ := io.ReadAll(r.Body)
		switch a, z := bytes.Contains(body, []byte(fmt.Sprint(begin.Unix()))), bytes.Contains(body, []byte(fmt.Sprint(end.Unix()))); {
		case a && bad2.Add(1) < 6: // until it is down to one fragment and that failed
			return &kvsemu.Fault{Status: 500}
		case !a && z && bad.Add(1) < 2:
			return &kvsemu.Fault{Status: 503}
		}
		return nil
	}}
	b := newBench(t, emu, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, time.Minute, plan.Options{}))
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, m := range r.Missing {
		for _, p := range r.Pieces {
			for _, f := range p.Fragments {
				if f.Number == m.Fragment.Number {
					t.Errorf("fragment at %v is missing and there: %v", f.Producer.Sub(begin), m.Err)
				}
			}
		}
	}
	t.Logf("500s of the first: %d; missing %d", bad2.Load(), len(r.Missing))
}

// What is in the folder and not of our making stays.
func TestClearLeavesWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cam.pieces") // a folder of the user's; then: get -o cam
	os.MkdirAll(path, 0o755)
	mine := filepath.Join(path, "holiday.mp4")
	os.WriteFile(mine, []byte("mine"), 0o600)
	f, err := fetch.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// A folder in which others can put files is not trusted.
func TestAFolderOthersCanWriteToIsRefused(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "clip.mp4.pieces"), filepath.Join(dir, "victim")
	os.Mkdir(path, 0o777)
	os.Chmod(path, 0o777)
	os.Symlink(victim, filepath.Join(path, "journal"))
	f, err := fetch.OpenFolder(path)
	if err != nil {
		return
	}
	defer f.Close()
	if err := f.SetDone("x"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(victim); err == nil {
		t.Errorf("written through a link that somebody planted: %s", b)
	}
}
