// Package ffmpeg joins clips with the machine's ffmpeg program, for people who want what AWS's
// sample script does. Nothing else of kvsclip needs that program.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMissing means that there is no ffmpeg on the PATH.
var ErrMissing = errors.New("the ffmpeg program was not found")

// maxMessage bounds how much of ffmpeg's own words an error repeats, in bytes from the end.
const maxMessage = 500

// Concat joins clips to out, an MP4 file, without decoding. What it leaves on failure is removed.
func Concat(ctx context.Context, clips []string, out string) error {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return fmt.Errorf("%w: install it, or join natively", ErrMissing)
	}
	list, err := writeList(clips)
	if err != nil {
		return err
	}
	defer os.Remove(list)
	cmd := exec.CommandContext(ctx, program, "-nostdin", "-v", "error", "-y",
		"-f", "concat", "-safe", "0", "-i", list, "-c", "copy", "-movflags", "+faststart", out)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		os.Remove(out)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("ffmpeg: %w: %s", err, lastWords(said.String()))
	}
	return os.Chmod(out, 0o600)
}

// writeList writes the concat demuxer's script; ffmpeg reads names there between single quotes.
func writeList(clips []string) (string, error) {
	f, err := os.CreateTemp("", "kvsclip-*.txt")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, c := range clips {
		abs, err := filepath.Abs(c)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(f, "file '%s'\n", strings.ReplaceAll(filepath.ToSlash(abs), "'", `'\''`))
	}
	return f.Name(), f.Sync()
}

func lastWords(s string) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-maxMessage):]
}
