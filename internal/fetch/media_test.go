package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/plan"
)

// Documents in any order make the same piece, and the next run finds it.
func TestFragmentsComeByNumbers(t *testing.T) {
	l, b := newLake(t, 12, 1)
	l.answer = func(_ int, numbers []string, w http.ResponseWriter) bool {
		numbers = slices.Clone(numbers)
		slices.Reverse(numbers)
		l.give(w, numbers...)
		return true
	}
	j := l.job(t, b, 5, fetch.EngineFragments)
	for range 2 {
		got := run(t, j)
		shows(t, got, upTo(12)...)
		if len(got) != 3 || got[0].Engine != fetch.EngineFragments || filepath.Ext(got[0].Path) != ".mkv" || got[0].RequestID == "" || len(got[0].SHA256) != 64 {
			t.Errorf("%d pieces, the first: %+v", len(got), got[0])
		}
		if len(l.asked) != 3 || l.clips != 0 {
			t.Errorf("asked %v and for %d clips, want 3 calls", l.asked, l.clips)
		}
	}
	if err := os.Truncate(filepath.Join(j.Folder.Path(), filepath.Base(run(t, j)[1].Path)), 100); err != nil {
		t.Fatal(err)
	}
	shows(t, run(t, j), upTo(12)...)
	if len(l.asked) != 4 {
		t.Errorf("a damaged piece: %d calls, want 1 more", len(l.asked)-3)
	}
}

func TestALongPieceTakesSeveralCalls(t *testing.T) {
	l, b := newLake(t, 2, 1)
	one := l.fragments[0]
	p := plan.Piece{First: begin, Last: begin}
	for i := range 2300 {
		f := one
		f.Number = fmt.Sprint(1_000_000 + i)
		f.Producer = f.Producer.Add(time.Duration(i) * frames * interval)
		p.Fragments, l.docs[f.Number] = append(p.Fragments, f), document(f, i%200)
	}
	p.Fragments[2299].Size = plan.MaxBytes
	j := b.job(t, &plan.Plan{Listed: true, Pieces: []plan.Piece{p}})
	j.Engine = fetch.EngineFragments
	got := run(t, j)
	if len(got) != 1 || len(got[0].Fragments) != 2300 {
		t.Fatalf("%d pieces", len(got))
	}
	var calls []int
	for _, a := range l.asked {
		calls = append(calls, len(a))
	}
	if !slices.Equal(calls, []int{1000, 1000, 299, 1}) {
		t.Errorf("numbers in each call: %v, want at most 1000, and 95 MB", calls)
	}
}

// The fourth of ten fragments cannot be had, in all the ways the service may say so. The others are
// not asked for again.
func TestLostFragments(t *testing.T) {
	const lost = 3
	for name, tc := range map[string]struct {
		lose  func(l *lake, numbers []string, w http.ResponseWriter)
		calls int
	}{
		"left out": {func(l *lake, numbers []string, w http.ResponseWriter) {
			l.give(w, slices.DeleteFunc(slices.Clone(numbers), func(n string) bool { return n == l.fragments[lost].Number })...)
		}, 5}, // the first brings the others
		"an error inside": {func(l *lake, numbers []string, w http.ResponseWriter) { l.inside(w, numbers, lost, true, 4000) }, 5},
		"an error inside, in GetMedia's words": {func(l *lake, numbers []string, w http.ResponseWriter) {
			l.inside(w, numbers, lost, false, 4000)
		}, 5},
		"a refusal that names it": {func(l *lake, numbers []string, w http.ResponseWriter) {
			if slices.Contains(numbers, l.fragments[lost].Number) {
				refuse(w, 400, "InvalidArgumentException", "Fragment numbers are invalid : "+l.fragments[lost].Number)
				return
			}
			l.give(w, numbers...)
		}, 2},
		"a refusal that names none": {func(l *lake, numbers []string, w http.ResponseWriter) {
			if slices.Contains(numbers, l.fragments[lost].Number) {
				refuse(w, 400, "InvalidArgumentException", "Fragment numbers are invalid")
				return
			}
			l.give(w, numbers...)
		}, 9}, // halves: 10, 5, 2 and 3, 1 and 2, 1 and 1, 5
	} {
		t.Run(name, func(t *testing.T) {
			l, b := newLake(t, 10, 10)
			l.answer = func(_ int, numbers []string, w http.ResponseWriter) bool { tc.lose(l, numbers, w); return true }
			j := l.job(t, b, 10, fetch.EngineFragments)
			_, err := j.Run(t.Context())
			if !errors.Is(err, fetch.ErrIncomplete) || !strings.Contains(err.Error(), "1 of 10 fragments, "+l.fragments[lost].Number+":") {
				t.Errorf("Run: %v, want the fragment named", err)
			}
			if len(l.asked) > tc.calls {
				t.Errorf("%d calls, want at most %d: %v", len(l.asked), tc.calls, l.asked)
			}
			j.Incomplete = true
			for range 2 { // what is missing is asked for again
				before := len(l.asked)
				r, err := j.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				shows(t, r.Pieces, 0, 1, 2, 4, 5, 6, 7, 8, 9)
				if len(r.Missing) != 1 || r.Missing[0].Fragment.Number != l.fragments[lost].Number || r.Missing[0].Err == nil {
					t.Errorf("missing: %v", r.Missing)
				}
				if len(l.asked) == before {
					t.Error("what was missing was not asked for again")
				}
				r.Close()
			}
		})
	}
}

var codes = map[int]string{4000: "FRAGMENT_NOT_FOUND", 4500: "KMS_KEY_ACCESS_DENIED", 5000: "INTERNAL_ERROR"}

// inside sends what was asked for, and in place of the fragment at place lost an error.
func (l *lake) inside(w io.Writer, numbers []string, lost int, long bool, id int) {
	for _, n := range numbers {
		if n != l.fragments[lost].Number {
			l.give(w, n)
			continue
		}
		b := mkv.AppendHeader(nil, 1e6, nil)
		b = mkv.AppendErrorTags(b, mkv.InBand{Code: codes[id], ID: id, Message: "no", Number: n}, long)
		_, _ = w.Write(b)
	}
}

func TestAllIsLost(t *testing.T) {
	l, b := newLake(t, 7, 10)
	l.answer = func(_ int, numbers []string, w http.ResponseWriter) bool {
		refuse(w, 400, "InvalidArgumentException", "Fragment numbers are invalid : "+strings.Join(numbers, ", "))
		return true
	}
	j := l.job(t, b, 10, fetch.EngineFragments)
	_, err := j.Run(t.Context())
	if !errors.Is(err, fetch.ErrIncomplete) || !strings.Contains(err.Error(), "7 of 7 fragments") || !strings.Contains(err.Error(), "and 2 more") || !kvs.IsNoFragment(err) {
		t.Errorf("Run: %v", err)
	}
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil || len(r.Pieces) != 0 || len(r.Missing) != 7 {
		t.Errorf("Run: %v, %+v", err, r)
	}
	if len(l.asked) != 2 {
		t.Errorf("%d calls, want one a run: all were named", len(l.asked))
	}
}

// What the service says of the stream's key is a refusal, and is not asked again.
func TestAKeyThatDoesNotOpen(t *testing.T) {
	l, b := newLake(t, 4, 10)
	l.answer = func(_ int, numbers []string, w http.ResponseWriter) bool {
		l.inside(w, numbers, 1, true, 4500)
		return true
	}
	for _, e := range []fetch.Engine{fetch.EngineFragments, fetch.EngineAuto} {
		l.asked = nil
		_, err := l.job(t, b, 10, e).Run(t.Context())
		if !kvs.IsDenied(err) || len(l.asked) != 1 {
			t.Errorf("%s: %v after %d calls, want the refusal", e, err, len(l.asked))
		}
	}
}

// An error that has nothing to do with a fragment being there is asked about again, and then ends the run.
func TestAnErrorInsideThatPasses(t *testing.T) {
	for fails, good := range map[int]bool{2: true, 99: false} {
		l, b := newLake(t, 4, 3)
		l.answer = func(call int, numbers []string, w http.ResponseWriter) bool {
			if call <= fails {
				l.inside(w, numbers, 1, true, 5000)
			}
			return call <= fails
		}
		r, err := l.job(t, b, 10, fetch.EngineFragments).Run(t.Context())
		if (err == nil) != good || !good && !errors.Is(err, kvs.ErrGarbled) {
			t.Fatalf("%d failures: %v", fails, err)
		}
		if good {
			shows(t, r.Pieces, upTo(4)...)
			r.Close()
		}
		if want := "[" + l.fragments[1].Number + "]"; len(l.asked) != 3 || fmt.Sprint(l.asked[1]) != want {
			t.Errorf("asked for %v, want only the failed one again", l.asked)
		}
	}
}

// An answer that is not what was asked for is not taken, but what was whole in it need not come again.
func TestHostileDocuments(t *testing.T) {
	for name, tc := range map[string]struct {
		first func(l *lake, w http.ResponseWriter)
		kept  int // fragments of the first answer that stay
	}{
		"connection lost in the third": {func(l *lake, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000000")
			l.give(w, l.numbers()[:2]...)
			_, _ = w.Write(l.docs[l.fragments[2].Number][:2000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 2},
		"ends in the third": {func(l *lake, w http.ResponseWriter) {
			l.give(w, l.numbers()[:2]...)
			_, _ = w.Write(l.docs[l.fragments[2].Number][:2000])
		}, 2},
		"ends in the third, between two pictures": {func(l *lake, w http.ResponseWriter) {
			l.give(w, l.numbers()[:2]...)
			_, _ = w.Write(documentOf(l.fragments[2], 2, 4, nil))
		}, 2},
		"nothing":          {func(*lake, http.ResponseWriter) {}, 0},
		"a page":           {func(_ *lake, w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>busy</html>") }, 0},
		"garbage in front": {func(l *lake, w http.ResponseWriter) { _, _ = io.WriteString(w, "\x00\x00"); l.give(w, l.numbers()...) }, 0},
		"garbage between": {func(l *lake, w http.ResponseWriter) {
			l.give(w, l.numbers()[:3]...)
			_, _ = w.Write([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
			l.give(w, l.numbers()[3:]...)
		}, 2}, // the third might go on there
		"one twice": {func(l *lake, w http.ResponseWriter) { l.give(w, l.numbers()[:3]...); l.give(w, l.numbers()[2:]...) }, 3},
		"one that was not asked for": {func(l *lake, w http.ResponseWriter) {
			f := l.fragments[0]
			f.Number = "77"
			l.give(w, l.numbers()[:2]...)
			_, _ = w.Write(document(f, 9))
			l.give(w, l.numbers()[2:]...)
		}, 2},
		"one without a number": {func(l *lake, w http.ResponseWriter) {
			f := l.fragments[1]
			f.Number = ""
			l.give(w, l.numbers()[:1]...)
			_, _ = w.Write(document(f, 1))
		}, 1},
		"one without a picture": {func(l *lake, w http.ResponseWriter) {
			l.give(w, l.numbers()[:1]...)
			_, _ = w.Write(documentOf(l.fragments[1], 1, 0, nil))
		}, 1},
		"a number and no cluster": {func(l *lake, w http.ResponseWriter) {
			b := mkv.AppendHeader(nil, 1e6, nil)
			_, _ = w.Write(mkv.AppendKVSTags(b, l.fragments[0].Number, begin, begin))
			l.give(w, l.numbers()[1:2]...)
		}, 0},
		"two in one document": {func(l *lake, w http.ResponseWriter) {
			l.give(w, l.numbers()[:1]...)
			second := l.docs[l.fragments[1].Number]
			cluster := mkv.AppendKVSTags(nil, l.fragments[1].Number, l.fragments[1].Server, l.fragments[1].Producer)
			_, _ = w.Write(second[strings.Index(string(second), string(cluster)):])
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, b := newLake(t, 6, 3)
			l.answer = func(call int, _ []string, w http.ResponseWriter) bool {
				if call == 1 {
					tc.first(l, w)
				}
				return call == 1
			}
			shows(t, run(t, l.job(t, b, 10, fetch.EngineFragments)), upTo(6)...)
			if got := fmt.Sprint(l.asked[1:]); got != fmt.Sprint([][]string{l.numbers()[tc.kept:]}) {
				t.Errorf("asked again for %s, want all but the first %d", got, tc.kept)
			}
			l.answer = func(_ int, _ []string, w http.ResponseWriter) bool { tc.first(l, w); return true }
			_, err := l.job(t, b, 10, fetch.EngineFragments).Run(t.Context())
			if err == nil {
				t.Error("an answer that never gets better is taken")
			}
		})
	}
}

func (l *lake) numbers() []string {
	var out []string
	for _, f := range l.fragments {
		out = append(out, f.Number)
	}
	return out
}

// A fragment that never comes whole is told, and the rest comes, if that was asked for.
func TestOneFragmentIsBroken(t *testing.T) {
	l, b := newLake(t, 8, 2)
	l.docs[l.fragments[5].Number] = documentOf(l.fragments[5], 5, 2, nil)
	j := l.job(t, b, 10, fetch.EngineFragments)
	if _, err := j.Run(t.Context()); !errors.Is(err, kvs.ErrGarbled) || !strings.Contains(err.Error(), l.fragments[5].Number) {
		t.Errorf("Run: %v, want the fragment named", err)
	}
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	shows(t, r.Pieces, 0, 1, 2, 3, 4, 6, 7)
	if len(r.Missing) != 1 || r.Missing[0].Fragment.Number != l.fragments[5].Number {
		t.Errorf("missing: %v", r.Missing)
	}
}

// The listing's times count, and a difference is told once.
func TestTimesThatDiffer(t *testing.T) {
	l, b := newLake(t, 4, 1)
	for i, f := range l.fragments[1:3] {
		f.Producer = f.Producer.Add(50 * time.Millisecond)
		l.docs[f.Number] = document(f, i+1)
	}
	shows(t, run(t, l.job(t, b, 10, fetch.EngineFragments)), upTo(4)...)
	if got := notes(b); len(got) != 1 || !strings.Contains(got[0], "2026-03-14T08:00:02.050Z") {
		t.Errorf("notes: %q", got)
	}
}

func odd(_ archive.Fragment, tags []mkv.Tag) bool {
	return slices.Contains(tags, mkv.Tag{Name: "odd", Value: "true"})
}

// What is not wanted is not kept, not even for the next run, and not asked for again.
func TestWhere(t *testing.T) {
	l, b := newLake(t, 9, 1)
	j := l.job(t, b, 3, fetch.EngineAuto)
	j.Where, j.WhereText = odd, "odd"
	for range 2 {
		r, err := j.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		shows(t, r.Pieces, 1, 3, 5, 7)
		if r.Skipped != 5 || len(l.asked) != 3 || l.clips != 0 {
			t.Errorf("%d skipped after %d calls, want 5 and 3", r.Skipped, len(l.asked))
		}
		for _, p := range r.Pieces {
			for _, part := range p.Parts {
				for i, tags := range part.Tags {
					if !odd(part.Fragments[i], tags) {
						t.Errorf("tags of %s: %v", part.Fragments[i].Number, tags)
					}
				}
			}
			if st, err := os.Stat(p.Path); err != nil || st.Size() > int64(len(p.Fragments))*10_000 {
				t.Errorf("%v: %d bytes for %d fragments", err, st.Size(), len(p.Fragments))
			}
		}
		r.Close()
	}
	j.Where, j.WhereText = func(archive.Fragment, []mkv.Tag) bool { return false }, "none"
	for range 2 {
		r, err := j.Run(t.Context())
		if err != nil || len(r.Pieces) != 0 || r.Skipped != 9 || len(l.asked) != 6 {
			t.Errorf("nothing wanted: %v, %+v, %d calls", err, r, len(l.asked)-3)
		}
	}
}

func TestEnginesThatCannotBe(t *testing.T) {
	l, b := newLake(t, 2, 1)
	r := archive.Range{From: begin, To: begin.Add(time.Minute)}
	for name, change := range map[string]func(*fetch.Job){
		"by numbers without a listing":    func(j *fetch.Job) { j.Engine, j.Plan = fetch.EngineFragments, plan.ByTime(r, plan.Options{}) },
		"by tags without a listing":       func(j *fetch.Job) { j.Where, j.Plan = odd, plan.ByTime(r, plan.Options{}) },
		"compared without a listing":      func(j *fetch.Job) { j.CrossCheck, j.Plan = true, plan.ByTime(r, plan.Options{}) },
		"by tags, by the one without any": func(j *fetch.Job) { j.Where, j.Engine = odd, fetch.EngineClip },
		"unknown":                         func(j *fetch.Job) { j.Engine = "steam" },
	} {
		j := l.job(t, b, 2, fetch.EngineAuto)
		change(j)
		_, err := j.Run(t.Context())
		if err == nil || strings.Contains(name, "listing") != errors.Is(err, fetch.ErrUnlisted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What GetClip refuses as such is asked of it once; what it refuses of a piece, once a piece. A
// later run knows.
func TestAutoTurns(t *testing.T) {
	for code, clips := range map[string]int{
		"UnsupportedStreamMediaTypeException": 1,
		"MissingCodecPrivateDataException":    1,
		"InvalidMediaFrameException":          4,
		"InvalidCodecPrivateDataException":    4,
	} {
		t.Run(code, func(t *testing.T) {
			l, b := newLake(t, 12, 1)
			l.clip = func(_ int, w http.ResponseWriter) { refuse(w, 400, code, "no") }
			j := l.job(t, b, 3, "")
			for range 2 {
				shows(t, run(t, j), upTo(12)...)
				if l.clips != clips || len(l.asked) != 4 {
					t.Errorf("%d calls of GetClip and %d by numbers, want %d and 4", l.clips, len(l.asked), clips)
				}
			}
		})
	}
}

// A run that is stopped between the refusal and the fragments does not ask GetClip again.
func TestAutoRemembersARefusal(t *testing.T) {
	l, b := newLake(t, 3, 1)
	l.answer = func(call int, _ []string, w http.ResponseWriter) bool {
		if call == 1 {
			refuse(w, 500, "InternalFailure", "")
		}
		return call == 1
	}
	j := l.job(t, b, 3, fetch.EngineAuto)
	if _, err := j.Run(t.Context()); err == nil {
		t.Fatal("Run: no error")
	}
	shows(t, run(t, j), upTo(3)...)
	if l.clips != 1 {
		t.Errorf("%d calls of GetClip, want 1", l.clips)
	}
}

// Where the other call is not allowed, pieces are halved as without it, and the error says what to allow.
func TestAutoThatMayNotTurn(t *testing.T) {
	l, b := newLake(t, 4, 1)
	l.answer = func(_ int, _ []string, w http.ResponseWriter) bool {
		refuse(w, 403, "AccessDeniedException", "no")
		return true
	}
	j := l.job(t, b, 4, fetch.EngineAuto)
	_, err := j.Run(t.Context())
	e, ok := errors.AsType[*kvs.Error](err)
	if !ok || !kvs.IsDenied(err) || !errors.Is(err, fetch.ErrIncomplete) || e.Action != "kinesisvideo:GetMediaForFragmentList" {
		t.Errorf("Run: %v, want both causes, and the action", err)
	}
	if l.clips != 3 || len(l.asked) != 1 { // 4, 2, 1
		t.Errorf("%d calls of GetClip and %d by numbers, want 3 and 1", l.clips, len(l.asked))
	}
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil || len(r.Missing) != 4 || !kvs.IsDenied(r.Missing[0].Err) {
		t.Errorf("Run: %v, %+v", err, r)
	}
}

func TestInOrder(t *testing.T) {
	const pieces, parallel = 40, 4
	l, b := newLake(t, 2*pieces, 1)
	var begun, taken atomic.Int64
	l.answer = func(int, []string, http.ResponseWriter) bool {
		if n := begun.Add(1) - taken.Load(); n > parallel+2 {
			t.Errorf("%d pieces ahead of what was taken, want at most %d", n, parallel+2)
		}
		return false
	}
	j := l.job(t, b, 2, fetch.EngineFragments)
	j.Parallel, j.Report = parallel, nil
	next := 0
	j.InOrder = func(_ context.Context, p fetch.Piece) error {
		shows(t, []fetch.Piece{p}, next, next+1)
		next += 2
		if left, _ := filepath.Glob(filepath.Join(j.Folder.Path(), "*.mkv")); len(left) > parallel+3 { // and the one before
			t.Errorf("%d pieces on disk", len(left))
		}
		taken.Add(1)
		return nil
	}
	r, err := j.Run(t.Context())
	if err != nil || len(r.Pieces) != 0 || next != 2*pieces {
		t.Errorf("Run: %v, %d fragments came", err, next)
	}
	if left, _ := filepath.Glob(filepath.Join(j.Folder.Path(), "2*")); len(left) > 1 {
		t.Errorf("left: %v, want the last piece alone", left)
	}
}

func TestInOrderEndsWithItsError(t *testing.T) {
	l, b := newLake(t, 40, 1)
	j := l.job(t, b, 2, fetch.EngineFragments)
	j.Parallel, j.Report = 3, nil
	broken := errors.New("broken pipe")
	n := 0
	j.InOrder = func(context.Context, fetch.Piece) error {
		if n++; n == 3 {
			return broken
		}
		return nil
	}
	if _, err := j.Run(t.Context()); !errors.Is(err, broken) || n != 3 {
		t.Errorf("Run: %v after %d pieces", err, n)
	}
}

func TestInOrderEndsWithAPieceThatFails(t *testing.T) {
	l, b := newLake(t, 20, 1)
	l.answer = func(_ int, numbers []string, w http.ResponseWriter) bool {
		bad := slices.Contains(numbers, l.fragments[7].Number)
		if bad {
			refuse(w, 403, "AccessDeniedException", "no")
		}
		return bad
	}
	j := l.job(t, b, 2, fetch.EngineFragments)
	j.Report = nil
	n := 0
	j.InOrder = func(context.Context, fetch.Piece) error { n++; return nil }
	if _, err := j.Run(t.Context()); !kvs.IsDenied(err) || n > 3 {
		t.Errorf("Run: %v after %d pieces, want the refusal before the fourth", err, n)
	}
}
