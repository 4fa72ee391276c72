package kvsemu

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// Whatever is sent, what is kept of it can be read again, and lies in order.
func FuzzIngest(f *testing.F) {
	track, err := mkv.TrackOf(film.Spec{}.Video(), media.Video, 1)
	if err != nil {
		f.Fatal(err)
	}
	cluster := func(at int64) []byte {
		b := mkv.AppendBlock(mkv.AppendCluster(nil, at), 1, 0, true, 7)
		return append(b, 0, 0, 0, 3, 9, 9, 9)
	}
	head := mkv.AppendHeader(nil, scale, []mkv.Track{track})
	f.Add(slices.Concat(head, cluster(1), mkv.AppendTags(nil, []mkv.Tag{{Name: "a", Value: "b"}}), cluster(2000)), false)
	f.Add(slices.Concat(head, cluster(1), head, cluster(2000)), true)
	f.Add(mkv.AppendErrorTags(slices.Concat(head, cluster(7)), mkv.InBand{Code: "X", ID: 4000}, false), true)
	f.Fuzz(func(t *testing.T, body []byte, relative bool) {
		s := &Server{Now: func() time.Time { return time.UnixMilli(1_777_896_000_000) }}
		if err := s.setUp(); err != nil {
			t.Fatal(err)
		}
		up := newUploads(7, memory{})
		st := s.newStream("cam", s.now(), 7, up)
		st.retention, s.state.streams["cam"] = 24, st
		told := 0
		g := &ingest{call: &call{s: s, stream: st}, up: up, body: &spool{in: bytes.NewReader(body), most: spooledBytes}, relative: relative, ack: func(a ack) {
			if a.EventType == "PERSISTED" {
				told++
			}
		}, began: s.now()}
		_ = g.run()
		held := up.held(endless, 0)
		if int(held.hi-held.lo) != told {
			t.Fatalf("%d fragments are kept, %d were acknowledged", held.hi-held.lo, told)
		}
		for u := held.lo; u < held.hi; u++ {
			reread(t, up, u)
		}
	})
}

// reread reads an upload in all ways there are.
func reread(t *testing.T, up *uploads, u int64) {
	t.Helper()
	f := up.fragment(u)
	if at, ok := up.numbered(f.Number); !ok || at != u {
		t.Fatalf("fragment %d is found at %d, %v", u, at, ok)
	}
	head, cluster, err := up.document(u)
	if err != nil || int64(len(head)+len(cluster)) > f.Size {
		t.Fatalf("fragment %d: %d and %d bytes of %d, %v", u, len(head), len(cluster), f.Size, err)
	}
	in := mkv.NewDecoder(bytes.NewReader(slices.Concat(head, cluster)), mkv.Options{})
	if _, err := in.Next(); err != nil {
		t.Fatalf("fragment %d: reading it again: %v", u, err)
	}
	if _, _, err := up.configs(u); err != nil {
		return
	}
	strip, err := up.clip([]int64{u})
	if err != nil {
		return
	}
	e := &editor{video: &media.Track{Kind: media.Video}, audio: &media.Track{Kind: media.Audio}}
	for _, s := range strip.shots {
		if len(s.video) > 0 {
			e.add(s, false)
		}
	}
	e.movie()
}
