package proof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strconv"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Hash returns runs with the hashes of m's samples. Runs must be those of Cut for a movie with the
// same samples. It reads the sources once, front to back where the samples lie so.
// Errors are of a source, or ctx's.
func Hash(ctx context.Context, m *media.Movie, runs []Run) ([]Run, error) {
	out := append([]Run(nil), runs...)
	w, err := newWalk(m, out)
	if err != nil {
		return nil, err
	}
	short := false
	err = w.all(ctx, func(r *Run, sum string) { r.SHA256, short = sum, short || sum == "" })
	if err == nil && short {
		err = fmt.Errorf("hashing samples: a source ends before them: %w", io.ErrUnexpectedEOF)
	}
	return out, err
}

// Check compares the samples of a file with runs, and returns the first *Difference in file order, or
// nil. Other errors are of the file or ctx's. A file that ends too early differs.
func Check(ctx context.Context, m *media.Movie, runs []Run) error {
	w, err := newWalk(m, runs)
	if err != nil {
		return err
	}
	var first *Difference
	others := -1
	err = w.all(ctx, func(r *Run, sum string) {
		if sum == r.SHA256 {
			return
		}
		others++
		if d := w.difference(r, sum); first == nil || d.From < first.From {
			first = d
		}
	})
	if err != nil || first == nil {
		return err
	}
	first.Others = others
	return first
}

// walk goes through the samples of all tracks by their place, so that a source is read front to back
// although tracks lie interleaved in it. In each track it keeps to decode order.
type walk struct {
	movie  *media.Movie
	reader reader
	heads  []*head
}

// head is how far the walk is in one track.
type head struct {
	track *media.Track
	runs  []*Run // of the track, those that are done taken off
	given int    // samples that runs speak of
	next  int    // index of the next sample
	sum   hash.Hash
	short bool // bytes of the run could not be had: its source ends before them
}

// newWalk sorts runs by track. A *Difference says that the movie has not the samples they speak of.
func newWalk(m *media.Movie, runs []Run) (*walk, error) {
	w := &walk{movie: m, reader: reader{sources: m.Sources}}
	for _, t := range m.Tracks {
		w.heads = append(w.heads, &head{track: t, sum: sha256.New()})
	}
	for i := range runs {
		r := &runs[i]
		h := w.head(r.Track)
		if h == nil {
			return nil, counts(r.Track, r.Kind, Samples(runs, r.Track), 0)
		}
		if left := len(h.track.Samples) - h.given; r.Samples < 1 || r.Samples > left || r.First != h.given+1 {
			return nil, counts(r.Track, r.Kind, Samples(runs, r.Track), len(h.track.Samples))
		}
		h.runs, h.given = append(h.runs, r), h.given+r.Samples
	}
	for _, h := range w.heads {
		if h.given < len(h.track.Samples) {
			return nil, counts(h.track.ID, h.track.Kind, h.given, len(h.track.Samples))
		}
	}
	return w, nil
}

// Samples counts the samples of one track in runs.
func Samples(runs []Run, track uint32) int {
	n := 0
	for i := range runs {
		if runs[i].Track == track {
			n += runs[i].Samples
		}
	}
	return n
}

func (w *walk) head(track uint32) *head {
	for _, h := range w.heads {
		if h.track.ID == track {
			return h
		}
	}
	return nil
}

func counts(id uint32, kind media.Kind, want, got int) *Difference {
	return &Difference{
		Place: PlaceTables, Text: "number of samples", Track: id, Kind: kind,
		Want: strconv.Itoa(want), Got: strconv.Itoa(got),
	}
}

// all reads every sample and calls done for each run with its hash; "" for one whose source ended.
func (w *walk) all(ctx context.Context, done func(r *Run, sum string)) error {
	for h := w.nearest(); h != nil; h = w.nearest() {
		if err := w.stretch(ctx, h); err != nil {
			return err
		}
		if r := h.runs[0]; h.next == r.end()-1 {
			done(r, h.take())
			h.runs = h.runs[1:]
		}
	}
	return nil
}

// nearest returns the track whose next sample lies first, or nil at the end.
func (w *walk) nearest() *head {
	var best *head
	for _, h := range w.heads {
		if len(h.runs) > 0 && (best == nil || h.before(best)) {
			best = h
		}
	}
	return best
}

func (h *head) before(o *head) bool {
	a, b := h.track.Samples[h.next], o.track.Samples[o.next]
	if a.Source != b.Source {
		return a.Source < b.Source
	}
	return a.Offset < b.Offset
}

// take ends a run and returns its hash.
func (h *head) take() string {
	defer func() { h.sum.Reset(); h.short = false }()
	if h.short {
		return ""
	}
	return hex.EncodeToString(h.sum.Sum(nil))
}

// stretch hashes the samples of h's run from the next one on that lie one behind the other.
func (w *walk) stretch(ctx context.Context, h *head) error {
	first := h.track.Samples[h.next]
	end := first.Offset
	for last := h.runs[0].end() - 1; h.next < last; h.next++ {
		if s := h.track.Samples[h.next]; s.Offset != end || s.Source != first.Source {
			break
		}
		end += int64(h.track.Samples[h.next].Size)
	}
	err := w.reader.read(ctx, first.Source, first.Offset, end, h.sum)
	if errors.Is(err, io.EOF) {
		h.short, err = true, nil
	}
	return err
}

// difference describes a run whose hash is not as it was.
func (w *walk) difference(r *Run, got string) *Difference {
	t := w.head(r.Track).track
	d := &Difference{
		Place: PlaceMedia, Text: "bytes of samples", Track: r.Track, Kind: r.Kind, Piece: r.Piece, First: r.First,
		Count: r.Samples, Fragment: r.Fragment, At: r.At, Want: r.SHA256, Got: got, From: math.MaxInt64,
	}
	if got == "" {
		d.Text, d.Got = "bytes of samples, for the file ends before them", "none"
	}
	for _, s := range t.Samples[r.First-1 : r.end()-1] {
		d.From, d.To = min(d.From, s.Offset), max(d.To, s.Offset+int64(s.Size))
	}
	d.Into = since(t, 0, r.First-1)
	return d
}
