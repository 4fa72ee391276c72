package kvsemu_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// faulty makes up a camera of five minutes with whatever goes wrong.
func faulty(r *rand.Rand) string {
	at := func() int { return 1 + r.IntN(310) }
	text := "cam:for=5m,fps=10,gop=" + []string{"100ms", "700ms", "1s", "3s"}[r.IntN(4)]
	for _, key := range []string{
		fmt.Sprintf("gap=%ds+%ds", at(), 1+r.IntN(60)), fmt.Sprintf("gap=%ds+%ds", at(), 1+r.IntN(9)),
		fmt.Sprintf("codec=%ds", at()), fmt.Sprintf("again=%ds+%ds", at(), 1+r.IntN(60)),
		fmt.Sprintf("clock=%ds-%dm", at(), 1+r.IntN(9)), fmt.Sprintf("clock=%ds+%ds", at(), 1+r.IntN(9)),
		fmt.Sprintf("late=%dms+%ds", r.IntN(150_000), 1+r.IntN(60)), fmt.Sprintf("late=%ds+%dsx%d", 220+r.IntN(60), 1+r.IntN(60), 2+r.IntN(60)),
		fmt.Sprintf("replay=%ds+%ds", at(), 1+r.IntN(99)), fmt.Sprintf("replay=%dms+%dms", 1000*at()+r.IntN(999), 1+r.IntN(9999)),
		fmt.Sprintf("lost=%ds+%ds", at(), 1+r.IntN(60)), "relative", "server-jitter=2s", "jitter=20ms",
	} {
		if r.IntN(3) == 0 {
			text += "," + key
		}
	}
	return text
}

func TestFaultyCameras(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		cam := faulty(r)
		now := evening
		s := &kvsemu.Server{Now: func() time.Time { return now }, Cameras: cameras(t, cam)}
		all := recorded(t, s) // which looks at server times
		wantWhole(t, cam, all)
		wantSessions(t, cam, all)
		now = noon.Add(time.Duration(r.IntN(400_000)) * time.Millisecond)
		early, err := s.Fragments("cam", time.Unix(0, 0), evening)
		if err != nil || len(early) > len(all) {
			t.Fatalf("%s: %d of %d fragments, %v", cam, len(early), len(all), err)
		}
		for i, f := range early {
			if f != all[i] || f.Server.After(now) {
				t.Fatalf("%s at %v: %+v, want %+v", cam, now, f, all[i])
			}
		}
	}
}

// wantWhole checks that every picture comes, in order but for second uploads, and what is lost.
func wantWhole(t *testing.T, cam string, all []kvsemu.Fragment) {
	t.Helper()
	next := int64(0)
	for _, f := range all {
		if f.First > next || f.Pictures < 1 {
			t.Fatalf("%s: %+v comes before picture %d", cam, f, next)
		}
		if f.First < next && f.Lost || f.Lost && !strings.Contains(cam, "lost=") {
			t.Fatalf("%s: %+v is lost", cam, f)
		}
		next = max(next, f.First+int64(f.Pictures))
	}
	if !strings.Contains(cam, "gap=") && (next < 3000 || next > 3006) { // a cut between two pictures makes one more
		t.Fatalf("%s: %d pictures, want 3000", cam, next)
	}
}

// wantSessions checks that producer times rise in each session, and where they begin.
func wantSessions(t *testing.T, cam string, all []kvsemu.Fragment) {
	t.Helper()
	for _, session := range sessions(t, all) {
		if first := session[0].Producer; strings.Contains(cam, "relative") && !first.Equal(time.Unix(0, 0)) {
			t.Fatalf("%s: a session begins at %v, want 1970", cam, first)
		}
		for i := 1; i < len(session); i++ {
			if !session[i].Producer.After(session[i-1].Producer) || session[i].First != session[i-1].First+int64(session[i-1].Pictures) {
				t.Fatalf("%s: %+v, then %+v in one session", cam, session[i-1], session[i])
			}
		}
	}
}
