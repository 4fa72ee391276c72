package clip

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
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
		out[i] = splice.Piece{Movie: c.Movie, Name: strconv.Quote(c.Path), Continues: true}
	}
	return out
}

// piecesToSplice hands fetched pieces on with their fragments. A piece goes on where the one
// before ended if both lie in one span.
func piecesToSplice(pieces []fetch.Piece) []splice.Piece {
	out := make([]splice.Piece, len(pieces))
	for i, p := range pieces {
		out[i] = splice.Piece{
			Movie: p.Movie, Fragments: p.Fragments, Name: fmt.Sprintf("piece %d", p.Index+1),
			Continues: i > 0 && p.Span == pieces[i-1].Span, Together: true,
		}
	}
	return out
}

// join joins the fetched pieces to the clip.
func (g *get) join(ctx context.Context, report *Report, fetched *fetch.Result) error {
	shown := g.Range
	if g.Trim == TrimFragment {
		shown = archive.Range{Clock: shown.Clock}
	}
	joined, err := splice.Join(piecesToSplice(fetched.Pieces), splice.Options{Clock: shown.Clock, From: shown.From, To: shown.To})
	if err != nil {
		return err
	}
	if joined.Start.IsZero() {
		joined.Movie.Created = g.Range.From // the answers tell only when they were packaged
	}
	report.Delivered = delivered(joined, report.Delivered, shown)
	w := output{path: g.path, folder: g.folder.Path(), force: g.Force, tell: g.report, read: fetched.Close}
	return w.write(ctx, report, joined)
}

// output is where a joined movie goes.
type output struct {
	path   string
	folder string // where it lies until it is whole; "" means beside path
	force  bool
	tell   progress.Func
	read   func() // called when all sources have been read: one of them may have the name path
}

// write writes the joined movie, reads it back, compares it with what was meant, and only then
// gives it its name.
func (o *output) write(ctx context.Context, report *Report, j *splice.Joined) error {
	laid, err := mp4.Lay(j.Movie, mp4.Options{})
	if err != nil {
		return fmt.Errorf("laying out %q: %w", o.path, err)
	}
	f, err := sink.Create(o.path, o.folder, o.force)
	if err != nil {
		return local(err)
	}
	defer f.Close()
	if _, err := laid.WriteTo(&teller{ctx: ctx, to: f, total: laid.Size(), tell: o.tell}); err != nil {
		return local(err)
	}
	if err := sound(f, laid); err != nil {
		return fmt.Errorf("%q: %w: %w", o.path, ErrUnsound, err)
	}
	o.read()
	if err := f.Commit(); err != nil {
		return local(err)
	}
	report.Outputs = append(report.Outputs, outputOf(f, o.path, j))
	report.Seams = append(report.Seams, seams(j.Seams)...)
	report.Notes = append(report.Notes, apart(j.Movie.Tracks)...)
	return nil
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
		DurationMs: j.Length.Milliseconds(), Tracks: tracks(j.Movie.Tracks),
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
