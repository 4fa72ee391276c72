package splice

import "github.com/kvsclip/kvsclip/internal/media"

// source is where samples lie that are in the lanes.
type source struct {
	media.Source
	piece int    // counted from 0
	quiet *quiet // not nil for silence, which has no piece
}

// table returns the sources that wanted tells, those of pieces first, and which piece each of these
// is; and for each of j.sources its place among them.
func (j *join) table(wanted func(i int) bool) (table []source, pieces []int, place []uint16) {
	place = make([]uint16, len(j.sources))
	for _, silent := range []bool{false, true} {
		for i, s := range j.sources {
			if (s.quiet != nil) != silent || !wanted(i) {
				continue
			}
			place[i] = uint16(len(table))
			table = append(table, s)
			if !silent {
				pieces = append(pieces, s.piece)
			}
		}
	}
	return table, pieces, place
}

// opened are sources as a movie has them. Silence is as long as it is by now.
func opened(table []source) []media.Source {
	out := make([]media.Source, len(table))
	for i, s := range table {
		out[i] = s.Source
		if s.quiet != nil {
			out[i] = s.quiet.source()
		}
	}
	return out
}

// renumber gives samples the places of their sources.
func renumber(ss []media.Sample, place []uint16) {
	for i := range ss {
		ss[i].Source = place[ss[i].Source]
	}
}
