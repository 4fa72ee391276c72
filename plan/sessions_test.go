package plan_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
	"pgregory.net/rapid"
)

// restarts is a recording of sessions.
type restarts struct {
	recording
	beside  bool           // sessions arrive side by side, not one after the other
	session map[string]int // of each fragment, by number
}

// sessions draws a camera that starts anew again and again: with a replay buffer, cut as before or
// otherwise, with a clock set back, at 1970, after a hole, live or late and compressed. Fragments
// may arrive in one millisecond, and have equal times on either clock, or on both.
func sessions() *rapid.Generator[restarts] {
	return rapid.Custom(func(t *rapid.T) restarts {
		r := restarts{session: map[string]int{}, beside: rapid.Bool().Draw(t, "side by side")}
		r.clock = rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer}).Draw(t, "clock")
		r.sample = rapid.SampledFrom([]time.Duration{33 * ms, 40 * ms, 200 * ms}).Draw(t, "sample")
		for n := range rapid.IntRange(1, 5).Draw(t, "sessions") {
			r.add(t, n)
		}
		slices.SortStableFunc(r.stored, func(a, b archive.Fragment) int { return a.Server.Compare(b.Server) })
		names := map[string]int{}
		for i := range r.stored {
			f := &r.stored[i]
			session := r.session[f.Number]
			f.Number = strconv.Itoa(1000 + i)
			names[f.Number] = session
		}
		r.session = names
		return r
	})
}

// add draws session n.
func (r *restarts) add(t *rapid.T, n int) {
	filmed, like := r.begins(t)
	arrived := noon
	if len(r.stored) > 0 {
		arrived = r.stored[len(r.stored)-1].Server.Add(time.Duration(rapid.SampledFrom([]int{1, 400, 60_000}).Draw(t, "pause")) * ms)
		if r.beside {
			arrived = rapid.SampledFrom(r.stored).Draw(t, "beside").Server.Add(beside(t))
		}
	}
	burst := rapid.Bool().Draw(t, "burst")
	count := rapid.SampledFrom([]int{1, 2, 5, 12}).Draw(t, "fragments")
	for k := range max(count, len(like)) {
		length := time.Duration(rapid.IntRange(int(time.Second/r.sample)+1, int(9*time.Second/r.sample)).Draw(t, "pictures")) * r.sample
		if k < len(like) {
			length = like[k].Length
		}
		f := archive.Fragment{Number: strconv.Itoa(len(r.stored)), Producer: filmed, Server: arrived, Length: length, Size: 1000}
		r.session[f.Number] = n
		r.stored = append(r.stored, f)
		filmed = filmed.Add(length + r.sample)
		step := length + r.sample
		if burst {
			step = time.Duration(rapid.SampledFrom([]int{0, 1, 300}).Draw(t, "step")) * ms
		}
		arrived = arrived.Add(step)
	}
}

// begins draws when a session begins to film, and which fragments it sends once more.
func (r *restarts) begins(t *rapid.T) (filmed time.Time, like []archive.Fragment) {
	if len(r.stored) == 0 {
		return rapid.SampledFrom([]time.Time{noon, time.Unix(0, 0).UTC()}).Draw(t, "first"), nil
	}
	end := r.stored[len(r.stored)-1]
	at := end.Producer.Add(end.Length + r.sample)
	some := time.Duration(rapid.IntRange(0, 20_000).Draw(t, "some")) * ms
	switch rapid.IntRange(0, 5).Draw(t, "begins") {
	case 0:
		return at.Add(some), nil
	case 1:
		return at.Add(-some), nil
	case 2:
		return at.Add(-time.Hour), nil
	case 3:
		return time.Unix(0, 0).UTC(), nil
	case 4:
		return rapid.SampledFrom(r.stored).Draw(t, "as").Producer.Add(beside(t)), nil
	}
	i := rapid.IntRange(0, len(r.stored)-1).Draw(t, "replay")
	like = r.stored[i:]
	for k := 1; k < len(like); k++ {
		if !r.neighbours(like[k-1], like[k]) {
			like = like[:k]
			break
		}
	}
	return like[0].Producer.Add(beside(t)), slices.Clone(like)
}

// beside draws a millisecond before, after, or neither.
func beside(t *rapid.T) time.Duration {
	return time.Duration(rapid.IntRange(-1, 1).Draw(t, "beside")) * ms
}

var overlaps = []plan.Overlap{plan.OverlapAuto, plan.OverlapOldest, plan.OverlapNewest, plan.OverlapAll}

// planned draws a recording, a range and an overlap, and plans it.
func planned(t *rapid.T) (restarts, archive.Range, plan.Overlap, *plan.Plan) {
	r := sessions().Draw(t, "recording")
	q, o := r.around(t), rapid.SampledFrom(overlaps).Draw(t, "overlap")
	listed := rapid.Permutation(r.listed(q)).Draw(t, "listed")
	most := time.Duration(rapid.SampledFrom([]int{0, 1, 5000}).Draw(t, "max")) * ms
	return r, q, o, plan.Build(q, listed, plan.Options{Overlap: o, MaxPiece: most})
}

// asks is what the service answers to a piece. A piece on the other clock than the range's is one
// fragment by its millisecond, which nothing that was not listed is taken to share, or to start beside.
func (r recording) asks(t *rapid.T, q archive.Range, p plan.Piece) []archive.Fragment {
	stored := r.stored
	if p.Clock != q.Clock {
		stored = r.listed(q)
		if len(p.Fragments) != 1 {
			t.Fatalf("piece %d: %d fragments on the other clock, want one", p.Index, len(p.Fragments))
		}
	}
	answer, truncated := clip(stored, p.Clock, p.First, p.Last)
	if truncated {
		t.Fatalf("piece %d: truncated", p.Index)
	}
	return answer
}

func TestOverlapsAreAskedForExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, q, _, p := planned(t)
		var got, want []archive.Fragment
		for _, pc := range p.Pieces {
			same(t, "piece", r.asks(t, q, pc), pc.Fragments)
			got = append(got, r.parts(t, q, pc)...)
		}
		for _, s := range p.Timeline.Spans {
			want = append(want, s.Fragments...)
		}
		same(t, "Build", got, want)
	})
}

// parts splits p until nothing can be split, and asks for each.
func (r restarts) parts(t *rapid.T, q archive.Range, p plan.Piece) []archive.Fragment {
	if a, b, ok := plan.Split(p); ok {
		if a.Clock != p.Clock || b.Clock != p.Clock {
			t.Fatalf("Split changes the clock")
		}
		return append(r.parts(t, q, a), r.parts(t, q, b)...)
	}
	answer := r.asks(t, q, p)
	same(t, "part", answer, p.Fragments)
	return answer
}

// view is what a listing of a recording lets anybody know.
type view struct {
	restarts
	asked             archive.Range
	overlap           plan.Overlap
	listed            []archive.Fragment
	sample, tolerance time.Duration
	planned           []archive.Fragment
	left              map[string]bool
}

func viewed(r restarts, q archive.Range, o plan.Overlap, p *plan.Plan) *view {
	v := &view{restarts: r, asked: q, overlap: o, listed: r.listed(q), left: map[string]bool{}}
	v.sample, v.tolerance = plan.Learned(q.Clock, v.listed)
	for _, s := range p.Timeline.Spans {
		v.planned = append(v.planned, s.Fragments...)
	}
	for _, f := range p.Timeline.Repeated {
		v.left[f.Number] = true
	}
	return v
}

func (v *view) plans(f archive.Fragment) bool {
	return slices.ContainsFunc(v.planned, func(p archive.Fragment) bool { return p.Number == f.Number })
}

// twice says, by the words of the overlap alone, that a and b hold the same producer time.
func (v *view) twice(a, b archive.Fragment) bool {
	if v.asked.Clock == archive.Server && (a.Producer.Year() == 1970 || b.Producer.Year() == 1970) {
		return false
	}
	if a.Producer.Equal(b.Producer) {
		return true
	}
	from, to := a.Producer, a.Producer.Add(a.Length+v.sample)
	if b.Producer.After(from) {
		from = b.Producer
	}
	if end := b.Producer.Add(b.Length + v.sample); end.Before(to) {
		to = end
	}
	return to.Sub(from) > v.tolerance
}

// hidden says that no request gives f alone and, on the server clock, that one for what must come with
// it gives an older fragment in its place.
func (v *view) hidden(f archive.Fragment) bool {
	if v.asked.Clock == archive.Producer {
		return v.stuck(f)
	}
	return slices.ContainsFunc(v.listed, func(o archive.Fragment) bool {
		older := o.Producer.Equal(f.Producer) && number(o) < number(f)
		return older && (o.Server.Equal(f.Server) || v.near(o, f) && v.stuckBeside(f))
	})
}

// stuck says that no request gives f alone, on either clock.
func (v *view) stuck(f archive.Fragment) bool {
	return v.stuckOn(f, archive.Server) && v.stuckOn(f, archive.Producer)
}

// stuckOn says that neither a request for f's millisecond and the next one on clock c, nor one for
// the millisecond before it and f's, gives f alone.
func (v *view) stuckOn(f archive.Fragment, c archive.Clock) bool {
	if v.asked.Clock == archive.Server && c == archive.Producer && f.Producer.Year() == 1970 {
		return true
	}
	alone := func(first time.Time) bool {
		end := first.Add(ms)
		if c == v.asked.Clock && end.Equal(v.asked.To) { // what starts there was not listed
			return false
		}
		answer, _ := clip(v.listed, c, first, end)
		if c == archive.Server { // where nothing is to depend on what GetClip leaves out
			answer = slices.DeleteFunc(slices.Clone(v.listed), func(o archive.Fragment) bool { return o.Server.Before(first) || o.Server.After(end) })
		}
		return len(answer) == 1 && answer[0].Number == f.Number
	}
	return !alone(f.Start(c)) && !alone(f.Start(c).Add(-ms))
}

// near says that a and b arrived so near each other that they may have to be asked for together.
func (v *view) near(a, b archive.Fragment) bool { return a.Server.Sub(b.Server).Abs() <= 2*ms }

// stuckBeside says that something is stuck that arrived near f.
func (v *view) stuckBeside(f archive.Fragment) bool {
	return slices.ContainsFunc(v.listed, func(o archive.Fragment) bool { return v.near(o, f) && v.stuck(o) })
}

// replaces says that k may be kept in the place of f.
func (v *view) replaces(k, f archive.Fragment) bool {
	if !v.twice(k, f) {
		return false
	}
	switch v.overlap {
	case plan.OverlapAuto:
		return number(k) < number(f) && k.Producer.Equal(f.Producer)
	case plan.OverlapOldest:
		return number(k) < number(f)
	case plan.OverlapNewest:
		return number(k) > number(f)
	}
	return false
}

// justified says that f is left out for something that is planned, or, by default, for some things
// that have all of it together. By default on the server clock, it may also be the oldest of its producer time.
func (v *view) justified(f archive.Fragment) bool {
	if slices.ContainsFunc(v.planned, func(k archive.Fragment) bool { return v.replaces(k, f) }) {
		return true
	}
	if v.overlap != plan.OverlapAuto {
		return false
	}
	if v.asked.Clock == archive.Producer {
		return v.covered(f)
	}
	return slices.ContainsFunc(v.listed, func(k archive.Fragment) bool {
		return k.Producer.Equal(f.Producer) && number(k) < number(f)
	})
}

// covered says that what is planned and arrived before f leaves no hole in what the range holds of it.
func (v *view) covered(f archive.Fragment) bool {
	older := slices.DeleteFunc(slices.Clone(v.planned), func(k archive.Fragment) bool { return number(k) >= number(f) })
	matters := v.clipped(f)
	if matters.to.Sub(matters.from) <= v.tolerance {
		matters = v.films(f)
	}
	return len(v.holes(matters, older)) == 0
}

// stretch is producer time.
type stretch struct{ from, to time.Time }

// films is what f films, as far as the listing tells.
func (v *view) films(f archive.Fragment) stretch {
	return stretch{f.Producer, f.Producer.Add(f.Length + v.sample)}
}

// holes are the parts of a stretch that none of the fragments film, but for those too short to be
// told from a picture that was shown longer than usual.
func (v *view) holes(in stretch, by []archive.Fragment) (out []stretch) {
	left := []stretch{in}
	for _, k := range by {
		left = v.without(left, v.films(k))
	}
	short := max(100*ms, v.tolerance-v.sample)
	return slices.DeleteFunc(left, func(h stretch) bool { return h.to.Sub(h.from) <= short })
}

// without takes f out of each stretch.
func (v *view) without(in []stretch, f stretch) (out []stretch) {
	for _, h := range in {
		if !f.from.Before(h.to) || !h.from.Before(f.to) {
			out = append(out, h)
			continue
		}
		if h.from.Before(f.from) {
			out = append(out, stretch{h.from, f.from})
		}
		if f.to.Before(h.to) {
			out = append(out, stretch{f.to, h.to})
		}
	}
	return out
}

// clipped is what f films of the range; nothing of what it films outside.
func (v *view) clipped(f archive.Fragment) stretch {
	in := v.films(f)
	if v.asked.Clock == archive.Producer && in.from.Before(v.asked.From) {
		in.from = v.asked.From
	}
	if v.asked.Clock == archive.Producer && in.to.After(v.asked.To) {
		in.to = v.asked.To
	}
	return in
}

// By default the producer clock loses no instant of the range that anything listed films, but for
// what starts with an older fragment that is planned, or cannot be had. What is lost of that is told.
func TestOverlapsFilmEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sessions().Draw(t, "recording")
		r.clock = archive.Producer
		q := r.around(t)
		p := plan.Build(q, r.listed(q), plan.Options{})
		v := viewed(r, q, plan.OverlapAuto, p)
		var told time.Duration
		for _, o := range p.Timeline.Overlaps {
			told += o.Lost
		}
		most := time.Duration(0)
		for _, f := range v.listed {
			holes := v.holes(v.clipped(f), v.planned)
			if len(holes) > 0 && !v.hidden(f) && !v.startsWithPlanned(f) {
				t.Fatalf("nothing that is planned films %v of fragment %s", holes, f.Number)
			}
			for _, h := range holes {
				most = max(most, h.to.Sub(h.from))
			}
		}
		if told < most || told > 0 && most == 0 {
			t.Fatalf("%v is lost in one place, and %v is told", most, told)
		}
	})
}

// startsWithPlanned says that an older fragment that starts with f is planned.
func (v *view) startsWithPlanned(f archive.Fragment) bool {
	return slices.ContainsFunc(v.planned, func(k archive.Fragment) bool {
		return k.Producer.Equal(f.Producer) && number(k) < number(f)
	})
}

// What is told to be there twice is what two planned fragments film, but for overlaps too short to tell.
func TestOverlapsTellWhatIsThereTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, q, o, p := planned(t)
		v := viewed(r, q, o, p)
		least, most := v.shownTwice()
		var told time.Duration
		for _, o := range p.Timeline.Overlaps {
			told += o.Twice
		}
		if told < least || told > most {
			t.Fatalf("overlap %s: %v is told to be there twice, want %v to %v", o, told, least, most)
		}
	})
}

// shownTwice is how much of the range more than one planned fragment films: the longest overlap of two
// that is no guess, and the sum of all.
func (v *view) shownTwice() (least, most time.Duration) {
	for i, a := range v.planned {
		for _, b := range v.planned[i+1:] {
			if v.asked.Clock == archive.Server && (a.Producer.Year() == 1970 || b.Producer.Year() == 1970) {
				continue
			}
			x, y := v.clipped(a), v.clipped(b)
			both := min(x.to.UnixMilli(), y.to.UnixMilli()) - max(x.from.UnixMilli(), y.from.UnixMilli())
			d := time.Duration(max(0, both)) * ms
			most += d
			if d > v.tolerance {
				least = max(least, d)
			}
		}
	}
	return least, most
}

func TestOverlapsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewed(planned(t))
		for _, f := range v.listed {
			is, left := v.plans(f), v.left[f.Number]
			switch {
			case f.Start(v.asked.Clock).Before(v.asked.From): // see TestOverlapsHoldTheStart
			case is == left:
				t.Fatalf("fragment %s: planned %v, left out %v", f.Number, is, left)
			case left && !v.hidden(f) && !v.justified(f):
				t.Fatalf("overlap %s: fragment %s is left out, but nothing is planned in its place", v.overlap, f.Number)
			}
		}
	})
}

// What is planned begins with the fragment that plays when the range does, whatever else was left
// out.
func TestOverlapsHoldTheStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewed(planned(t))
		holds := func(f archive.Fragment) bool {
			return !f.Producer.After(v.asked.From) && f.Producer.Add(f.Length+v.sample).After(v.asked.From.Add(v.tolerance))
		}
		if v.asked.Clock == archive.Server || v.overlap == plan.OverlapAuto { // see TestOverlapsFilmEveryInstant
			return
		}
		could := slices.ContainsFunc(v.listed, func(f archive.Fragment) bool { return holds(f) && !v.hidden(f) })
		if could && !slices.ContainsFunc(v.planned, holds) && !slices.ContainsFunc(v.planned, func(f archive.Fragment) bool {
			return slices.ContainsFunc(v.listed, func(h archive.Fragment) bool { return holds(h) && v.replaces(f, h) })
		}) {
			t.Fatalf("overlap %s: something plays when the range begins, and nothing that does is planned", v.overlap)
		}
	})
}

// Where one footage was asked for, no producer time is planned twice, but for what arrived in one
// millisecond and cannot be had apart.
func TestOverlapsGiveOneFootage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewed(planned(t))
		if v.overlap != plan.OverlapOldest && v.overlap != plan.OverlapNewest {
			return
		}
		for i, a := range v.planned {
			for _, b := range v.planned[i+1:] {
				if v.twice(a, b) && !v.crowded(a) && !v.crowded(b) {
					t.Fatalf("overlap %s: %s and %s are both planned", v.overlap, a.Number, b.Number)
				}
			}
		}
	})
}

// By default the producer clock plans nothing that is there already when it arrives.
func TestOverlapsGiveNothingForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sessions().Draw(t, "recording")
		r.clock = archive.Producer
		q := r.around(t)
		v := viewed(r, q, plan.OverlapAuto, plan.Build(q, r.listed(q), plan.Options{}))
		for _, f := range v.planned {
			if v.startsWithPlanned(f) {
				t.Fatalf("fragment %s is planned, and an older one that starts with it", f.Number)
			}
			doubled := slices.ContainsFunc(v.planned, func(k archive.Fragment) bool { return number(k) < number(f) && v.twice(k, f) })
			if doubled && f.Length+v.sample > v.tolerance && v.covered(f) {
				t.Fatalf("fragment %s is planned, and older ones that have all of it", f.Number)
			}
		}
	})
}

// crowded says that on the server clock something arrived together with f, or near it and is stuck.
func (v *view) crowded(f archive.Fragment) bool {
	return v.asked.Clock == archive.Server && v.stuckBeside(f) || v.asked.Clock == archive.Server && slices.ContainsFunc(v.listed, func(o archive.Fragment) bool {
		return o.Number != f.Number && o.Server.Equal(f.Server)
	})
}

// What plays is in the order of the clock, and where all is kept, session by session.
func TestOverlapsPlayInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewed(planned(t))
		order := func(a, b archive.Fragment) int { return a.Start(v.asked.Clock).Compare(b.Start(v.asked.Clock)) }
		if v.overlap != plan.OverlapAll || v.asked.Clock == archive.Server {
			if !slices.IsSortedFunc(v.planned, order) {
				t.Fatal("planned out of order")
			}
			return
		}
		if len(v.left) > 0 && !slices.ContainsFunc(v.listed, v.hidden) {
			t.Fatal("all was asked for, and something is left out")
		}
		if !v.beside {
			v.contiguous(t)
		}
	})
}

// contiguous checks that no session is played in parts, but around what cannot be had of it.
func (v *view) contiguous(t *rapid.T) {
	over := map[int]bool{}
	for i, f := range v.planned {
		session := v.session[f.Number]
		if i > 0 && session != v.session[v.planned[i-1].Number] {
			over[v.session[v.planned[i-1].Number]] = true
		}
		if over[session] && !slices.ContainsFunc(v.listed, func(f archive.Fragment) bool { return v.hidden(f) && v.session[f.Number] == session }) {
			t.Fatalf("session %d goes on after another one", session)
		}
	}
}
