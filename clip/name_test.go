package clip_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
)

// A stream's name and an ARN come from outside. What is made of them is a name that every file
// system takes, and never a path, a hidden file, a flag or a device.
func TestDefaultNameIsAlwaysAName(t *testing.T) {
	from := time.Date(2026, 3, 14, 8, 17, 35, 0, time.UTC)
	r := archive.Range{From: from, To: from.Add(13 * time.Minute)}
	const rest = "_20260314T081735Z_20260314T083035Z.mp4"
	for stream, want := range map[string]string{
		"cam1": "cam1" + rest,
		"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam1/1700000000000":   "cam1" + rest,
		"arn:aws:kinesisvideo:us-west-2:111122223333:stream/../../etc/1700000000": "stream" + rest,
		"arn:aws:kinesisvideo:us-west-2:111122223333:stream/../1700000000":        "_." + rest,
		"../../etc/passwd":       "_._.._etc_passwd" + rest,
		`..\windows\c:x`:         "_._windows_c_x" + rest,
		"-rf":                    "_rf" + rest,
		".ssh":                   "_ssh" + rest,
		"a\x00b\nc\x1b[31m":      "a_b_c__31m" + rest,
		"тор":                    "___" + rest,
		"nul.x":                  "_nul.x" + rest,
		"COM1":                   "COM1" + rest, // with what follows it is a name like any other
		strings.Repeat("x", 256): strings.Repeat("x", 180) + rest,
	} {
		got := clip.DefaultName(stream, r)
		if got != want {
			t.Errorf("DefaultName(%q) = %q, want %q", stream, got, want)
		}
		if !filepath.IsLocal(got) || filepath.Base(got) != got || len(got) > 255 {
			t.Errorf("DefaultName(%q) = %q: no name", stream, got)
		}
	}
}
