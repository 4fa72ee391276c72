// Package ffmpeg lets the machine's ffmpeg program join clips, for people who want what AWS's
// sample script does, and decode single pictures. Nothing else of kvsclip needs that program.
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

// Check says whether there is an ffmpeg to be had: ErrMissing if not.
func Check() error {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return fmt.Errorf("%w: install it, or join natively", ErrMissing)
	}
	return nil
}

// Concat joins clips to out, an MP4 file, without decoding. What it leaves on failure is removed.
func Concat(ctx context.Context, clips []string, out string) error {
	if err := Check(); err != nil {
		return err
	}
	if err := os.WriteFile(out, nil, 0o600); err != nil { // ffmpeg keeps the mode of what it overwrites
		return err
	}
	list, err := writeList(clips)
	if err != nil {
		return err
	}
	defer os.Remove(list)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-y",
		"-f", "concat", "-safe", "0", "-i", list, "-c", "copy", "-movflags", "+faststart", "file:"+out)
	var said lastWords
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		os.Remove(out)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("ffmpeg: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// Still decodes the n-th picture, from 0 in playing order, of the file in to out, a file whose ending
// says what kind of picture it is.
func Still(ctx context.Context, in string, n int, out string) error {
	if err := Check(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "file:"+in, "-map", "0:v:0",
		"-vf", fmt.Sprintf(`select=eq(n\,%d)`, n), "-frames:v", "1", "-q:v", "2", "-update", "1", "file:"+out)
	var said lastWords
	cmd.Stderr = &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if st, missing := os.Stat(out); err != nil || missing != nil || st.Size() == 0 {
		return fmt.Errorf("ffmpeg made no picture: %w: %s", errors.Join(err, missing), bytes.TrimSpace(said))
	}
	return nil
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

// lastWords keeps the end of what is written to it, of maxMessage bytes.
type lastWords []byte

func (l *lastWords) Write(b []byte) (int, error) {
	*l = append(*l, b...)
	*l = (*l)[max(0, len(*l)-maxMessage):]
	return len(b), nil
}
