package clip

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/ffmpeg"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// MaxParallel is the most pieces that can be in flight.
const MaxParallel = fetch.MaxParallel

// piecesSuffix is what the folder of an unfinished clip's pieces adds to the clip's name.
const piecesSuffix = ".pieces"

// Get downloads one clip. The final name appears only when the file is whole and checked. What
// was fetched stays beside it in a folder until then, with a journal, so that after an error, an
// interrupt or a kill the same call goes on where it stopped.
//
// With Request.Incomplete, Report.Missing may not be empty: the clip lacks what it names.
func (c *Client) Get(ctx context.Context, r Request) (*Report, error) {
	began := time.Now()
	r, err := r.checked()
	if err != nil {
		return nil, err
	}
	r.region = c.Region()
	g := &get{Client: c, Request: r, path: r.output(), before: c.door.Calls()}
	f, err := filterOf(r.Where)
	if err != nil {
		return nil, err
	}
	if f != nil {
		g.filter = &sieve{Filter: f, seen: map[string]bool{}}
	}
	if r.Writer != nil {
		return g.pipe(ctx, began)
	}
	if err := g.open(); err != nil {
		return nil, err
	}
	defer g.folder.Close()
	if err := g.readKey(); err != nil {
		return nil, err
	}
	report, err := g.earlier(ctx)
	if report == nil && err == nil {
		report, err = g.fresh(ctx)
	}
	if err != nil {
		return nil, err
	}
	report.ElapsedMs = time.Since(began).Milliseconds()
	return report, nil
}

// get is one download on its way.
type get struct {
	*Client
	Request
	path   string // of the clip
	filter *sieve // nil if all fragments are wanted
	folder *fetch.Folder
	signer ed25519.PrivateKey // nil if the receipt is not signed
	before kvs.Calls
	notes  []string
	here   []string // those of them that speak of this machine: no receipt has them
}

// tell tells the user something of the footage, now and in the report.
func (g *get) tell(text string) {
	g.notes = append(g.notes, text)
	g.report.Report(progress.Note{Text: text})
}

// tellHere tells the user something of this machine, which is no part of a receipt.
func (g *get) tellHere(text string) {
	g.here = append(g.here, text)
	g.tell(text)
}

// hear hands on what fetching reports. What it tells of the footage is in the report, too.
func (g *get) hear(e progress.Event) {
	if n, ok := e.(progress.Note); ok {
		g.notes = append(g.notes, n.Text)
	}
	g.report.Report(e)
}

// open takes the folder for the pieces.
func (g *get) open() (err error) {
	for _, path := range []string{g.path, g.Receipt, g.Tags, g.Frames} {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return local(err)
		}
	}
	if g.folder, err = fetch.OpenFolder(g.path + piecesSuffix); err != nil {
		return local(err)
	}
	strange := !g.folder.Known()
	if strange {
		g.tellHere(fmt.Sprintf("the unfinished run in %q was left by another version of kvsclip in a form that this one does not know: everything is fetched anew", g.folder.Path()))
	}
	if g.NoResume || strange {
		if err := g.folder.Clear(); err != nil {
			g.folder.Close()
			return local(err)
		}
	}
	return nil
}

// this is what the run at work is to make, as far as the request tells.
func (g *get) this() fetch.Run {
	place := sha256.Sum256([]byte(g.door.Place() + "|" + g.Stream)) // an ARN tells the account too
	return fetch.Run{
		Version: g.version,
		Request: fmt.Sprintf("stream %s; range %v; longest piece %v; trim %s; merge %s; gaps %s; on change %s; overlap %s; incomplete %t; receipt %t; "+
			"engine %s; format %s; where %s; every %v in %v; tags %t; frames %t; clock track %t; cross-check %t", streamName(g.Stream), g.Range, g.Piece,
			cmp.Or(g.Trim, TrimExact), cmp.Or(g.Merge, MergeNative), cmp.Or(g.Gaps, GapsSqueeze), cmp.Or(g.OnChange, ChangeJoin),
			cmp.Or(g.Overlap, plan.OverlapAuto), g.Incomplete, g.Receipt != "",
			g.FirstEngine(), g.format(), strconv.Quote(g.Where), g.Every, g.zone(), g.Tags != "", g.Frames != "", g.ClockTrack, g.CrossCheck),
		Place: hex.EncodeToString(place[:8]),
	}
}

// fresh makes the clip. It finds out first whether it could be made, before anything is asked of
// the service.
func (g *get) fresh(ctx context.Context) (*Report, error) {
	if err := g.free(); err != nil {
		return nil, err
	}
	if g.Merge == MergeFFmpeg {
		if err := ffmpeg.Check(); err != nil {
			return nil, local(err)
		}
	}
	if err := g.folder.Sweep(); err != nil {
		return nil, local(err)
	}
	return g.run(ctx)
}

// free says whether the names of the outputs are, as far as they are known.
func (g *get) free() error {
	if err := g.freeOthers(); err != nil {
		return err
	}
	several := g.Merge == MergeNone || g.splits()
	switch {
	case several && (g.Force || g.perFile()): // what a template makes of each is seen when it is named
		return nil
	case g.splits():
		return g.none("_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]*Z")
	case several:
		return g.none("-[0-9][0-9][0-9]")
	}
	for _, path := range append(g.besides(g.path), g.path) {
		if err := sink.Free(path, g.Force); err != nil {
			return err
		}
	}
	return nil
}

// freeOthers says whether the names of the files are that tell of the clip.
func (g *get) freeOthers() error {
	for what, path := range map[string]string{"receipt": g.Receipt, "tags": g.Tags, "frames": g.Frames} {
		if path == "" {
			continue
		}
		if err := sink.Free(path, g.Force); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if g.SignKey != "" {
		return sink.Free(g.Receipt+SignatureSuffix, g.Force)
	}
	return nil
}

// none says whether there is no file of the clip's name with something of a pattern added.
func (g *get) none(pattern string) error {
	base, ext := g.base()
	taken, err := filepath.Glob(glob.Replace(base) + pattern + glob.Replace(ext))
	if err == nil && len(taken) > 0 {
		return fmt.Errorf("output %q: %w", taken[0], ErrExists)
	}
	return err
}

// glob quotes what means something in a pattern.
var glob = strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`)

func local(err error) error { return fmt.Errorf("%w: %w", ErrLocal, err) }

// planned lists and plans, and meanwhile finds out where the pieces will be asked for.
func (g *get) planned(ctx context.Context) (*plan.Plan, error) {
	early, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		if g.FirstEngine() == EngineFragments {
			g.door.ReadyMedia(early, g.Stream)
			return
		}
		g.door.Ready(early, g.Stream)
	}()
	p, err := g.plan(ctx, g.Request, g.tell)
	if err != nil {
		cancel()
	}
	<-ready
	cancel()
	return p, err
}

// unfinished is the least time that the end of what is listed lies behind a live camera: a
// fragment is listed when it has ended and arrived.
const unfinished = archive.MaxFragmentLength + 5*time.Second

// live takes the gap at the end of a plan away where nothing can be listed yet, because a camera
// may still film it at the time now, and tells so.
func (c *Client) live(p *plan.Plan, now time.Time, tell func(string)) {
	n := len(p.Timeline.Gaps) - 1
	if n < 0 || len(p.Timeline.Spans) == 0 {
		return
	}
	end := p.Timeline.Gaps[n]
	if !end.To.Equal(p.Timeline.Range.To) || now.Sub(end.From) >= unfinished {
		return
	}
	p.Timeline.Gaps = p.Timeline.Gaps[:n]
	tell(fmt.Sprintf("the last %v are not recorded yet", end.To.Sub(end.From).Round(100*time.Millisecond)))
}

// outlined plans, and tells what there is to tell before anything is fetched.
func (g *get) outlined(ctx context.Context) (*plan.Plan, error) {
	now := time.Now()
	p, err := g.planned(ctx)
	if err != nil {
		return nil, err
	}
	g.live(p, now, g.tell)
	if err := g.plannable(p); err != nil {
		return nil, err
	}
	g.doubled(p.Timeline.Overlaps)
	g.report.Report(progress.Planned{Pieces: len(p.Pieces), Fragments: p.Fragments(), Bytes: p.Bytes()})
	return p, nil
}

func (g *get) run(ctx context.Context) (*Report, error) {
	p, err := g.outlined(ctx)
	if err != nil {
		return nil, err
	}
	g.begin(p)
	fetched, err := g.fetch(ctx, p)
	if err != nil {
		return nil, err
	}
	defer fetched.Close()
	g.puzzled()
	switch {
	case len(fetched.Pieces) == 0 && len(fetched.Missing) > 0:
		return nil, fmt.Errorf("%w: %w: none of %d fragments: %w", ErrIncomplete, ErrAllMissing, len(fetched.Missing), fetched.Missing[0].Err)
	case len(fetched.Pieces) == 0 && g.filter != nil:
		return nil, g.filter.none(p.Fragments(), g.Range)
	case len(fetched.Pieces) == 0:
		return nil, fmt.Errorf("%w: %v", ErrEmpty, g.Range)
	}
	return g.deliver(ctx, p, fetched)
}

// plannable says whether there is something to fetch, in the way that was asked for.
func (g *get) plannable(p *plan.Plan) error {
	switch {
	case len(p.Pieces) == 0 && g.filter != nil:
		return fmt.Errorf("%w for which --where %s is true: %v", ErrEmpty, g.Where, g.Range)
	case len(p.Pieces) == 0:
		return fmt.Errorf("%w: %v", ErrEmpty, g.Range)
	case len(p.Pieces) > splice.MaxPieces && g.Merge != MergeNone && g.Writer == nil:
		return fmt.Errorf("%w: %d pieces, and one file can be made of %d: ask for a shorter range, or longer pieces", ErrUsage, len(p.Pieces), splice.MaxPieces)
	}
	return nil
}

// puzzled tells of fragments for which the filter had no answer.
func (g *get) puzzled() {
	if g.filter == nil {
		return
	}
	if text := g.filter.trouble(); text != "" {
		g.tell(text)
	}
}

// doubled tells of footage that was recorded more than once, and what became of it.
func (g *get) doubled(overlaps []plan.Overlapping) {
	var left int
	var twice, lost time.Duration
	for _, o := range overlaps {
		left, twice, lost = left+o.LeftOut, twice+o.Twice, lost+o.Lost
	}
	if left > 0 {
		g.tell(fmt.Sprintf("%d fragments are left out, for footage of the same time is in the clip; kvsclip plan tells more", left))
	}
	if twice > 0 {
		g.tell(fmt.Sprintf("%v of footage are in the clip twice, as they were recorded: --overlap oldest leaves them out", twice))
	}
	if lost > 0 {
		g.tell(fmt.Sprintf("%v of what is left out are nowhere else: --overlap all keeps them", lost))
	}
}

func (g *get) fetch(ctx context.Context, p *plan.Plan) (*fetch.Result, error) {
	return g.job(p).Run(ctx)
}

func (g *get) job(p *plan.Plan) *fetch.Job {
	job := &fetch.Job{
		Client: g.door, Stream: g.Stream, Plan: p, Folder: g.folder, Parallel: g.Parallel, Incomplete: g.Incomplete, Report: oneAtATime(g.hear),
		Engine: g.FirstEngine(), CrossCheck: g.CrossCheck,
	}
	if g.filter != nil && g.filter.UsesTags() {
		job.Where, job.WhereText = g.filter.wanted, g.Where
	}
	return job
}

// deliver makes the outputs of the fetched pieces, and the report. Once they are staged and the
// journal says so, nothing but their names can be missing.
func (g *get) deliver(ctx context.Context, p *plan.Plan, fetched *fetch.Result) (*Report, error) {
	report := g.account(p, fetched)
	files, err := g.stage(ctx, report, p, fetched)
	if err != nil {
		return nil, err
	}
	fetched.Close()
	if err := g.folder.SetDone(done{Report: report, Files: files, For: g.outcome()}); err != nil {
		return nil, local(err)
	}
	if err := g.publish(ctx, files); err != nil {
		return nil, err
	}
	return g.tidied(report), nil
}

// stage makes the files of the clip, which wait in the folder for their names.
func (g *get) stage(ctx context.Context, report *Report, p *plan.Plan, fetched *fetch.Result) ([]staged, error) {
	switch g.Merge {
	case MergeNone:
		return g.keep(ctx, report, p, fetched)
	case MergeFFmpeg:
		return g.concat(ctx, report, fetched)
	}
	return g.join(ctx, report, p, fetched)
}
