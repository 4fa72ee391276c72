// Package e2e_test runs the real program against the service that it emulates itself, and lets
// ffmpeg judge what comes out.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// begin is when recordings here begin, on the camera's clock.
var begin = time.Date(2026, 2, 3, 9, 0, 0, 0, time.UTC)

// after is begin plus d, as --from and --to take it.
func after(d time.Duration) string { return begin.Add(d).Format(time.RFC3339Nano) }

// home is where programs run: a folder of their own, and what the environment says.
type home struct {
	dir string
	env []string
}

// newHome has nothing of this machine in its environment but PATH. A variable in env that comes
// later wins; one without a value is left out.
func newHome(t testing.TB, env ...string) *home {
	t.Helper()
	dir := t.TempDir()
	all := []string{
		"PATH=" + os.Getenv("PATH"), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"),
		"HOME=" + dir, "USERPROFILE=" + dir, "TMPDIR=" + dir, "TMP=" + dir, "TZ=UTC",
		"AWS_REGION=us-west-2", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
	}
	h := &home{dir: dir}
	for i, v := range append(all, env...) {
		name, value, _ := strings.Cut(v, "=")
		overruled := false
		for _, other := range append(all, env...)[i+1:] {
			overruled = overruled || strings.HasPrefix(other, name+"=")
		}
		if !overruled && value != "" {
			h.env = append(h.env, v)
		}
	}
	return h
}

// path is where a file in the folder lies.
func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// command is the program with args, not started yet.
func (h *home) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = h.dir, h.env
	return cmd
}

// ended is a run of the program that has ended.
type ended struct {
	code           int
	stdout, stderr string
	state          *os.ProcessState
}

// running is a run of the program that goes on.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

// start runs the program without waiting for its end; the test's end kills it.
func (h *home) start(t testing.TB, args ...string) *running {
	t.Helper()
	r := &running{cmd: h.command(t, args...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// wait waits for the end. The code of a killed program is -1.
func (r *running) wait(t testing.TB) ended {
	t.Helper()
	err := r.cmd.Wait()
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		t.Fatalf("kvsclip %q: %v", r.cmd.Args[1:], err)
	}
	return ended{
		code: r.cmd.ProcessState.ExitCode(), state: r.cmd.ProcessState,
		stdout: r.stdout.String(), stderr: r.stderr.String(),
	}
}

// run runs the program to its end.
func (h *home) run(t testing.TB, args ...string) ended {
	t.Helper()
	return h.start(t, args...).wait(t)
}

// fails runs the program, which must exit with code and say all of words on standard error.
func (h *home) fails(t testing.TB, code int, words []string, args ...string) ended {
	t.Helper()
	r := h.run(t, args...)
	if r.code != code {
		t.Fatalf("kvsclip %q: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("kvsclip %q: says nothing of %q:\n%s", args, w, r.stderr)
		}
	}
	return r
}

// report runs the program with --json, which must succeed, and returns what it reports.
func (h *home) report(t testing.TB, args ...string) *clip.Report {
	t.Helper()
	return h.run(t, append(args, "--json")...).report(t)
}

// report reads the one JSON object of a successful run. Keys that clip.Report lacks are errors.
func (r ended) report(t testing.TB) *clip.Report {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	var report clip.Report
	if err := d.Decode(&report); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("more than one JSON value: %s", r.stdout)
	}
	return &report
}

// emulator is kvsclip emulate at work.
type emulator struct {
	*home // with the environment that leads to it
	url   string

	mu    sync.Mutex // guards calls and over
	more  *sync.Cond
	calls []string // a line for each answered call
	over  bool
}

// emulate starts the service with cameras and switches. Cameras begin at begin unless they say
// otherwise.
func emulate(t testing.TB, args ...string) *emulator {
	t.Helper()
	for i, a := range args {
		if a == "--camera" && !strings.Contains(args[i+1], "from=") {
			args[i+1] = withKey(args[i+1], "from="+begin.Format(time.RFC3339))
		}
	}
	cmd := newHome(t).command(t, append([]string{"emulate", "--listen", "127.0.0.1:0", "-v"}, args...)...)
	e := &emulator{}
	e.more = sync.NewCond(&e.mu)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(first), "KVSCLIP_EMULATOR=")
	said := make(chan struct{})
	go func() {
		defer close(said)
		e.listen(stderr)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-said
		_ = cmd.Wait() // always ends with an error: that it was killed
	})
	if err != nil || !ok {
		_ = cmd.Process.Kill() // the cleanup waits for it
		<-said
		t.Fatalf("kvsclip emulate %q: first line %q, %v\n%s", args, first, err, strings.Join(e.calls, "\n"))
	}
	e.url = url
	e.home = newHome(t, "AWS_ENDPOINT_URL="+url)
	return e
}

// withKey adds a key to a camera.
func withKey(camera, key string) string {
	if strings.Contains(camera, ":") {
		return camera + "," + key
	}
	return camera + ":" + key
}

// listen keeps what the emulator says on standard error.
func (e *emulator) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		e.mu.Lock()
		e.calls = append(e.calls, lines.Text())
		e.more.Broadcast()
		e.mu.Unlock()
	}
	e.mu.Lock()
	e.over = true
	e.more.Broadcast()
	e.mu.Unlock()
}

// answered counts calls of an operation that were answered with a status.
func (e *emulator) answered(op, status string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.answeredLocked(op, status)
}

func (e *emulator) answeredLocked(op, status string) int {
	n := 0
	for _, line := range e.calls {
		if strings.HasPrefix(line, "kvsclip: "+op+" ") && strings.Contains(line, ": "+status+" ") {
			n++
		}
	}
	return n
}

// await waits until n calls of an operation have been answered with a status, a minute at most.
func (e *emulator) await(t testing.TB, n int, op, status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.more.Broadcast()
	})()
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.answeredLocked(op, status) < n {
		if e.over || ctx.Err() != nil {
			t.Fatalf("%d answers of status %s to %s did not come:\n%s", n, status, op, strings.Join(e.calls, "\n"))
		}
		e.more.Wait()
	}
}

// recorded tells the fragments of a camera as the emulator makes them, in order, without second
// uploads. The camera must be given as to emulate; chance is the same for equal names.
func recorded(t testing.TB, camera string) []kvsemu.Fragment {
	t.Helper()
	if !strings.Contains(camera, "from=") {
		camera = withKey(camera, "from="+begin.Format(time.RFC3339))
	}
	name, c, err := kvsemu.ParseCamera(camera)
	if err != nil {
		t.Fatal(err)
	}
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{name: c}}
	fs, err := emu.Fragments(name, begin.Add(-time.Hour), begin.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(fs, func(a, b kvsemu.Fragment) int { return a.Producer.Compare(b.Producer) })
	return slices.CompactFunc(fs, func(a, b kvsemu.Fragment) bool { return a.First == b.First })
}

// whole decodes a clip, which must show all pictures of the runs, once and in order.
func whole(t testing.TB, path string, expected ...judgetest.Run) []judgetest.Frame {
	t.Helper()
	frames := judgetest.Frames(t, path)
	a := judgetest.Count(frames, expected...)
	t.Logf("%s: %d shown (%d to %d): %d missing, %d repeated, %d misplaced, %d unreadable",
		filepath.Base(path), a.N, a.First, a.Last, a.Missing, a.Repeated, a.Misplaced, a.Unreadable)
	if !a.Flawless() {
		t.Errorf("%s: got %+v, want a flawless clip of %v", path, a, expected)
	}
	return frames
}

// samples are the hashes of the coded samples of one track, in decode order.
func samples(t testing.TB, path, stream string) []string {
	t.Helper()
	var hashes []string
	for _, p := range judgetest.Packets(t, path, stream) {
		hashes = append(hashes, p.Hash)
	}
	return hashes
}

// tidied says that a folder holds nothing of a finished run but its clip.
func tidied(t testing.TB, h *home) {
	t.Helper()
	left, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if f.IsDir() || filepath.Ext(f.Name()) != ".mp4" {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

// fileHash is the SHA-256 of a file, in hex.
func fileHash(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// same holds a file against the one of an undisturbed run.
func same(t *testing.T, path string, want *clip.Report) {
	t.Helper()
	if got := fileHash(t, path); got != want.Outputs[0].SHA256 {
		t.Errorf("%s differs from that of an undisturbed run", filepath.Base(path))
	}
}
