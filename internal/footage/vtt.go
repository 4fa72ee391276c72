package footage

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// WriteVTT writes the texts of Clock as captions (WebVTT, www.w3.org/TR/webvtt1): a cue for each second
// on the clock, and none where the time is not known. The stream is named in a note.
func WriteVTT(w io.Writer, m *media.Movie, runs []origin.Run, stream string, o ClockOptions) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "WEBVTT\n\nNOTE stream %s, %s time\n", note(stream), o.Clock)
	for _, s := range spells(m, runs, o.Clock) {
		if text := o.text(s.second); text != "" {
			fmt.Fprintf(b, "\n%s --> %s\n%s\n", vttTime(s.from), vttTime(s.to), text)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing captions: %w", err)
	}
	return nil
}

// vttTime tells milliseconds as hours, which may have more than two digits, minutes and seconds.
func vttTime(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// note makes a text fit for a note: without line ends and the arrow of a cue.
func note(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.ReplaceAll(s, "-->", "-- >")
}
