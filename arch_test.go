// Package kvsclip_test holds the laws of the house: see ARCHITECTURE.md.
package kvsclip_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kvsclip/kvsclip"

// floors is the law: a package imports only packages of lower floors.
var floors = map[string]int{
	"cmd/kvsclip":        6,
	"internal/cli":       5,
	"clip":               3,
	"internal/fetch":     2,
	"internal/splice":    2,
	"internal/proof":     2,
	"internal/footage":   2,
	"internal/hls":       2,
	"kvsemu":             2,
	"plan":               1,
	"internal/kvs":       1,
	"internal/mp4":       1,
	"internal/mkv":       1,
	"internal/wav":       1,
	"internal/naming":    1,
	"internal/where":     1,
	"internal/origin":    1,
	"internal/film":      1,
	"internal/sink":      1,
	"internal/ffmpeg":    1,
	"internal/timerange": 1,
	"archive":            0,
	"internal/media":     0,
	"internal/progress":  0,
}

// forTests are packages that only tests import; they may import anything.
var forTests = []string{"internal/judgetest"}

// banned are imports that a floor would allow and a principle does not.
var banned = []struct {
	pkg, imports, reason string
}{
	{"plan", "os", "the planner is pure"},
	{"plan", "net/*", "the planner is pure"},
	{"internal/splice", "os", "the seam knows places of bytes, not files"},
	{"internal/splice", "net/*", "the seam knows places of bytes, not the network"},
	{"internal/mp4", "os", "readers take io.ReaderAt, writers io.Writer"},
	{"internal/mkv", "os", "readers take io.Reader, writers io.Writer"},
	{"internal/media", "os", "nouns do no I/O"},
	{"archive", "os", "nouns do no I/O"},
	{"*", "testing", "a product does not carry test helpers"},
	{"kvsemu", module + "/archive", "a wrong plan must not agree with itself"},
	{"kvsemu", "github.com/aws/*", "the emulator is judged by the SDK, not made of it"},
	{"internal/film", module + "/internal/mp4", "film makes samples; where they lie is for others"},
}

// doors are the only packages that may import a module.
var doors = map[string][]string{
	"github.com/aws/":           {"internal/kvs"},
	"github.com/Eyevinn/mp4ff":  {"internal/mp4"},
	"github.com/spf13/":         {"internal/cli"},
	"github.com/vbauerster/mpb": {"internal/cli"},
	"github.com/expr-lang/":     {"internal/where"},
}

type listed struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if len(p.GoFiles) > 0 && !slices.Contains(forTests, name) {
			all[name] = p
		}
	}
}

func TestImportsGoDownTheFloors(t *testing.T) {
	for name, p := range packages(t) {
		floor, ok := floors[name]
		if !ok {
			t.Errorf("%s has no floor: give it one here and in ARCHITECTURE.md", name)
			continue
		}
		for _, imp := range p.Imports {
			below, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			if f, ok := floors[below]; !ok || f >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go down only", name, floor, below, f)
			}
		}
	}
}

func TestEveryFloorIsLivedOn(t *testing.T) {
	all := packages(t)
	for name := range floors {
		if _, ok := all[name]; !ok {
			t.Errorf("%s has a floor and no code", name)
		}
	}
}

func TestBannedImports(t *testing.T) {
	for name, p := range packages(t) {
		for _, b := range banned {
			if b.pkg != "*" && b.pkg != name {
				continue
			}
			for _, imp := range p.Imports {
				if matches(imp, b.imports) {
					t.Errorf("%s imports %s: %s", name, imp, b.reason)
				}
			}
		}
	}
}

func TestDoors(t *testing.T) {
	for name, p := range packages(t) {
		for _, imp := range p.Imports {
			for prefix, door := range doors {
				if strings.HasPrefix(imp, prefix) && !slices.Contains(door, name) {
					t.Errorf("%s imports %s: only %v may", name, imp, door)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for name, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", name)
		}
	}
}

// matches says that an import path is the pattern, or lies below one that ends in "/*".
func matches(imp, pattern string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/*"); ok {
		return imp == prefix || strings.HasPrefix(imp, prefix+"/")
	}
	return imp == pattern
}
