package kvsemu

import (
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
)

// The order of pictures and the bound on their sizes are relied on without coding any.
func TestReelKnowsFilm(t *testing.T) {
	for b := range 3 {
		for n := 1; n < 30; n++ {
			pictures := make([]film.Picture, n)
			for i := range pictures {
				pictures[i] = film.Picture{Index: uint32(i), Time: time.Unix(0, 0)}
			}
			coded := film.Spec{BFrames: b}.Group(pictures, 0)
			for k, display := range order(n, b) {
				if coded[k].Display != display || coded[k].Sync != (k == 0) {
					t.Errorf("%d pictures, %d B-frames: picture %d shows at %d, want %d", n, b, k, display, coded[k].Display)
				}
			}
		}
	}
}

func TestSizesHold(t *testing.T) {
	for _, c := range []Camera{{}, {BFrames: 2, Width: 1920, Height: 1080}, {FPS: 5, Width: 320, Height: 192, Irregular: true}} {
		r, err := c.reel(c.specs()[0])
		if err != nil {
			t.Fatal(err)
		}
		m := r.cut(123_456, endless, 1)
		for i := int64(0); i < 200; i += 20 {
			p := &projector{cuts: []cut{{material: m, i: i * i * 997, origin: 1_777_896_000_000}}, held: -1}
			if err := p.load(0); err != nil {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
}
