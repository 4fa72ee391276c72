package splice_test

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
	"pgregory.net/rapid"
)

// collected is what all answers of a Stream hold together.
type collected struct {
	splice.Joined
	pieces [][]int // of each track and sample the piece, -1 for silence
}

// streamed joins pieces as they come and puts the answers together. It checks what holds for each.
func streamed(t failer, pieces []splice.Piece, o splice.Options) collected {
	t.Helper()
	st := splice.NewStream(o)
	var all collected
	for i := range len(pieces) + 1 {
		j, err := (*splice.Joined)(nil), error(nil)
		if i < len(pieces) {
			j, err = st.Add(pieces[i])
		} else {
			j, err = st.End()
		}
		if err != nil {
			t.Fatalf("Stream: piece %d: %v", i, err)
		}
		all.add(t, i, j, i == len(pieces))
	}
	return all
}

// add appends the i-th answer.
func (c *collected) add(t failer, i int, j *splice.Joined, last bool) {
	t.Helper()
	if i == 0 {
		c.Joined = *j
		c.Movie = &media.Movie{Timescale: j.Movie.Timescale, Created: j.Movie.Created, Chapters: j.Movie.Chapters}
	} else {
		c.Length += j.Length
		c.Seams, c.Movie.Chapters = append(c.Seams, j.Seams...), append(c.Movie.Chapters, j.Movie.Chapters...)
	}
	if j.Lead != c.Lead || !j.Start.Equal(c.Start) || j.Movie.Timescale != c.Movie.Timescale || !j.Movie.Created.Equal(c.Movie.Created) {
		t.Fatalf("answer %d: Lead %v, Start %v, timescale %d; first it was %v, %v, %d", i, j.Lead, j.Start, j.Movie.Timescale, c.Lead, c.Start, c.Movie.Timescale)
	}
	for k, tr := range j.Movie.Tracks {
		if k == len(c.Movie.Tracks) {
			c.Movie.Tracks, c.pieces = append(c.Movie.Tracks, &media.Track{ID: tr.ID, Kind: tr.Kind, Timescale: tr.Timescale, Edits: tr.Edits}), append(c.pieces, nil)
		}
		c.append(t, i, k, j, last)
	}
}

// append appends what the i-th answer has of track k.
func (c *collected) append(t failer, i, k int, j *splice.Joined, last bool) {
	t.Helper()
	tr, all := j.Movie.Tracks[k], c.Movie.Tracks[k]
	if tr.ID != all.ID || tr.Kind != all.Kind || tr.Timescale != all.Timescale || len(tr.Configs) < len(all.Configs) {
		t.Fatalf("answer %d: track %d is another one now", i, k)
	}
	for n, cfg := range all.Configs {
		if !cfg.Same(tr.Configs[n]) {
			t.Fatalf("answer %d: configuration %d of track %d is another one now", i, n, k)
		}
	}
	if open := slices.Clone(all.Edits); !last && !slices.Equal(open, tr.Edits) {
		t.Fatalf("answer %d: track %d has the edits %v, first it had %v", i, k, tr.Edits, open)
	}
	all.Configs, all.Edits = tr.Configs, tr.Edits
	if len(tr.Samples) == 0 {
		return
	}
	paused := i > 1 && !slices.Contains(c.pieces[k], i-1) // the piece before this one had nothing of the track
	if n := len(all.Samples); n > 0 && all.End != tr.Samples[0].Time && !paused {
		t.Fatalf("answer %d: track %d goes on at %d, and the one before ended at %d", i, k, tr.Samples[0].Time, all.End)
	}
	for _, m := range tr.Samples {
		piece := -1
		if int(m.Source) < len(j.Pieces) {
			if piece = j.Pieces[m.Source]; piece < i-1 {
				t.Fatalf("answer %d: a sample of piece %d, whose source may be gone", i, piece)
			}
		}
		if m.Offset+int64(m.Size) > j.Movie.Sources[m.Source].Size {
			t.Fatalf("answer %d: a sample of piece %d ends at %d, and its source at %d", i, piece, m.Offset+int64(m.Size), j.Movie.Sources[m.Source].Size)
		}
		m.Source = 0
		all.Samples, c.pieces[k] = append(all.Samples, m), append(c.pieces[k], piece)
	}
	all.End = tr.End
}

// told is what must be the same of a sample.
type told struct {
	piece  int // -1 for silence
	offset int64
	size   uint32
	sync   bool
	config string
	at     float64
	lasts  int64
}

// tell tells of each sample of a track. Silence lies anywhere.
func tell(t failer, m *media.Movie, tr *media.Track, piece func(i int) int, times bool) []told {
	t.Helper()
	var out []told
	for i, sh := range play(t, m, tr) {
		x := told{piece: piece(i), offset: sh.Offset, size: sh.Size, sync: sh.Sync, config: sh.config.Codec() + string(sh.config.Private)}
		if x.piece < 0 {
			if !times {
				continue // how much is needed goes by ticks
			}
			x.offset = 0
		}
		if times {
			x.at, x.lasts = math.Round(sh.at*1e7), tr.Duration(i)
		}
		out = append(out, x)
	}
	return out
}

// sameMovie checks that a stream gave what Join gave. Without times, only which samples in which order.
func sameMovie(t failer, j *splice.Joined, c collected, times bool) {
	t.Helper()
	left := slices.Clone(j.Movie.Tracks)
	for k, tr := range c.Movie.Tracks {
		if len(tr.Samples) == 0 {
			continue
		}
		got := tell(t, c.Movie, tr, func(i int) int { return c.pieces[k][i] }, times)
		n := slices.IndexFunc(left, func(w *media.Track) bool {
			m := w.Samples[0]
			return w.Kind == tr.Kind && int(m.Source) == got[0].piece && m.Offset == got[0].offset
		})
		if n < 0 {
			t.Fatalf("Join has no track that begins as track %d", tr.ID)
		}
		w := left[n]
		want := tell(t, j.Movie, w, func(i int) int {
			if s := int(w.Samples[i].Source); s < len(j.Pieces) {
				return s
			}
			return -1
		}, times)
		if times && w.Timescale != tr.Timescale {
			t.Fatalf("timescale %d, Join has %d", tr.Timescale, w.Timescale)
		}
		if n := len(got) - 1; n == len(want)-1 && got[n].piece < len(j.Seams) {
			got[n].lasts = want[n].lasts // it was told before the track's end was known
		}
		if !slices.Equal(want, got) {
			t.Fatalf("track %d (-Join +Stream):\n%s", tr.ID, cmp.Diff(want, got, cmp.AllowUnexported(told{})))
		}
		left = slices.Delete(left, n, n+1)
	}
	if len(left) > 0 {
		t.Fatalf("%d tracks of Join are missing", len(left))
	}
	if times {
		diff(t, "seams", j.Seams, c.Seams)
		diff(t, "chapters", j.Movie.Chapters, c.Movie.Chapters)
		if j.Lead != c.Lead || j.Length != c.Length || !j.Start.Equal(c.Start) {
			t.Fatalf("Lead %v, Length %v, Start %v; Join has %v, %v, %v", c.Lead, c.Length, c.Start, j.Lead, j.Length, j.Start)
		}
	}
}

// inOneScale gives all pictures one timescale and all AAC another.
func inOneScale(pieces []splice.Piece) {
	for _, p := range pieces {
		for _, tr := range p.Movie.Tracks {
			to := map[string]uint32{"mp4a": 48000, "alaw": 8000}[tr.Configs[0].Format]
			if tr.Kind == media.Video {
				to = 1000
			}
			for i := range tr.Samples {
				tr.Samples[i].Time = media.Rescale(tr.Samples[i].Time, tr.Timescale, to)
			}
			tr.End, tr.Timescale = media.Rescale(tr.End, tr.Timescale, to), to
		}
	}
}

// reachesBack says that the sound of a piece begins before the last sync sample of the pictures of the one
// before, or with its sound, or before the end of an earlier one's: then some of what it would move aside
// has been handed on.
func reachesBack(t failer, pieces []splice.Piece, j *splice.Joined) bool {
	back, next := math.Inf(-1), math.Inf(-1)
	for i, p := range pieces {
		if p.Movie.Find(media.Audio) != nil {
			as := shots(t, j.Movie, i, media.Audio)
			if first(as) < back+0.001 {
				return true
			}
			back, next = max(next, first(as)), last(as).at
		} else {
			back, next = max(back, next+2*block), math.Inf(-1) // silence may be moved too, where there is so little
		}
		if p.Movie.Find(media.Video) != nil {
			for _, v := range shots(t, j.Movie, i, media.Video) {
				if v.Sync {
					back = max(back, v.at)
				}
			}
		}
	}
	return false
}

// reachesOver says that the sound of an earlier piece goes on at the asked end, in the last one: it has been
// handed on.
func reachesOver(t failer, pieces []splice.Piece, j *splice.Joined, o splice.Options) bool {
	n := len(pieces) - 1
	if o.To.IsZero() {
		return false
	}
	begin := math.Inf(1)
	for _, tr := range pieces[n].Movie.Tracks {
		begin = min(begin, first(shots(t, j.Movie, n, tr.Kind)))
	}
	end := begin + o.To.Sub(pieces[n].Fragments[0].Start(o.Clock)).Seconds()
	for i, p := range pieces[:n] {
		if p.Movie.Find(media.Audio) != nil && last(shots(t, j.Movie, i, media.Audio)).at > end-0.001 {
			return true
		}
	}
	return false
}

// asked draws what is asked for of pieces.
func asked(t *rapid.T, pieces []splice.Piece) splice.Options {
	clocks := rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer})
	o := splice.Options{Keep: rapid.Bool().Draw(t, "keep"), Clock: clocks.Draw(t, "clock"), Wall: clocks.Draw(t, "wall")}
	p, q := pieces[0].Fragments, pieces[len(pieces)-1].Fragments
	if p != nil && rapid.Bool().Draw(t, "a start") {
		o.From = p[0].Start(o.Clock).Add(time.Duration(rapid.IntRange(-100, 2000).Draw(t, "from")) * ms)
	}
	if q != nil && rapid.Bool().Draw(t, "an end") {
		o.To = q[0].Start(o.Clock).Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "to")) * ms)
	}
	return o
}

// Whatever the pieces and whatever is asked for: what comes out bit by bit is what comes out at once.
func TestStreamProperty(t *testing.T) {
	exact := 0
	rapid.Check(t, func(t *rapid.T) {
		pieces := recording(t)
		alike := rapid.IntRange(0, 3).Draw(t, "alike") > 0
		if alike {
			inOneScale(pieces)
		}
		silence := rapid.IntRange(0, 3).Draw(t, "without pictures") == 0
		for i := range pieces {
			if rapid.IntRange(0, 5).Draw(t, "hole") == 0 {
				pieces[i].Hole = s
			}
			if m := pieces[i].Movie; silence && len(m.Tracks) > 1 {
				m.Tracks = m.Tracks[1:]
			}
		}
		o := asked(t, pieces)
		whole := o
		whole.To = time.Time{}
		w, c := joined(t, pieces, whole), streamed(t, pieces, whole)
		times := w.Movie.Timescale == c.Movie.Timescale && alike && !reachesBack(t, pieces, w) && (!silence || !mixed(pieces))
		sameMovie(t, w, c, times)
		if times {
			exact++
		}
		if times && !reachesOver(t, pieces, w, o) {
			sameMovie(t, joined(t, pieces, o), streamed(t, pieces, o), times)
		}
	})
	if exact < 10 {
		t.Errorf("%d recordings were compared to the tick, want more", exact)
	}
}

func joined(t failer, pieces []splice.Piece, o splice.Options) *splice.Joined {
	t.Helper()
	j, err := splice.Join(pieces, o)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	return j
}

// mixed says that some pieces have pictures and some have none, or not the same sound: their leads
// have several timescales.
func mixed(pieces []splice.Piece) bool {
	return slices.ContainsFunc(pieces, func(p splice.Piece) bool {
		return p.Movie.Tracks[0].Timescale != pieces[0].Movie.Tracks[0].Timescale
	})
}

// gops is a piece of so many groups of a second.
func gops(at time.Duration, n int) splice.Piece {
	p := piece(at, video(25*n), sound(n*48000/1024))
	for i := range p.Movie.Tracks[0].Samples {
		p.Movie.Tracks[0].Samples[i].Sync = i%25 == 0
	}
	return p
}

// The first piece is handed out before the second is there, but for its last group of pictures and
// the sound beside it.
func TestStreamHandsOn(t *testing.T) {
	st := splice.NewStream(splice.Options{})
	for i := range 3 {
		j, err := st.Add(gops(time.Duration(i)*4*s, 4))
		if err != nil {
			t.Fatal(err)
		}
		v, a := j.Movie.Tracks[0], j.Movie.Tracks[1]
		want := []int{75, 141}
		if i > 0 {
			want = []int{100, 187}
		}
		if len(v.Samples) != want[0] || len(a.Samples) < want[1]-1 || len(a.Samples) > want[1]+1 {
			t.Errorf("piece %d: %d pictures, %d blocks; want %v", i, len(v.Samples), len(a.Samples), want)
		}
		if end := (time.Duration(4*i) + 3) * s; v.End != end.Milliseconds() {
			t.Errorf("piece %d: pictures end at %d, want %v", i, v.End, end)
		}
		if got := len(j.Movie.Sources); got != min(i+1, 2) {
			t.Errorf("piece %d: %d sources, want %d", i, got, min(i+1, 2))
		}
	}
	j, err := st.End()
	if err != nil || len(j.Movie.Tracks[0].Samples) != 25 || !slices.Equal(j.Pieces, []int{2}) || j.Length != 0 {
		t.Errorf("End: %d pictures of pieces %v, Length %v, %v; want 25 of piece 2, no more length", len(j.Movie.Tracks[0].Samples), j.Pieces, j.Length, err)
	}
	if _, err := st.End(); err == nil {
		t.Error("End after End: no error")
	}
	if _, err := st.Add(gops(0, 1)); err == nil {
		t.Error("Add after End: no error")
	}
}

// More pieces than 16 bits can tell apart, in no more memory than a few.
func TestStreamOfMostPieces(t *testing.T) {
	const n = 70_000
	st := splice.NewStream(splice.Options{Keep: true})
	v, a := regular(media.Video, 1000, avc, 4, 1, 4), sound(46)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	early, samples, length := uint64(0), 0, time.Duration(0)
	for i := range n {
		p := piece(time.Duration(i)*s, v, a)
		if i%3 == 0 {
			p = piece(time.Duration(i)*s, v)
		}
		if i%7 == 0 {
			p.Hole = 100 * ms
		}
		j, err := st.Add(p)
		if err != nil {
			t.Fatal(err)
		}
		samples, length = samples+len(j.Movie.Tracks[0].Samples), length+j.Length
		if len(j.Movie.Sources) > 4 || len(j.Seams) > 1 {
			t.Fatalf("piece %d: %d sources, %d seams", i, len(j.Movie.Sources), len(j.Seams))
		}
		if i == 100 {
			early = heap()
		}
	}
	if late := heap(); late > early+100_000 {
		t.Errorf("%d bytes after 100 pieces, %d after %d", early, late, n)
	}
	j, err := st.End()
	if err != nil {
		t.Fatal(err)
	}
	if samples += len(j.Movie.Tracks[0].Samples); samples != 4*n || length+j.Length != n*s {
		t.Errorf("%d pictures, Length %v; want %d, %v", samples, length+j.Length, 4*n, n*s)
	}
}
