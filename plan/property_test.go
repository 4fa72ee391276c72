package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/plan"
	"pgregory.net/rapid"
)

// same compares fragments; no list and an empty one are the same.
func same(t *rapid.T, call string, got, want []archive.Fragment) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s: fragments lost, repeated or moved (-want +got):\n%s", call, d)
	}
}

func TestPiecesGiveTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := recordings().Draw(t, "recording")
		q := r.around(t)
		o := plan.Options{MaxPiece: time.Duration(rapid.SampledFrom([]int{0, 1, 1999, 60_000, 600_000}).Draw(t, "max")) * ms}
		o.Marks = r.marks(t)
		listed := rapid.Permutation(r.listed(q)).Draw(t, "listed")
		p := plan.Build(q, listed, o)

		var got []archive.Fragment
		for _, pc := range p.Pieces {
			answer := r.asks(t, q, pc)
			same(t, "piece", answer, pc.Fragments)
			got = append(got, answer...)
		}
		v := viewed(restarts{recording: r}, q, plan.OverlapAuto, p)
		// What is stuck may have to come with what was sent again, or is not of the range.
		if slices.ContainsFunc(v.listed, func(f archive.Fragment) bool {
			return (!r.relative || !f.Server.Add(ms).Before(q.To)) && v.stuck(f)
		}) {
			return
		}
		same(t, "Build", got, r.wanted(q))
		sound(t, r, p, o)
	})
}

// marks draws instants, often on or beside the start of a fragment.
func (r recording) marks(t *rapid.T) (out []time.Time) {
	for range rapid.SampledFrom([]int{0, 0, 1, 3, 40}).Draw(t, "marks") {
		at := r.around(t)
		out = append(out, at.From)
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.Compact(out)
}

// divided checks that no piece reaches over a mark but those of which all fragments play on over it.
// Those that start together, or in neighbouring milliseconds, may have to come together.
func divided(t *rapid.T, r recording, pc plan.Piece, marks []time.Time) {
	over := func(f archive.Fragment, m time.Time, sample time.Duration) bool {
		return f.Start(r.clock).Before(m) && f.Start(r.clock).Add(f.Length+sample).After(m)
	}
	begin, end := pc.Fragments[0].Start(r.clock), lastOf(pc.Fragments).Start(r.clock)
	tied := func(i int) bool {
		return i > 0 && pc.Fragments[i].Start(r.clock).Sub(pc.Fragments[i-1].Start(r.clock)) <= ms
	}
	for _, m := range marks {
		reaches := begin.Before(m) && !end.Before(m) ||
			slices.ContainsFunc(pc.Fragments, func(f archive.Fragment) bool { return over(f, m, 0) })
		if !reaches {
			continue
		}
		for i, f := range pc.Fragments {
			if !over(f, m, r.sample) && !tied(i) && (i+1 == len(pc.Fragments) || !tied(i+1)) {
				t.Fatalf("piece %d, from %v to %v, reaches over the mark %v, and fragment %s does not", pc.Index, begin, end, m, f.Number)
			}
		}
	}
}

func lastOf(fs []archive.Fragment) archive.Fragment { return fs[len(fs)-1] }

// sound checks what holds for the pieces of every plan.
func sound(t *rapid.T, r recording, p *plan.Plan, o plan.Options) {
	for i, pc := range p.Pieces {
		if pc.Index != i {
			t.Fatalf("piece %d: index %d", i, pc.Index)
		}
		if i > 0 {
			end, begin := lastOf(p.Pieces[i-1].Fragments).Start(r.clock), pc.Fragments[0].Start(r.clock)
			if end.After(begin) || end.Equal(begin) && pc.Clock == r.clock {
				t.Fatalf("piece %d: begins with %v, the one before ends with %v", i, begin, end)
			}
		}
		if d := pc.Last.Sub(pc.First); d >= plan.MaxSpan || o.MaxPiece > 0 && d > max(2*ms, o.MaxPiece) { // see Options
			t.Fatalf("piece %d: %v long, got more than the most", i, d)
		}
		var bytes int64
		for k, f := range pc.Fragments {
			bytes += f.Size
			if k > 0 && !r.neighbours(pc.Fragments[k-1], f) {
				t.Fatalf("piece %d: reaches over a gap before fragment %s", i, f.Number)
			}
		}
		divided(t, r, pc, o.Marks)
		if bytes != pc.Bytes || bytes > plan.MaxBytes {
			t.Fatalf("piece %d: %d bytes, got Bytes %d, want at most %d", i, bytes, pc.Bytes, plan.MaxBytes)
		}
	}
}

func TestSplitGivesThePiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := recordings().Draw(t, "recording")
		q := r.around(t)
		for _, pc := range plan.Build(q, r.listed(q), plan.Options{}).Pieces {
			same(t, "Split", halves(t, r, q, pc), pc.Fragments)
		}
	})
}

// halves splits p until nothing can be split, and asks for each.
func halves(t *rapid.T, r recording, q archive.Range, p plan.Piece) []archive.Fragment {
	a, b, ok := plan.Split(p)
	if ok {
		if a.Clock != p.Clock || b.Clock != p.Clock || !a.Last.Before(b.First) || a.Bytes+b.Bytes != p.Bytes || a.Index != p.Index || b.Span != p.Span {
			t.Fatalf("Split(%+v) = %+v, %+v", p, a, b)
		}
		return append(halves(t, r, q, a), halves(t, r, q, b)...)
	}
	first, end := p.Fragments[0].Start(p.Clock), lastOf(p.Fragments).Start(p.Clock)
	if end.Sub(first) > 2*ms { // of which each half could have two
		t.Fatalf("Split of %v to %v: not possible, want two halves", p.First, p.Last)
	}
	answer := r.asks(t, q, p)
	same(t, "half", answer, p.Fragments)
	return answer
}

func TestByTimeGivesTheRange(t *testing.T) {
	// Without a listing nobody knows that producer times begin anew.
	absolute := recordings().Filter(func(r recording) bool { return !r.relative })
	rapid.Check(t, func(t *rapid.T) {
		r := absolute.Draw(t, "recording")
		q := r.around(t)
		o := plan.Options{MaxPiece: time.Duration(rapid.SampledFrom([]int{0, 700, 60_000, 600_000, 86_400_000}).Draw(t, "max")) * ms}
		p := plan.ByTime(q, o)
		var got []archive.Fragment
		for i, pc := range p.Pieces {
			if i > 0 && !pc.First.Equal(p.Pieces[i-1].Last.Add(ms)) {
				t.Fatalf("piece %d begins at %v, the one before ends at %v", i, pc.First, p.Pieces[i-1].Last)
			}
			if pc.Last.Sub(pc.First) >= plan.MaxSpan {
				t.Fatalf("piece %d is %v long", i, pc.Last.Sub(pc.First))
			}
			got = append(got, byHalves(r, pc)...)
		}
		// A repeated fragment whose older twin lies in another piece comes twice on the server
		// clock: without a listing nobody knows.
		same(t, "ByTime", oldestOnly(got, q.Clock), oldestOnly(r.listed(q), q.Clock))
	})
}

// byHalves asks for p, and for its halves where the answer is cut short.
func byHalves(r recording, p plan.Piece) []archive.Fragment {
	answer, truncated := clip(r.stored, r.clock, p.First, p.Last)
	if !truncated {
		return answer
	}
	a, b, ok := plan.Split(p)
	if !ok {
		return answer
	}
	return append(byHalves(r, a), byHalves(r, b)...)
}
