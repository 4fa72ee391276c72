package clip

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
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
	format := formatOf(r.Output)
	if format == FormatHLS {
		return nil, fmt.Errorf("%w: output %q: clips are joined to one file, not to a playlist", ErrUsage, r.Output)
	}
	if err := sink.Free(r.Output, r.Force); err != nil {
		return nil, err
	}
	clips, err := fetch.Open(r.Clips)
	if err != nil {
		return nil, err
	}
	defer clips.Close()
	report := &Report{Outputs: []Output{}, Gaps: []Gap{}, Seams: []Seam{}, Pieces: len(clips.Pieces), Notes: textless(clips.Pieces)}
	joined, err := splice.Join(clipsToSplice(clips.Pieces), splice.Options{})
	if err != nil {
		return nil, err
	}
	if err := format.takes(joined.Movie); err != nil {
		return nil, err
	}
	o := output{path: r.Output, format: format, force: r.Force, tell: r.Report}
	if err := o.write(ctx, report, joined, clips.Close); err != nil {
		return nil, err
	}
	report.ElapsedMs = time.Since(began).Milliseconds()
	return report, nil
}

// textless tells that text, such as the clock's, does not come along.
func textless(clips []fetch.Piece) []string {
	has := func(p fetch.Piece) bool { return p.Movie().Find(media.Text) != nil }
	if !slices.ContainsFunc(clips, has) {
		return nil
	}
	return []string{"the text in the clips, such as the time on the wall, is left out: pictures and sound are joined"}
}

// output is where a joined movie goes.
type output struct {
	path   string
	format Format
	number int    // among several, from 1; 0 if it is the only one
	folder string // where it lies until it is whole; "" means beside path
	force  bool
	tell   progress.Func
	lead   time.Duration // how much the written file shows before what was meant
}

// stage writes the joined movie to a file that waits for its name. numbers are those of the pieces,
// from 1, that it was joined of.
func (o *output) stage(ctx context.Context, report *Report, j *splice.Joined, numbers []int) (staged, error) {
	f, err := o.put(ctx, j.Movie)
	if err != nil {
		return staged{}, err
	}
	defer f.Close()
	temp, err := f.Stage(ctx)
	if err != nil {
		return staged{}, o.unsaved(err)
	}
	o.describe(report, f, j, numbers)
	return staged{Temp: filepath.Base(temp), Name: filepath.Base(o.path), Bytes: f.Size(), SHA256: f.SHA256()}, nil
}

// write writes the joined movie and gives it its name. read is called when all sources have been
// read: one of them may have the name path.
func (o *output) write(ctx context.Context, report *Report, j *splice.Joined, read func()) error {
	f, err := o.put(ctx, j.Movie)
	if err != nil {
		return err
	}
	defer f.Close()
	read()
	if err := f.Commit(ctx); err != nil {
		return o.unsaved(err)
	}
	o.describe(report, f, j, nil)
	return nil
}

// unsaved tells damage to the file from other trouble.
func (o *output) unsaved(err error) error {
	if errors.Is(err, sink.ErrChanged) {
		return fmt.Errorf("%q: %w: %w", o.path, ErrUnsound, err)
	}
	return local(err)
}

// put writes the movie, reads its tables back and compares them with what was meant. The caller
// closes the file.
func (o *output) put(ctx context.Context, m *media.Movie) (*sink.File, error) {
	laid, check, err := o.format.lay(m)
	if err != nil {
		return nil, fmt.Errorf("laying out %q: %w", o.path, err)
	}
	if led, ok := laid.(interface{ Lead() time.Duration }); ok {
		o.lead = led.Lead()
	}
	f, err := sink.Create(o.path, o.folder, o.force)
	if err != nil {
		return nil, local(err)
	}
	if _, err := laid.WriteTo(&teller{ctx: ctx, to: f, total: laid.Size(), tell: o.tell}); err != nil {
		f.Close()
		return nil, local(err)
	}
	if err := check(f, f.Size()); err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w: %w", o.path, ErrUnsound, err)
	}
	return f, nil
}

// describe adds a finished file to the report.
func (o *output) describe(report *Report, f *sink.File, j *splice.Joined, numbers []int) {
	out := outputOf(f, o.path, j)
	if o.lead > 0 {
		out.DurationMs += o.lead.Milliseconds()
		if !out.From.IsZero() {
			out.From = Time{out.From.Add(-o.lead)}
		}
		report.Notes = append(report.Notes, fmt.Sprintf("%q begins %v early: Matroska cannot hide the beginning of a fragment", filepath.Base(o.path), o.lead.Round(time.Millisecond)))
	}
	report.Outputs = append(report.Outputs, out)
	o.seams(report, j.Seams, numbers)
	for _, note := range apart(j.Movie.Tracks) {
		if !slices.Contains(report.Notes, note) {
			report.Notes = append(report.Notes, note)
		}
	}
}

// seams adds the seams of a finished file to the report.
func (o *output) seams(report *Report, ss []splice.Seam, numbers []int) {
	for _, s := range seams(ss, numbers) {
		s.Output = o.number
		report.Seams = append(report.Seams, s)
	}
}

// apart tells of pictures or sound in more than one codec, of which players show one.
func apart(ts []*media.Track) []string {
	var notes []string
	for i, t := range ts {
		for _, o := range ts[:i] {
			if len(o.Configs) == 0 || len(t.Configs) == 0 {
				continue
			}
			if a, b := o.Configs[0].Codec(), t.Configs[0].Codec(); o.Kind == t.Kind && o.Configs[0].Format != t.Configs[0].Format {
				notes = append(notes, fmt.Sprintf("%s comes in %s and in %s: each has a track of its own, and most players show one of them", t.Kind, a, b))
			}
		}
	}
	return notes
}

// teller writes on, tells how far it is, and stops when the context ends.
type teller struct {
	ctx   context.Context // of the one write this lives for
	to    *sink.File
	total int64 // 0 while it is not known
	tell  progress.Func
}

func (t *teller) Write(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, context.Cause(t.ctx)
	}
	n, err := t.to.Write(b)
	if t.total > 0 {
		t.tell.Report(progress.Writing{Done: t.to.Size(), Total: t.total})
	}
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
