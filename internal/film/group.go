package film

import "encoding/binary"

// Group codes one closed group of pictures, given in display order. The answer is in decode order;
// its first is an IDR picture and needs nothing before it. Each sample is grown by filler to at
// least pad bytes; 0 means no filler. Filler costs nothing until AppendTo.
func (s Spec) Group(pictures []Picture, pad int) []Coded {
	s = s.filled()
	g := &group{spec: s, stage: s.scene(), coded: make([]Coded, 0, len(pictures)), pad: pad}
	for at := 0; at < len(pictures); {
		g.reference(pictures, at)
		for b := g.shown + 1; b < at; b++ {
			g.between(pictures, b)
		}
		g.shown = at
		if at == len(pictures)-1 {
			break
		}
		at = min(at+1+s.BFrames, len(pictures)-1)
	}
	return g.coded
}

// group is a group of pictures while it is coded.
type group struct {
	spec  Spec
	stage *scene
	coded []Coded
	pad   int

	past, now mosaic // the last two references; between them, in display order, lie B-pictures
	spare     mosaic // room for a B-picture
	number    int    // frame_num of the next picture
	shown     int    // display position of the last reference whose B-pictures are all coded
	rbsp      bitWriter
}

// reference codes picture at as IDR picture if it is the first, else as P-picture.
func (g *group) reference(pictures []Picture, at int) {
	target := g.stage.shoot(g.past, pictures[at]) // past is not needed any more
	g.past, g.now = g.now, target
	h := header{kind: sliceP, number: g.number, display: at, idr: int(pictures[0].Index & 0xff)}
	if at == 0 {
		h.kind = sliceI
	}
	g.slice(h, target, g.past, g.past)
	g.number++
}

// between codes picture at as B-picture, which nothing refers to.
func (g *group) between(pictures []Picture, at int) {
	g.spare = g.stage.shoot(g.spare, pictures[at])
	g.slice(header{kind: sliceB, number: g.number, display: at}, g.spare, g.past, g.now)
}

// slice codes a whole picture as one slice and adds it to the group.
func (g *group) slice(h header, target, past, future mosaic) {
	w := &g.rbsp
	*w = bitWriter{out: w.out[:0]}
	h.write(w, g.spec)
	c := coder{w: w, kind: h.kind, columns: g.spec.columns(), quantizer: g.spec.quantizer()}
	c.macroblocks(target, past, future)
	w.trailing()
	data := appendNAL(make([]byte, 4, len(w.out)+8), h.nal(), w.out)
	binary.BigEndian.PutUint32(data, uint32(len(data)-4))
	g.coded = append(g.coded, Coded{Data: data, Display: h.display, Sync: h.kind == sliceI}.padded(g.pad))
}
