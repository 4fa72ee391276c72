package wav

import (
	"fmt"

	"github.com/kvsclip/kvsclip/internal/media"
)

// run is some bytes of a source, or silence.
type run struct {
	source       int // -1: silence
	offset, size int64
}

// tolerance is how far the times of neighbouring samples may be off what their bytes last, in
// fractions of a second: clocks of milliseconds are rounded. More is a hole, or an overlap.
const tolerance = 500 // 2 ms

// placer puts samples where their times say, in frames from the start of the presentation.
type placer struct {
	format
	runs []run
	at   int64 // frames so far
	end  int64 // frames that the edit list shows; -1: no end
}

// place returns the runs of a track, from presentation time 0 on. A sample within tolerance of where
// the one before ended goes on there; as positions and not durations decide, nothing adds up.
func place(m *media.Movie, t *media.Track, f format) (*placer, error) {
	p := &placer{format: f, end: -1}
	shift, err := p.edit(m, t)
	if err != nil {
		return nil, err
	}
	for i := range t.Samples {
		s := &t.Samples[i]
		if int(s.Source) >= len(m.Sources) || s.Offset < 0 || int64(s.Size) > m.Sources[s.Source].Size-s.Offset {
			return nil, fmt.Errorf("track %d: sample %d: %d bytes at %d do not lie in source %d", t.ID, i+1, s.Size, s.Offset, s.Source)
		}
		p.sample(s, media.Rescale(t.Composition(i)+shift, t.Timescale, uint32(f.rate)))
	}
	return p, nil
}

// edit reads the edit list: what to add to times of the track, and where the sound ends.
func (p *placer) edit(m *media.Movie, t *media.Track) (shift int64, err error) {
	shown := int64(0) // ticks of the movie
	for i, e := range t.Edits {
		if shown += e.Duration; e.Media < 0 {
			shift += media.Rescale(e.Duration, m.Timescale, t.Timescale)
			continue
		}
		if i != len(t.Edits)-1 {
			return 0, fmt.Errorf("track %d: more than one stretch in the edit list: %w", t.ID, ErrSound)
		}
		if e.Duration > 0 {
			p.end = media.Rescale(shown, m.Timescale, uint32(p.rate))
		}
		shift -= e.Media
	}
	return shift, nil
}

// sample puts one sample at frame want.
func (p *placer) sample(s *media.Sample, want int64) {
	frames, skip := int64(s.Size)/p.frame(), int64(0)
	near := int64(p.rate) / tolerance
	switch off := want - p.at; {
	case want < 0 && p.at == 0: // hidden by the edit list
		skip = min(-want, frames)
	case off > near:
		p.add(run{source: -1}, off)
	case off < -near:
		skip = min(-off, frames)
	}
	p.add(run{source: int(s.Source), offset: s.Offset + skip*p.frame()}, frames-skip)
}

// add adds some frames, as far as they are shown, to the last run if they go on from it.
func (p *placer) add(r run, frames int64) {
	if p.end >= 0 {
		frames = min(frames, p.end-p.at)
	}
	if frames <= 0 {
		return
	}
	p.at += frames
	r.size = frames * p.frame()
	if n := len(p.runs); n > 0 {
		last := &p.runs[n-1]
		if last.source == r.source && (r.source < 0 || last.offset+last.size == r.offset) {
			last.size += r.size
			return
		}
	}
	p.runs = append(p.runs, r)
}
