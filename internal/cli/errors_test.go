package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/kvs"
)

func TestExplain(t *testing.T) {
	_, notThere := os.Open(filepath.Join(t.TempDir(), "none.mp4"))
	for _, c := range []struct {
		name string
		err  error
		code int
		kind string
		hint string // a part of it
	}{
		{"flag", usagef("bad"), exitUsage, "usage", "kvsclip get --help"},
		{"request", fmt.Errorf("checking: %w", clip.ErrUsage), exitUsage, "usage", "kvsclip get --help"},
		{"stream name", &kvs.Error{Op: "Open", Err: kvs.ErrBadStream}, exitUsage, "usage", ""},
		{"no region", fmt.Errorf("opening: %w", kvs.ErrNoRegion), exitUsage, "usage", "--region"},
		{"empty", fmt.Errorf("listing: %w", clip.ErrEmpty), exitEmpty, "empty", "--tz and --clock"},
		{"incomplete", fmt.Errorf("piece 3: %w", clip.ErrIncomplete), exitIncomplete, "incomplete", "run the same command again"},
		{"wrong region", fmt.Errorf("opening: %w", kvs.ErrWrongRegion), exitNoStream, "noStream", ""},
		{"exists", fmt.Errorf("a.mp4: %w", clip.ErrExists), exitLocal, "exists", "--force"},
		{"local", fmt.Errorf("a.mp4: %w", clip.ErrLocal), exitLocal, "local", "again"},
		{"disk full", fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: "a", Err: diskFull}), exitLocal, "local", "room"},
		{"disk full in the middle", fmt.Errorf("%w: %w", clip.ErrIncomplete, diskFull), exitLocal, "local", "room"},
		{"not writable", &fs.PathError{Op: "open", Path: "a", Err: syscall.EACCES}, exitLocal, "local", "-o"},
		{"not there", notThere, exitLocal, "local", "check the name"},
		{"port taken", &net.OpError{Op: "listen", Err: errors.New("in use")}, exitLocal, "local", "another --listen"},
		{"cannot join", fmt.Errorf("b.mp4: %w", clip.ErrCannotJoin), exitFailed, "cannotJoin", "--merge none"},
		{"unsound", fmt.Errorf("a.mp4: %w", clip.ErrUnsound), exitFailed, "unsound", "disk"},
		{"any other", errors.New("boom"), exitFailed, "failed", "-vv"},
		{"the network", &kvs.Error{Op: "GetClip", Code: "InternalFailure", Status: 500, Err: errors.New("boom")}, exitFailed, "InternalFailure", "finished pieces are kept"},
		{"the service's", &kvs.Error{Op: "GetClip", Code: "InternalFailure", Err: errors.New("boom")}, exitFailed, "InternalFailure", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, kind, hint := explain(t.Context(), "kvsclip get", c.err)
			if code != c.code || kind != c.kind || !strings.Contains(hint, c.hint) {
				t.Errorf("explain(%v) = %d, %q, %q, want %d, %q, %q", c.err, code, kind, hint, c.code, c.kind, c.hint)
			}
		})
	}
}

// Only get has flags that set its pace.
func TestExplainThrottled(t *testing.T) {
	err := &kvs.Error{Op: "GetClip", Code: "ClientLimitExceededException", Status: 400}
	for command, want := range map[string]bool{"kvsclip get": true, "kvsclip plan": false, "kvsclip doctor": false} {
		if _, _, hint := explain(t.Context(), command, err); strings.Contains(hint, "--share or --parallel") != want {
			t.Errorf("%s: %q; names --share: want %t", command, hint, want)
		}
	}
}

func TestExplainInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, kind, hint := explain(ctx, "kvsclip get", fmt.Errorf("piece 1: %w", ctx.Err()))
	if code != exitInterrupted || kind != "interrupted" || !strings.Contains(hint, "run the same command again to go on") {
		t.Errorf("explain = %d, %q, %q, want %d", code, kind, hint, exitInterrupted)
	}
}

func TestFailTellsBoth(t *testing.T) {
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr}
	err := &kvs.Error{Op: "GetClip", Code: "InternalFailure", RequestID: "abc-123", Err: errors.New("boom")}
	code := a.fail(t.Context(), "kvsclip get", err, true)
	var got map[string]map[string]any
	if e := json.Unmarshal(stdout.Bytes(), &got); e != nil || strings.Count(stdout.String(), "\n") != 1 {
		t.Fatalf("standard output is not one JSON object: %v: %s", e, stdout.String())
	}
	for key, want := range map[string]any{"code": float64(code), "kind": "InternalFailure", "requestId": "abc-123", "message": err.Error()} {
		if got["error"][key] != want {
			t.Errorf("error.%s = %v, want %v", key, got["error"][key], want)
		}
	}
	if !strings.Contains(stderr.String(), "kvsclip: error: ") || !strings.Contains(stderr.String(), "abc-123") {
		t.Errorf("standard error = %q, want the error and the request id", stderr.String())
	}
}
