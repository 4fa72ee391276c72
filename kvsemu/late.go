package kvsemu

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// away is a stretch in which the network was gone. Times are milliseconds since the recording
// began.
type away struct {
	at, back int64
	speed    float64
}

// lates returns the absences of the network in order, with their speeds.
func (c Camera) lates() []Late {
	out := slices.SortedStableFunc(slices.Values(c.Late), func(a, b Late) int { return cmp.Compare(a.After, b.After) })
	for i := range out {
		out[i].Speed = cmp.Or(out[i].Speed, 10)
	}
	return out
}

// away is l for a recording.
func (l Late) away() away {
	return away{at: l.After.Milliseconds(), back: (l.After + l.Length).Milliseconds(), speed: l.Speed}
}

// away lists the absences of the network for a recording.
func (c Camera) away() []away {
	var out []away
	for _, l := range c.lates() {
		out = append(out, l.away())
	}
	return out
}

// gone lists what is lost for a recording.
func (c Camera) gone() []span {
	var out []span
	for _, s := range c.Lost {
		out = append(out, span{s.After.Milliseconds(), (s.After + s.Length).Milliseconds()})
	}
	return out
}

// sent returns when what was filmed at t is sent. It never falls.
func (a away) sent(t int64) int64 {
	if t < a.at {
		return t
	}
	return max(t, a.back+int64(float64(t-a.at)/a.speed))
}

// over returns when the backlog is gone.
func (a away) over() int64 { return a.at + int64(math.Ceil(float64(a.back-a.at)*a.speed/(a.speed-1))) }

// sent returns when what was filmed at t, an offset as it returns, is sent.
func (r *recording) sent(t int64) int64 {
	for _, a := range r.late {
		t = max(t, a.sent(t))
	}
	return t
}

// rises refuses a backlog whose fragments would arrive less than a millisecond apart: server
// times must rise.
func (r *recording) rises() error {
	for i := range r.runs {
		for _, a := range r.late {
			if apart := r.runs[i].apart(); a.speed > float64(apart) {
				return fmt.Errorf("late: expected a speed up to %d, so that fragments arrive 1 ms apart, got %g", apart, a.speed)
			}
		}
	}
	return nil
}
