package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

// Fragments that are listed and cannot be had end the run, or are told one by one and the rest comes.
func TestRunGoesOnWithoutWhatCannotBeHad(t *testing.T) {
	lost := kvsemu.Camera{Lost: []kvsemu.Lost{{After: 40 * time.Second, Length: 6 * time.Second}, {After: 70 * time.Second, Length: 2 * time.Second}}}
	b := newBench(t, &kvsemu.Server{}, lost, 1)
	j := b.job(t, b.listed(t, 2*time.Minute, plan.Options{MaxPiece: time.Minute}))
	if _, err := j.Run(t.Context()); !errors.Is(err, fetch.ErrIncomplete) {
		t.Fatalf("Run: %v, want ErrIncomplete", err)
	}
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var missing []string
	for _, m := range r.Missing {
		missing = append(missing, m.Fragment.Producer.Sub(begin).String())
		if m.Err == nil {
			t.Errorf("fragment %s is missing without a reason", m.Fragment.Number)
		}
	}
	if got := strings.Join(missing, " "); got != "40s 42s 44s 1m10s" {
		t.Errorf("missing: %s, want those of 40s, 42s, 44s and 1m10s", got)
	}
	fragments := 0
	for _, p := range r.Pieces {
		fragments += len(p.Fragments)
	}
	if fragments != j.Plan.Fragments()-4 {
		t.Errorf("%d fragments came, want all %d but 4", fragments, j.Plan.Fragments())
	}
}

func TestRunOfNothingButLostFootage(t *testing.T) {
	b := newBench(t, &kvsemu.Server{}, kvsemu.Camera{Lost: []kvsemu.Lost{{Length: time.Hour}}}, 1)
	j := b.job(t, b.listed(t, 10*time.Second, plan.Options{}))
	j.Incomplete = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Pieces) != 0 || len(r.Missing) != j.Plan.Fragments() {
		t.Errorf("%d pieces, %d fragments missing, want none and %d", len(r.Pieces), len(r.Missing), j.Plan.Fragments())
	}
}

// A piece that fails all its tries is tried again while others come, and ends the run when none does.
func TestRunIsPatientWhileOthersCome(t *testing.T) {
	others := make(chan struct{}, 100)
	var tries atomic.Int64
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if !strings.HasSuffix(r.URL.Path, "/getClip") {
			return nil
		}
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(fmt.Sprint(begin.Unix()))) {
			others <- struct{}{}
			return nil
		}
		if tries.Add(1) > 3 {
			return nil
		}
		<-others // asked for
		<-others // and so the one before, in the same place, has come
		return &kvsemu.Fault{Status: 500}
	}}
	b := newBench(t, emu, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: 20 * time.Second}))
	j.Parallel, j.Report = 2, nil
	whole(t, j.Plan, run(t, j))
	if n := tries.Load(); n != 4 {
		t.Errorf("the first piece was tried %d times, want 4", n)
	}
}

func TestRunOfWhichNothingComesEnds(t *testing.T) {
	emu := &kvsemu.Server{Fault: func(r *http.Request) *kvsemu.Fault {
		if strings.HasSuffix(r.URL.Path, "/getClip") {
			return &kvsemu.Fault{Status: 500}
		}
		return nil
	}}
	b := newBench(t, emu, kvsemu.Camera{}, 1)
	j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: 20 * time.Second}))
	j.Parallel, j.Report = 5, nil
	if _, err := j.Run(t.Context()); kvs.Judge(err) != kvs.Retry {
		t.Errorf("Run: %v, want the service's failure", err)
	}
}
