package mkv

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// textHead is how many bytes lie before the text of a tx3g sample: its length (3GPP TS 26.245, 5.17).
const textHead = 2

// longest is the longest time that a movie may have: nanoseconds of it fit 64 bits many times.
const longest = int64(20 * 365 * 24 * time.Hour)

// laidTrack is a track and what was worked out of it. Times are nanoseconds of the movie's
// presentation.
type laidTrack struct {
	*media.Track
	entry Track
	first int   // samples before are left out
	media int64 // composition time, in ticks of the track, that is presented at shown
	shown int64
	delay int64    // that a decoder takes off the times of blocks (CodecDelay)
	early int64    // least composition offset, in ticks
	sets  [][]byte // in front of samples, by configuration; nil: nothing is
	texts []uint16 // bytes of text by sample; nil: samples are written whole
}

// track checks a track and works out all that does not depend on other tracks.
func (f *File) track(t *media.Track, number uint64) (*laidTrack, error) {
	l := &laidTrack{Track: t}
	if t.Timescale == 0 || len(t.Configs) == 0 {
		return nil, fmt.Errorf("timescale %d, %d configurations: neither may be 0: %w", t.Timescale, len(t.Configs), ErrMalformed)
	}
	for i := range t.Samples {
		if err := f.check(t, i); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i+1, err)
		}
		if shift := int64(t.Samples[i].Shift); i == 0 || shift < l.early {
			l.early = shift
		}
	}
	if err := l.place(f.movie.Timescale); err != nil {
		return nil, err
	}
	if err := l.configure(number, f.options.InBand); err != nil {
		return nil, err
	}
	return l, l.readTexts(f.movie.Sources)
}

// check holds sample i against what media.Track promises and a file can say.
func (f *File) check(t *media.Track, i int) error {
	s := &t.Samples[i]
	if int(s.Source) >= len(f.movie.Sources) || int(s.Config) >= len(t.Configs) {
		return fmt.Errorf("source %d of %d, configuration %d of %d: %w", s.Source, len(f.movie.Sources), s.Config, len(t.Configs), ErrMalformed)
	}
	if size := f.movie.Sources[s.Source].Size; s.Offset < 0 || s.Offset > size || int64(s.Size) > size-s.Offset {
		return fmt.Errorf("%d bytes at %d in source %d of %d bytes: %w", s.Size, s.Offset, s.Source, size, io.ErrUnexpectedEOF)
	}
	if d := t.Duration(i); d < 1 || s.Time < 0 || t.End/int64(t.Timescale) > longest/int64(time.Second) {
		return fmt.Errorf("decode time %d ticks of 1/%d s, duration %d: %w", s.Time, t.Timescale, d, ErrUnsupported)
	}
	return nil
}

// place reads the edit list: empty edits, then one of any length.
func (l *laidTrack) place(movieScale uint32) error {
	delay, placed := int64(0), false
	for _, e := range l.Edits {
		switch {
		case e.Duration < 0 || e.Duration/int64(movieScale) > longest/int64(time.Second) || e.Media/int64(l.Timescale) > longest/int64(time.Second):
			return fmt.Errorf("edit of %d from %d: %w", e.Duration, e.Media, ErrMalformed)
		case placed:
			return fmt.Errorf("an edit list of more than a delay and one span, which Matroska cannot show: %w", ErrUnsupported)
		case e.Media < 0:
			delay = min(delay+e.Duration, math.MaxInt64/2)
		default:
			l.media, placed = e.Media, true
		}
	}
	if delay/int64(movieScale) > longest/int64(time.Second) {
		return fmt.Errorf("a delay of %d ticks of 1/%d s: %w", delay, movieScale, ErrUnsupported)
	}
	l.shown = media.Rescale(delay, movieScale, nanosecond)
	return nil
}

// at is when sample i is presented, plus what decoders take off.
func (l *laidTrack) at(i int) int64 { return l.nanos(l.Composition(i)) }

// lasts is the decode duration of sample i.
func (l *laidTrack) lasts(i int) int64 {
	return media.Rescale(l.Duration(i), l.Timescale, nanosecond)
}

// turn is by what blocks of all tracks are put in order: rising with each sample of the track, and
// never after the sample is presented.
func (l *laidTrack) turn(i int) int64 { return l.nanos(l.Samples[i].Time + l.early) }

func (l *laidTrack) nanos(composition int64) int64 {
	return media.Rescale(composition-l.media, l.Timescale, nanosecond) + l.shown + l.delay
}

// begin is when the first sample in composition order is presented.
func (l *laidTrack) begin() int64 {
	begin := int64(math.MaxInt64)
	for i := l.first; i < len(l.Samples); i++ {
		if l.turn(i) >= begin {
			break
		}
		begin = min(begin, l.at(i))
	}
	return begin
}

// dropHidden leaves out samples that are hidden and begin before the first picture, but for the last
// hidden one: a decoder of sound needs it for the one after.
func (l *laidTrack) dropHidden(picture int64) {
	for n := l.first + 1; n < len(l.Samples) && l.at(n)+l.lasts(n) <= l.shown+l.delay && l.at(l.first) < picture; n++ {
		l.first = n
	}
}

// configure makes the TrackEntry, of the configuration of the first sample.
func (l *laidTrack) configure(number uint64, inBand bool) error {
	first := 0
	if len(l.Samples) > 0 {
		first = int(l.Samples[0].Config)
	}
	entry, err := fileTrack(l.Configs[first], l.Kind, number)
	if err != nil {
		return err
	}
	entry.Name, entry.Language = text([]byte(strings.ToValidUTF8(l.Handler, ""))), language(cmp.Or(l.Language, "und"))
	l.entry = entry
	if entry.CodecID == codecOpus {
		l.delay = opusDelay(entry.Private)
	}
	if l.alike(first) {
		return nil
	}
	if !inBand {
		return fmt.Errorf("%d configurations: %w", len(l.Configs), ErrSeveral)
	}
	return l.putInBand(first)
}

// fileTrack is TrackOf with the true bytes per second of G.711, in place of the producers'.
func fileTrack(c media.Config, k media.Kind, number uint64) (Track, error) {
	t, err := TrackOf(c, k, number)
	if err == nil && t.CodecID == codecACM && c.Format != "" {
		t.Private = waveFormat(c, c.Channels*c.SampleRate, 8)
	}
	if t.Type == TypeAudio { // what readers take nothing told for
		t.Channels, t.SampleRate = orElse(t.Channels, 1), orElse(t.SampleRate, 8000)
	}
	return t, err
}

// alike says that all configurations in use are the same to a decoder.
func (l *laidTrack) alike(first int) bool {
	want, _ := TrackOf(l.Configs[first], l.Kind, 1)
	seen := make([]bool, len(l.Configs))
	for i := range l.Samples {
		n := l.Samples[i].Config
		if seen[n] {
			continue
		}
		seen[n] = true
		if got, err := TrackOf(l.Configs[n], l.Kind, 1); err != nil || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}

// putInBand makes the parameter sets of each configuration, with lengths as the samples have them. All
// configurations must be of one codec, with lengths of one size.
func (l *laidTrack) putInBand(first int) error {
	codec, ok := codecOf(l.entry.CodecID)
	if !ok {
		return fmt.Errorf("%d configurations of %s: %w", len(l.Configs), l.entry.CodecID, ErrSeveral)
	}
	_, width, err := codec.sets(l.entry.Private)
	if err != nil {
		return err
	}
	l.sets = make([][]byte, len(l.Configs))
	for n, c := range l.Configs {
		t, err := TrackOf(c, l.Kind, 1)
		if err != nil || t.CodecID != l.entry.CodecID {
			return fmt.Errorf("configurations %d and %d: %w", first+1, n+1, errors.Join(ErrSeveral, err))
		}
		sets, size, err := codec.sets(t.Private)
		if err != nil || size != width {
			return fmt.Errorf("configurations %d and %d: %w", first+1, n+1, errors.Join(ErrSeveral, err))
		}
		for _, s := range sets {
			l.sets[n] = appendNAL(l.sets[n], s, width)
		}
	}
	return nil
}

// appendNAL appends a NAL unit behind its length of width bytes.
func appendNAL(dst, nal []byte, width int) []byte {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(nal)))
	return append(append(dst, length[4-width:]...), nal...)
}

// front is what is put before the bytes of sample i: the parameter sets, where the configuration
// changes and wherever decoding can start, for a decoder may come there from another one.
func (l *laidTrack) front(i int) []byte {
	s := &l.Samples[i]
	if l.sets == nil || !s.Sync && i > l.first && l.Samples[i-1].Config == s.Config {
		return nil
	}
	return l.sets[s.Config]
}

// readTexts finds how long the texts of tx3g samples are. What styles lie behind a text is left out.
func (l *laidTrack) readTexts(sources []media.Source) error {
	if l.Configs[0].Format != "tx3g" {
		return nil
	}
	l.texts = make([]uint16, len(l.Samples))
	var b [textHead]byte
	for i := range l.Samples {
		s := &l.Samples[i]
		if s.Size < textHead {
			continue
		}
		if err := readFull(sources[s.Source], b[:], s.Offset); err != nil {
			return fmt.Errorf("sample %d: length of text: %w", i+1, err)
		}
		l.texts[i] = uint16(min(uint32(binary.BigEndian.Uint16(b[:])), s.Size-textHead))
	}
	return nil
}

// payload is where the bytes of sample i lie that are written.
func (l *laidTrack) payload(i int) (offset, size int64) {
	s := &l.Samples[i]
	if l.texts != nil {
		return s.Offset + textHead, int64(l.texts[i])
	}
	return s.Offset, int64(s.Size)
}

// opusDelay is the time that decoders leave out at the beginning (RFC 7845, 5.1), in nanoseconds. Block
// times count from before it (RFC 9559, 5.1.4.1.25).
func opusDelay(head []byte) int64 {
	const preSkip = 10
	if len(head) < preSkip+2 {
		return 0
	}
	return int64(binary.LittleEndian.Uint16(head[preSkip:])) * int64(time.Second) / 48000
}
