package splice

import (
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Cut divides pieces, which are in playing order, into runs that can be joined each on its own: at
// every hole if atHoles, and if atChanges where the tracks, their codecs or their codec
// configurations are others than before. The runs share the array of pieces.
func Cut(pieces []Piece, atHoles, atChanges bool) [][]Piece {
	var runs [][]Piece
	begin := 0
	for i := 1; i <= len(pieces); i++ {
		if i == len(pieces) || atHoles && pieces[i].Hole > 0 || atChanges && changed(pieces[i-1].Movie, pieces[i].Movie) {
			runs = append(runs, pieces[begin:i:i])
			begin = i
		}
	}
	return runs
}

// changed says whether b does not go on with the tracks of a as they were.
func changed(a, b *media.Movie) bool {
	return !slices.EqualFunc(filled(a), filled(b), alike)
}

// filled returns the tracks of m that hold pictures or sound, pictures first.
func filled(m *media.Movie) []*media.Track {
	var video, audio []*media.Track
	for _, t := range m.Tracks {
		switch {
		case len(t.Samples) == 0 || t.Kind == media.Text:
		case t.Kind == media.Video:
			video = append(video, t)
		default:
			audio = append(audio, t)
		}
	}
	return append(video, audio...)
}

// alike says whether two tracks have the same codec configurations, in whatever order.
func alike(a, b *media.Track) bool {
	return a.Kind == b.Kind && covers(a.Configs, b.Configs) && covers(b.Configs, a.Configs)
}

// covers says whether every one of b is among a.
func covers(a, b []media.Config) bool {
	for _, c := range b {
		if !slices.ContainsFunc(a, c.Same) {
			return false
		}
	}
	return true
}
