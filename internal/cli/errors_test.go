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

// Advice is such as the command can follow.
func TestExplainWhatCannotBeHad(t *testing.T) {
	lost := fmt.Errorf("piece 1: %w", clip.ErrIncomplete)
	refused := fmt.Errorf("%w: %w", lost, &kvs.Error{Op: "GetClip", Code: "UnsupportedStreamMediaTypeException", Status: 400})
	for _, c := range []struct {
		name, command string
		err           error
		hint, not     string
	}{
		{"a file", "kvsclip get", lost, "--allow-incomplete writes the clip", "name a file"},
		{"a pipe", "kvsclip get", pipedError{lost}, "name a file with -o", "finished pieces are kept"},
		{"a picture", "kvsclip still", lost, "--at", "--allow-incomplete"},
		{"GetClip alone", "kvsclip get", refused, "--engine auto", "--allow-incomplete"},
		{"a pipe that cannot change", "kvsclip get", pipedError{clip.ErrCannotJoin}, "name a file", "--merge none"},
		{"a pipe and a full disk", "kvsclip get", pipedError{fmt.Errorf("%w: %w", clip.ErrLocal, diskFull)}, "temporary files", "to go on"},
	} {
		if _, _, hint := explain(t.Context(), c.command, c.err); !strings.Contains(hint, c.hint) || strings.Contains(hint, c.not) {
			t.Errorf("%s: %q; want %q, and not %q", c.name, hint, c.hint, c.not)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, hint := explain(ctx, "kvsclip get", pipedError{ctx.Err()}); hint != again {
		t.Errorf("an interrupted pipe: %q", hint)
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
