package clip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// piping is a clip that is written while its pieces come.
type piping struct {
	*get
	plan   *plan.Plan
	report *Report
	stream *splice.Stream
	out    *mp4.Fragmenter
	tally  tally

	begun  bool
	number int                // of the piece last taken, from 1
	last   []archive.Fragment // of the part last taken
	came   []archive.Fragment // all so far
	length time.Duration      // shown so far
}

// tally counts and hashes what goes out.
type tally struct {
	to  io.Writer
	ctx context.Context // of the one run this lives for
	sum hash.Hash
	n   int64
}

func (t *tally) Write(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, context.Cause(t.ctx)
	}
	n, err := t.to.Write(b)
	t.sum.Write(b[:n])
	t.n += int64(n)
	if err != nil {
		return n, fmt.Errorf("%w: writing the clip: %w", ErrLocal, err)
	}
	return n, nil
}

// pipe writes the clip to Request.Writer as fragmented MP4 while its pieces come. They wait for
// their turn in a folder of their own, which is deleted at the end, whatever that is.
func (g *get) pipe(ctx context.Context, began time.Time) (*Report, error) {
	dir, err := os.MkdirTemp("", "kvsclip-")
	if err != nil {
		return nil, local(err)
	}
	defer os.RemoveAll(dir)
	if g.folder, err = fetch.OpenFolder(dir); err != nil {
		return nil, local(err)
	}
	defer g.folder.Close()
	p, err := g.outlined(ctx)
	if err != nil {
		return nil, err
	}
	report, err := g.piped(ctx, p)
	if err != nil {
		return nil, err
	}
	report.ElapsedMs = time.Since(began).Milliseconds()
	return report, nil
}

// piped fetches and writes.
func (g *get) piped(ctx context.Context, p *plan.Plan) (*Report, error) {
	w := &piping{get: g, plan: p, tally: tally{to: g.Writer, ctx: ctx, sum: sha256.New()}}
	shown := g.Range
	if g.Trim == TrimFragment {
		shown = archive.Range{Clock: shown.Clock}
	}
	w.stream = splice.NewStream(splice.Options{Clock: shown.Clock, From: shown.From, To: shown.To, Keep: g.keeps(), Wall: p.Clocks.Wall})
	w.out = mp4.NewFragmenter(&w.tally)
	w.out.InBand = true
	w.report = &Report{Outputs: []Output{{Path: "-"}}, Seams: []Seam{}}
	job := g.job(p)
	job.InOrder = w.take
	fetched, err := job.Run(ctx)
	if err != nil {
		return nil, err
	}
	defer fetched.Close()
	return w.finish(fetched)
}

// take writes what is final with the next piece.
func (w *piping) take(_ context.Context, pc fetch.Piece) error {
	w.number++
	f := &parts{}
	f.add(&w.plan.Timeline, pc, w.number)
	if codec := foreign(f.pieces, false); codec != "" {
		return fmt.Errorf("%w: standard output takes fragmented MP4, and %s has no place in that: name a file .mkv as the output", ErrUsage, codec)
	}
	for i, p := range f.pieces {
		if i == 0 {
			p.Hole = hole(&w.plan.Timeline, w.last, p.Fragments)
		}
		w.last, w.came = p.Fragments, append(w.came, p.Fragments...)
		j, err := w.stream.Add(p)
		if err != nil {
			return err
		}
		if err := w.write(j); err != nil {
			return err
		}
	}
	w.account(pc)
	return nil
}

// account keeps of the piece what the report tells, and forgets the rest.
func (w *piping) account(pc fetch.Piece) {
	r := w.report
	r.Pieces++
	r.Fragments.Fetched += fragments([]fetch.Piece{pc})
	switch e := engines([]fetch.Piece{pc}); r.Engine {
	case "", e:
		r.Engine = e
	default:
		r.Engine = string(EngineClip + "+" + EngineFragments)
	}
	if first, last, ok := ends([]fetch.Piece{pc}); ok {
		c := w.Range.Clock
		if r.Delivered == nil {
			r.Delivered = &Instants{From: Time{first.Start(c)}}
		}
		r.Delivered.To = Time{ended(w.plan.Timeline.Spans, last, c)}
	}
}

// write writes a stretch of the movie.
func (w *piping) write(j *splice.Joined) error {
	if !w.begun {
		if len(j.Movie.Tracks) == 0 {
			return nil
		}
		w.begun = true
		w.begin(j)
		if err := w.out.Init(j.Movie); err != nil {
			return unpipeable(err)
		}
	}
	w.length += j.Length
	for _, s := range seams(j.Seams, nil) {
		s.Piece = w.number
		w.report.Seams = append(w.report.Seams, s)
	}
	w.count(j.Movie)
	_, err := w.out.Write(j.Movie)
	return unpipeable(err)
}

// begin describes the clip by its first stretch.
func (w *piping) begin(j *splice.Joined) {
	o := &w.report.Outputs[0]
	o.From = Time{j.Start}
	o.Tracks = tracks(j.Movie.Tracks)
	for i := range o.Tracks {
		o.Tracks[i].Samples = 0
	}
}

// count adds samples to the report.
func (w *piping) count(m *media.Movie) {
	now := tracks(m.Tracks)
	for i := range w.report.Outputs[0].Tracks {
		if i < len(now) {
			t := &w.report.Outputs[0].Tracks[i]
			now[i].Samples += t.Samples
			*t = now[i]
		}
	}
}

// unpipeable says what to do where something new comes too late for a pipe.
func unpipeable(err error) error {
	if errors.Is(err, mp4.ErrLateConfig) || errors.Is(err, mp4.ErrLateTrack) {
		return fmt.Errorf("%w: %w: standard output cannot take that; name a file as the output", ErrCannotJoin, err)
	}
	return err
}

// finish writes the rest and makes the report.
func (w *piping) finish(fetched *fetch.Result) (*Report, error) {
	w.puzzled()
	if w.number == 0 && w.filter != nil {
		return nil, w.filter.none(w.plan.Fragments(), w.Range)
	}
	if w.number == 0 || w.report.Delivered == nil && w.plan.Listed {
		return nil, fmt.Errorf("%w: %v", ErrEmpty, w.Range)
	}
	j, err := w.stream.End()
	if err != nil {
		return nil, err
	}
	if err := w.write(j); err != nil {
		return nil, err
	}
	r, had := w.get.account(w.plan, fetched), w.report
	o := had.Outputs[0]
	o.Bytes, o.SHA256, o.DurationMs = w.tally.n, hex.EncodeToString(w.tally.sum.Sum(nil)), w.length.Milliseconds()
	r.Outputs, r.Seams, r.Pieces, r.Engine, r.Delivered = []Output{o}, had.Seams, had.Pieces, had.Engine, had.Delivered
	r.Fragments.Fetched, r.Gaps = had.Fragments.Fetched, gaps(leftOut(w.plan, fetched.Skipped, w.came))
	if d := r.Delivered; d != nil {
		d.DurationMs = w.length.Milliseconds()
		if w.Trim != TrimFragment {
			d.From = o.From
			if w.Range.To.Before(d.To.Time) {
				d.To = Time{w.Range.To}
			}
		}
	}
	return r, nil
}
