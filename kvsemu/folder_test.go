package kvsemu_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// Streams and uploads are there again after a restart, whatever the end of the index looks like.
func TestUploadsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := made(t, "-c:v", "libx264", "-c:a", "aac")
	s := &kvsemu.Server{DataDir: dir}
	run := start(t, s)
	for _, name := range []string{"..", "cam", "Cam", "gone", strings.Repeat("n", 256)} {
		create(t, run, name, 24)
	}
	call(t, run.URL+"/tagStream", `{"StreamName":"cam","Tags":{"a":"b"}}`)
	first := wantAcks(t, upload(t, run, "cam", path))
	wantAcks(t, upload(t, run, "..", path))
	_, _, described := call(t, run.URL+"/describeStream", `{"StreamName":"cam"}`)
	_, _, gone := call(t, run.URL+"/describeStream", `{"StreamName":"gone"}`)
	arn := gone[strings.Index(gone, "arn:aws:kinesisvideo"):]
	if status, _, text := call(t, run.URL+"/deleteStream", `{"StreamARN":"`+arn[:strings.Index(arn, `"`)]+`"}`); status != 200 {
		t.Fatalf("DeleteStream: %d %s", status, text)
	}
	sent := matroska(t, run, "cam", first...)
	all, _ := s.Fragments("cam", noon, noon.Add(time.Hour))
	for _, torn := range []string{"", `{"Fragment":{"Numb`} {
		tear(t, dir, torn)
		s := &kvsemu.Server{DataDir: dir}
		run := start(t, s)
		if _, _, text := call(t, run.URL+"/describeStream", `{"StreamName":"cam"}`); text != described {
			t.Errorf("%s after a restart, %s before", text, described)
		}
		if status, _, text := call(t, run.URL+"/listTagsForStream", `{"StreamName":"cam"}`); status != 200 || !strings.Contains(text, `"a":"b"`) {
			t.Errorf("tags after a restart: %s", text)
		}
		if status, _, _ := call(t, run.URL+"/describeStream", `{"StreamName":"gone"}`); status != 404 {
			t.Errorf("a deleted stream is back: %d", status)
		}
		if got := matroska(t, run, "cam", first...); !bytes.Equal(got, sent) {
			t.Errorf("%d bytes after a restart, %d before", len(got), len(sent))
		}
		again, err := s.Fragments("cam", noon, noon.Add(time.Hour))
		if d := cmp.Diff(all, again); err != nil || d != "" {
			t.Errorf("fragments before and after a restart: %v\n%s", err, d)
		}
		more := wantAcks(t, upload(t, run, "cam", path))
		if got := sequences(t, more); got[0]%1000 != 1 || got[0] <= sequences(t, first)[3] {
			t.Errorf("sequences %v go on after %v", got, sequences(t, first))
		}
		all, _ = s.Fragments("cam", noon, noon.Add(time.Hour))
	}
	if len(all) != 12 {
		t.Errorf("%d fragments after three uploads, want 12", len(all))
	}
	if outside, _ := filepath.Glob(filepath.Join(dir, "..", "*")); len(outside) != 1 {
		t.Errorf("files outside of the folder: %v", outside)
	}
}

// tear appends to each index what a write that was broken off leaves.
func tear(t *testing.T, dir, torn string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*", "index"))
	if err != nil || len(all) != 4 {
		t.Fatalf("%v, %v, want the indexes of four streams", all, err)
	}
	for _, path := range all {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(torn); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeptStreamsAndCameras(t *testing.T) {
	dir := t.TempDir()
	create(t, start(t, &kvsemu.Server{DataDir: dir}), "cam", 1)
	_, err := kvsemu.Start(t.Context(), &kvsemu.Server{DataDir: dir, Cameras: cameras(t, "cam")}, "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "is kept in") {
		t.Errorf("a camera with the name of a kept stream: %v", err)
	}
}
