package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// serve starts the service inside the test, so that the test can break and mend it while it runs.
func serve(t *testing.T, emu *kvsemu.Server, camera string) *home {
	t.Helper()
	name, c, err := kvsemu.ParseCamera(withKey(camera, "from="+begin.Format(time.RFC3339)))
	if err != nil {
		t.Fatal(err)
	}
	emu.Cameras = map[string]kvsemu.Camera{name: c}
	run, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	return newHome(t, "AWS_ENDPOINT_URL="+run.URL)
}

// A run that is stopped by what a person has to mend goes on with the same command once it is
// mended: nothing that was fetched is fetched again, and the file is that of an undisturbed run.
func TestGetGoesOnOnceTheTroubleIsOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault kvsemu.Fault
		code  int
		words []string
	}{
		"expired credentials": {kvsemu.Fault{Status: 403, Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}, 5, []string{"expired", "run the same command again"}},
		"a right withdrawn":   {kvsemu.Fault{Status: 403, Code: "AccessDeniedException"}, 5, []string{"kinesisvideo:GetClip"}},
		"a dead network":      {kvsemu.Fault{CutAfter: -1}, 1, []string{"run the same command again to go on"}},
		"a dead service":      {kvsemu.Fault{Status: 503}, 1, []string{"run the same command again to go on"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls, broken atomic.Int64 // of GetClip
			broken.Store(3)
			emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
				if r.URL.Path != "/getClip" || calls.Add(1) <= broken.Load() {
					return nil
				}
				return &tc.fault
			}}
			h := serve(t, emu, "door:size=320x192,fps=5,sound=aac,for=3m")
			get := []string{"get", "door", "--from", after(0), "--for", "3m", "--clock", "producer", "--piece", "20s", "-j", "1", "--retries", "2", "-o", "clip.mp4"}
			h.fails(t, tc.code, tc.words, get...)
			if exists(h.path("clip.mp4")) {
				t.Error("a failed run leaves the final name behind")
			}
			broken.Store(1 << 40)
			again := h.report(t, get...)
			if want := again.Pieces - 3; again.Calls.GetClip != want {
				t.Errorf("%d calls when run again, want %d of %d", again.Calls.GetClip, want, again.Pieces)
			}
			same(t, h.path("clip.mp4"), newHome(t, h.env...).report(t, get...))
			tidied(t, h)
		})
	}
}

// begun leaves an unfinished run behind, of 2 minutes in pieces of 20 s.
func begun(t *testing.T) (h *home, get []string) {
	t.Helper()
	var calls atomic.Int64
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if r.URL.Path == "/getClip" && calls.Add(1) == 4 {
			return &kvsemu.Fault{Status: 403, Code: "AccessDeniedException"}
		}
		return nil
	}}
	h = serve(t, emu, "door:size=320x192,fps=5,for=3m")
	get = []string{"get", "door", "--from", after(0), "--to", after(2 * time.Minute), "--clock", "producer", "--piece", "20s", "-j", "1", "-o", "clip.mp4"}
	h.fails(t, 5, nil, get...)
	return h, get
}

func TestGetTellsWhenTheRequestIsAnotherOne(t *testing.T) {
	t.Parallel()
	h, get := begun(t)
	get[5] = after(100 * time.Second)
	report := h.report(t, get...)
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "was of another request (\"range [2026-02-03T09:00:00.000Z, 2026-02-03T09:02:00.000Z) producer time\")") {
		t.Errorf("notes: %q, want one that names the other request", notes)
	}
	if report.Calls.GetClip >= report.Pieces {
		t.Errorf("%d calls for %d pieces: pieces of both were fetched again", report.Calls.GetClip, report.Pieces)
	}
	undisturbed := newHome(t, h.env...).report(t, get...)
	same(t, h.path("clip.mp4"), undisturbed)
}

// rewrite changes the journal that an unfinished run has left.
func rewrite(t *testing.T, h *home, old, new string) {
	t.Helper()
	path := h.path("clip.mp4.pieces/journal")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%q is not in the journal:\n%s", old, b)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte(old), []byte(new)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGetTellsWhenAnotherVersionHadBegun(t *testing.T) {
	t.Parallel()
	h, get := begun(t)
	rewrite(t, h, `"kvsclip":"`, `"kvsclip":"v0.0.1 before `)
	report := h.report(t, get...)
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "another version, kvsclip \"v0.0.1 before") {
		t.Errorf("notes: %q, want one that names the other version", notes)
	}
	if report.Calls.GetClip != report.Pieces-3 {
		t.Errorf("%d calls for %d pieces, 3 of which were there", report.Calls.GetClip, report.Pieces)
	}
}

func TestGetUsesNothingOfAFormItDoesNotKnow(t *testing.T) {
	t.Parallel()
	h, get := begun(t)
	rewrite(t, h, `{"format":1}`, `{"format":2}`)
	report := h.report(t, get...)
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "form that this one does not know") {
		t.Errorf("notes: %q, want one about the form", notes)
	}
	if report.Calls.GetClip != report.Pieces {
		t.Errorf("%d calls for %d pieces, want all", report.Calls.GetClip, report.Pieces)
	}
	tidied(t, h)
}

func TestGetTellsWhenTheRecordingHasChanged(t *testing.T) {
	t.Parallel()
	h, get := begun(t)
	rewrite(t, h, `"fragments":60`, `"fragments":59`)
	rewrite(t, h, `"recording":"`, `"recording":"0`)
	report := h.report(t, get...)
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "59 fragments were listed then, 60 now") {
		t.Errorf("notes: %q, want one about the recording", notes)
	}
}
