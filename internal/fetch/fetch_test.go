package fetch_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)

// bench is an emulator with one camera "cam" and a client of it.
type bench struct {
	client *kvs.Client
	events []progress.Event
}

func newBench(t *testing.T, emu *kvsemu.Server, c kvsemu.Camera, tries int) *bench {
	t.Helper()
	c.From, c.Width, c.Height, c.FPS = begin, 320, 192, 5
	emu.Cameras, emu.NoPoints = map[string]kvsemu.Camera{"cam": c}, true
	run, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	client, err := kvs.Open(t.Context(), kvs.Config{Anonymous: true, EndpointURL: run.URL, Retries: tries, Backoff: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{client: client}
}

func (b *bench) job(t *testing.T, p *plan.Plan) *fetch.Job {
	t.Helper()
	return &fetch.Job{
		Client: b.client, Stream: "cam", Plan: p, Folder: folder(t), Parallel: 1, Engine: fetch.EngineClip,
		Report: func(e progress.Event) { b.events = append(b.events, e) },
	}
}

func folder(t *testing.T) *fetch.Folder {
	t.Helper()
	f, err := fetch.OpenFolder(filepath.Join(t.TempDir(), "pieces"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// listed plans the first d of the recording.
func (b *bench) listed(t *testing.T, d time.Duration, o plan.Options) *plan.Plan {
	t.Helper()
	r := archive.Range{Clock: archive.Producer, From: begin, To: begin.Add(d)}
	fs, err := b.client.Fragments(t.Context(), "cam", r)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Build(r, fs, o)
}

func run(t *testing.T, j *fetch.Job) []fetch.Piece {
	t.Helper()
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r.Pieces
}

// whole checks that the pieces hold every fragment of the plan once, in order, with a sync sample each.
func whole(t *testing.T, p *plan.Plan, got []fetch.Piece) {
	t.Helper()
	var want []string
	for _, pc := range p.Pieces {
		for _, f := range pc.Fragments {
			want = append(want, f.Number)
		}
	}
	for _, pc := range got {
		if n := pc.Movie().Find(media.Video).SyncSamples(); n != len(pc.Fragments) {
			t.Errorf("piece %s: %d sync samples for %d fragments", filepath.Base(pc.Path), n, len(pc.Fragments))
		}
		for _, f := range pc.Fragments {
			if len(want) == 0 || want[0] != f.Number {
				t.Fatalf("fragment %s out of order or twice", f.Number)
			}
			want = want[1:]
		}
	}
	if len(want) != 0 {
		t.Errorf("%d fragments are missing", len(want))
	}
}

func TestRunKeepsPiecesForTheNextRun(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: time.Minute}))
	whole(t, j.Plan, run(t, j))
	calls := b.client.Calls().GetClip
	if calls != len(j.Plan.Pieces) {
		t.Errorf("%d calls for %d pieces", calls, len(j.Plan.Pieces))
	}
	whole(t, j.Plan, run(t, j))
	if again := b.client.Calls().GetClip - calls; again != 0 {
		t.Errorf("the second run made %d calls, want 0", again)
	}
}

func TestRunFetchesADamagedPieceAgain(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 3*time.Minute, plan.Options{MaxPiece: time.Minute}))
	path := run(t, j)[1].Path
	b1, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b1[len(b1)-5] ^= 1 // as after a power cut: right length, wrong bytes
	if err := os.WriteFile(path, b1, 0o600); err != nil {
		t.Fatal(err)
	}
	calls := b.client.Calls().GetClip
	whole(t, j.Plan, run(t, j))
	if again := b.client.Calls().GetClip - calls; again != 1 {
		t.Errorf("the second run made %d calls, want 1", again)
	}
}

func TestRunHalvesWhatTheServiceCutsShort(t *testing.T) {
	b := newBench(t, &kvsemu.Server{ClipFragments: 40}, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 6*time.Minute, plan.Options{}))
	if len(j.Plan.Pieces) != 1 {
		t.Fatalf("%d pieces planned, want 1", len(j.Plan.Pieces))
	}
	got := run(t, j)
	whole(t, j.Plan, got)
	if len(got) != 8 { // 180 fragments, halved until at most 40 are left
		t.Errorf("%d pieces on disk, want 8", len(got))
	}
	calls := b.client.Calls().GetClip
	whole(t, j.Plan, run(t, j))
	if again := b.client.Calls().GetClip - calls; again != 0 {
		t.Errorf("the second run tried %d pieces whole again, want 0", again)
	}
}

func TestRunHalvesWhatTheServiceRefuses(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{
		Changes: []kvsemu.Change{{After: 70 * time.Second}, {After: 100 * time.Second, Width: 640, Height: 360}},
	}, 1)
	j := b.job(t, b.listed(t, 4*time.Minute, plan.Options{}))
	got := run(t, j)
	whole(t, j.Plan, got)
	if len(got) <= len(j.Plan.Pieces) {
		t.Errorf("%d pieces planned, %d on disk: nothing was halved", len(j.Plan.Pieces), len(got))
	}
}

func TestRunHalvesTimePiecesThatLookCut(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{GOP: time.Second, For: 10 * time.Minute}, 1)
	r := archive.Range{Clock: archive.Producer, From: begin, To: begin.Add(15 * time.Minute)}
	got := run(t, b.job(t, plan.ByTime(r, plan.Options{MaxPiece: 5 * time.Minute})))
	n := 0
	for _, pc := range got {
		n += pc.Movie().Find(media.Video).SyncSamples()
	}
	if n != 600 {
		t.Errorf("%d fragments came, want all 600 of ten minutes; what was never recorded is no failure", n)
	}
}

func TestRunNamesWhatCannotBeHad(t *testing.T) {
	for name, tc := range map[string]struct {
		fault *kvsemu.Fault
		want  error
	}{
		"a fragment refused":  {&kvsemu.Fault{Status: 400, Code: "InvalidMediaFrameException"}, fetch.ErrIncomplete},
		"a fragment expired":  {&kvsemu.Fault{Status: 404, Code: "ResourceNotFoundException", Message: "No fragments found in the stream for the clip request."}, fetch.ErrIncomplete},
		"a call not allowed":  {&kvsemu.Fault{Status: 403, Code: "AccessDeniedException"}, nil},
		"a service gone away": {&kvsemu.Fault{Status: 500}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
				if strings.HasSuffix(r.URL.Path, "/getClip") {
					return tc.fault
				}
				return nil
			}}
			b := newBench(t, emu, kvsemu.Camera{}, 1)
			j := b.job(t, b.listed(t, time.Minute, plan.Options{}))
			_, err := j.Run(t.Context())
			var fe *fetch.Error
			if !errors.As(err, &fe) {
				t.Fatalf("Run: %v, want a *fetch.Error", err)
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("Run: %v, want %v", err, tc.want)
			}
			if !strings.Contains(err.Error(), "piece 1 (2026-03-14T08:00:00.000Z") {
				t.Errorf("Run: %q does not name the piece", err)
			}
		})
	}
}

func TestRunLeavesFinishedPiecesWhenInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var calls atomic.Int32
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if strings.HasSuffix(r.URL.Path, "/getClip") && calls.Add(1) == 3 {
			interrupt()
			return &kvsemu.Fault{Stall: true}
		}
		return nil
	}}
	b := newBench(t, emu, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: time.Minute}))
	if _, err := j.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Run: %v, want context.Canceled", err)
	}
	files, _ := filepath.Glob(filepath.Join(j.Folder.Path(), "2026*"))
	if len(files) != 2 {
		t.Errorf("left on disk: %v, want the 2 finished pieces", files)
	}
	before := calls.Load()
	whole(t, j.Plan, run(t, j))
	if again := int(calls.Load() - before); again != len(j.Plan.Pieces)-2 {
		t.Errorf("the second run made %d calls, want %d", again, len(j.Plan.Pieces)-2)
	}
}

func TestOneFailureEndsAllPiecesInFlight(t *testing.T) {
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if strings.HasSuffix(r.URL.Path, "/getClip") {
			return &kvsemu.Fault{Status: 403, Code: "AccessDeniedException"}
		}
		return nil
	}}
	b := newBench(t, emu, kvsemu.Camera{GOP: time.Second}, 10)
	j := b.job(t, b.listed(t, 30*time.Minute, plan.Options{})) // more than the quota gives at once: some wait for points
	j.Parallel = fetch.MaxParallel
	_, err := j.Run(t.Context())
	if !kvs.IsDenied(err) {
		t.Errorf("Run: %v, want the refusal", err)
	}
	if text := err.Error(); len(text) > 1000 {
		t.Errorf("Run: a message of %d bytes", len(text))
	}
}

func TestRunFetchesTimeAgainWhereMoreCanHaveCome(t *testing.T) {
	for name, tc := range map[string]struct {
		clock archive.Clock
		end   time.Duration // of the range, from now
		again bool
	}{
		"server clock, long past":   {archive.Server, -time.Hour, false},
		"server clock, just now":    {archive.Server, -5 * time.Second, true},
		"producer clock, long past": {archive.Producer, -time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
			now := time.Now()
			r := archive.Range{Clock: tc.clock, From: now.Add(tc.end - 30*time.Second), To: now.Add(tc.end)}
			j := b.job(t, plan.ByTime(r, plan.Options{}))
			run(t, j)
			calls := b.client.Calls().GetClip
			run(t, j)
			if again := b.client.Calls().GetClip > calls; again != tc.again {
				t.Errorf("fetched again: %v, want %v", again, tc.again)
			}
		})
	}
}

func TestPiecesOfAnotherPlaceAreNotTaken(t *testing.T) {
	one, other := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1), newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
	j := one.job(t, one.listed(t, time.Minute, plan.Options{}))
	run(t, j)
	j.Client = other.client
	run(t, j)
	if n := other.client.Calls().GetClip; n == 0 {
		t.Error("footage of one service was taken for that of another")
	}
}

func TestAllIntraFootageWithoutAListing(t *testing.T) {
	p := plan.Piece{First: begin, Last: begin.Add(39 * time.Second)}
	if err := fetch.Suspect(p, 975); err != nil {
		t.Errorf("39 s with 975 sync samples: %v; no 200 fragments fit in there", err)
	}
	p.Last = begin.Add(40 * time.Second)
	if err := fetch.Suspect(p, 975); !errors.Is(err, fetch.ErrShort) {
		t.Errorf("40 s with 975 sync samples: %v, want ErrShort", err)
	}
}

func TestSurplus(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
	pieces := run(t, b.job(t, b.listed(t, time.Minute, plan.Options{})))
	if got := pieces[0].Surplus(); got != 0 {
		t.Errorf("a piece as planned has a surplus of %v", got)
	}
	p := pieces[0]
	p.Fragments = p.Fragments[:len(p.Fragments)-1] // so the answer holds one more than was listed
	if got := p.Surplus(); got != 2*time.Second {
		t.Errorf("one fragment too many: a surplus of %v, want 2s", got)
	}
}

func TestOneRunHasAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mp4.pieces")
	f, err := fetch.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetch.OpenFolder(path); !errors.Is(err, fetch.ErrBusy) {
		t.Errorf("a second OpenFolder: %v, want ErrBusy", err)
	}
	mine := filepath.Join(path, "notes.txt")
	for _, p := range []string{mine, filepath.Join(path, "20260314T080000.000Z-2386ab13240c74ea.mp4"), filepath.Join(path, ".kvsclip-1.part")} {
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	left, _ := filepath.Glob(filepath.Join(path, "*"))
	if len(left) != 1 || left[0] != mine {
		t.Errorf("left: %v, want only what is not ours", left)
	}
	if f, err = fetch.OpenFolder(path); err != nil {
		t.Fatalf("OpenFolder after Close: %v", err)
	}
	os.Remove(mine)
	f.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
}

func TestOpenFolderSaysWhenItCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch.OpenFolder(filepath.Join(file, "pieces")); err == nil || !strings.Contains(err.Error(), "folder for pieces") {
		t.Errorf("OpenFolder: %v, want an error about the folder", err)
	}
}

func TestOpenReadsManyClipsWithFewFilesOpen(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{}, 1)
	var paths []string
	for _, p := range run(t, b.job(t, b.listed(t, 2*time.Minute, plan.Options{MaxPiece: 2 * time.Second}))) {
		paths = append(paths, p.Path)
	}
	r, err := fetch.Open(paths)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]byte, 8)
	for range 2 {
		for i, p := range r.Pieces {
			if _, err := p.Movie().Sources[0].ReadAt(buf, 0); err != nil || string(buf[4:]) != "ftyp" {
				t.Errorf("clip %d of %d: %q, %v", i, len(r.Pieces), buf, err)
			}
		}
	}
}
