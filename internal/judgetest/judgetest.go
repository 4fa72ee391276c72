// Package judgetest holds judges for tests: what ffmpeg and a browser see and hear in a finished clip. It
// knows how a synthetic film marks its pictures and seconds but shares no code with the film's
// encoder or with our own readers, so none of them can vouch for itself.
//
// All times are on the presentation timeline of the file: edit lists are honoured, and what they
// cut away is neither seen nor heard.
package judgetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// ffmpeg decodes one stream of the file at path through filter and gives the decoded bytes to
// read. It returns what showinfo or ashowinfo in the filter said, frame by frame.
func ffmpeg(t testing.TB, path, stream, filter, format string, read func(io.Reader) error) []shown {
	t.Helper()
	var frames []shown
	line := func(text string) {
		if f, ok := parseShown(text); ok {
			frames = append(frames, f)
		}
	}
	run(t, read, line, "ffmpeg", "-nostdin", "-nostats", "-hide_banner", "-loglevel", "level+info", "-copyts",
		"-i", path, "-map", "0:"+stream, "-fps_mode", "passthrough", "-filter:"+stream[:1], filter,
		"-enc_time_base", "1:1000000", // its own, a tick a picture, makes irregular pictures collide
		"-f", format, "-")
	return frames
}

// run starts a program, gives its output to read, and each line it logs to line. Both have ended
// when it returns. It stops the test unless the program ended well and complained of nothing. The
// program must log with "-loglevel level+...".
func run(t testing.TB, read func(io.Reader) error, line func(string), name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install ffmpeg, or run make test, which does", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	log := &logLines{line: line}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	readErr := read(out)
	if readErr != nil {
		cancel() // it may be blocked on a pipe nobody reads
	}
	if err := cmd.Wait(); err != nil || readErr != nil || log.complaints.Len() > 0 {
		t.Fatalf("%s %s: %v, reading its output: %v\n%s", name, strings.Join(args, " "), err, readErr, &log.complaints)
	}
}

// logLines cuts what a program logs into lines, and sets its complaints aside.
type logLines struct {
	line       func(string)
	rest       []byte // of a line that has not ended
	complaints strings.Builder
}

// mostComplaints is how many bytes of complaints are kept: enough to see what is wrong.
const mostComplaints = 4000

// Write takes some bytes of the log. A line without an end is dropped: programs end theirs.
func (l *logLines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.take(string(line))
		l.rest = rest
	}
}

// take hands one line on.
func (l *logLines) take(line string) {
	for _, level := range [...]string{"[error]", "[fatal]", "[panic]"} {
		if strings.Contains(line, level) && l.complaints.Len() < mostComplaints {
			fmt.Fprintln(&l.complaints, line)
		}
	}
	l.line(line)
}

// shown is what the filter showinfo or ashowinfo says of one frame.
type shown struct {
	pts     int64 // nanoseconds: every filter here sets that timebase before
	samples int   // PCM samples; audio only
	rate    int   // PCM samples per second; audio only
}

// parseShown reads a line such as "[Parsed_showinfo_3 @ 0x5] [info] n:  0 pts:  40 pts_time:...".
func parseShown(line string) (shown, bool) {
	_, text, ok := strings.Cut(line, " pts:")
	if !ok || !strings.Contains(line, "showinfo") {
		return shown{}, false
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return shown{}, false
	}
	pts, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return shown{}, false
	}
	f := shown{pts: pts}
	for _, word := range words {
		switch key, value, _ := strings.Cut(word, ":"); key {
		case "nb_samples":
			f.samples, _ = strconv.Atoi(value)
		case "rate":
			f.rate, _ = strconv.Atoi(value)
		}
	}
	return f, true
}
