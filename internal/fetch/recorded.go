package fetch

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/plan"
)

// complete compares a fragment with what the listing says of its length: that is from its first
// frame to its last. A cluster of unknown size that was cut off between two frames looks whole.
func complete(f *mkv.Fragment, planned archive.Fragment) error {
	if f.Header == nil || len(f.Blocks) == 0 {
		return fmt.Errorf("%w: fragment %s came without a frame", kvs.ErrGarbled, planned.Number)
	}
	if got := spread(f); got < planned.Length-slack {
		return fmt.Errorf("%w: fragment %s: %v listed, %v came", kvs.ErrGarbled, planned.Number, planned.Length, got)
	}
	return nil
}

// spread is how long it is from the first frame of a fragment to its last one, and the longest time
// between two: whether a listing counts the last frame's is not documented.
func spread(f *mkv.Fragment) time.Duration {
	at := make([]int64, len(f.Blocks))
	for i, b := range f.Blocks {
		at[i] = b.Time
	}
	slices.Sort(at)
	var longest int64
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i]-at[i-1])
	}
	return time.Duration(at[len(at)-1]-at[0]+longest) * time.Duration(f.Header.Scale)
}

// compareTimes tells, once a run, of times in a document that differ from the listing's. The listing
// counts: the plan was made of it.
func (j *Job) compareTimes(f *mkv.Fragment, planned archive.Fragment) {
	if near(f.Producer, planned.Producer) && near(f.Server, planned.Server) {
		return
	}
	j.mu.Lock()
	told := j.told
	j.told = true
	j.mu.Unlock()
	if !told {
		const ms = "2006-01-02T15:04:05.000Z"
		j.Report.Report(progress.Note{Text: fmt.Sprintf(
			"fragment %s says that it was filmed at %s and arrived at %s, and the listing says %s and %s: the listing is believed",
			planned.Number, f.Producer.UTC().Format(ms), f.Server.UTC().Format(ms), planned.Producer.UTC().Format(ms), planned.Server.UTC().Format(ms))})
	}
}

// near says that times are the same but for rounding, or that a document tells none.
func near(told, listed time.Time) bool {
	return told.IsZero() || told.Sub(listed).Abs() <= time.Millisecond
}

// openMedia reads what the file at path holds of the fragments of p.
func openMedia(path string, p plan.Piece, s *shelf) (Piece, error) {
	f, err := os.Open(path)
	if err != nil {
		return Piece{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Piece{}, err
	}
	came := map[string]*mkv.Fragment{}
	err = each(f, func(f *mkv.Fragment) error {
		if came[f.Number] != nil || f.Err != nil {
			return fmt.Errorf("%w: fragment %.130q is there twice", kvs.ErrGarbled, f.Number)
		}
		came[f.Number] = f
		return nil
	})
	if err != nil {
		return Piece{}, err
	}
	pc := Piece{Piece: p, Path: path, Size: st.Size(), Engine: EngineFragments}
	pc.Fragments, pc.Parts, err = arranged(p.Fragments, came, media.Source{ReaderAt: &diskFile{path: path, shelf: s}, Size: st.Size()})
	return pc, err
}

// arranged makes movies of what came of the planned fragments, in the plan's order, by the listing's
// times. There must be nothing else.
func arranged(planned []archive.Fragment, came map[string]*mkv.Fragment, src media.Source) ([]archive.Fragment, []Part, error) {
	var here []archive.Fragment
	var order []*mkv.Fragment
	for _, p := range planned {
		if f := came[p.Number]; f != nil {
			f.Producer, f.Server = p.Producer, p.Server
			here, order = append(here, p), append(order, f)
		}
	}
	if len(order) != len(came) {
		return nil, nil, fmt.Errorf("%w: fragments that were not planned", kvs.ErrGarbled)
	}
	if len(order) == 0 {
		return nil, nil, nil
	}
	made, err := mkv.Parts(src, order)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the fragments: %w", err)
	}
	var parts []Part
	rest := here
	for _, m := range made {
		n := len(m.Fragments)
		if n > len(rest) {
			return nil, nil, fmt.Errorf("%w: %d fragments became more", kvs.ErrGarbled, len(here))
		}
		part := Part{Movie: m.Movie, Fragments: rest[:n:n], Taken: m.Taken, Tags: make([][]mkv.Tag, n)}
		for i, f := range m.Fragments {
			part.Tags[i] = f.Tags
		}
		parts, rest = append(parts, part), rest[n:]
	}
	if len(rest) > 0 {
		return nil, nil, fmt.Errorf("%w: nothing could be made of %d fragments", kvs.ErrGarbled, len(rest))
	}
	return here, parts, nil
}
