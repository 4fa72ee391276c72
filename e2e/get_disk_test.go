//go:build linux

package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// fillDisk runs a download on a disk of its own that is too small, lists what that leaves, and runs
// it again with more room. $1 is an empty folder, $2 where the finished clip goes, the rest the
// program and its arguments. Without the right to make a disk, the size of files is limited.
const fillDisk = `
dir=$1; out=$2; shift 2
if mount -t tmpfs -o size=9m none "$dir"; then
	cd "$dir" && "$@"; echo "first=$?"; ls -A
	mount -o remount,size=99m .
else
	cd "$dir" && (ulimit -f 9000; "$@"); echo "first=$?"; ls -A
fi
"$@"; echo "second=$?"; ls -A
cp clip.mp4 "$out"`

// A disk that fills up ends the run with advice and nothing under the final name, whether the
// pieces or the clip no longer fit. With more room the same command goes on.
func TestGetOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"pieces do not fit": "2m", "the clip does not fit": "1m"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, "--camera", "door:size=320x192,fps=10,sound=aac,rate=1M,for="+length)
			get := []string{"get", "door", "--from", after(0), "--for", length, "--clock", "producer", "--piece", "10s", "-o", "clip.mp4"}
			shell := []string{"sh", "-c", fillDisk, "sh", t.TempDir(), e.path("clip.mp4"), program}
			if exec.Command("unshare", "-Urm", "true").Run() == nil {
				shell = append([]string{"unshare", "-Urm"}, shell...)
			}
			cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], get...)...)
			cmd.Env = e.env
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			said, rest, _ := strings.Cut(string(out), "first=")
			t.Logf("%s", out)
			if !strings.HasPrefix(rest, "7\nclip.mp4.pieces\n") {
				t.Errorf("want exit code 7 and nothing but the folder of pieces:\n%s", out)
			}
			for _, words := range []string{"make room on the disk", "run the same command again to go on"} {
				if !strings.Contains(said, words) {
					t.Errorf("says nothing of %q:\n%s", words, said)
				}
			}
			if _, second, _ := strings.Cut(rest, "second="); strings.TrimSpace(second) != "0\nclip.mp4" {
				t.Errorf("with more room: %q, want exit code 0 and only the clip", second)
			}
			calm := newHome(t, "AWS_ENDPOINT_URL="+e.url).report(t, get...)
			same(t, e.path("clip.mp4"), calm)
			whole(t, e.path("clip.mp4"))
			if n, once := e.answered("GetClip", "200"), calm.Calls.GetClip; n > 3*once {
				t.Errorf("%d calls in all for %d pieces, twice: finished pieces were fetched again", n, once)
			}
		})
	}
}

// Half of all calls are refused or fail, a third of the bodies break off, some stall, and the
// endpoint moves: an hour comes whole all the same.
func TestGetInAStorm(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--throttle-rate", "0.25", "--error-rate", "0.25", "--cut-rate", "0.3", "--stall-rate", "0.1", "--stall-for", "300ms",
		"--rotate-every", "10", "--seed", "7", "--camera", "door:size=320x192,fps=5,sound=alaw,for=1h")
	began := time.Now()
	report := e.report(t, "get", "door", "--from", after(0), "--for", "1h", "--clock", "producer", "-o", "clip.mp4")
	t.Logf("%v: %+v, %d pieces", time.Since(began).Round(time.Second), report.Calls, report.Pieces)
	if report.Calls.Throttled == 0 || report.Calls.Retried < 10 {
		t.Errorf("%+v: want a storm", report.Calls)
	}
	whole(t, e.path("clip.mp4"))
	tidied(t, e.home)
}
