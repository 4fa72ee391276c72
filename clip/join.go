package clip

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// Join makes one file of clips that lie on disk, by the same seam code as Get: losslessly, one
// after the other. What cannot be joined is told, as an ErrCannotJoin, before Output is touched.
func Join(ctx context.Context, r JoinRequest) (*Report, error) {
	began := time.Now()
	if len(r.Clips) == 0 || r.Output == "" {
		return nil, fmt.Errorf("%w: clips and an output are needed", ErrUsage)
	}
	if err := sink.Free(r.Output, r.Force); err != nil {
		return nil, err
	}
	clips, err := fetch.Open(r.Clips)
	if err != nil {
		return nil, err
	}
	defer clips.Close()
	report := &Report{Outputs: []Output{}, Gaps: []Gap{}, Seams: []Seam{}, Pieces: len(clips.Pieces)}
	joined, err := splice.Join(clipsToSplice(clips.Pieces), splice.Options{})
	if err != nil {
		return nil, err
	}
	w := output{path: r.Output, force: r.Force, tell: r.Report, read: clips.Close}
	if err := w.write(ctx, report, joined); err != nil {
		return nil, err
	}
	report.ElapsedMs = time.Since(began).Milliseconds()
	return report, nil
}

// clipsToSplice hands clips on by name: nothing is known of their times.
func clipsToSplice(clips []fetch.Piece) []splice.Piece {
	out := make([]splice.Piece, len(clips))
	for i, c := range clips {
		out[i] = splice.Piece{Movie: c.Movie, Name: strconv.Quote(c.Path)}
	}
	return out
}

// piecesToSplice hands fetched pieces on with their fragments, and with the holes before them: where
// nothing was recorded, or what was cannot be had.
func piecesToSplice(p *plan.Plan, fetched *fetch.Result) []splice.Piece {
	pieces := fetched.Pieces
	out := make([]splice.Piece, len(pieces))
	for i, pc := range pieces {
		out[i] = splice.Piece{Movie: pc.Movie, Fragments: pc.Fragments, Name: fmt.Sprintf("piece %d", pc.Index+1), Together: true}
		if i == 0 {
			continue
		}
		before := pieces[i-1]
		switch lost := lacks(fetched.Missing, before, pc, p.Timeline.Range.Clock); {
		case lost > 0:
			out[i].Hole = lost
		case pc.Span != before.Span:
			out[i].Hole = p.Timeline.Hole(pc.Span)
		}
	}
	return out
}

// lacks is how long the footage between two neighbouring pieces is that could not be had; 0 if
// there is none.
func lacks(ms []fetch.Missing, a, b fetch.Piece, c archive.Clock) time.Duration {
	if len(ms) == 0 {
		return 0 // so too where nothing was listed, and pieces have no fragments
	}
	last, next := a.Fragments[len(a.Fragments)-1], b.Fragments[0]
	for _, m := range ms {
		if at := m.Fragment.Start(c); !at.Before(last.Start(c)) && !at.After(next.Start(c)) {
			return max(time.Millisecond, next.Start(c).Sub(last.Start(c).Add(last.Length)))
		}
	}
	return 0
}

// join joins the fetched pieces to the clip, or to the files it is split into.
func (g *get) join(ctx context.Context, report *Report, p *plan.Plan, fetched *fetch.Result) ([]staged, error) {
	shown := g.Range
	if g.Trim == TrimFragment {
		shown = archive.Range{Clock: shown.Clock}
	}
	proof := &prover{pieces: fetched.Pieces}
	var files []staged
	first := 0
	for _, run := range splice.Cut(piecesToSplice(p, fetched), g.Gaps == GapsSplit, g.OnChange == ChangeSplit) {
		joined, err := splice.Join(run, splice.Options{Clock: shown.Clock, From: shown.From, To: shown.To, Keep: g.keeps(), Wall: p.Clocks.Wall})
		if err != nil {
			return nil, err
		}
		if joined.Start.IsZero() {
			joined.Movie.Created = g.Range.From // the answers tell only when they were packaged
		}
		report.narrow(joined, shown)
		o := output{path: g.splitName(joined.Start, files), folder: g.folder.Path(), force: g.Force, tell: g.report}
		if g.splits() {
			o.number = len(files) + 1
		}
		f, err := o.stage(ctx, report, joined, first)
		if err != nil {
			return nil, err
		}
		if err := g.prove(ctx, proof, report.Outputs[len(report.Outputs)-1], f, joined.Movie, first, len(run)); err != nil {
			return nil, err
		}
		files = append(files, f)
		first += len(run)
	}
	return g.withReceipt(ctx, files, proof, report)
}

// splitName is the path of the next file of the clip: the clip's own, or if it is split that and
// when the file begins.
func (g *get) splitName(start time.Time, before []staged) string {
	if !g.splits() {
		return g.path
	}
	base, ext := g.base()
	if start.IsZero() {
		return numbered(base, ext, len(before)+1)
	}
	path := base + "_" + start.UTC().Format("20060102T150405Z") + ext
	if taken(path, before) { // two in a second
		path = base + "_" + start.UTC().Format("20060102T150405.000Z") + ext
	}
	if taken(path, before) { // more in a millisecond
		path = numbered(strings.TrimSuffix(path, ext), ext, len(before)+1)
	}
	return path
}

func taken(path string, before []staged) bool {
	return slices.ContainsFunc(before, func(f staged) bool { return f.Name == filepath.Base(path) })
}

// output is where a joined movie goes.
type output struct {
	path   string
	number int    // among several, from 1; 0 if it is the only one
	folder string // where it lies until it is whole; "" means beside path
	force  bool
	tell   progress.Func
	read   func() // called when all sources have been read: one of them may have the name path
}

// stage writes the joined movie, whose first piece is the clip's first-th, from 0, to a file that
// waits for its name.
func (o *output) stage(ctx context.Context, report *Report, j *splice.Joined, first int) (staged, error) {
	f, err := o.put(ctx, j)
	if err != nil {
		return staged{}, err
	}
	defer f.Close()
	temp, err := f.Stage(ctx)
	if err != nil {
		return staged{}, o.unsaved(err)
	}
	o.describe(report, f, j, first)
	return staged{Temp: filepath.Base(temp), Name: filepath.Base(o.path), Bytes: f.Size(), SHA256: f.SHA256()}, nil
}

// write writes the joined movie and gives it its name.
func (o *output) write(ctx context.Context, report *Report, j *splice.Joined) error {
	f, err := o.put(ctx, j)
	if err != nil {
		return err
	}
	defer f.Close()
	o.read()
	if err := f.Commit(ctx); err != nil {
		return o.unsaved(err)
	}
	o.describe(report, f, j, 0)
	return nil
}

// unsaved tells damage to the file from other trouble.
func (o *output) unsaved(err error) error {
	if errors.Is(err, sink.ErrChanged) {
		return fmt.Errorf("%q: %w: %w", o.path, ErrUnsound, err)
	}
	return local(err)
}

// put writes the joined movie, reads its tables back and compares them with what was meant. The
// caller closes the file.
func (o *output) put(ctx context.Context, j *splice.Joined) (*sink.File, error) {
	laid, err := mp4.Lay(j.Movie, mp4.Options{})
	if err != nil {
		return nil, fmt.Errorf("laying out %q: %w", o.path, err)
	}
	f, err := sink.Create(o.path, o.folder, o.force)
	if err != nil {
		return nil, local(err)
	}
	if _, err := laid.WriteTo(&teller{ctx: ctx, to: f, total: laid.Size(), tell: o.tell}); err != nil {
		f.Close()
		return nil, local(err)
	}
	if err := sound(f, laid); err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w: %w", o.path, ErrUnsound, err)
	}
	return f, nil
}

// describe adds a finished file to the report.
func (o *output) describe(report *Report, f *sink.File, j *splice.Joined, first int) {
	report.Outputs = append(report.Outputs, outputOf(f, o.path, j))
	for _, s := range seams(j.Seams, first) {
		s.Output = o.number
		report.Seams = append(report.Seams, s)
	}
	for _, note := range apart(j.Movie.Tracks) {
		if !slices.Contains(report.Notes, note) {
			report.Notes = append(report.Notes, note)
		}
	}
}

// apart tells of pictures or sound in more than one codec, of which players show one.
func apart(ts []*media.Track) []string {
	var notes []string
	for i, t := range ts {
		for _, o := range ts[:i] {
			if a, b := o.Configs[0].Codec(), t.Configs[0].Codec(); o.Kind == t.Kind && o.Configs[0].Format != t.Configs[0].Format {
				notes = append(notes, fmt.Sprintf("%s comes in %s and in %s: each has a track of its own, and most players show one of them", t.Kind, a, b))
			}
		}
	}
	return notes
}

// sound reads the tables of the written file back and compares them with the layout.
func sound(f *sink.File, laid *mp4.File) error {
	got, err := mp4.Read(f, f.Size())
	if err != nil {
		return err
	}
	return mp4.Check(got, laid.Movie())
}

// teller writes on, tells how far it is, and stops when the context ends.
type teller struct {
	ctx   context.Context // of the one write this lives for
	to    *sink.File
	total int64
	tell  progress.Func
}

func (t *teller) Write(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, context.Cause(t.ctx)
	}
	n, err := t.to.Write(b)
	t.tell.Report(progress.Writing{Done: t.to.Size(), Total: t.total})
	return n, err
}

// outputOf describes a committed file.
func outputOf(f *sink.File, path string, j *splice.Joined) Output {
	return Output{
		Path: path, Bytes: f.Size(), SHA256: f.SHA256(),
		DurationMs: j.Length.Milliseconds(), From: Time{j.Start}, Tracks: tracks(j.Movie.Tracks),
	}
}

// tracks describes tracks for the report.
func tracks(ts []*media.Track) []Track {
	out := make([]Track, 0, len(ts))
	for _, t := range ts {
		if len(t.Configs) == 0 {
			continue // a track without samples may have no sample entry either
		}
		d := Track{Kind: string(t.Kind), Samples: len(t.Samples)}
		for _, c := range t.Configs {
			d.Codecs = append(d.Codecs, c.Codec())
			d.Width, d.Height = max(d.Width, c.Width), max(d.Height, c.Height)
		}
		if d.Codec = d.Codecs[0]; len(d.Codecs) == 1 {
			d.Codecs = nil
		}
		out = append(out, d)
	}
	return out
}
