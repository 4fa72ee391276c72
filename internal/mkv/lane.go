package mkv

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// How long a frame lasts that is alone in its track, and of which nothing else tells: guesses.
const (
	lonePicture = 40 * time.Millisecond
	loneSound   = 20 * time.Millisecond
)

// defaultLanguage is a track's where none is told (RFC 9559, 5.1.4.1.19).
const defaultLanguage = "eng"

// lane is one track of a part in the making.
type lane struct {
	number          uint64
	kind            media.Kind
	config          media.Config
	name, language  string
	defaultDuration int64 // nanoseconds; 0 if not told
	timescale       uint32

	// samples have decode times in ticks after the part's first fragment, and composition offsets
	// that may be negative.
	samples []media.Sample
	start   int64 // of the first sample: nothing is presented before it
	delay   int64 // by how much the offsets have to grow to be none below 0
}

// lanesOf returns the lanes of a fragment's tracks. inBand: what a configuration is was read from the
// fragment's frames, and may be another in the next.
func lanesOf(src media.Source, f *Fragment) (lanes []lane, inBand bool, err error) {
	for _, t := range f.Header.Tracks {
		l := lane{number: t.Number, name: t.Name, language: language(t.Language), defaultDuration: t.DefaultDuration}
		switch t.Type {
		case TypeVideo:
			l.kind = media.Video
		case TypeAudio:
			l.kind = media.Audio
		default:
			continue
		}
		if t.Number > math.MaxUint32 {
			return nil, false, fmt.Errorf("track number %d: %w", t.Number, ErrUnsupported)
		}
		codec, found := inBandCodec(t)
		if found {
			inBand = true
			l.config, err = inBandConfig(src, f, t, codec)
		} else {
			l.config, err = t.Config()
		}
		if err != nil {
			return nil, false, fmt.Errorf("track %d: %w", t.Number, err)
		}
		lanes = append(lanes, l)
	}
	return lanes, inBand, nil
}

// language returns a code that ISO files can hold (ISO 639-2/T).
func language(s string) string {
	s = cmp.Or(s, defaultLanguage)
	if len(s) != 3 || s[0] < 'a' || s[0] > 'z' || s[1] < 'a' || s[1] > 'z' || s[2] < 'a' || s[2] > 'z' {
		return "und"
	}
	return s
}

// follows says that frames from first on can follow in the lane, whose last one is at latest and
// lasts so long. Sound may overlap by less than a block: it is moved.
func (l *lane) follows(first, latest, last int64) bool {
	if l.kind == media.Audio {
		return first > latest-last
	}
	return first > latest
}

// append gives a run's frames their decode times.
func (l *lane) append(r *run) error {
	decode := r.times
	if l.kind == media.Video && !slices.IsSorted(decode) {
		decode = slices.Clone(decode)
		slices.Sort(decode)
	}
	keyless := !slices.ContainsFunc(r.blocks, func(b Block) bool { return b.Key })
	for i, b := range r.blocks {
		t := decode[i]
		if n := len(l.samples); n > 0 {
			t = max(t, l.samples[n-1].Time+1)
		} else {
			l.start = t
		}
		shift := int64(0)
		if l.kind == media.Video {
			shift = r.times[i] - t
		}
		if shift < -math.MaxInt32/4 || shift > math.MaxInt32/4 {
			return fmt.Errorf("byte %d: a picture %d ticks of 1/%d s out of order: %w", b.Offset, shift, l.timescale, ErrUnsupported)
		}
		if b.Size > math.MaxUint32 {
			return fmt.Errorf("byte %d: a frame of %d bytes: %w", b.Offset, b.Size, ErrMalformed)
		}
		l.delay = max(l.delay, -shift)
		l.samples = append(l.samples, media.Sample{
			Offset: b.Offset, Size: uint32(b.Size), Time: t, Shift: int32(shift),
			Sync: l.kind == media.Audio || b.Key || keyless && i == 0,
		})
	}
	return nil
}

// lasting returns how many ticks the last sample lasts: as long as the one before it, if nothing
// better is known. False: it is a guess.
func (l *lane) lasting() (int64, bool) {
	n := len(l.samples)
	if n == 0 {
		return 0, false
	}
	if ticks, ok := l.config.FrameTicks(l.timescale); ok {
		return max(1, int64(math.Round(ticks))), true
	}
	if n > 1 {
		return l.samples[n-1].Time - l.samples[n-2].Time, true
	}
	ns, known := l.defaultDuration, true
	if f := l.config.Format; f == "alaw" || f == "ulaw" { // a byte a sample
		ns = int64(l.samples[n-1].Size) * int64(time.Second) / int64(max(1, l.config.Channels*l.config.SampleRate))
	}
	if ns <= 0 || ns > int64(maxFragment) {
		ns, known = int64(lonePicture), false
		if l.kind == media.Audio {
			ns = int64(loneSound)
		}
	}
	return max(1, media.Rescale(ns, uint32(time.Second), l.timescale)), known
}

// track makes the track of a movie that begins at begin, in ticks after the part's first fragment.
// Decode times begin at 0, for sample tables cannot say otherwise; edits put the track in its place.
func (l *lane) track(begin int64) *media.Track {
	t := &media.Track{
		ID: uint32(l.number), Kind: l.kind, Timescale: l.timescale, Language: l.language, Handler: l.name,
		Configs: []media.Config{l.config}, Samples: l.samples,
	}
	n := len(l.samples)
	if n == 0 {
		return t
	}
	for i := range t.Samples {
		t.Samples[i].Time -= l.start
		t.Samples[i].Shift += int32(l.delay)
	}
	last, _ := l.lasting()
	t.End = t.Samples[n-1].Time + last
	if l.start > begin {
		t.Edits = append(t.Edits, media.Edit{Duration: l.start - begin, Media: -1})
	}
	if l.delay > 0 || l.start > begin {
		t.Edits = append(t.Edits, media.Edit{Media: l.delay})
	}
	return t
}
