package kvsemu

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
)

// reel is synthetic material: a stretch of pictures from one film.Spec. A plan without a stretch
// is made by Camera.reel; cut sets the rest.
type reel struct {
	spec     film.Spec
	num, den int64 // pictures a second
	per      int64 // pictures a fragment, the last one's may be fewer
	jitter   int64 // milliseconds
	sync     int64 // bytes of a sync sample
	plain    int64 // bytes of any other picture
	blind    bool  // it has no pictures, only what would be their times

	seed   uint64
	first  int64 // number in the recording of picture 0
	frames int64 // pictures, or endless
	base   int64 // picture at which fragment 0 begins; below 0 it is a short one
	end    int64 // milliseconds: where the stretch ends, or endless
}

// reel plans the filming of s.
func (c Camera) reel(s film.Spec) (reel, error) {
	if err := s.Check(); err != nil {
		return reel{}, err
	}
	r := reel{spec: s, blind: c.Pictures == "none"}
	r.num, r.den = rational(cmp.Or(c.FPS, 25))
	gop := cmp.Or(c.GOP, 2*time.Second).Seconds()
	r.per = max(1, int64(math.Round(gop*float64(r.num)/float64(r.den))))
	if r.per > 1000 {
		return reel{}, fmt.Errorf("gop: expected at most 1000 pictures, got %d", r.per)
	}
	widest := 450 * r.den / r.num // 45 %
	r.jitter = min(c.Jitter.Milliseconds(), widest)
	if c.Irregular {
		r.jitter = widest
	}
	r.measure(c.Rate * r.den / (8 * r.num))
	return r, nil
}

// rational turns a rate of pictures into a fraction. Rates just below a whole number, as 29.97,
// are N*1000/1001.
func rational(fps float64) (num, den int64) {
	if n := math.Round(fps); fps < n && math.Abs(n*1000/1001-fps) < 0.005 {
		return int64(n) * 1000, 1001
	}
	return int64(math.Round(fps * 1000)), 1000
}

// measure decides how large pictures are: all sync samples alike, and all others, so that sizes
// are known without coding anything: twice what a few of them need, or atLeast bytes.
func (r *reel) measure(atLeast int64) {
	for _, at := range []int64{0, 1_234_567_890_123, 0xaaaaaaaaaaaa} {
		n := min(r.per, 12)
		pictures := make([]film.Picture, n)
		for j := range pictures {
			pictures[j] = film.Picture{Index: uint32(at) + uint32(j), Time: time.UnixMilli(at + int64(j)*r.den*1000/r.num)}
		}
		for _, c := range r.spec.Group(pictures, 0) {
			if c.Sync {
				r.sync = max(r.sync, int64(len(c.Data)))
			} else {
				r.plain = max(r.plain, int64(len(c.Data)))
			}
		}
	}
	roomy := func(n int64) int64 { return max(2*n+512, atLeast) }
	r.sync, r.plain = roomy(r.sync), roomy(r.plain)
}

// cut makes the plan a stretch of span milliseconds whose first picture is the recording's
// number first.
func (r reel) cut(first, span int64, seed uint64) *reel {
	r.first, r.end, r.seed, r.frames = first, span, seed, endless
	if span != endless {
		r.frames = mulDivUp(span, r.num, 1000*r.den)
	}
	return &r
}

func (r *reel) count() int64 {
	if r.frames == endless {
		return endless
	}
	return (r.frames - r.base + r.per - 1) / r.per
}

// at returns the picture at which fragment i begins.
func (r *reel) at(i int64) int64 { return max(0, r.base+i*r.per) }

// time returns when picture j is shown.
func (r *reel) time(j int64) int64 {
	at := mulDiv(j, 1000*r.den, r.num)
	if r.jitter > 0 {
		at += int64(chance(r.seed, 'j', uint64(r.first+j))%uint64(2*r.jitter+1)) - r.jitter
	}
	return min(max(at, 0), r.end-1)
}

func (r *reel) begin(i int64) int64 { return r.time(r.at(i)) }

func (r *reel) last(i int64) int64 { return r.time(r.at(i) + r.size(i) - 1) }

func (r *reel) until(i int64) int64 {
	if r.frames == endless || r.at(i+1) < r.frames {
		return r.begin(i + 1)
	}
	return min(r.last(i)+1000*r.den/r.num, r.end)
}

// size returns how many pictures fragment i has.
func (r *reel) size(i int64) int64 {
	if r.frames == endless {
		return r.per
	}
	return min(r.at(i+1), r.frames) - r.at(i)
}

func (r *reel) pictures(i int64) (int64, int) { return r.first + r.at(i), int(r.size(i)) }

func (r *reel) apart() int64 { return mulDiv(r.per, 1000*r.den, r.num) - 2*r.jitter }

// blocks returns the audio blocks that begin in fragment i: lo up to, not including, hi.
func (r *reel) blocks(i, origin int64) (lo, hi int64) {
	size, rate := int64(r.spec.BlockSize()), int64(r.spec.SampleRate())
	if size == 0 {
		return 0, 0
	}
	return mulDivUp(origin+r.begin(i), rate, 1000*size), mulDivUp(origin+r.until(i), rate, 1000*size)
}

func (r *reel) sounds(i, origin int64) int64 {
	lo, hi := r.blocks(i, origin)
	return hi - lo
}

func (r *reel) payload(i, origin int64) int64 {
	n := r.sync + (r.size(i)-1)*r.plain
	if r.blind {
		n = 0
	}
	lo, hi := r.blocks(i, origin)
	for b := lo; b < hi; b++ {
		n += int64(len(r.spec.Block(b)))
	}
	return n
}

func (r *reel) configs() (video, audio media.Config) {
	audio, _ = r.spec.Audio()
	if r.blind {
		return media.Config{}, audio
	}
	return r.spec.Video(), audio
}

func (r *reel) samples(i, origin int64) (group, error) {
	var g group
	off := int64(0)
	add := func(to []sample, at, size int64, sync bool) []sample {
		off += size
		return append(to, sample{at: at, off: off - size, size: uint32(size), sync: sync})
	}
	first := r.at(i)
	pictures := int(r.size(i))
	if r.blind {
		pictures = 0
	}
	for k, display := range order(pictures, r.spec.BFrames) {
		size := r.plain
		if k == 0 {
			size = r.sync
		}
		g.video = add(g.video, r.time(first+int64(display))-r.begin(i), size, k == 0)
	}
	lo, hi := r.blocks(i, origin)
	for b := lo; b < hi; b++ {
		at := mulDiv(b, 1000*int64(r.spec.BlockSize()), int64(r.spec.SampleRate()))
		g.audio = add(g.audio, at-origin-r.begin(i), int64(len(r.spec.Block(b))), true)
	}
	return g, nil
}

// order returns the display position of each picture of a group of n in decode order: a
// reference, then the B-frames before it. A test holds it against film.
func order(n, bframes int) []int {
	out := make([]int, 0, n)
	for at, shown := 0, 0; at < n; at = min(at+1+bframes, max(n-1, at+1)) {
		out = append(out, at)
		for b := shown; b < at; b++ {
			out = append(out, b)
		}
		shown = at + 1
	}
	return out
}

func (r *reel) source(cuts []cut) (media.Source, func() error, error) {
	p := &projector{cuts: cuts, held: -1}
	last := cuts[len(cuts)-1]
	size := last.base + last.material.payload(last.i, last.origin)
	return media.Source{ReaderAt: p, Size: size}, func() error { return nil }, nil
}

// projector makes the bytes of reels when they are read. It holds the pictures of one fragment.
type projector struct {
	cuts []cut

	mu      sync.Mutex // guards all below
	held    int        // index in cuts, or -1
	group   group
	coded   []film.Coded
	first   int64 // audio block
	sample  int   // in video; whose bytes are in scratch
	scratch []byte
}

// ReadAt implements io.ReaderAt.
func (p *projector) ReadAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(b) {
		k := int(search(0, int64(len(p.cuts)), func(k int64) bool { return p.cuts[k].base > off+int64(n) })) - 1
		if k < 0 {
			return n, fmt.Errorf("reading film at %d: before its begin", off)
		}
		if err := p.load(k); err != nil {
			return n, err
		}
		part, err := p.part(off + int64(n) - p.cuts[k].base)
		if err != nil {
			return n, err
		}
		n += copy(b[n:], part)
	}
	return n, nil
}

// load codes the pictures of cut k.
func (p *projector) load(k int) error {
	if k == p.held {
		return nil
	}
	c := p.cuts[k]
	r := c.material.(*reel)
	first := r.at(c.i)
	var pictures []film.Picture
	if !r.blind {
		pictures = make([]film.Picture, r.size(c.i))
	}
	for j := range pictures {
		at := first + int64(j)
		pictures[j] = film.Picture{Index: uint32(r.first + at), Time: time.UnixMilli(c.origin + r.time(at))}
	}
	var err error
	if p.group, err = r.samples(c.i, c.origin); err != nil {
		return err
	}
	p.coded = r.spec.Group(pictures, 0)
	for j := range p.coded {
		want := int(p.group.video[j].size)
		p.coded[j].Pad = want - len(p.coded[j].Data)
		if p.coded[j].Pad < 8 {
			return fmt.Errorf("picture %d: expected at most %d bytes, got %d", pictures[0].Index+uint32(j), want-8, len(p.coded[j].Data))
		}
	}
	p.first, _ = r.blocks(c.i, c.origin)
	p.held, p.sample = k, -1
	return nil
}

// part returns the rest of the sample at off of the held fragment.
func (p *projector) part(off int64) ([]byte, error) {
	if k := within(p.group.video, off); k >= 0 {
		if k != p.sample {
			p.scratch, p.sample = p.coded[k].AppendTo(p.scratch[:0]), k
		}
		return p.scratch[off-p.group.video[k].off:], nil
	}
	if k := within(p.group.audio, off); k >= 0 {
		r := p.cuts[p.held].material.(*reel)
		return r.spec.Block(p.first + int64(k))[off-p.group.audio[k].off:], nil
	}
	return nil, io.EOF
}

// within returns which of the samples, which lie one behind the other, holds off, or -1.
func within(in []sample, off int64) int {
	k := int(search(0, int64(len(in)), func(k int64) bool { return in[k].off > off })) - 1
	if k < 0 || off >= in[k].off+int64(in[k].size) {
		return -1
	}
	return k
}
