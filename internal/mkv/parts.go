package mkv

import (
	"fmt"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxMissing is how much may be missing between two fragments of one part.
const maxMissing = time.Second

// maxFragment is how long the service lets a fragment be. A single picture, of which nothing else
// tells how long it lasts, may last that long.
const maxFragment = 20 * time.Second

// Part is consecutive fragments that make one movie: the same tracks, rising producer times.
type Part struct {
	// Movie begins where the first sample is presented: at Movie.Created. Sound and picture lie
	// beside each other as they were taken.
	Movie     *media.Movie
	Fragments []*Fragment
	// Taken is when the first picture was taken, in the order of presentation, of the first track that
	// has any; without pictures, the first sound. It need not be the first fragment's producer time: sound can come before the
	// picture in a cluster, and pictures that are decoded after the first can be presented before it.
	Taken time.Time
}

// Parts makes movies of fragments, which all lie in src, in the order given. A new part begins where
// the tracks or their configurations differ, where a fragment does not begin after the last picture
// of the one before, or its sound more than a block before the end of the one before, and where more
// than a second is missing between them. Fragments without frames, or with an error, are left out.
//
// A fragment stands at its producer time, or if it has none, at its timecode since 1970. Where
// timecodes agree with producer times to the millisecond they are used, for they can be finer. A
// producer tells one time of each picture, its composition time, in the order of decoding; decode
// times are made of the same times, sorted. That can put decoding behind presentation: all
// composition offsets are then delayed alike, and an edit takes the delay away again. A track
// that begins later than the others has an empty edit.
//
// Tracks that are neither video nor audio are left out. H.264 and H.265 with start codes (ITU-T
// H.264, annex B) are read as if their NAL units had lengths of four bytes: such samples lie, by their
// offsets, behind the end of src, in the movie's only source. Errors wrap ErrMalformed or
// ErrUnsupported, or come from reading src, which happens only where H.264 or H.265 are in it.
func Parts(src media.Source, fs []*Fragment) ([]Part, error) {
	b := partition{src: src}
	for _, f := range fs {
		if f.Err != nil || f.Header == nil || len(f.Blocks) == 0 {
			continue
		}
		if err := b.add(f); err != nil {
			return nil, fmt.Errorf("fragment %s at byte %d: %w", f.Number, f.From, err)
		}
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	return b.parts, nil
}

// partition is parts in the making.
type partition struct {
	src   media.Source
	parts []Part
	now   *part // the last one, or nil
	seen  *Header
	lanes []lane // of seen, without samples
}

// add puts a fragment at the end of the present part, or begins a new one with it.
func (b *partition) add(f *Fragment) error {
	if err := b.look(f); err != nil {
		return err
	}
	if len(b.lanes) == 0 {
		return nil
	}
	if b.now != nil && b.now.alike(f.Header, b.lanes) {
		runs, err := b.now.runs(f)
		if err != nil {
			return err
		}
		if b.now.continues(runs) {
			return b.now.append(f, runs)
		}
	}
	if err := b.finish(); err != nil {
		return err
	}
	b.now = newPart(f, b.lanes)
	runs, err := b.now.runs(f)
	if err != nil {
		return err
	}
	return b.now.append(f, runs)
}

// look sets lanes to the tracks of f. Fragments that share a header share them, unless parameter sets
// come in band.
func (b *partition) look(f *Fragment) error {
	if b.seen == f.Header {
		return nil
	}
	lanes, inBand, err := lanesOf(b.src, f)
	if err != nil {
		return err
	}
	b.lanes, b.seen = lanes, f.Header
	if inBand {
		b.seen = nil
	}
	return nil
}

// finish makes a movie of the present part.
func (b *partition) finish() error {
	if b.now == nil {
		return nil
	}
	p := b.now
	b.now = nil
	m, err := p.movie(b.src)
	if err != nil {
		return fmt.Errorf("fragments from number %s on: %w", p.first.Number, err)
	}
	if m == nil {
		return nil
	}
	b.parts = append(b.parts, Part{Movie: m, Fragments: p.fragments, Taken: p.at(p.lead().start)})
	return nil
}

// part is fragments of the same tracks.
type part struct {
	first     *Fragment
	fragments []*Fragment
	timescale uint32
	perTick   int64 // ticks of the part in one of the cluster's
	lanes     []lane
}

// newPart begins a part. Its ticks are those of the clusters where a second is a whole number of
// them, and else nanoseconds.
func newPart(f *Fragment, lanes []lane) *part {
	p := &part{first: f, timescale: uint32(time.Second), perTick: f.Header.Scale}
	if int64(time.Second)%f.Header.Scale == 0 {
		p.timescale, p.perTick = uint32(int64(time.Second)/f.Header.Scale), 1
	}
	for _, l := range lanes {
		l.timescale = p.timescale
		p.lanes = append(p.lanes, l)
	}
	return p
}

// alike says that a fragment of a header and its tracks can follow in the part.
func (p *part) alike(h *Header, lanes []lane) bool {
	if h.Scale != p.first.Header.Scale || len(lanes) != len(p.lanes) {
		return false
	}
	for i := range lanes {
		a, b := &lanes[i], &p.lanes[i]
		if a.number != b.number || a.kind != b.kind || !a.config.Same(b.config) {
			return false
		}
	}
	return true
}

// run is the frames of one lane in one fragment.
type run struct {
	blocks []Block
	times  []int64 // of presentation, ticks after the part's first fragment
	first  int64   // the smallest of times
}

// runs sorts the blocks of f by track, and gives them their times.
func (p *part) runs(f *Fragment) ([]run, error) {
	at := p.place(f)
	runs := make([]run, len(p.lanes))
	for _, b := range f.Blocks {
		i := p.lane(b.Track)
		if i < 0 {
			if f.Header.track(b.Track) == nil {
				return nil, fmt.Errorf("byte %d: a block of track %d, which the header does not know: %w", b.Offset, b.Track, ErrMalformed)
			}
			continue
		}
		r := &runs[i]
		t := at + b.Time*p.perTick
		if len(r.times) == 0 || t < r.first {
			r.first = t
		}
		r.blocks, r.times = append(r.blocks, b), append(r.times, t)
	}
	return runs, nil
}

func (p *part) lane(number uint64) int {
	for i := range p.lanes {
		if p.lanes[i].number == number {
			return i
		}
	}
	return -1
}

// place returns where f stands, in ticks after the part's first fragment.
func (p *part) place(f *Fragment) int64 {
	const longest = math.MaxInt64 / 4 // 73 years: sums stay in range, and nobody's fragments go on so late
	apart := min(max(f.taken().Sub(p.first.taken()), -longest), longest)
	ticks := f.Timecode - p.first.Timecode
	if exact := time.Duration(ticks * p.first.Header.Scale); (apart - exact).Abs() <= time.Millisecond {
		return ticks * p.perTick
	}
	return media.Rescale(int64(apart), uint32(time.Second), p.timescale)
}

// taken is when the fragment's cluster began, on the producer's clock.
func (f *Fragment) taken() time.Time {
	if !f.Producer.IsZero() {
		return f.Producer
	}
	return time.Unix(0, f.Timecode*f.Header.Scale).UTC()
}

// continues says that a fragment's runs go on where the part ends.
func (p *part) continues(runs []run) bool {
	begin, end := int64(math.MaxInt64), int64(math.MinInt64)
	allowed := maxMissing
	for i := range runs {
		l, r := &p.lanes[i], &runs[i]
		last, known := l.lasting()
		if n := len(l.samples); n > 0 {
			latest := l.samples[n-1].Time
			if len(r.times) > 0 && !l.follows(r.first, latest, last) {
				return false
			}
			end = max(end, latest+last)
			if !known {
				allowed = maxFragment
			}
		}
		if len(r.times) > 0 {
			begin = min(begin, r.first)
		}
	}
	missing := media.Rescale(int64(allowed), uint32(time.Second), p.timescale)
	return end == math.MinInt64 || begin == math.MaxInt64 || begin-end <= missing
}

func (p *part) append(f *Fragment, runs []run) error {
	for i := range runs {
		if err := p.lanes[i].append(&runs[i]); err != nil {
			return err
		}
	}
	p.fragments = append(p.fragments, f)
	return nil
}

// at is the time at a tick after the part's first fragment.
func (p *part) at(tick int64) time.Time {
	return p.first.taken().Add(time.Duration(media.Rescale(tick, p.timescale, uint32(time.Second))))
}

// begins is when the first sample is presented, in ticks after the part's first fragment. False: there
// is none.
func (p *part) begins() (tick int64, ok bool) {
	tick = math.MaxInt64
	for i := range p.lanes {
		if l := &p.lanes[i]; len(l.samples) > 0 {
			tick = min(tick, l.start)
		}
	}
	return tick, tick < math.MaxInt64
}

// lead is the first lane of pictures, or without pictures that of sound; the part has samples.
func (p *part) lead() *lane {
	var lead *lane
	for i := range p.lanes {
		if l := &p.lanes[i]; len(l.samples) > 0 && (lead == nil || lead.kind != media.Video && l.kind == media.Video) {
			lead = l
		}
	}
	return lead
}

// movie makes the movie of the part's samples; nil if it has none.
func (p *part) movie(src media.Source) (*media.Movie, error) {
	begin, ok := p.begins()
	if !ok {
		return nil, nil
	}
	source, err := lengthPrefixed(src, p.lanes)
	if err != nil {
		return nil, err
	}
	m := &media.Movie{Sources: []media.Source{source}, Timescale: p.timescale}
	m.Created = p.at(begin)
	for i := range p.lanes {
		m.Tracks = append(m.Tracks, p.lanes[i].track(begin))
	}
	return m, nil
}
