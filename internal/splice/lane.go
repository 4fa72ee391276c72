package splice

import (
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxSlack bounds, in seconds, how far sound may lie off its place so that it stays contiguous:
// half an AAC access unit at 48 kHz. Blocks of G.711 can be longer than people forgive.
const maxSlack = 512.0 / 48000

// rounding is the difference that times in milliseconds make: less than this is no difference.
const rounding = 2 * time.Millisecond

// maxHold is the most ticks that a sample can last in a file: players, ffmpeg among them, take the
// 32 bits of a decode duration for signed.
const maxHold = math.MaxInt32

// lane is one track of the joined movie in the making. Sample times are positions in ticks of
// scale; what leaves it is moved so that the first is 0.
type lane struct {
	key     key
	format  string // of all sample entries
	scale   uint32
	reorder int64        // composition offset of every strand's first picture, in scale
	track   *media.Track // the samples that are still in the lane
	fresh   int          // index of the first sample of the last strand, or of the silence before it
	last    int          // index of the last strand's first shown sample; below 0 if that has left
	block   uint32       // its size in bytes
	start   int64        // position of the first sample of all
	begin   int64        // position from which the first strand is shown
	until   int64        // position to which the last strand is shown
	cut     bool         // the last strand goes on after until
	part    int          // which part the last strand is of, counted from 0
	config  []uint16
	handed  int          // samples that have left
	gone    media.Sample // the last of them, at its position
	reach   int64        // where the last of them to be shown ends, in composition times
}

// latest is the last sample that was appended, in the lane or not any more; false if there is none.
func (l *lane) latest() (media.Sample, bool) {
	if n := len(l.track.Samples); n > 0 {
		return l.track.Samples[n-1], true
	}
	return l.gone, l.handed > 0
}

// newLanes makes a lane for every key, pictures first, in order of appearance. Pictures have ticks
// in which every position, in scale, is whole.
func newLanes(parts []part, scale uint32) []*lane {
	var video, audio []*lane
	known, count := map[key]*lane{}, map[key]int{}
	for s := range strands(parts) {
		l := known[s.key]
		if l == nil {
			l = &lane{key: s.key, track: &media.Track{Kind: s.Kind, Language: s.Language, Handler: s.Handler}}
			known[s.key] = l
			if s.Kind == media.Video {
				l.scale = scale
				video = append(video, l)
			} else {
				audio = append(audio, l)
			}
		}
		l.admit(s.Configs)
		l.scale = common(l.scale, s.Timescale)
		count[s.key] += len(s.Samples)
	}
	for s := range strands(parts) {
		l := known[s.key]
		l.reorder = max(l.reorder, l.ticks(s, s.first-s.Samples[0].Time))
	}
	lanes := append(video, audio...)
	for _, l := range lanes {
		l.track.Timescale, l.track.Samples = l.scale, make([]media.Sample, 0, count[l.key])
	}
	return lanes
}

// strands yields those of all parts, in order.
func strands(parts []part) iter.Seq[*strand] {
	return func(yield func(*strand) bool) {
		for i := range parts {
			for k := range parts[i].strands {
				if !yield(&parts[i].strands[k]) {
					return
				}
			}
		}
	}
}

// configure maps the strand's sample entries to the lane's, and says whether the strand begins
// with another one than the strand before ended with.
func (l *lane) configure(s *strand) (bool, error) {
	l.config = l.config[:0]
	for _, c := range s.Configs {
		c = renamed(c, l.format)
		i, ok := indexOf(l.track.Configs, c)
		if !ok {
			l.track.Configs = append(l.track.Configs, c)
		}
		l.config = append(l.config, i)
	}
	if len(l.track.Configs) > math.MaxUint16 {
		return false, fmt.Errorf("more than %d codec configurations: %w", math.MaxUint16, ErrCannotJoin)
	}
	last, ok := l.latest()
	return ok && last.Config != l.config[s.Samples[0].Config], nil
}

func indexOf(cs []media.Config, c media.Config) (uint16, bool) {
	for i := range cs {
		if cs[i].Same(c) {
			return uint16(i), true
		}
	}
	return uint16(len(cs)), false
}

// append adds the strand's samples, whose first one belongs at the position natural, and returns
// how late the first shown one is.
func (l *lane) append(s *strand, source uint16, natural int64) (int64, error) {
	first := l.settle(s, natural)
	if n := len(l.track.Samples); n > 0 && first-l.track.Samples[n-1].Time > maxHold {
		return 0, fmt.Errorf("%s of track %d would have to last %v before it: at most %v can be told, in ticks of 1/%d s: %w", l.key.kind, s.ID,
			duration(first-l.track.Samples[n-1].Time, l.scale), duration(maxHold, l.scale), l.scale, ErrCannotJoin)
	}
	shown := first + l.ticks(s, s.shown-s.begin())
	if _, ok := l.latest(); !ok {
		l.start, l.begin = first, shown
	}
	hidden := s.hidden()
	if l.key.kind == media.Audio {
		l.makeRoom(shown, hidden)
	}
	l.last = len(l.track.Samples) + hidden
	begin := s.Samples[0].Time
	for _, m := range s.Samples {
		at, composed := first+l.ticks(s, m.Time-begin), l.reorder+first+l.ticks(s, m.Time+int64(m.Shift)-s.first)
		m.Source, m.Config = source, l.config[m.Config]
		if !l.push(m, at, composed) {
			return 0, fmt.Errorf("track %d shows pictures too long after their decoding: %w", s.ID, ErrCannotJoin)
		}
	}
	l.track.End = max(first+l.ticks(s, s.length()), l.track.Samples[len(l.track.Samples)-1].Time+1)
	l.until = first + l.ticks(s, s.until-s.begin())
	l.cut, l.block = s.cut(), l.track.Samples[l.last].Size
	return l.track.Samples[l.last].Time - natural - l.ticks(s, s.Samples[hidden].Time-begin), nil
}

// push appends one sample at the position at, or just after the sample before where that is
// later. A picture keeps its composition time then; a block of sound, which has none, moves. It
// returns false where the composition offset does not fit.
func (l *lane) push(m media.Sample, at, composed int64) bool {
	m.Time = at
	if last, ok := l.latest(); ok {
		m.Time = max(at, last.Time+1)
	}
	shift := composed - at
	if l.key.kind == media.Video {
		shift = composed - m.Time
	}
	m.Shift = int32(shift)
	l.track.Samples = append(l.track.Samples, m)
	return int64(m.Shift) == shift
}

// settle decides where the strand's first sample goes. Pictures go where they belong. Sound goes
// on where the sound before it ended unless that is too far from its place, or the two were
// encoded apart (priming in front, or a cut end), or only rounding lies between.
func (l *lane) settle(s *strand, natural int64) int64 {
	if _, ok := l.latest(); l.key.kind != media.Audio || !ok || s.primed() || l.cut {
		return natural
	}
	off := max(l.until-natural, natural-l.until)
	if duration(off, l.scale) <= rounding || float64(off) > l.slack(s) {
		return natural
	}
	return l.until
}

// slack is half a block of sound, as far as people forgive, in ticks.
func (l *lane) slack(s *strand) float64 {
	frame, ok := s.Configs[s.Samples[0].Config].FrameTicks(l.scale)
	if !ok {
		frame = float64(l.ticks(s, s.Duration(0)))
	}
	return min(frame/2, maxSlack*float64(l.scale))
}

// makeRoom moves the last samples of the strand before together where they reach past visible,
// the place of the next strand's first shown sample, so that the next one starts on time with
// its hidden samples in front of it. Every sample is kept: decoders need them all. The first shown
// sample of the strand before stays where it is, and the first one that has not left the lane.
func (l *lane) makeRoom(visible int64, hidden int) {
	if len(l.track.Samples) == 0 {
		return
	}
	ss := l.track.Samples[max(l.last, 0):]
	limit := max(visible-int64(hidden), ss[0].Time+int64(len(ss)))
	for i := len(ss) - 1; i > 0 && ss[i].Time >= limit; i-- {
		limit--
		ss[i].Time = limit
	}
}

func (l *lane) ticks(s *strand, t int64) int64 { return media.Rescale(t, s.Timescale, l.scale) }
