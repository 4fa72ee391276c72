package e2e_test

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/internal/judgetest"
)

// piped runs the program and keeps what it writes to standard output in a file.
func (e *emulator) piped(t *testing.T, out string, args ...string) ended {
	t.Helper()
	r := e.run(t, append(args, "-o", "-")...)
	if err := os.WriteFile(e.path(out), []byte(r.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	r.stdout = ""
	return r
}

// TestGetPipe writes clips to standard output, and holds them against files of the same range.
func TestGetPipe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		camera string
		get    []string
	}{
		"b-frames and aac": {"door:bframes=2,sound=aac,for=12m", nil},
		"gaps kept":        {"door:sound=alaw,for=12m,gap=3m+40s", []string{"--gaps", "keep"}},
		"gaps closed":      {"door:fps=5,sound=aac,for=12m,gap=3m+40s,gap=6m+1m", nil},
		"fragments":        {"door:sound=ulaw,for=12m", []string{"--engine", "fragments"}},
		"a new codec":      {"door:size=320x192,fps=5,gop=1s,sound=aac,for=12m,codec=4m,resize=7m+640x360", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--edit-list", "--camera", tc.camera)
			args := append([]string{"get", "door", "--from", after(61e9), "--for", "9m", "--clock", "producer", "--piece", "1m", "--trim", "fragment"}, tc.get...)
			e.piped(t, "pipe.mp4", args...)
			e.report(t, append(args, "-o", "file.mp4")...)
			a, b := judgetest.Frames(t, e.path("file.mp4")), judgetest.Frames(t, e.path("pipe.mp4"))
			whole(t, e.path("pipe.mp4"), judgetest.Run{First: a[0].Index, Last: a[len(a)-1].Index})
			if len(a) != len(b) {
				t.Fatalf("%d pictures in the pipe, %d in the file", len(b), len(a))
			}
			for i := range a {
				if d := a[i].PTS - a[0].PTS - b[i].PTS + b[0].PTS; a[i].Index != b[i].Index || d.Abs() > 1e6 {
					t.Fatalf("picture %d: %+v in the pipe, %+v in the file", i, b[i], a[i])
				}
			}
			if x, y := samples(t, e.path("file.mp4"), "a:0"), samples(t, e.path("pipe.mp4"), "a:0"); !slices.Equal(x, y) {
				t.Errorf("sound: %d samples in the pipe, %d in the file", len(y), len(x))
			}
		})
	}
}

// TestGetPipeAtOnce reads the first bytes while the second piece cannot end yet: the service stalls it until
// these bytes were read.
func TestGetPipeAtOnce(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--bandwidth", "2M", "--camera", "door:rate=8M,size=320x192,for=5m")
	cmd := e.command(t, "get", "door", "--from", after(0), "--for", "5m", "--clock", "producer", "--piece", "20s", "-j", "1", "-o", "-")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 64<<10)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if n := e.answered("GetClip", "200"); n > 1 { // a second answer is 10 s long
		t.Errorf("%d pieces had come when the first bytes were out", n)
	}
	if !bytes.Contains(first, []byte("moov")) || !bytes.Contains(first, []byte("moof")) {
		t.Error("the first bytes are no fragmented MP4")
	}
	if err := out.Close(); err != nil { // the reader goes away
		t.Fatal(err)
	}
	_ = cmd.Wait() // its exit code is what counts
	if code := cmd.ProcessState.ExitCode(); code != 7 || !strings.Contains(said.String(), "ended before the clip did") {
		t.Errorf("exit code %d\n%s", code, said.String())
	}
	left, err := os.ReadDir(e.dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestGetPipeRefuses names what cannot go to standard output.
func TestGetPipeRefuses(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--camera", "door:for=1m")
	for _, args := range [][]string{
		{"--json"}, {"--receipt", "r.json"}, {"--every", "10s"}, {"--gaps", "split"}, {"--format", "mkv"}, {"--merge", "none"}, {"--frames", "f"}, {"--clock-track"},
	} {
		e.fails(t, 2, []string{"standard output"}, append([]string{"get", "door", "--from", after(0), "--for", "1m", "-o", "-"}, args...)...)
	}
}
