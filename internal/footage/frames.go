package footage

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
)

// WriteFrames writes a line of JSON for each sample of pictures and sound in a file, track by track, in
// the order of the file's tables:
//
//	{"output":"clip.mp4","track":1,"kind":"video","sample":1,"producer":"...Z","server":"...Z",
//	 "fileMs":0,"offset":1234,"bytes":567,"sync":true,"fragment":"9134...","shown":true}
//
// output is the file's name, and m describes the file itself, so that offset and bytes are where the
// sample lies in it. producer and server are when it was taken (RFC 3339, UTC), fragment is where it
// came from; they are left out where that is not known, as of silence that fills a hole. fileMs is its
// presentation time in the file, to the microsecond. What the edit list hides is not shown; it has the
// time it would have beside what is shown, which is negative before the start.
func WriteFrames(w io.Writer, output string, m *media.Movie, runs []origin.Run) error {
	b := bufio.NewWriterSize(w, 64<<10)
	of := byTrack(runs)
	for _, t := range m.Tracks {
		if t.Kind == media.Text {
			continue
		}
		f := frames{view: viewOf(m, t), runs: of[t.ID], head: head(output, t)}
		if err := f.write(b); err != nil {
			return fmt.Errorf("telling the samples of %q: %w", output, err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("telling the samples of %q: %w", output, err)
	}
	return nil
}

// byTrack sorts runs by the track they belong to and the samples they begin with.
func byTrack(runs []origin.Run) map[uint32][]origin.Run {
	of := map[uint32][]origin.Run{}
	for _, r := range runs {
		of[r.Track] = append(of[r.Track], r)
	}
	for _, rs := range of {
		slices.SortStableFunc(rs, func(a, b origin.Run) int { return cmp.Compare(a.First, b.First) })
	}
	return of
}

// head is what all lines of a track begin with.
func head(output string, t *media.Track) string {
	return fmt.Sprintf(`{"output":%s,"track":%d,"kind":%s,"sample":`, quoted(output), t.ID, quoted(string(t.Kind)))
}

// quoted is s in JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // strings always can be told
		return `""`
	}
	return string(b)
}

// frames tells the samples of one track.
type frames struct {
	view
	runs []origin.Run // those not yet behind the sample that is told
	head string
	line []byte
}

func (f *frames) write(w io.Writer) error {
	for i := range f.track.Samples {
		for len(f.runs) > 0 && f.runs[0].First-1+f.runs[0].Samples <= i {
			f.runs = f.runs[1:]
		}
		var r origin.Run
		if len(f.runs) > 0 && f.runs[0].First <= i+1 {
			r = f.runs[0]
		}
		f.append(i, r)
		if _, err := w.Write(f.line); err != nil {
			return err
		}
	}
	return nil
}

// append makes the line of sample i, which lies in r. By hand: a day has millions of lines.
func (f *frames) append(i int, r origin.Run) {
	s := f.track.Samples[i]
	at, shown := f.sample(i)
	b := append(f.line[:0], f.head...)
	b = strconv.AppendInt(b, int64(i)+1, 10)
	if r.First > 0 {
		b = appendTime(b, `,"producer":"`, f.wall(r, i, archive.Producer))
		b = appendTime(b, `,"server":"`, f.wall(r, i, archive.Server))
	}
	b = appendMs(append(b, `,"fileMs":`...), at)
	b = strconv.AppendInt(append(b, `,"offset":`...), s.Offset, 10)
	b = strconv.AppendUint(append(b, `,"bytes":`...), uint64(s.Size), 10)
	b = strconv.AppendBool(append(b, `,"sync":`...), s.Sync || f.track.Kind == media.Audio)
	if r.Fragment.Number != "" {
		b = append(append(b, `,"fragment":`...), quoted(r.Fragment.Number)...)
	}
	b = strconv.AppendBool(append(b, `,"shown":`...), shown)
	f.line = append(b, "}\n"...)
}

// appendTime appends a key and a time, or nothing if the time is not known.
func appendTime(b []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return append(t.UTC().AppendFormat(append(b, key...), wallForm), '"')
}

// appendMs appends milliseconds, with as many of three decimals as are needed.
func appendMs(b []byte, d time.Duration) []byte {
	us := d.Round(time.Microsecond).Microseconds()
	if us < 0 {
		b, us = append(b, '-'), -us
	}
	b = strconv.AppendInt(b, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
