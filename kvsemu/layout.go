package kvsemu

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
)

// recording sets up what c records under name when the server started at started.
func (c Camera) recording(seed uint64, name string, started time.Time) (*recording, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	stage, err := c.stage()
	if err != nil {
		return nil, err
	}
	from := c.From
	if from.IsZero() {
		from = started.Add(-cmp.Or(c.Ago, 24*time.Hour))
	}
	if err := c.since1970(from); err != nil {
		return nil, err
	}
	l := &layout{camera: c, stage: stage, recording: &recording{
		seed:   chance(seed, hashed(name)),
		from:   from.UnixMilli(),
		upload: max(0, cmp.Or(c.Upload, 300*time.Millisecond).Milliseconds()),
		wobble: c.ServerJitter.Milliseconds(),
		late:   c.away(),
		lost:   c.gone(),
		tags:   c.Tags,
	}}
	l.run()
	return l.recording, l.rises()
}

// hashed turns the name of a stream into 64 bits.
func hashed(name string) uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return hash.Sum64()
}

// stage returns a function that makes the material of one run: span milliseconds, or endless, in
// which the recording's picture number first comes first, after n changes.
func (c Camera) stage() (func(changes int, first, span int64, seed uint64) material, error) {
	if c.File != "" {
		t, err := openTape(c.File)
		if err != nil {
			return nil, err
		}
		return func(_ int, first, span int64, _ uint64) material { return t.cut(first, span) }, nil
	}
	specs := c.specs()
	var plans []reel
	for _, s := range specs {
		p, err := c.reel(s)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return func(n int, first, span int64, seed uint64) material { return plans[n].cut(first, span, seed) }, nil
}

// specs returns what is filmed after 0, 1, 2 ... changes, in the order of their times.
func (c Camera) specs() []film.Spec {
	s := film.Spec{Width: cmp.Or(c.Width, 640), Height: cmp.Or(c.Height, 360), BFrames: c.BFrames, Sound: film.Sound(c.Sound)}
	out := []film.Spec{s}
	for _, ch := range c.changes() {
		s.Width, s.Height = cmp.Or(ch.Width, s.Width), cmp.Or(ch.Height, s.Height)
		switch ch.Sound {
		case "":
		case "none":
			s.Sound = film.None
		default:
			s.Sound = film.Sound(ch.Sound)
		}
		if ch.Width == 0 && ch.Height == 0 && ch.Sound == "" {
			s.Variant++
		}
		out = append(out, s)
	}
	return out
}

func (c Camera) changes() []Change {
	return slices.SortedStableFunc(slices.Values(c.Changes), func(a, b Change) int { return cmp.Compare(a.After, b.After) })
}

// layout builds a recording run by run.
type layout struct {
	*recording
	camera Camera
	stage  func(changes int, first, span int64, seed uint64) material

	picture int64  // number of the next picture
	uploads int64  // so far
	seq     uint64 // sequence part of the next fragment number, if the session goes on
	dark    int64  // how long nothing has been recorded, at present
	fresh   bool   // the next run opens a session
	awake   bool   // a session was opened just now: the dark before it ended another
	zero    int64  // camera's clock where the session began, if producer times count from there
	ahead   int64  // camera's clock minus true clock, of what was filmed last
}

// run lays out the whole recording.
func (l *layout) run() {
	l.seq = 1
	end := int64(endless)
	if l.camera.For > 0 {
		end = l.camera.For.Milliseconds()
	}
	at := l.times()
	cuts := sortedCuts(end, at)
	for k := 0; k+1 < len(cuts); k++ {
		l.replays(cuts[k])
		l.stretch(cuts[k], cuts[k+1])
		for _, a := range l.camera.Again {
			if min(end, (a.After+a.Length).Milliseconds()) == cuts[k+1] {
				l.again(a.After.Milliseconds(), cuts[k+1])
			}
		}
	}
}

// times returns when anything may change.
func (l *layout) times() []int64 {
	var at []int64
	for _, g := range l.camera.Gaps {
		at = append(at, g.After.Milliseconds(), (g.After + g.Length).Milliseconds())
	}
	for _, ch := range l.camera.Changes {
		at = append(at, ch.After.Milliseconds())
	}
	for _, a := range l.camera.Again {
		at = append(at, (a.After + a.Length).Milliseconds())
	}
	for _, p := range l.camera.Replays {
		at = append(at, p.After.Milliseconds())
	}
	if l.camera.File == "" { // a tape is not cut, but goes on
		for _, s := range l.camera.ClockSteps {
			at = append(at, s.After.Milliseconds())
		}
	}
	return at
}

// sessionEnds is how long a service waits for data before it ends an upload, in milliseconds.
const sessionEnds = 30_000

// stretch adds the run of from to to, in which nothing changes, unless it is a gap.
func (l *layout) stretch(from, to int64) {
	for _, g := range l.camera.Gaps {
		if g.After.Milliseconds() <= from && from < (g.After+g.Length).Milliseconds() {
			l.dark, l.awake = l.dark+to-from, false
			return
		}
	}
	changes := 0
	for _, ch := range l.camera.changes() {
		at := ch.After.Milliseconds()
		if at <= from {
			changes++
		}
		l.fresh = l.fresh || (at <= from && at >= from-l.dark)
	}
	l.fresh = l.fresh || l.dark >= sessionEnds && !l.awake
	l.dark, l.awake = 0, false
	span := int64(endless)
	if to != endless {
		span = to - from
	}
	m := l.stage(changes, l.picture, span, l.seed)
	l.film(m, from)
	if n := m.count(); n != endless && n > 0 {
		first, pictures := m.pictures(n - 1)
		l.picture = first + int64(pictures)
	}
}

// again adds second uploads of the fragments that begin between from and to.
func (l *layout) again(from, to int64) {
	l.fresh = true
	for _, r := range slices.Clone(l.runs) {
		if r.again {
			continue
		}
		lo := search(0, r.n, func(i int64) bool { return r.start+r.begin(r.skip+i) >= from })
		hi := search(lo, r.n, func(i int64) bool { return r.start+r.begin(r.skip+i) >= to })
		if lo < hi {
			l.fresh = l.fresh || r.ahead != l.runs[len(l.runs)-1].ahead
			l.add(run{material: r.material, start: r.start, skip: r.skip + lo, n: hi - lo, ahead: r.ahead, again: true, after: l.arrives(to)})
		}
	}
	l.fresh = true
}

// arrives returns when what was filmed at t arrives.
func (l *layout) arrives(t int64) int64 { return l.from + l.sent(t) + l.upload }

// add appends a run, with its numbers filled in.
func (l *layout) add(r run) {
	if r.n == 0 {
		return
	}
	if l.fresh && len(l.runs) > 0 {
		l.seq = ((l.seq-1)/1000+1)*1000 + 1
	}
	r.opens = l.fresh || len(l.runs) == 0
	l.fresh = false
	if r.opens && l.camera.Relative {
		l.zero = l.origin(&r) + r.begin(r.skip)
	}
	r.first, r.seq, r.zero = l.uploads, l.seq, l.zero
	if l.uploads > 0 {
		r.after = max(r.after, l.server(l.uploads-1)+1)
	}
	l.runs = append(l.runs, r)
	if r.n != endless {
		l.uploads += r.n
		l.seq += uint64(r.n)
	}
}
