package proof_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

func TestRegionsNameBoxes(t *testing.T) {
	m, _ := recorded(true, 1)
	var got []string
	for _, g := range regionsOf(t, written(t, m, mp4.Options{})) {
		got = append(got, g.Box)
		if in := g.Track; g.Box == "moov/trak[2]/mdia/mdhd" && in != 2 {
			t.Errorf("%s is of track %d, want 2", g.Box, in)
		}
	}
	for _, want := range []string{"ftyp", "moov", "moov/mvhd", "moov/trak[1]/tkhd", "moov/trak[2]/mdia/mdhd", "moov/trak[2]/mdia/minf/stbl/stts", "mdat"} {
		if !slices.Contains(got, want) {
			t.Errorf("no region of %s among %v", want, got)
		}
	}
}

// What an mdat holds beside samples is a region too, and is found when it changes.
func TestBytesBetweenSamples(t *testing.T) {
	m, _ := recorded(true, 2)
	good := written(t, m, mp4.Options{})
	got := read(t, good)
	hidden := got.Tracks[1].Samples[7]
	got.Tracks = got.Tracks[:1] // its reader knows nothing of sound
	regions, err := proof.Regions(t.Context(), bytes.NewReader(good), int64(len(good)), got)
	if err != nil {
		t.Fatal(err)
	}
	last := regions[len(regions)-1]
	if last.Box != "mdat/data" || last.Bytes >= last.To-last.From {
		t.Fatalf("last region: got %+v, want mdat/data with samples in it", last)
	}
	b := slices.Clone(good)
	b[hidden.Offset]++
	if d := difference(t, proof.CheckRegions(t.Context(), bytes.NewReader(b), regions, nil)); d != nil {
		t.Errorf("CheckRegions without a movie: got %v, want nothing", d)
	}
	d := difference(t, proof.CheckRegions(t.Context(), bytes.NewReader(b), regions, got))
	if d == nil || d.Box != "mdat/data" || hidden.Offset < d.From || hidden.Offset >= d.To {
		t.Errorf("CheckRegions: got %+v, want mdat/data around byte %d", d, hidden.Offset)
	}
}

func TestRegionsOfBrokenBoxes(t *testing.T) {
	for name, b := range map[string][]byte{
		"size below header": {0, 0, 0, 7, 'f', 'r', 'e', 'e'},
		"size behind end":   {0, 0, 0, 9, 'f', 'r', 'e', 'e'},
		"many boxes":        bytes.Repeat([]byte{0, 0, 0, 8, 'f', 'r', 'e', 'e'}, 1<<14+1),
	} {
		m, _ := recorded(false)
		if _, err := proof.Regions(t.Context(), bytes.NewReader(b), int64(len(b)), m); !errors.Is(err, proof.ErrBoxes) {
			t.Errorf("%s: Regions: got %v, want ErrBoxes", name, err)
		}
	}
}

func TestRegionsOfOddBoxes(t *testing.T) {
	m, _ := recorded(false)
	for name, b := range map[string][]byte{
		"size 0":        {0, 0, 0, 0, 'f', 'r', 'e', 'e', 1, 2, 3},
		"64 bits":       {0, 0, 0, 1, 'f', 'r', '/', 'e', 0, 0, 0, 0, 0, 0, 0, 16},
		"bytes at end":  {0, 0, 0, 8, 'f', 'r', 'e', 'e', 0, 0, 0, 0},
		"udta with end": {0, 0, 0, 12, 'u', 'd', 't', 'a', 0, 0, 0, 0},
		"short trak":    {0, 0, 0, 18, 't', 'r', 'a', 'k', 0, 0, 0, 10, 't', 'k', 'h', 'd', 0, 0},
	} {
		got, err := proof.Regions(t.Context(), bytes.NewReader(b), int64(len(b)), m)
		n := int64(0)
		for _, g := range got {
			n += g.Bytes
		}
		if err != nil || n != int64(len(b)) {
			t.Errorf("%s: Regions: got %+v, %v; want all of %d bytes", name, got, err, len(b))
		}
	}
}

// Every field that says where, when and how samples play is in the hash of the tables.
func TestTablesTellEachField(t *testing.T) {
	m, _ := recorded(true, 1)
	seen := map[string]string{proof.Tables(m): "as it was"}
	tr := m.Tracks[1]
	for name, change := range map[string]func(){
		"movie timescale": func() { m.Timescale++ },
		"created":         func() { m.Created = noon.Add(1e9) },
		"ID":              func() { tr.ID++ },
		"timescale":       func() { tr.Timescale++ },
		"language":        func() { tr.Language = "eng" },
		"handler":         func() { tr.Handler = "h" },
		"end":             func() { tr.End++ },
		"format":          func() { tr.Configs[0].Format = "mp4b" },
		"private":         func() { tr.Configs[0].Private = []byte{1} },
		"entry":           func() { tr.Configs[0].Entry = []byte{1} },
		"offset":          func() { tr.Samples[3].Offset++ },
		"time":            func() { tr.Samples[3].Time++ },
		"size":            func() { tr.Samples[3].Size++ },
		"shift":           func() { tr.Samples[3].Shift++ },
		"config":          func() { tr.Samples[3].Config++ },
		"sync":            func() { tr.Samples[3].Sync = false },
		"samples":         func() { tr.Samples = tr.Samples[:20] },
	} {
		change()
		sum := proof.Tables(m)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s: the hash is as before: %s", name, other)
		}
		seen[sum] = name
	}
}
