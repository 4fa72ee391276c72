package splice

import (
	"cmp"
	"fmt"
	"math"

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
	lead    *strand // the one that stands at the part's position: video if there is any; see origin
}

// strand is one track of a piece and how it lies on its piece's timeline. All ticks are the
// track's own.
type strand struct {
	*media.Track
	key    key
	offset int64 // presentation time = composition time + offset, by the edit list
	first  int64 // smallest composition time
	second int64 // the next; the end of a strand of one sample
	latest int64 // largest composition time
	shown  int64 // presentation time from which on it is shown; before it lies priming
	until  int64 // presentation time to which it is shown
}

// measure looks at every piece before anything is joined, so that what cannot be joined is told
// before a byte is written.
func measure(pieces []Piece) ([]part, error) {
	parts := make([]part, len(pieces))
	for i, p := range pieces {
		parts[i].Piece = p
		if err := parts[i].measure(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		if err := parts[i].whole(i == 0, i == len(pieces)-1); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (p *part) measure() error {
	if n := len(p.Movie.Sources); n != 1 {
		return fmt.Errorf("its samples lie in %d sources, not in 1: %w", n, ErrCannotJoin)
	}
	count := map[media.Kind]int{}
	for _, t := range p.Movie.Tracks {
		n := count[t.Kind]
		count[t.Kind]++
		if len(t.Samples) == 0 || t.Kind == media.Text {
			continue
		}
		s, err := newStrand(t, p.Movie.Timescale, n)
		if err != nil {
			return err
		}
		p.strands = append(p.strands, s)
	}
	if len(p.strands) == 0 {
		return fmt.Errorf("it holds no samples of pictures or sound: %w", ErrCannotJoin)
	}
	if p.Together {
		p.undelay()
	}
	p.lead = &p.strands[0]
	for i := range p.strands {
		if p.lead.Kind != media.Video && p.strands[i].Kind == media.Video {
			p.lead = &p.strands[i]
		}
	}
	return nil
}

// undelay takes off what B-frames delay the pictures by, if no edit list says anything of delays.
func (p *part) undelay() {
	for i := range p.strands {
		if len(p.strands[i].Edits) > 0 {
			return
		}
	}
	for i := range p.strands {
		if s := &p.strands[i]; s.Kind == media.Video {
			delay := s.first - s.Samples[0].Time
			s.offset, s.shown, s.until = s.offset-delay, s.shown-delay, s.until-delay
		}
	}
}

func newStrand(t *media.Track, movieScale uint32, ordinal int) (strand, error) {
	s := strand{Track: t, key: key{t.Kind, ordinal, family(t.Configs[t.Samples[0].Config])}}
	for _, c := range t.Configs {
		if family(c) != s.key.family {
			return strand{}, fmt.Errorf("track %d holds both %s and %s: %w", t.ID, s.key.family, cmp.Or(c.Format, c.CodecID), ErrCannotJoin)
		}
	}
	s.compose()
	s.shown, s.until = s.first, s.first+s.length()
	return s, s.edit(movieScale)
}

// compose finds the composition times that matter. With B-frames they are anywhere in the track.
func (s *strand) compose() {
	s.first, s.second, s.latest = math.MaxInt64, math.MaxInt64, math.MinInt64
	for i := range s.Samples {
		c := s.Composition(i)
		if c < s.first {
			s.first, s.second = c, s.first
		} else if c > s.first {
			s.second = min(s.second, c)
		}
		s.latest = max(s.latest, c)
	}
	s.second = min(s.second, s.first+s.length())
}

// length is how long the samples last: as long as their decoding, and past the start of the last
// one shown, which B-frames of uneven durations can set later.
func (s *strand) length() int64 { return max(s.End-s.Samples[0].Time, s.latest-s.first+1) }

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
		stop, tick := empty+media.Rescale(e.Duration, movieScale, s.Timescale), media.Rescale(1, movieScale, s.Timescale)
		if e.Duration > 0 && s.until-stop > tick { // up to a tick is only rounding
			s.until = stop
		}
		return nil
	}
	s.offset = empty
	s.shown, s.until = s.shown+empty, s.until+empty
	return nil
}

// end is the presentation time at which the last sample ends.
func (s *strand) end() int64 { return s.begin() + s.length() }

// begin is the presentation time of the first sample, shown or not.
func (s *strand) begin() int64 { return s.first + s.offset }

// primed says that the edit list hides samples, or a part of one, at the beginning.
func (s *strand) primed() bool { return s.shown > s.begin() }

// cut says that the edit list hides samples, or a part of one, at the end.
func (s *strand) cut() bool { return s.until < s.end() }

// hidden counts the samples at the start that end before the strand is shown.
func (s *strand) hidden() int {
	n := 0
	for n < len(s.Samples)-1 && s.Composition(n+1)+s.offset <= s.shown {
		n++
	}
	return n
}

// whole refuses pictures that an edit list hides where other pictures follow or precede: one
// track can hide them only at its own two ends.
func (p *part) whole(first, last bool) error {
	s := p.lead
	if s.Kind != media.Video {
		return nil
	}
	if !first && s.shown >= s.second+s.offset {
		return fmt.Errorf("%s: its edit list hides pictures at the start, which would show up in the middle: %w", p.Name, ErrCannotJoin)
	}
	if !last && s.until <= s.latest+s.offset {
		return fmt.Errorf("%s: its edit list hides pictures at the end, which would show up in the middle: %w", p.Name, ErrCannotJoin)
	}
	return nil
}

// origin is the presentation time that stands at the part's position, in ticks of its lead: that of
// the first picture, shown or not; without pictures that from which sound is shown.
func (p *part) origin() int64 {
	if p.lead.Kind != media.Video {
		return p.lead.shown
	}
	return p.lead.begin()
}

// beside is how far after the part's position the first sample of s is presented, in scale.
func (p *part) beside(s *strand, scale uint32) int64 {
	return media.Rescale(s.begin(), s.Timescale, scale) - media.Rescale(p.origin(), p.lead.Timescale, scale)
}

// family names the codec: by the sample entry's four characters, or as Matroska does.
func family(c media.Config) string {
	switch c.Format {
	case "avc1", "avc3":
		return "avc"
	case "hvc1", "hev1":
		return "hevc"
	}
	return cmp.Or(c.Format, c.CodecID)
}
