package mp4

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Fragmenter writes a movie as movie fragments while it comes (ISO/IEC 14496-12, 8.8): for pipes
// and for HLS. It holds one buffer of media bytes and the tables of one movie fragment. One
// goroutine at a time may use it; after an error nothing but Size may be called.
//
// Of an edit list the empty edits go into the decode times and the start stays an edit, both as
// browsers understand them. When the media ends is told by the samples alone. Players of movie
// fragments show what an edit list hides at the start, or do not, as they please.
type Fragmenter struct {
	// InBand lets configurations of H.264 and H.265 come that Init did not know. The sample entry
	// is then avc3 or hev1, of the first configuration, and whatever needs another one has its
	// parameter sets in band. It is set before Init.
	InBand bool
	// Repeat lets every sync sample of H.264 and H.265 bring its parameter sets along, as well as
	// the sample entry: for readers that take no second moov, as ffmpeg's of HLS.
	Repeat bool

	w        io.Writer
	written  int64
	sequence uint32 // of the last movie fragment
	tracks   map[uint32]*fragmentTrack
	pictures bool   // there is a track of video
	buf      []byte // media bytes on their way
}

// Segment is one movie fragment as it was written: moof and mdat.
type Segment struct {
	Offset, Size int64 // bytes, from the first that this Fragmenter wrote
	// Start is the presentation time of its first picture, or sound without one; negative for what
	// the edit list hides.
	Start time.Duration
	// Duration reaches to the Start of the next that the same Write wrote, or to where the longest
	// track ends; less than 100 ms of sound past the last picture do not count.
	Duration    time.Duration
	Independent bool // decoding can start here: its first picture is a sync sample
}

// fragmentTrack is what is known of a track from Init on.
type fragmentTrack struct {
	kind      media.Kind
	timescale uint32
	configs   []media.Config
	entries   int   // how many of configs have a sample entry
	delay     int64 // ticks of empty edits, which are added to decode times
	skip      int64 // composition time at which the presentation starts
	lift      int64 // ticks added to composition offsets and taken away by the edit
	next      int64 // least decode time of the next sample
	last      int   // configuration of the last sample
	changed   bool  // a configuration without a sample entry was used
}

// NewFragmenter returns a Fragmenter that writes to w.
func NewFragmenter(w io.Writer) *Fragmenter { return &Fragmenter{w: w} }

// Size returns how many bytes were written so far.
func (f *Fragmenter) Size() int64 { return f.written }

// Init writes ftyp and moov: tracks, configurations, edits and chapters. Samples are not written;
// those that m has only tell the composition offsets to expect. Every track must have a
// configuration. It is called once, before Write.
func (f *Fragmenter) Init(m *media.Movie) error {
	if m.Timescale == 0 {
		return malformed("movie: timescale 0")
	}
	l := &layout{movie: m, created: m.Created}
	f.tracks = map[uint32]*fragmentTrack{}
	for _, t := range m.Tracks {
		laid, err := f.announce(t, m.Timescale)
		if err != nil {
			return fmt.Errorf("track %d: %w", t.ID, err)
		}
		l.tracks = append(l.tracks, laid)
		f.pictures = f.pictures || t.Kind == media.Video
	}
	head, err := l.fragmentedHead()
	if err != nil {
		return err
	}
	return f.write(head)
}

// announce takes a track over and returns it without samples, as moov tells it.
func (f *Fragmenter) announce(t *media.Track, timescale uint32) (*laidTrack, error) {
	if f.tracks[t.ID] != nil {
		return nil, malformed("ID used twice")
	}
	if len(t.Configs) == 0 || len(t.Configs) > maxConfigs {
		return nil, unsupported("%d configurations", len(t.Configs))
	}
	empty := *t
	empty.Samples, empty.End = nil, 0
	if f.InBand && t.Kind == media.Video {
		empty.Configs = t.Configs[:1]
	}
	p, err := described(&empty)
	if err != nil {
		return nil, err
	}
	if f.InBand {
		for i, c := range empty.Configs {
			p.entries[i] = inBandEntry(c, p.entries[i])
		}
	}
	known := &fragmentTrack{kind: t.Kind, timescale: t.Timescale, configs: empty.Configs, entries: len(empty.Configs)}
	if err := known.place(t.Edits, timescale); err != nil {
		return nil, err
	}
	known.lift = -lowest(t)
	if start := known.skip + known.lift; start > 0 {
		p.edits = []media.Edit{{Media: start}}
	}
	f.tracks[t.ID] = known
	return p, nil
}

// lowest returns the least composition offset of t, at most 0. ffmpeg shows pictures too late by
// as much in movie fragments (mov.c, dts_shift), so negative ones are lifted where they are known.
func lowest(t *media.Track) int64 {
	least := int32(0)
	for i := range t.Samples {
		least = min(least, t.Samples[i].Shift)
	}
	return int64(least)
}

// place reads an edit list: empty edits, then at most one stretch of media.
func (k *fragmentTrack) place(edits []media.Edit, timescale uint32) error {
	for i, e := range edits {
		if e.Media < -1 || e.Media > maxTicks || e.Duration < 0 || e.Duration > maxTicks {
			return malformed("edit %d: media time %d, duration %d ticks", i+1, e.Media, e.Duration)
		}
		if e.Media >= 0 {
			k.skip = e.Media
			if i != len(edits)-1 {
				return unsupported("edit %d: more than one stretch of media, in movie fragments", i+2)
			}
			continue
		}
		if k.delay += media.Rescale(e.Duration, timescale, k.timescale); k.delay < 0 || k.delay > maxTicks {
			return unsupported("edit %d: empty for %d ticks", i+1, e.Duration)
		}
	}
	return nil
}

// fragmentedHead encodes ftyp and moov. Brands: iso6 has tfdt and signed composition offsets in
// trun, iso5 offsets from moof, mp41 the sample entries.
func (l *layout) fragmentedHead() ([]byte, error) {
	l.options.Brand, l.options.Compatible = "iso6", []string{"iso6", "iso5", "mp41"}
	ftyp, err := l.ftyp()
	if err != nil {
		return nil, err
	}
	moov, err := l.moov()
	if err != nil {
		return nil, err
	}
	moov.AddChild(l.mvex())
	tables, err := l.encode(moov, 0, false)
	return join(ftyp, tables), err
}

// mvex says that movie fragments follow (8.8.1): they tell all themselves.
func (l *layout) mvex() boxes.Box {
	var all [][]byte
	for _, t := range l.tracks {
		b := binary.BigEndian.AppendUint32(make([]byte, 4, 24), t.ID)
		b = binary.BigEndian.AppendUint32(b, 1) // sample entry
		all = append(all, boxed("trex", append(b, make([]byte, 12)...)))
	}
	b := join(all...)
	return boxes.CreateUnknownBox("mvex", uint64(shortHeader+len(b)), b)
}

// Write writes the samples of m, whose tracks and their configurations are those of Init, by ID and
// by index, as movie fragments of one
// group of pictures or two seconds each, and returns where they lie. Times go on from those
// written before; a hole between is left as it is. Sources are needed for this call alone.
//
// ErrLateTrack and ErrLateConfig mean samples that Init's boxes do not allow for; nothing of m is
// written then. Errors of w and of sources are returned as they are, wrapped.
func (f *Fragmenter) Write(m *media.Movie) ([]Segment, error) {
	cutter := &fragmentCutter{pictures: f.pictures}
	for _, t := range m.Tracks {
		k, err := f.accept(m, t)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.ID, err)
		}
		if len(t.Samples) > 0 {
			cutter.tracks = append(cutter.tracks, &cursor{Track: t, known: k})
		}
	}
	var all []Segment
	for {
		cut, ok := cutter.next()
		if !ok {
			break
		}
		s := Segment{Offset: f.written, Start: cut.start, Independent: cut.independent}
		if err := f.fragment(cut, m.Sources); err != nil {
			return all, err
		}
		s.Size = f.written - s.Offset
		all = append(all, s)
	}
	setDurations(all, cutter.end())
	return all, nil
}

// setDurations lets every segment last until the next, the last one to end.
func setDurations(all []Segment, end time.Duration) {
	for i := range all {
		next := end
		if i+1 < len(all) {
			next = all[i+1].Start
		}
		all[i].Duration = max(0, next-all[i].Start)
	}
}

// accept holds a track of Write against what Init announced, and takes new configurations over.
func (f *Fragmenter) accept(m *media.Movie, t *media.Track) (*fragmentTrack, error) {
	k := f.tracks[t.ID]
	if k == nil {
		if len(t.Samples) == 0 {
			return nil, nil
		}
		return nil, fmt.Errorf("%s that moov does not tell of: %w", t.Kind, ErrLateTrack)
	}
	if k.kind != t.Kind || k.timescale != t.Timescale {
		return nil, malformed("%s of timescale %d, moov says %s of %d", t.Kind, t.Timescale, k.kind, k.timescale)
	}
	for i := range t.Samples {
		if err := checkSample(m, t, i); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i+1, err)
		}
	}
	if n := len(t.Samples); n > 0 {
		if first := t.Samples[0].Time; first < k.next || first < 0 || t.End > maxTicks {
			return nil, malformed("decode times %d to %d ticks, %d is the next", first, t.End, k.next)
		}
		k.next = t.Samples[n-1].Time + 1
	}
	return k, f.configure(k, t)
}

// configure checks the configurations that samples of t need, and keeps those that go in band.
func (f *Fragmenter) configure(k *fragmentTrack, t *media.Track) error {
	for i, s := range t.Samples {
		if c := int(s.Config); i > 0 && s.Config == t.Samples[i-1].Config {
			continue
		} else if c < len(k.configs) && !k.configs[c].Same(t.Configs[c]) {
			return fmt.Errorf("configuration %d is %s now: %w", c+1, t.Configs[c].Codec(), ErrLateConfig)
		}
		for n := len(k.configs); n <= int(s.Config); n++ {
			if err := f.late(k, t.Configs[n]); err != nil {
				return fmt.Errorf("configuration %d: %w", n+1, err)
			}
			k.configs = append(k.configs, t.Configs[n])
		}
	}
	return nil
}

// late returns an error unless c can go in band.
func (f *Fragmenter) late(k *fragmentTrack, c media.Config) error {
	first := k.configs[0]
	if !f.InBand || k.kind != media.Video || configBox(c.Format) == "" || configBox(c.Format) != configBox(first.Format) {
		return fmt.Errorf("%s after %s: %w", c.Codec(), first.Codec(), ErrLateConfig)
	}
	_, had, err := parameterSets(first)
	if err != nil {
		return err
	}
	_, has, err := parameterSets(c)
	if err == nil && had != has {
		err = fmt.Errorf("lengths of NAL units in %d bytes, in %d before: %w", has, had, ErrLateConfig)
	}
	return err
}

// write writes boxes.
func (f *Fragmenter) write(b []byte) error {
	n, err := f.w.Write(b)
	f.written += int64(n)
	if err != nil {
		return fmt.Errorf("writing boxes: %w", err)
	}
	return nil
}
