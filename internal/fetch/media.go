package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/plan"
)

// askTries is how often in a row the service may leave out fragments that were asked for and send
// nothing new, until they count for lost. It may be behind by a moment, but not by many.
const askTries = 4

// errAbsent means that an answer was sound and did not hold all that was asked for.
var errAbsent = errors.New("the service does not send the fragment")

// byNumbers brings p to disk by GetMediaForFragmentList.
func (j *Job) byNumbers(ctx context.Context, p plan.Piece, s *shelf) ([]Piece, error) {
	name := j.name(p, EngineFragments)
	if pc, n, ok := j.known(name, p, s); ok {
		j.Report.Report(progress.Fetched{Piece: p.Index, Kept: true, Bytes: n.Bytes})
		return j.held(pc, n), nil
	}
	got, lost, err := j.gather(ctx, p, name)
	if err != nil {
		return nil, &Error{Piece: p, Err: err}
	}
	for _, m := range lost {
		if err := j.without(p.Index, []archive.Fragment{m.Fragment}, p, m.Err); err != nil {
			return nil, err
		}
	}
	if len(lost) == len(p.Fragments) {
		return nil, nil
	}
	return j.finished(got, p, name, s)
}

// gathering is a piece on its way, fragment by fragment.
type gathering struct {
	job     *Job
	p       plan.Piece
	out     documents
	left    map[string]archive.Fragment // planned, and neither there nor given up, by number
	reasons map[string]error            // what the service said of those it did not send
	idle    int                         // answers in a row in which nothing new came
	lost    []Missing
	noted   noted
}

// gather fetches p into its file, as get does. What is lost is told; then nothing is noted, so
// that the next run asks for it again.
func (j *Job) gather(ctx context.Context, p plan.Piece, name name) (noted, []Missing, error) {
	f, err := os.OpenFile(j.part(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return noted{}, nil, fmt.Errorf("creating a piece: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	g := &gathering{job: j, p: p, out: documents{f: f}, reasons: map[string]error{}, noted: noted{Name: name.key}}
	g.left = make(map[string]archive.Fragment, len(p.Fragments))
	for _, f := range p.Fragments {
		g.left[f.Number] = f
	}
	for _, fs := range batches(p.Fragments) {
		if err := g.batch(ctx, fs); err != nil {
			return noted{}, nil, err
		}
	}
	if err := g.whole(); err != nil {
		return noted{}, nil, err
	}
	return g.noted, g.lost, g.save(j.file(name))
}

// save gives the file its name and notes it.
func (g *gathering) save(path string) error {
	part := g.out.f.Name()
	if err := errors.Join(g.out.end(), g.out.f.Close()); err != nil {
		return fmt.Errorf("writing a piece: %w", err)
	}
	if len(g.lost) == len(g.p.Fragments) {
		return nil
	}
	size, sum, err := sink.Hash(part)
	if err != nil {
		return err
	}
	g.noted.Bytes, g.noted.SHA256 = size, sum
	if err := os.Rename(part, path); err != nil || len(g.lost) > 0 {
		return err
	}
	return g.job.Folder.journal.note(line{Piece: &g.noted})
}

// whole names all that is lost, unless the job goes on without.
func (g *gathering) whole() error {
	if len(g.lost) == 0 || g.job.Incomplete {
		return nil
	}
	const shown = 5
	var names []string
	for _, m := range g.lost[:min(shown, len(g.lost))] {
		names = append(names, m.Fragment.Number)
	}
	text := strings.Join(names, ", ")
	if more := len(g.lost) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%w: %d of %d fragments, %s: %w", ErrIncomplete, len(g.lost), len(g.p.Fragments), text, g.lost[0].Err)
}

// batches cuts fragments into calls: of as many numbers as one takes, and of no more bytes than a
// clip has.
func batches(fs []archive.Fragment) [][]archive.Fragment {
	var out [][]archive.Fragment
	for first := 0; first < len(fs); {
		end, bytes := first+1, fs[first].Size
		for end < len(fs) && end-first < kvs.MaxMediaFragments && fs[end].Size <= plan.MaxBytes-bytes {
			bytes += fs[end].Size
			end++
		}
		out = append(out, fs[first:end])
		first = end
	}
	return out
}

// waiting returns which of fs have not come yet, in order.
func (g *gathering) waiting(fs []archive.Fragment) []archive.Fragment {
	return slices.DeleteFunc(slices.Clone(fs), func(f archive.Fragment) bool {
		_, left := g.left[f.Number]
		return !left
	})
}

// batch asks for fs until each has come or is lost.
func (g *gathering) batch(ctx context.Context, fs []archive.Fragment) error {
	if fs = g.waiting(fs); len(fs) == 0 {
		return nil
	}
	err := g.ask(ctx, fs)
	fs = g.waiting(fs)
	switch {
	case err == nil && len(fs) == 0:
		return nil
	case errors.Is(err, errAbsent):
		g.lose(fs, errAbsent)
		return nil
	case kvs.IsNoFragment(err):
		g.lose(named(fs, kvs.Absent(err)), err)
	case !g.job.Incomplete || !broken(err) && !errors.Is(err, mkv.ErrUnsupported):
		return err
	}
	return g.parts(ctx, fs, err)
}

// parts asks for what is left of a call that failed as a whole, in halves, until single fragments
// are known to be why.
func (g *gathering) parts(ctx context.Context, fs []archive.Fragment, cause error) error {
	left := g.waiting(fs)
	if len(left) == 1 && len(fs) == 1 {
		g.lose(left, cause)
		return nil
	}
	if len(left) < len(fs) { // some of them were named
		return g.batch(ctx, left)
	}
	half := len(fs) / 2
	if err := g.batch(ctx, fs[:half]); err != nil {
		return err
	}
	return g.batch(ctx, fs[half:])
}

// named returns those of fs whose numbers are among the given ones.
func named(fs []archive.Fragment, numbers []string) []archive.Fragment {
	return slices.DeleteFunc(slices.Clone(fs), func(f archive.Fragment) bool { return !slices.Contains(numbers, f.Number) })
}

// lose gives fragments up.
func (g *gathering) lose(fs []archive.Fragment, cause error) {
	for _, f := range fs {
		delete(g.left, f.Number)
		g.lost = append(g.lost, Missing{Fragment: f, Err: cmp.Or(g.reasons[f.Number], cause)})
	}
}

// ask makes one call for fs, and more for what did not come of it.
func (g *gathering) ask(ctx context.Context, fs []archive.Fragment) error {
	g.idle = 0
	q := kvs.MediaRequest{
		Stream: g.job.Stream, Fragments: numbers(fs),
		Left: func() []string { return numbers(g.waiting(fs)) },
	}
	return g.job.Client.Media(ctx, q, func(a kvs.Answer) error { return g.take(a, fs) })
}

func numbers(fs []archive.Fragment) []string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = f.Number
	}
	return out
}

// take reads one answer. Each whole document of it stays, whatever comes after.
func (g *gathering) take(a kvs.Answer, fs []archive.Fragment) error {
	g.noted.RequestID = cmp.Or(g.noted.RequestID, a.RequestID)
	asked, before := numberSet(g.waiting(fs)), len(g.left)
	var told error
	err := each(g.out.of(a), func(f *mkv.Fragment) error {
		if f.Err != nil {
			told = cmp.Or(told, g.refused(f.Err, a.RequestID))
			return g.out.drop(f.To)
		}
		return g.document(f, asked)
	})
	if len(g.left) < before {
		g.idle = 0
	}
	switch {
	case g.out.err != nil:
		return fmt.Errorf("writing a piece: %w", g.out.err)
	case errors.Is(err, mkv.ErrMalformed), errors.Is(err, mkv.ErrTruncated):
		return fmt.Errorf("%w: %w", kvs.ErrGarbled, err)
	case errors.Is(err, mkv.ErrUnsupported):
		return fmt.Errorf("reading the answer: %w", err)
	case err != nil:
		return err
	case told != nil && len(g.waiting(fs)) > 0:
		return told
	}
	return g.absent(len(g.waiting(fs)), len(asked))
}

func numberSet(fs []archive.Fragment) map[string]bool {
	out := make(map[string]bool, len(fs))
	for _, f := range fs {
		out[f.Number] = true
	}
	return out
}

// absent says what to do about fragments that a sound answer did not hold.
func (g *gathering) absent(n, asked int) error {
	if n == 0 {
		return nil
	}
	err := fmt.Errorf("%w: %d of %d that were asked for", errAbsent, n, asked)
	if g.idle++; g.idle < askTries {
		return fmt.Errorf("%w: %w", kvs.ErrGarbled, err)
	}
	return err
}

// refused notes what the service says inside the answer of a fragment it does not send, and returns
// it unless that is only that it does not find it.
func (g *gathering) refused(in *mkv.InBand, requestID string) error {
	e := g.job.Client.InBand(g.job.Stream, requestID, in.Code, in.ID, in.Message)
	if _, left := g.left[in.Number]; left {
		g.reasons[in.Number] = e
	}
	if kvs.IsNoFragment(e) {
		return nil
	}
	return e
}

// document takes in one fragment: one that was asked for, and has not come yet.
func (g *gathering) document(f *mkv.Fragment, asked map[string]bool) error {
	if !asked[f.Number] {
		return fmt.Errorf("%w: fragment %.130q, which was not asked for, or came before", kvs.ErrGarbled, f.Number)
	}
	planned := g.left[f.Number]
	if err := complete(f, planned); err != nil {
		return err
	}
	g.job.compareTimes(f, planned)
	if g.job.Where == nil || g.job.Where(planned, f.Tags) {
		if err := g.out.keep(f.From, f.To); err != nil {
			return err
		}
	} else {
		if err := g.out.drop(f.To); err != nil {
			return err
		}
		g.noted.Skipped++
	}
	delete(asked, f.Number)
	delete(g.left, f.Number)
	return nil
}
