package clip

import (
	"context"
	"fmt"
	"slices"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// making is the files of a clip on their way.
type making struct {
	*get
	report *Report
	plan   *plan.Plan
	parts  *parts
	format Format
	proof  *prover
	frames *sidecar // nil if none is wanted
	files  []staged
}

// join joins the fetched pieces to the clip, or to the files it is cut or split into.
func (g *get) join(ctx context.Context, report *Report, p *plan.Plan, fetched *fetch.Result) ([]staged, error) {
	m := &making{get: g, report: report, plan: p, parts: partsOf(p, fetched.Pieces), format: g.format(), proof: &prover{pieces: fetched.Pieces}}
	if err := m.fits(); err != nil {
		return nil, err
	}
	if err := m.open(); err != nil {
		return nil, err
	}
	defer m.close()
	if !p.Listed && (m.ClockTrack || m.Frames != "") {
		m.tell("without a listing nothing tells when pictures were taken: frames and the clock are without times; allow kinesisvideo:ListFragments to mend that")
	}
	for _, w := range g.windows() {
		pieces := m.parts.pieces
		if g.Every > 0 {
			pieces = splice.Window(pieces, w.Clock, w.From, w.To)
		}
		for _, run := range splice.Cut(pieces, g.Gaps == GapsSplit, g.OnChange == ChangeSplit) {
			if len(run) == 0 {
				continue
			}
			if err := m.output(ctx, run, w); err != nil {
				return nil, err
			}
		}
	}
	return m.rest(ctx)
}

// fits turns to Matroska where MP4 has no place for a codec, if nobody named the file.
func (m *making) fits() error {
	codec := foreign(m.parts.pieces, m.format.soundOnly())
	if codec == "" || m.format == FormatMKV || m.format == FormatWAV {
		return nil
	}
	if err := m.matroska(codec, m.format); err != nil {
		return err
	}
	m.format, m.path = FormatMKV, beside(m.path, FormatMKV.suffix())
	return m.free()
}

// matroska tells that a codec has no place in a format, so that the clip becomes Matroska; or it is an
// error that it cannot.
func (g *get) matroska(codec string, f Format) error {
	switch {
	case g.Format != "" || !g.unnamed():
		return fmt.Errorf("%w: %s has no place in %s files: name the output .mkv", ErrUsage, codec, f.suffix())
	case g.Receipt != "" || g.Frames != "":
		return fmt.Errorf("%w: %s has no place in MP4 files, and receipts and frames are of those: ask for Matroska without them", ErrUsage, codec)
	}
	if text := codec + " has no place in MP4 files: the clip is Matroska"; !slices.Contains(g.notes, text) {
		g.tell(text)
	}
	return nil
}

// shown is what of a window the movie is to show; nothing where whole fragments are wanted.
func (m *making) shown(w archive.Range) archive.Range {
	if m.Trim == TrimFragment {
		return archive.Range{Clock: w.Clock}
	}
	return w
}

// output makes one file of a run of pieces.
func (m *making) output(ctx context.Context, run []splice.Piece, w archive.Range) error {
	if m.format == FormatHLS {
		return m.playlist(ctx, run, w)
	}
	joined, err := m.joined(run, w)
	if err != nil {
		return err
	}
	these := m.parts.of(run)
	o := m.next(joined, w)
	origins := these.origins()
	runs := origin.Cut(joined.Movie, origins)
	m.addClock(joined.Movie, runs)
	f, err := o.stage(ctx, m.report, joined, these.numbers)
	if err != nil {
		return err
	}
	m.files = append(m.files, f)
	out := &m.report.Outputs[len(m.report.Outputs)-1]
	if err := m.prove(ctx, m.proof, *out, f, joined.Movie, origins); err != nil {
		return err
	}
	return m.tellOf(ctx, out, joined.Movie, runs)
}

// joined joins a run of pieces, and takes into the report what of them is shown.
func (m *making) joined(run []splice.Piece, w archive.Range) (*splice.Joined, error) {
	shown := m.shown(w)
	joined, err := splice.Join(run, splice.Options{Clock: shown.Clock, From: shown.From, To: shown.To, Keep: m.keeps(), Wall: m.plan.Clocks.Wall})
	if err != nil {
		return nil, err
	}
	if joined.Start.IsZero() {
		joined.Movie.Created = w.From // the answers tell only when they were packaged
	}
	if err := m.format.takes(joined.Movie); err != nil {
		return nil, err
	}
	if m.format.soundOnly() { // it may end before the pictures do
		joined.Length = min(joined.Length, joined.Movie.Presented())
	}
	m.report.narrow(joined, m.shown(m.Range))
	return joined, nil
}

// next is where the next file goes.
func (m *making) next(j *splice.Joined, w archive.Range) output {
	start := j.Start
	if m.Every > 0 && start.Before(w.From) { // its first picture was there already
		start = w.From
	}
	end := w.To
	if m.Every == 0 && !start.IsZero() {
		end = start.Add(j.Length)
	}
	o := output{path: m.splitName(start, end, len(m.report.Outputs)+1, m.files), format: m.format, folder: m.folder.Path(), force: m.Force, tell: m.Client.report}
	if m.splits() {
		o.number = len(m.report.Outputs) + 1
	}
	return o
}

// own is the movie as it lies in its file; nil where the format does not tell places.
func own(f Format, m *media.Movie) (*media.Movie, error) {
	laid, _, err := f.lay(m)
	if err != nil {
		return nil, err
	}
	if file, ok := laid.(interface{ Movie() *media.Movie }); ok {
		return file.Movie(), nil
	}
	return nil, nil
}
