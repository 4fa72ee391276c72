package judgetest

import (
	"os"
	"path/filepath"
	"testing"
)

// NeedCaptures is the environment variable that makes the absence of a capture a failure.
const NeedCaptures = "KVSCLIP_NEED_CAPTURES"

// Capture returns the path of a real answer of the service. They are no part of the repository: they lie
// beside it, in ../shared/captures. Where they are not, the test is skipped, or fails if NeedCaptures is
// set, as continuous integration does.
func Capture(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if filepath.Dir(dir) == dir {
			t.Fatal("the test runs outside of the repository")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "captures", name)
	if exists(path) {
		return path
	}
	if os.Getenv(NeedCaptures) != "" {
		t.Fatalf("%s is not there, and %s is set", path, NeedCaptures)
	}
	t.Skipf("%s is not there: nothing to compare with", path)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
