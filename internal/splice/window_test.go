package splice_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/splice"
)

func TestWindow(t *testing.T) {
	var pieces []splice.Piece
	for i := range 4 { // two fragments of two seconds each, which arrive half a second late and then 10 ms more
		p := fragments(piece(time.Duration(4*i)*s, video(100)), 2, 2*s)
		for k := range p.Fragments {
			p.Fragments[k].Length = 1960 * ms
		}
		pieces = append(pieces, p)
	}
	unknown := append(slices.Clone(pieces), file(video(25)))
	for name, c := range map[string]struct {
		pieces   []splice.Piece
		clock    archive.Clock
		from, to time.Duration
		want     []int
	}{
		"all":                    {pieces, archive.Producer, -time.Hour, time.Hour, []int{0, 1, 2, 3}},
		"whole pieces":           {pieces, archive.Producer, 4 * s, 12 * s, []int{1, 2}},
		"a tick less":            {pieces, archive.Producer, 4*s - 1, 12 * s, []int{0, 1, 2}},
		"a tick more":            {pieces, archive.Producer, 4 * s, 12*s + 1, []int{1, 2, 3}},
		"inside one":             {pieces, archive.Producer, 9 * s, 9*s + 1, []int{2}},
		"in its last picture":    {pieces, archive.Producer, 4*s - 10*ms, 4 * s, []int{0}},
		"nothing":                {pieces, archive.Producer, 9 * s, 9 * s, nil},
		"before":                 {pieces, archive.Producer, -2 * s, 0, nil},
		"after":                  {pieces, archive.Producer, 16 * s, 20 * s, nil},
		"server: whole":          {pieces, archive.Server, 4510 * ms, 12*s + 500*ms, []int{1, 2}},
		"server: the one before": {pieces, archive.Server, 4509 * ms, 12*s + 500*ms, []int{0, 1, 2}},
		"server: the one after":  {pieces, archive.Server, 4510 * ms, 12*s + 501*ms, []int{1, 2, 3}},
		"of one nothing is known": {
			unknown, archive.Producer, 4 * s, 8 * s,
			[]int{1, 4},
		},
	} {
		var got []int
		for _, p := range splice.Window(c.pieces, c.clock, noon.Add(c.from), noon.Add(c.to)) {
			got = append(got, slices.IndexFunc(c.pieces, func(o splice.Piece) bool { return o.Movie == p.Movie }))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: pieces %v, want %v", name, got, c.want)
		}
	}
}

// Clips of neighbouring windows show all of it once: what plays on over their common end is in both,
// and shown in each up to it.
func TestWindowsShowEverythingOnce(t *testing.T) {
	var pieces []splice.Piece
	for _, at := range []time.Duration{0, 4, 8, 10, 12} { // the third is one fragment, over 9 s
		n := 2
		if at == 8 || at == 10 {
			n = 1
		}
		pieces = append(pieces, fragments(piece(at*s, video(50*n), sound(94*n)), n, 2*s))
	}
	for i := range pieces {
		for k := range pieces[i].Fragments {
			pieces[i].Fragments[k].Length = 1960 * ms
		}
	}
	total, samples := time.Duration(0), 0
	for _, w := range [][2]time.Duration{{0, 9 * s}, {9 * s, 30 * s}} {
		in := splice.Window(pieces, archive.Producer, noon.Add(w[0]), noon.Add(w[1]))
		j := join(t, in, splice.Options{Clock: archive.Producer, From: noon.Add(w[0]), To: noon.Add(w[1])})
		total += j.Length
		for _, m := range in {
			samples += len(m.Movie.Tracks[0].Samples)
		}
	}
	if want := 400 + 50; samples != want {
		t.Errorf("%d pictures in both windows, want %d", samples, want)
	}
	if total < 16*s || total > 16*s+60*ms { // it begins with a whole picture, and sound lasts a little longer
		t.Errorf("%v is shown, want 16s", total)
	}
}
