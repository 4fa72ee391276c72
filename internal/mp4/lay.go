package mp4

import (
	"bytes"
	"fmt"
	"math"
	"time"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/Eyevinn/mp4ff/bits"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Options tune the layout of a file. The zero value is what kvsclip writes: ftyp, moov, mdat; 64-bit
// fields and version 1 of ctts only where they are needed.
type Options struct {
	MoovLast     bool // mdat before moov
	Force64      bool // co64 and a 64-bit size of mdat even if small
	CTTSVersion1 bool // ctts version 1 even if no composition offset is negative

	// Created is the creation time written, to the second. Zero means Movie.Created, and 0 is
	// written if that is zero too, or before 1904.
	Created time.Time

	Brand      string   // major brand; empty means isom
	Compatible []string // compatible brands; nil means iso2, mp41, and what the contents call for
}

// Lay lays m out as a file. It reads no media bytes, and the movie must not change as long as the
// file is in use. Errors name the track and the sample, both counted from 1 where they are counted.
//
// The first sample of a track must be decoded at 0: stts cannot say otherwise. A later start is
// what edit lists are for. Chapters beyond the first 255 are not written, nor what of a title does
// not fit 255 bytes: their box counts both in one.
func Lay(m *media.Movie, o Options) (*File, error) {
	if m.Timescale == 0 {
		return nil, malformed("movie: timescale 0")
	}
	l := layout{movie: m, options: o, created: o.Created}
	if l.created.IsZero() {
		l.created = m.Created
	}
	seen := map[uint32]bool{}
	for _, t := range m.Tracks {
		p, err := plan(m, t)
		if err == nil && seen[t.ID] {
			err = malformed("ID used twice")
		}
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.ID, err)
		}
		seen[t.ID] = true
		l.tracks = append(l.tracks, p)
	}
	return l.file()
}

// laidTrack is a track and what was worked out of it.
type laidTrack struct {
	*media.Track
	entries  [][]byte // sample entries
	edits    []media.Edit
	plays    int64 // ticks of the movie
	chunks   []chunk
	language string
	handler  string
}

// plan checks a track and works out all that does not depend on the place in the file.
func plan(m *media.Movie, t *media.Track) (*laidTrack, error) {
	if uint64(len(t.Samples)) > math.MaxUint32 || len(t.Configs) > maxConfigs {
		return nil, unsupported("%d samples, %d sample entries", len(t.Samples), len(t.Configs))
	}
	if len(t.Samples) > 0 && t.Samples[0].Time != 0 {
		return nil, unsupported("first sample at tick %d: want 0 and an edit", t.Samples[0].Time)
	}
	p, err := described(t)
	if err != nil {
		return nil, err
	}
	if p.chunks, err = cut(m, t); err != nil {
		return nil, err
	}
	p.edits, p.plays, err = resolve(t, m.Timescale)
	return p, err
}

// described checks and fills what a track says of all its samples.
func described(t *media.Track) (*laidTrack, error) {
	if t.ID == 0 || t.Timescale == 0 {
		return nil, malformed("timescale %d: neither it nor the ID may be 0", t.Timescale)
	}
	if t.Kind != media.Video && t.Kind != media.Audio && t.Kind != media.Text {
		return nil, unsupported("kind %q", t.Kind)
	}
	p := &laidTrack{Track: t, language: t.Language, handler: cleanName(t.Handler)}
	if !isLanguage(p.language) {
		p.language = undetermined
	}
	if p.handler == "" {
		p.handler = defaultHandler(t.Kind)
	}
	for i, c := range t.Configs {
		e, err := entryBytes(c)
		if err == nil && (c.Format == formatText) != (t.Kind == media.Text) {
			err = unsupported("sample entry %q in a track of %s", c.Format, t.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("configuration %d: %w", i+1, err)
		}
		p.entries = append(p.entries, e)
	}
	return p, nil
}

// defaultHandler is the handler name for tracks that have none: what ffmpeg writes.
func defaultHandler(k media.Kind) string {
	switch k {
	case media.Audio:
		return "SoundHandler"
	case media.Text:
		return "SubtitleHandler"
	}
	return "VideoHandler"
}

// layout is a movie on its way to a File.
type layout struct {
	movie   *media.Movie
	options Options
	created time.Time
	tracks  []*laidTrack
}

// file puts the chunks in order and makes the boxes around them.
func (l *layout) file() (*File, error) {
	chunks := make([][]chunk, len(l.tracks))
	for i, t := range l.tracks {
		chunks[i] = t.chunks
	}
	f := &File{layout: l}
	f.runs, f.media = place(chunks)
	ftyp, err := l.ftyp()
	if err != nil {
		return nil, err
	}
	moov, err := l.moov()
	if err != nil {
		return nil, err
	}
	mdat := mdatHeader(f.media, l.options.Force64)
	wide := l.options.Force64
	f.base = int64(len(ftyp) + len(mdat))
	if !l.options.MoovLast {
		f.base += l.sizeWith(moov, wide)
	}
	if f.base+f.media > math.MaxUint32 && !wide { // co64 makes moov longer, so nothing gets smaller
		wide = true
		if !l.options.MoovLast {
			f.base = int64(len(ftyp)+len(mdat)) + l.sizeWith(moov, wide)
		}
	}
	tables, err := l.encode(moov, f.base, wide)
	if err != nil {
		return nil, err
	}
	if l.options.MoovLast {
		f.head, f.tail = join(ftyp, mdat), tables
	} else {
		f.head = join(ftyp, tables, mdat)
	}
	return f, nil
}

// sizeWith returns how many bytes moov will have once the chunk offsets are in it.
func (l *layout) sizeWith(moov *boxes.MoovBox, wide bool) int64 {
	size := int64(moov.Size())
	width := int64(4)
	if wide {
		width = 8
	}
	for _, t := range l.tracks {
		size += shortHeader + 8 + width*int64(len(t.chunks))
	}
	return size
}

// encode adds the chunk offsets to moov and encodes it.
func (l *layout) encode(moov *boxes.MoovBox, base int64, wide bool) ([]byte, error) {
	for i, trak := range moov.Traks {
		trak.Mdia.Minf.Stbl.AddChild(offsetsOf(l.tracks[i].chunks, base, wide))
	}
	if size := moov.Size(); size > math.MaxUint32 {
		return nil, unsupported("moov of %d bytes", size)
	}
	w := bits.NewFixedSliceWriter(int(moov.Size()))
	if err := moov.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("moov: %w", err)
	}
	return w.Bytes(), nil
}

// ftyp encodes the file type box (4.3). ISO brands are listed as the contents call for them: iso4
// for signed composition offsets, avc1 for H.264.
func (l *layout) ftyp() ([]byte, error) {
	major, compatible := l.options.Brand, l.options.Compatible
	if major == "" {
		major = "isom"
	}
	if compatible == nil {
		compatible = l.brands(major)
	}
	for _, b := range append([]string{major}, compatible...) {
		if err := mustBeFour("brand", b); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := boxes.NewFtyp(major, 512, compatible).Encode(&b)
	return b.Bytes(), err
}

func (l *layout) brands(major string) []string {
	brands := []string{major, "iso2"}
	avc, signed := false, false
	for _, t := range l.tracks {
		for _, c := range t.Configs {
			avc = avc || configBox(c.Format) == "avcC"
		}
		signed = signed || hasNegativeShift(t.Track)
	}
	if signed || l.options.CTTSVersion1 {
		brands = append(brands, "iso4")
	}
	if avc {
		brands = append(brands, "avc1")
	}
	return append(brands, "mp41")
}

func hasNegativeShift(t *media.Track) bool {
	for i := range t.Samples {
		if t.Samples[i].Shift < 0 {
			return true
		}
	}
	return false
}

// mdatHeader returns the header of mdat for so many media bytes.
func mdatHeader(size int64, wide bool) []byte {
	wide = wide || size > math.MaxUint32-shortHeader
	n := shortHeader
	if wide {
		n = longHeader
	}
	w := bits.NewFixedSliceWriter(n)
	// The writer's room is exact and the size fits, so there is no error to see.
	_ = boxes.EncodeHeaderWithSizeSW("mdat", uint64(size)+uint64(n), wide, w)
	return w.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
