package splice

import (
	"fmt"

	"github.com/kvsclip/kvsclip/internal/media"
)

// key says which strands follow each other in one track of the joined movie. Codecs of different
// families get tracks of their own: no player switches between them inside one.
type key struct {
	kind    media.Kind
	ordinal int // among the tracks of its kind in its piece, from 0
	family  string
}

// part is a piece, measured.
type part struct {
	Piece
	strands []strand
	lead    *strand // the one whose first sample stands at the part's position: video if there is any
}

// strand is one track of a piece and how it lies on its piece's timeline. All ticks are the
// track's own.
type strand struct {
	*media.Track
	key    key
	offset int64 // presentation time = composition time + offset, by the edit list
	first  int64 // smallest composition time
	shown  int64 // presentation time from which on it is shown; before it lies priming
	until  int64 // presentation time to which it is shown
}

// measure looks at every piece before anything is joined, so that what cannot be joined is told
// before a byte is written.
func measure(pieces []Piece) ([]part, error) {
	parts := make([]part, len(pieces))
	for i, p := range pieces {
		parts[i] = part{Piece: p}
		if err := parts[i].measure(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		if err := parts[i].whole(i == 0, i == len(pieces)-1); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return parts, nil
}

func (p *part) measure() error {
	count := map[media.Kind]int{}
	for _, t := range p.Movie.Tracks {
		n := count[t.Kind]
		count[t.Kind]++
		if len(t.Samples) == 0 {
			continue
		}
		s, err := newStrand(t, p.Movie.Timescale, n)
		if err != nil {
			return err
		}
		p.strands = append(p.strands, s)
	}
	if len(p.strands) == 0 {
		return fmt.Errorf("it holds no samples: %w", ErrCannotJoin)
	}
	p.lead = &p.strands[0]
	for i := range p.strands {
		if p.lead.Kind != media.Video && p.strands[i].Kind == media.Video {
			p.lead = &p.strands[i]
		}
	}
	return nil
}

func newStrand(t *media.Track, movieScale uint32, ordinal int) (strand, error) {
	s := strand{Track: t, key: key{t.Kind, ordinal, family(t.Configs[t.Samples[0].Config].Format)}}
	for _, c := range t.Configs {
		if family(c.Format) != s.key.family {
			return strand{}, fmt.Errorf("track %d holds both %s and %s: %w", t.ID, s.key.family, c.Format, ErrCannotJoin)
		}
	}
	s.first, _ = t.FirstComposition()
	s.shown, s.until = s.first, t.End+s.first-t.Samples[0].Time
	return s, s.edit(movieScale)
}

// edit applies the track's edit list: empty edits, then at most one stretch of media.
func (s *strand) edit(movieScale uint32) error {
	var empty int64
	for i, e := range s.Edits {
		if e.Media < 0 {
			empty += media.Rescale(e.Duration, movieScale, s.Timescale)
			continue
		}
		if i != len(s.Edits)-1 {
			return fmt.Errorf("the edit list of track %d has several stretches: %w", s.ID, ErrCannotJoin)
		}
		s.offset = empty - e.Media
		s.shown, s.until = max(s.first+s.offset, empty), s.until+s.offset
		if e.Duration > 0 {
			s.until = min(s.until, empty+media.Rescale(e.Duration, movieScale, s.Timescale))
		}
		return nil
	}
	s.offset = empty
	s.shown, s.until = s.shown+empty, s.until+empty
	return nil
}

// end is the presentation time at which the last sample ends.
func (s *strand) end() int64 { return s.End - s.Samples[0].Time + s.first + s.offset }

// primed says that the edit list hides samples, or a part of one, at the beginning.
func (s *strand) primed() bool { return s.shown > s.first+s.offset }

// cut says that the edit list hides samples, or a part of one, at the end.
func (s *strand) cut() bool { return s.until < s.end() }

// whole refuses pictures that an edit list hides where other pictures follow or precede: one
// track can hide them only at its own two ends.
func (p *part) whole(first, last bool) error {
	s := p.lead
	if s.Kind != media.Video {
		return nil
	}
	picture := s.Duration(len(s.Samples) - 1)
	if !first && s.shown-(s.first+s.offset) >= picture {
		return fmt.Errorf("its edit list hides pictures at the start, which would show up in the middle: %w", ErrCannotJoin)
	}
	if !last && s.end()-s.until > picture {
		return fmt.Errorf("its edit list hides pictures at the end, which would show up in the middle: %w", ErrCannotJoin)
	}
	return nil
}

// beside is how far after the part's first picture the first sample of s is presented, in scale.
func (p *part) beside(s *strand, scale uint32) int64 {
	return media.Rescale(s.first+s.offset, s.Timescale, scale) -
		media.Rescale(p.lead.first+p.lead.offset, p.lead.Timescale, scale)
}

// family names the codec of a sample entry's four characters.
func family(format string) string {
	switch format {
	case "avc1", "avc3":
		return "avc"
	case "hvc1", "hev1":
		return "hevc"
	}
	return format
}
