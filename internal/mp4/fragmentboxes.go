package mp4

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// traf is one run of samples of a track that share a sample entry (8.8.6).
type traf struct {
	track   uint32
	entry   uint32 // from 1
	time    uint64 // ticks, decode time of the first sample
	samples []trunSample
	shifted bool // a composition offset is not 0
	runs    []run
	bytes   int64
}

// trunSample is what trun tells of a sample.
type trunSample struct {
	duration, size, flags uint32
	shift                 int32
}

// Sample flags (8.8.3.1), as ffmpeg writes them: no dependence, or dependence and no sync sample.
const (
	flagsSync    = 2 << 24
	flagsNonSync = 1<<24 | 1<<16
)

// fragment writes one movie fragment.
func (f *Fragmenter) fragment(cut fragmentCut, sources []media.Source) error {
	sources = slices.Clip(sources) // parameter sets join a copy
	var trafs []*traf
	size := int64(0)
	for _, p := range cut.parts {
		made, err := f.trafs(p, &sources)
		if err != nil {
			return err
		}
		for _, t := range made {
			size += t.bytes
		}
		trafs = append(trafs, made...)
	}
	f.sequence++
	mdat := mdatHeader(size, false)
	data := int64(len(f.moof(trafs, 0)) + len(mdat))
	if data+size > math.MaxInt32 {
		return unsupported("movie fragment of %d bytes: at most 2 GiB", size)
	}
	if err := f.write(join(f.moof(trafs, data), mdat)); err != nil {
		return err
	}
	if f.buf == nil {
		f.buf = make([]byte, 0, copySize)
	}
	var runs []run
	for _, t := range trafs {
		runs = append(runs, t.runs...)
	}
	n, err := copyRuns(f.w, sources, runs, f.buf)
	f.written += n
	return err
}

// trafs makes a traf of each run of samples with one sample entry. Sources are added to where
// parameter sets are needed.
func (f *Fragmenter) trafs(p fragmentPart, sources *[]media.Source) ([]*traf, error) {
	var all []*traf
	var t *traf
	for i := p.from; i < p.to; i++ {
		s := &p.Samples[i]
		entry := uint32(s.Config) + 1
		if int(s.Config) >= p.known.entries {
			entry = 1
		}
		if t == nil || t.entry != entry {
			t = &traf{track: p.ID, entry: entry, time: uint64(s.Time + p.known.delay), samples: make([]trunSample, 0, p.to-i)}
			all = append(all, t)
		}
		begin := t.bytes
		if err := f.sample(t, p.cursor, i, sources); err != nil {
			return nil, err
		}
		shift := int64(s.Shift) + p.known.lift
		if shift > math.MaxInt32 {
			return nil, unsupported("sample %d: composition offset %d ticks", i+1, shift)
		}
		ts := trunSample{duration: uint32(p.Duration(i)), flags: flagsSync, shift: int32(shift), size: uint32(t.bytes - begin)}
		if p.Kind == media.Video && !s.Sync {
			ts.flags = flagsNonSync
		}
		t.samples, t.shifted = append(t.samples, ts), t.shifted || shift != 0
	}
	return all, nil
}

// sample adds the bytes of sample i, with parameter sets if it needs any.
func (f *Fragmenter) sample(t *traf, c *cursor, i int, sources *[]media.Source) error {
	s, k := &c.Samples[i], c.known
	at, left := s.Offset, int64(s.Size)
	if f.needsSets(c, i) {
		config := k.configs[s.Config]
		sets, prefix, err := parameterSets(config)
		if err != nil {
			return err
		}
		front, err := delimiter((*sources)[s.Source], s, config.Format, prefix)
		if err != nil {
			return err
		}
		t.add(run{s.Source, at, front})
		if len(*sources) > math.MaxUint16 {
			return unsupported("%d sources", len(*sources))
		}
		t.add(run{uint16(len(*sources)), 0, int64(len(sets))})
		*sources = append(*sources, media.Source{ReaderAt: bytes.NewReader(sets), Size: int64(len(sets))})
		at, left = at+front, left-front
	}
	t.add(run{s.Source, at, left})
	return nil
}

// needsSets says whether parameter sets must come with sample i: with the first of a configuration
// that has no sample entry, with its sync samples, and with those of all others once one was used;
// with Repeat, with all sync samples.
func (f *Fragmenter) needsSets(c *cursor, i int) bool {
	s, k := &c.Samples[i], c.known
	if f.Repeat && s.Sync && configBox(k.configs[s.Config].Format) != "" {
		return true
	}
	if !f.InBand || c.Kind != media.Video || len(k.configs) == k.entries {
		return false
	}
	other := int(s.Config) >= k.entries
	first := k.last != int(s.Config)
	k.last, k.changed = int(s.Config), k.changed || other
	return k.changed && (first || s.Sync)
}

// moof encodes the movie fragment box (8.8.4) for media bytes that begin data bytes behind its start.
func (f *Fragmenter) moof(trafs []*traf, data int64) []byte {
	parts := [][]byte{boxed("mfhd", be32(0, f.sequence))}
	for _, t := range trafs {
		parts = append(parts, t.box(data))
		data += t.bytes
	}
	return boxed("moof", parts...)
}

// box encodes a traf whose bytes begin data bytes behind the start of moof.
func (t *traf) box(data int64) []byte {
	const hasEntry, fromMoof = 0x2, 0x20000
	tfdt := binary.BigEndian.AppendUint64(be32(1<<24), t.time)
	return boxed("traf", boxed("tfhd", be32(hasEntry|fromMoof, t.track, t.entry)), boxed("tfdt", tfdt), t.trun(data))
}

// trun encodes the samples (8.8.8). Version 1 has signed composition offsets.
func (t *traf) trun(data int64) []byte {
	const version1, hasOffset, hasDuration, hasSize, hasFlags, hasShift = 1 << 24, 0x1, 0x100, 0x200, 0x400, 0x800
	flags := uint32(version1 | hasOffset | hasDuration | hasSize | hasFlags)
	if t.shifted {
		flags |= hasShift
	}
	b := make([]byte, 0, 12+16*len(t.samples))
	b = append(b, be32(flags, uint32(len(t.samples)), uint32(data))...)
	for _, s := range t.samples {
		b = append(b, be32(s.duration, s.size, s.flags)...)
		if t.shifted {
			b = binary.BigEndian.AppendUint32(b, uint32(s.shift))
		}
	}
	return boxed("trun", b)
}

// be32 is some numbers of 32 bits.
func be32(numbers ...uint32) []byte {
	b := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// add puts a run behind the bytes there are.
func (t *traf) add(r run) {
	t.bytes += r.size
	if n := len(t.runs); r.size == 0 {
		return
	} else if n > 0 && t.runs[n-1].source == r.source && t.runs[n-1].offset+t.runs[n-1].size == r.offset {
		t.runs[n-1].size += r.size
		return
	}
	t.runs = append(t.runs, r)
}
