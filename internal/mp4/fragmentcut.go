package mp4

import (
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// How long movie fragments are: a group of pictures, but short ones go together, and long ones are
// cut where no decoder can start.
const (
	shortestFragment = time.Second / 2
	usualFragment    = 2 * time.Second
	longestFragment  = usualFragment + usualFragment/4
	maxFragment      = 8 << 20 // bytes of pictures, unless one alone has more
)

// cursor is a track of Write and how far it is written.
type cursor struct {
	*media.Track
	known *fragmentTrack
	from  int           // the first sample that is not written
	lag   time.Duration // how much later than decoded the last sync sample is shown
}

// decoded is when sample i is decoded, on the presentation timeline.
func (c *cursor) decoded(i int) time.Duration { return c.at(c.Samples[i].Time) }

// shown is when sample i is presented.
func (c *cursor) shown(i int) time.Duration { return c.at(c.Composition(i)) }

// at puts a time of the track on the presentation timeline.
func (c *cursor) at(ticks int64) time.Duration {
	return time.Duration(media.Rescale(ticks+c.known.delay-c.known.skip, c.Timescale, uint32(time.Second)))
}

func (c *cursor) done() bool { return c.from == len(c.Samples) }

// until returns the index of the first sample that is shown at end or later.
func (c *cursor) until(end time.Duration) int {
	i := c.from
	for i < len(c.Samples) && c.decoded(i) < end {
		i++
	}
	return i
}

// fragmentCutter deals the samples of all tracks out to movie fragments.
type fragmentCutter struct {
	tracks   []*cursor
	pictures bool // the movie has a track of video, with or without samples here
}

// fragmentCut is what one movie fragment holds.
type fragmentCut struct {
	start       time.Duration
	independent bool
	parts       []fragmentPart
}

// fragmentPart is some samples of a track, at least one.
type fragmentPart struct {
	*cursor
	from, to int
}

// next cuts the next movie fragment off, and returns false when all is dealt out. The pictures say
// where: other tracks give what is shown before the first picture of the next one.
func (c *fragmentCutter) next() (fragmentCut, bool) {
	start, some := c.start()
	if !some {
		return fragmentCut{}, false
	}
	cut := fragmentCut{start: start, independent: !c.pictures}
	end := start + usualFragment
	lead := c.lead()
	if lead != nil && lead.decoded(lead.from) < end {
		first := lead.from
		var to int
		to, end = lead.group()
		cut.independent = lead.Samples[first].Sync
		cut.add(lead, to)
	}
	for _, t := range c.tracks {
		if t != lead {
			cut.add(t, t.until(end))
		}
	}
	if cut.independent && c.pictures {
		cut.start = cut.parts[0].shown(cut.parts[0].from)
	}
	return cut, true
}

// start is when the first sample that is not written is decoded.
func (c *fragmentCutter) start() (first time.Duration, some bool) {
	for _, t := range c.tracks {
		if !t.done() && (!some || t.decoded(t.from) < first) {
			first, some = t.decoded(t.from), true
		}
	}
	return first, some
}

// lead returns the track that says where to cut: the first of video that has samples left.
func (c *fragmentCutter) lead() *cursor {
	for _, t := range c.tracks {
		if t.Kind == media.Video && !t.done() {
			return t
		}
	}
	return nil
}

// overhang is how much sound past the last picture does not count: its blocks end anywhere.
const overhang = time.Second / 10

// end is when the longest track of pictures and sound ends, or of text where there is nothing else.
func (c *fragmentCutter) end() time.Duration {
	var end, pictures, text time.Duration
	for _, t := range c.tracks {
		last := t.at(tailEnd(t.Track))
		if t.Kind == media.Video {
			pictures = max(pictures, last)
		}
		if t.Kind == media.Text {
			text = max(text, last)
			continue
		}
		end = max(end, last)
	}
	if end == 0 {
		return text
	}
	if pictures > 0 && end-pictures < overhang {
		return pictures
	}
	return end
}

// tailEnd returns when the last of the track's last samples in composition order ends, in ticks.
// Reordering reaches over a few pictures only.
func tailEnd(t *media.Track) int64 {
	const reach = 32
	end := int64(0)
	for i := max(0, len(t.Samples)-reach); i < len(t.Samples); i++ {
		end = max(end, t.Composition(i)+t.Duration(i))
	}
	return end
}

// add takes samples of a track up to an index.
func (f *fragmentCut) add(c *cursor, to int) {
	if to > c.from {
		f.parts = append(f.parts, fragmentPart{c, c.from, to})
		c.from = to
	}
}

// group returns where the movie fragment ends that begins with the track's next picture: the index
// of a picture, and when what comes with it begins.
func (c *cursor) group() (to int, end time.Duration) {
	first := c.from
	begin := c.decoded(first)
	if c.Samples[first].Sync {
		c.lag = c.shown(first) - begin
	}
	usual, size := 0, int64(c.Samples[first].Size)
	for i := first + 1; i < len(c.Samples); i++ {
		s, lasts := &c.Samples[i], c.decoded(i)-begin
		size += int64(s.Size)
		if lasts >= usualFragment && usual == 0 {
			usual = i
		}
		switch {
		case s.Sync && (lasts >= shortestFragment || !c.Samples[first].Sync) && lasts <= longestFragment:
			return i, c.shown(i)
		case s.Config != c.Samples[i-1].Config, size > maxFragment:
			return i, min(c.decoded(i)+c.lag, begin+longestFragment)
		case lasts > longestFragment:
			return usual, min(c.decoded(usual)+c.lag, begin+longestFragment)
		}
	}
	return len(c.Samples), begin + longestFragment
}
