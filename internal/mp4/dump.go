package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Dump writes m as text for people and goldens: the same movie always gives the same text. Samples
// that differ in nothing but place, time and size, and lie one after the other, share a line.
func Dump(w io.Writer, m *media.Movie) error {
	b := &bytes.Buffer{}
	fmt.Fprintf(b, "movie timescale %d", m.Timescale)
	if !m.Created.IsZero() {
		fmt.Fprintf(b, " created %s", m.Created.UTC().Format(time.RFC3339Nano))
	}
	fmt.Fprintln(b)
	for _, c := range m.Chapters {
		fmt.Fprintf(b, "chapter at %v: %q\n", c.At, c.Title)
	}
	for i, s := range m.Sources {
		fmt.Fprintf(b, "source %d: %d bytes\n", i, s.Size)
	}
	for _, t := range m.Tracks {
		dumpTrack(b, t)
	}
	_, err := b.WriteTo(w)
	return err
}

func dumpTrack(b *bytes.Buffer, t *media.Track) {
	fmt.Fprintf(b, "track %s\n", header(t))
	for i, c := range t.Configs {
		fmt.Fprintf(b, "  configuration %d: %s\n", i, configLine(c))
	}
	for _, e := range t.Edits {
		fmt.Fprintf(b, "  edit from %d for %d\n", e.Media, e.Duration)
	}
	for i := 0; i < len(t.Samples); {
		n := alike(t, i)
		dumpSamples(b, t, i, n)
		i += n
	}
}

// configLine tells one configuration; bytes as length and CRC-32.
func configLine(c media.Config) string {
	s := c.Format
	if c.Width != 0 || c.Height != 0 {
		s += fmt.Sprintf(" %dx%d", c.Width, c.Height)
	}
	if c.Channels != 0 || c.SampleRate != 0 {
		s += fmt.Sprintf(" %d channels %d Hz", c.Channels, c.SampleRate)
	}
	return s + fmt.Sprintf(" private %d:%08x entry %d:%08x",
		len(c.Private), crc32.ChecksumIEEE(c.Private), len(c.Entry), crc32.ChecksumIEEE(c.Entry))
}

// alike counts the samples from i on that share a line.
func alike(t *media.Track, i int) int {
	n := 1
	for ; i+n < len(t.Samples); n++ {
		a, b := t.Samples[i+n-1], t.Samples[i+n]
		if b.Offset != a.Offset+int64(a.Size) || b.Shift != a.Shift || b.Sync != a.Sync ||
			b.Config != a.Config || b.Source != a.Source || t.Duration(i+n) != t.Duration(i) {
			break
		}
	}
	return n
}

// dumpSamples writes the line of n samples from i on: where they are and when, then their sizes as
// total and, for more than one, the CRC-32 of all of them, so that no two tables look the same.
func dumpSamples(b *bytes.Buffer, t *media.Track, i, n int) {
	s := t.Samples[i]
	fmt.Fprintf(b, "  samples %d+%d: time %d duration %d shift %d", i+1, n, s.Time, t.Duration(i), s.Shift)
	if s.Sync {
		fmt.Fprint(b, " sync")
	}
	if s.Config != 0 {
		fmt.Fprintf(b, " configuration %d", s.Config)
	}
	sum, total := uint32(0), int64(0)
	for _, s := range t.Samples[i : i+n] {
		sum = crc32.Update(sum, crc32.IEEETable, binary.BigEndian.AppendUint32(nil, s.Size))
		total += int64(s.Size)
	}
	fmt.Fprintf(b, " source %d at %d bytes %d", s.Source, s.Offset, total)
	if n > 1 {
		fmt.Fprintf(b, " sizes %08x", sum)
	}
	fmt.Fprintln(b)
}
