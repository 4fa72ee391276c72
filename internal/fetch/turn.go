package fetch

import (
	"context"
	"fmt"

	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// EngineAuto turns from GetClip to GetMediaForFragmentList: for a piece that GetClip refuses, and for
// the rest of the run when it refuses the stream's media as such. Where the other call is not allowed,
// refused pieces are halved, as if there were GetClip only.

// mayTurn says that what GetClip refuses can be asked for by numbers.
func (j *Job) mayTurn() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.engine() == EngineAuto && j.barred == nil
}

// turned says that p is one to be asked for by numbers: this run or an earlier one has found out.
func (j *Job) turned(p plan.Piece, clip name) bool {
	if !j.mayTurn() {
		return false
	}
	if j.direct.Load() || j.Folder.journal.isTurned(clip.key) {
		return true
	}
	_, there := j.Folder.journal.piece(j.name(p, EngineFragments).key)
	return there
}

// turn fetches by numbers what GetClip refused for cause, and notes that, so that a later run does not
// ask GetClip again.
func (j *Job) turn(ctx context.Context, p plan.Piece, s *shelf, clip name, cause error) ([]Piece, error) {
	if kvs.IsUnsupported(cause) {
		j.direct.Store(true)
	}
	if !broken(cause) { // what is broken may pass
		if err := j.Folder.journal.note(line{Turned: clip.key}); err != nil {
			return nil, &Error{Piece: p, Err: err}
		}
	}
	j.Report.Report(progress.Turned{Piece: p.Index, Err: cause})
	ps, err := j.byNumbers(ctx, p, s)
	if j.bars(err) {
		return j.halve(ctx, p, s, clip, cause)
	}
	return ps, err
}

// bars says that err is why nothing can be had by numbers, and remembers it.
func (j *Job) bars(err error) bool {
	if j.engine() != EngineAuto || !kvs.IsDenied(err) || kvs.IsKey(err) {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.barred = err
	return true
}

// andBarred adds to why GetClip refuses a piece why the other way is closed. That comes first: it is
// what can be changed.
func (j *Job) andBarred(cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.barred == nil {
		return cause
	}
	return fmt.Errorf("%w; and GetClip: %w", unpieced(j.barred), cause)
}

// unpieced takes off which piece an error was about.
func unpieced(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // only the outermost is taken off
		return e.Err
	}
	return err
}
