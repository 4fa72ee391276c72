package splice_test

import (
	"math"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
	"pgregory.net/rapid"
)

// pictures draws a track of pictures.
func pictures(t *rapid.T) *media.Track {
	n := rapid.IntRange(1, 40).Draw(t, "pictures")
	var v *media.Track
	switch rapid.IntRange(0, 4).Draw(t, "order") {
	case 0:
		v = video(n)
	case 1:
		v = edited(reordered(n, 40), media.Edit{Media: 40})
	case 2:
		v = reordered(n, rapid.SampledFrom([]int32{0, 40, 80}).Draw(t, "shift"))
	case 3:
		v = uneven(t, n)
	case 4:
		v = regular(media.Video, rapid.SampledFrom([]uint32{30000, 90000}).Draw(t, "scale"), avc, n, 1001, 30000)
	}
	return with(v, rapid.SampledFrom([]media.Config{avc, avc, avc2, hevc}).Draw(t, "config"))
}

// uneven draws pictures of any duration, each shown up to three of them later.
func uneven(t *rapid.T, n int) *media.Track {
	var times []int64
	at := int64(0)
	for range n {
		times = append(times, at)
		at += int64(rapid.IntRange(1, 200).Draw(t, "lasts"))
	}
	v := track(media.Video, 1000, avc, at, times...)
	if n > 3 && rapid.Bool().Draw(t, "reordered") {
		v.Samples[1].Shift = int32(times[3] - times[1])
		v.Samples[2].Shift = int32(times[1] - times[2])
		v.Samples[3].Shift = int32(times[2] - times[3])
	}
	return v
}

// blocks draws a track of sound about as long as v, or nil.
func blocks(t *rapid.T, v *media.Track) *media.Track {
	seconds := float64(v.End)/float64(v.Timescale) + float64(rapid.IntRange(-60, 60).Draw(t, "longer"))/1000
	n := max(1, int(seconds/block))
	switch rapid.IntRange(0, 5).Draw(t, "sound") {
	case 0:
		return nil
	case 1:
		return sound(n)
	case 2:
		return edited(sound(n+1), media.Edit{Media: 1024})
	case 3:
		return edited(sound(n), media.Edit{Duration: int64(rapid.IntRange(1, 30).Draw(t, "empty")), Media: -1}, media.Edit{})
	case 4:
		return regular(media.Audio, 1000, aac, n, 1024, 48000)
	}
	return regular(media.Audio, 8000, alaw, n, 160, 8000)
}

// recording draws pieces whose producer times lie anywhere near their ends, or nowhere.
func recording(t *rapid.T) []splice.Piece {
	var pieces []splice.Piece
	at := time.Duration(0)
	for range rapid.IntRange(1, 12).Draw(t, "pieces") {
		v := pictures(t)
		p := piece(at, v)
		if a := blocks(t, v); a != nil {
			p = piece(at, v, a)
		}
		if rapid.IntRange(0, 9).Draw(t, "file") == 0 {
			p.Fragments = nil
		}
		pieces = append(pieces, p)
		lasts := time.Duration(float64(v.End) / float64(v.Timescale) * 1000)
		at += (lasts + time.Duration(rapid.SampledFrom([]int{-5000, -100, -40, -1, 0, 0, 0, 1, 40, 900, 3000}).Draw(t, "late"))) * ms
	}
	return pieces
}

// Whatever the pieces: each sample once, in order, untouched, at rising times; pictures keep their
// distances, and their order over the seams; each is where its seam says; sound is beside them.
func TestJoinProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := recording(t)
		j := join(t, pieces, splice.Options{})
		last := math.Inf(-1)
		for i, p := range pieces {
			vs := shots(t, j.Movie, i, media.Video)
			at := first(vs)
			if at <= last+eps {
				t.Fatalf("piece %d: its first picture is at %f s, after one at %f", i, at, last)
			}
			for _, v := range vs {
				last = max(last, v.at)
			}
			if i > 0 {
				seam(t, j, i, pieces, at-first(shots(t, j.Movie, 0, media.Video)))
			}
			if p.Movie.Find(media.Audio) != nil {
				beside(t, j, i, p, at)
			}
		}
	})
}

// beside checks that the sound of piece i is off by one block at most, where the sound before it
// leaves room for it, and that its seam says by how much.
func beside(t *rapid.T, j *splice.Joined, i int, p splice.Piece, at float64) {
	off := apart(t, i, p, j)
	if i > 0 && math.Abs(off-j.Seams[i-1].AudioError.Seconds()) > 0.0006 { // half a tick of a millisecond
		t.Fatalf("piece %d: its sound is %.3f ms late, AudioError %v", i, 1000*off, j.Seams[i-1].AudioError)
	}
	for _, tr := range j.Movie.Tracks {
		for _, sh := range play(t, j.Movie, tr) {
			if tr.Kind == media.Audio && int(sh.Source) < i && firstOf(sh) && sh.at > at+inside(t, p)-0.001 {
				return // the whole sound of an earlier piece comes later than this one should
			}
		}
	}
	if math.Abs(off) > block {
		t.Fatalf("piece %d: its sound is %.1f ms late", i, 1000*off)
	}
}

// firstOf says that sh is the first sample of its piece.
func firstOf(sh shot) bool { return sh.Offset == 1000 }

// seam checks what seam i says against where the picture is, and that a joined piece lies where
// the last anchored one and the times say.
func seam(t *rapid.T, j *splice.Joined, i int, pieces []splice.Piece, at float64) {
	sm := j.Seams[i-1]
	if sm.Piece != i || math.Abs(at-sm.Position.Seconds()) > 1e-6 {
		t.Fatalf("seam %d: piece %d at %v, its picture is at %f s", i, sm.Piece, sm.Position, at)
	}
	if sm.Action != splice.ActionJoin && sm.Action != splice.ActionConfig {
		return
	}
	a := i - 1 // the last piece that was placed anew, or that holds the anchor
	for a > 0 && (j.Seams[a-1].Action == splice.ActionJoin || j.Seams[a-1].Action == splice.ActionConfig || held(j, a, pieces)) {
		a--
	}
	anchor := 0.0
	if a > 0 {
		anchor = j.Seams[a-1].Position.Seconds()
	}
	want := anchor + pieces[i].Fragments[0].Producer.Sub(pieces[a].Fragments[0].Producer).Seconds()
	if math.Abs(at-want) > 1e-4 {
		t.Fatalf("seam %d: its picture is at %f s, want %f by the time of piece %d", i, at, want, a)
	}
}

// held says that seam a was put back to back for want of room alone: the anchor before it holds.
func held(j *splice.Joined, a int, pieces []splice.Piece) bool {
	return j.Seams[a-1].Action == splice.ActionBack && j.Seams[a-1].VideoError != 0 &&
		j.Seams[a-1].VideoError.Abs() <= s+lastPicture(pieces[a-1].Movie.Tracks[0])
}

func lastPicture(v *media.Track) time.Duration {
	n := len(v.Samples)
	return time.Duration(math.Round(float64(v.End-v.Samples[n-1].Time) / float64(v.Timescale) * 1e9))
}

// Any range shows the last picture at or before its start first, and ends at its end or with the
// movie, with nothing behind it.
func TestTrimProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := recording(t)
		p, q := &pieces[0], &pieces[len(pieces)-1]
		if p.Fragments == nil || q.Fragments == nil {
			p.Fragments, q.Fragments = piece(0).Fragments, piece(time.Hour).Fragments
		}
		whole := join(t, pieces, splice.Options{})
		o := splice.Options{Clock: rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer}).Draw(t, "clock")}
		from := time.Duration(rapid.IntRange(-100, 2000).Draw(t, "from")) * ms
		to := time.Duration(rapid.IntRange(1, 2000).Draw(t, "to")) * ms
		o.From, o.To = p.Fragments[0].Start(o.Clock).Add(from), q.Fragments[0].Start(o.Clock).Add(to)
		j := join(t, pieces, o)

		start, end := bounds(t, whole, pieces, from.Seconds(), to.Seconds())
		origin := first(shots(t, j.Movie, 0, media.Video))
		if math.Abs(start+origin) > 1e-4 {
			t.Fatalf("the movie starts %f s after the first picture, want %f", -origin, start)
		}
		if got := length(t, j.Movie); math.Abs(got-max(end-start, 0)) > 1e-3 {
			t.Fatalf("the movie is %f s long, want %f", got, end-start)
		}
		if end-start < 0.002 {
			return // shows a tick of whatever is there
		}
		ended(t, whole.Movie, j.Movie, first(shots(t, whole.Movie, len(pieces)-1, media.Video))+to.Seconds())
	})
}

// bounds are where a trimmed movie starts and ends, from its first picture, by how the whole one
// plays.
func bounds(t *rapid.T, whole *splice.Joined, pieces []splice.Piece, from, to float64) (start, end float64) {
	vs := shots(t, whole.Movie, 0, media.Video)
	origin := first(vs)
	start = max(from, -origin)
	for _, v := range vs {
		if at := v.at - origin; from > 0 && at <= from+eps {
			start = at
			break
		}
	}
	for _, v := range vs {
		if at := v.at - origin; from > 0 && at <= from+eps {
			start = max(start, at)
		}
	}
	last := shots(t, whole.Movie, len(pieces)-1, media.Video)
	return start, min(length(t, whole.Movie)-origin, first(last)-origin+to)
}
