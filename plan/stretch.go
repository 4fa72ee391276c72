package plan

import (
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// stretch is footage that was recorded more than once.
type stretch struct {
	members  []int // places of its fragments, by producer time, then by arrival
	from, to time.Time
	equal    bool // they overlap only with what starts with them
}

// twice finds the stretches among the fragments of the range.
func (s *sieve) twice() []stretch {
	var out []stretch
	open := growing{sieve: s}
	s.doubles = s.byProducer()
	for _, i := range s.doubles {
		if open.takes(s.fs[i]) {
			open.add(i)
			continue
		}
		out = open.closed(out)
		open.begin(i)
	}
	return open.closed(out)
}

// byProducer are the places of all fragments of the range that can overlap, by producer time, then
// by arrival. On the server clock sessions that begin at 1970 lie beside each other.
func (s *sieve) byProducer() []int {
	var in []int
	rising := true
	for i, f := range s.fs {
		if s.fate[i] == outside || s.clock == archive.Server && relative(f) {
			continue
		}
		rising = rising && (len(in) == 0 || s.fs[in[len(in)-1]].Producer.Before(f.Producer))
		in = append(in, i)
	}
	if !rising && s.clock == archive.Server {
		order := byStart(archive.Producer)
		slices.SortFunc(in, func(a, b int) int { return order(s.fs[a], s.fs[b]) })
	}
	return in
}

// growing is a stretch in the making.
type growing struct {
	stretch
	*sieve
	reach int // the member that ends last
}

func (g *growing) begin(i int) {
	g.stretch = stretch{members: append(g.members[:0], i), equal: true}
	g.reach = i
	if g.fate[i] == never { // for an older one of its start, which has ended before the range begins
		g.from, g.to = g.fs[i].Producer, g.filmed(g.fs[i])
	}
}

// takes says that f, which starts no earlier than all members, starts with the last one, or while
// one is still playing.
func (g *growing) takes(f archive.Fragment) bool {
	if len(g.members) == 0 {
		return false
	}
	return g.fs[g.members[len(g.members)-1]].Producer.Equal(f.Producer) || g.filmed(g.fs[g.reach]).Sub(f.Producer) > g.tolerance
}

func (g *growing) add(i int) {
	f, before, longest := g.fs[i], g.fs[g.members[len(g.members)-1]], g.fs[g.reach]
	with := before.Producer.Equal(f.Producer)
	if with || g.doubled(longest, f) {
		if g.from.IsZero() {
			g.from = f.Producer
		}
		g.equal = g.equal && with
		g.to = later(g.to, earlier(g.filmed(f), later(g.filmed(longest), g.filmed(before))))
	}
	if g.filmed(f).After(g.filmed(longest)) {
		g.reach = i
	}
	g.members = append(g.members, i)
}

// closed appends the stretch to those before it, if anything in it overlaps.
func (g *growing) closed(out []stretch) []stretch {
	if g.from.IsZero() {
		return out
	}
	done := g.stretch
	done.members = slices.Clone(done.members)
	return append(out, done)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// overlaps tells of the stretches, those that follow each other as one.
func (s *sieve) overlaps() []Overlapping {
	var out []Overlapping
	have := s.have()
	for _, st := range s.stretches {
		o := s.overlapping(st, have)
		if n := len(out) - 1; n >= 0 && o.From.Sub(out[n].To) <= s.tolerance {
			out[n].merge(o)
		} else {
			out = append(out, o)
		}
	}
	return out
}

func (o *Overlapping) merge(b Overlapping) {
	o.To = later(o.To, b.To)
	o.Kept += b.Kept
	o.LeftOut += b.LeftOut
	o.Equal = o.Equal && b.Equal
	o.Twice += b.Twice
	o.Lost += b.Lost
}

func (s *sieve) overlapping(st stretch, have []footage) Overlapping {
	o := Overlapping{From: st.from, To: st.to, Equal: st.equal, Twice: s.again(st)}
	for _, i := range st.members {
		switch s.fate[i] {
		case kept:
			o.Kept++
		case leftOut, never:
			o.LeftOut++
		}
	}
	if o.LeftOut > 0 {
		o.Lost = s.lost(st, have)
	}
	return o
}

// again is how much of the range's producer time more than one kept fragment of st has. What overlaps
// by no more than the tolerance is a guess and not counted, see judge.doubled.
func (s *sieve) again(st stretch) (sum time.Duration) {
	var started, until, counted time.Time // of what is kept: the last start, the end, and the end of the sum
	for _, i := range st.members {
		if s.fate[i] != kept {
			continue
		}
		f := s.fs[i]
		from, to := s.clipped(f)
		both := earlier(to, until)
		if f.Producer.Equal(started) || both.Sub(from) > s.tolerance {
			sum += max(0, both.Sub(later(from, counted)))
			counted = later(counted, both)
		}
		started, until = f.Producer, later(until, to)
	}
	return sum
}

// lost is how much of the range's producer time only fragments of st have that are left out. A hole that is none, see judge.slack, is not counted.
func (s *sieve) lost(st stretch, have []footage) (sum time.Duration) {
	first, _ := slices.BinarySearchFunc(have, st.members[0], func(h footage, i int) int { return h.To.Compare(s.fs[i].Producer) })
	have = have[first:]
	var open footage // what is lost without a hole may be several fragments' together
	flush := func() {
		if d := open.To.Sub(open.From); d > s.slack() {
			sum += d
		}
	}
	add := func(from, to time.Time) {
		switch {
		case !from.Before(to):
		case from.Equal(open.To):
			open.To = to
		default:
			flush()
			open = footage{from, to}
		}
	}
	var at time.Time // all before has been looked at
	for _, i := range st.members {
		if s.fate[i] == kept || s.fate[i] == outside {
			continue
		}
		from, to := s.clipped(s.fs[i])
		from = later(from, at)
		at = later(at, to)
		for len(have) > 0 && !have[0].To.After(from) {
			have = have[1:]
		}
		for _, h := range have {
			if !h.From.Before(to) {
				break
			}
			add(from, h.From)
			from = later(from, h.To)
		}
		add(from, to)
	}
	flush()
	return sum
}

// footage is a stretch of producer time.
type footage struct{ From, To time.Time }

// have is what the kept fragments cover of producer time, in order and without overlap; nothing
// where nothing is recorded twice.
func (s *sieve) have() []footage {
	if len(s.stretches) == 0 {
		return nil
	}
	var out []footage
	for _, i := range s.doubles {
		if s.fate[i] != kept {
			continue
		}
		from, to := s.fs[i].Producer, s.filmed(s.fs[i])
		if n := len(out) - 1; n >= 0 && !from.After(out[n].To) {
			out[n].To = later(out[n].To, to)
		} else {
			out = append(out, footage{from, to})
		}
	}
	return out
}

// clipped is when f was filmed, on the producer clock as far as the range goes.
func (s *sieve) clipped(f archive.Fragment) (from, to time.Time) {
	from, to = f.Producer, s.filmed(f)
	if s.clock == archive.Producer {
		from, to = later(from, s.asked.From), earlier(to, s.asked.To)
	}
	return from, to
}
