package cli_test

import (
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// Commands that fetch nothing take the flags about what is told, too.
func TestPlanAndStreamsTell(t *testing.T) {
	service(t, &kvsemu.Server{})
	for _, args := range [][]string{{"plan", "door", "--from", begin.Format("2006-01-02T15:04:05Z"), "--for", "5m"}, {"streams"}} {
		want, said := kvsclip(t, 0, args...)
		if said != "" {
			t.Errorf("%q says %q without being asked", args, said)
		}
		if args[0] == "streams" {
			want = strings.SplitN(want, "\n", 2)[0] // ages change
		}
		if out, said := kvsclip(t, 0, append(args, "-vv")...); !strings.Contains(out, want) || !strings.Contains(said, "level=") {
			t.Errorf("%q -vv prints %q and logs %q, want %q and its calls", args, out, said, want)
		}
		if _, said = kvsclip(t, 0, append(args, "-vv", "--log-format", "json")...); !strings.Contains(said, `"level":`) {
			t.Errorf("%q -vv --log-format json logs %q", args, said)
		}
	}
	note := []string{"streams", "none"}
	if _, said := kvsclip(t, 0, note...); !strings.Contains(said, "no stream in") {
		t.Errorf("streams none says %q", said)
	}
	if out, said := kvsclip(t, 0, append(note, "-q")...); out+said != "" {
		t.Errorf("streams none -q says %q", out+said)
	}
}

// Quiet leaves out the notes, and nothing else.
func TestPlanQuiet(t *testing.T) {
	service(t, &kvsemu.Server{})
	args := []string{"plan", "door", "--from", begin.Format("2006-01-02T15:04:05Z"), "--to", begin.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z")}
	if out, _ := kvsclip(t, 0, args...); !strings.Contains(out, "  note: the range ends in the future") {
		t.Errorf("plan lacks its note:\n%s", out)
	}
	out, said := kvsclip(t, 0, append(args, "-q")...)
	if strings.Contains(out+said, "note:") || !strings.Contains(out, "  fetch     ") {
		t.Errorf("plan -q:\n%s%s", out, said)
	}
}

// Where nothing was recorded there is nothing to fetch, and no price of it.
func TestPlanOfNothingHasNoPrice(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, _ := kvsclip(t, 3, "plan", "door", "--from", "-30m", "--to", "-20m")
	contains(t, "plan", out, "  asked     ")
	for _, line := range []string{"  fetch ", "  quota ", "  cost "} {
		if strings.Contains(out, line) {
			t.Errorf("plan has %q:\n%s", line, out)
		}
	}
}
