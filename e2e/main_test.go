package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// program is the path of the kvsclip program under test.
var program string

// TestMain builds the program once.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// atOnce is how many tests run side by side at the least: most of their time is waiting.
const atOnce = 6

func testMain(m *testing.M) int {
	if err := flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "kvsclip-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "kvsclip")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-race="+strconv.FormatBool(raced), "-o", program, "../cmd/kvsclip").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building kvsclip: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
