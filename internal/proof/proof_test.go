package proof_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

// layouts are the ways in which a file can lie on disk.
var layouts = map[string]mp4.Options{
	"moov first": {}, "moov last": {MoovLast: true}, "64 bits": {Force64: true},
}

// The hashes are those of the samples' bytes, taken one after the other from the sources.
func TestHashIsOfTheSamplesBytes(t *testing.T) {
	m, pieces := recorded(true, 2, 3)
	for _, r := range hashed(t, m, pieces) {
		h := sha256.New()
		for _, s := range m.Tracks[r.Track-1].Samples[r.First-1 : r.First-1+r.Samples] {
			if _, err := io.Copy(h, io.NewSectionReader(m.Sources[s.Source], s.Offset, int64(s.Size))); err != nil {
				t.Fatal(err)
			}
		}
		if want := hex.EncodeToString(h.Sum(nil)); r.SHA256 != want {
			t.Errorf("track %d, sample %d: got %s, want %s", r.Track, r.First, r.SHA256, want)
		}
	}
}

// What was written has the samples that were downloaded, however it lies on disk.
func TestWrittenAgreesWithSources(t *testing.T) {
	m, pieces := recorded(true, 2, 3, 1)
	runs := hashed(t, m, pieces)
	for name, o := range layouts {
		b := written(t, m, o)
		got := read(t, b)
		if err := proof.Check(t.Context(), got, runs); err != nil {
			t.Errorf("%s: Check: %v", name, err)
		}
		regions := regionsOf(t, b)
		if err := proof.CheckRegions(t.Context(), bytes.NewReader(b), regions, got); err != nil {
			t.Errorf("%s: CheckRegions: %v", name, err)
		}
	}
}

func regionsOf(t testing.TB, b []byte) []proof.Region {
	t.Helper()
	regions, err := proof.Regions(t.Context(), bytes.NewReader(b), int64(len(b)), read(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return regions
}

// Regions and samples hold every byte of a file once.
func TestRegionsAndSamplesAreTheFile(t *testing.T) {
	m, _ := recorded(true, 2, 3)
	for name, o := range layouts {
		b := written(t, m, o)
		times := make([]int, len(b))
		for _, g := range regionsOf(t, b) {
			for i := g.From; i < g.To; i++ {
				times[i]++
			}
		}
		for _, tr := range read(t, b).Tracks {
			for _, s := range tr.Samples {
				for i := range int64(s.Size) {
					times[s.Offset+i]++
				}
			}
		}
		if i := slices.IndexFunc(times, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("%s: byte %d of %d is told of %d times", name, i, len(b), times[i])
		}
	}
}

// A byte flipped anywhere is found, and the place that is named holds it.
func TestAFlippedByteIsFound(t *testing.T) {
	m, pieces := recorded(true, 2, 1)
	runs := hashed(t, m, pieces)
	for name, o := range layouts {
		good := written(t, m, o)
		regions, tables := regionsOf(t, good), proof.Tables(read(t, good))
		for i := range good {
			b := slices.Clone(good)
			b[i] ^= 0x40
			d := difference(t, proof.CheckRegions(t.Context(), bytes.NewReader(b), regions, nil))
			if d == nil {
				got := read(t, b)
				if proof.Tables(got) != tables {
					t.Fatalf("%s: byte %d: the tables say something else, and no box differs", name, i)
				}
				if d = difference(t, proof.Check(t.Context(), got, runs)); d != nil {
					checkSamples(t, got, d, int64(i))
				} else {
					d = difference(t, proof.CheckRegions(t.Context(), bytes.NewReader(b), regions, got))
				}
			}
			if d == nil || int64(i) < d.From || int64(i) >= d.To || d.Others != 0 {
				t.Fatalf("%s: byte %d flipped: got %+v", name, i, d)
			}
		}
	}
}

// checkSamples fails unless byte i lies in one of the samples that d names.
func checkSamples(t *testing.T, m *media.Movie, d *proof.Difference, i int64) {
	t.Helper()
	for _, s := range m.Tracks[d.Track-1].Samples[d.First-1 : d.First-1+d.Count] {
		if s.Offset <= i && i < s.Offset+int64(s.Size) {
			return
		}
	}
	t.Fatalf("byte %d is in none of the samples of %v", i, d)
}

func difference(t testing.TB, err error) *proof.Difference {
	t.Helper()
	d, ok := errors.AsType[*proof.Difference](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	return d
}

// The first difference is the one that lies first in the file, though another run ends before it.
func TestTheFirstDifferenceInTheFile(t *testing.T) {
	m, pieces := recorded(true, 2, 2)
	runs := hashed(t, m, pieces)
	b := written(t, m, mp4.Options{})
	tracks := read(t, b).Tracks
	nonEmpty := func(t *media.Track, from int) media.Sample {
		return t.Samples[from+slices.IndexFunc(t.Samples[from:], func(s media.Sample) bool { return s.Size > 0 })]
	}
	picture, sound := nonEmpty(tracks[0], 10), nonEmpty(tracks[1], 300)
	b[picture.Offset]++
	b[sound.Offset]++
	d := difference(t, proof.Check(t.Context(), read(t, b), runs))
	if d == nil || d.Kind != media.Video || d.Fragment != "91340001" || d.Others != 1 || !d.At.Equal(noon.Add(2e9)) {
		t.Errorf("Check: got %+v, want fragment 91340001 of the pictures, and 1 other", d)
	}
}

// A file that ends early differs where it ends.
func TestATruncatedFileDiffers(t *testing.T) {
	m, pieces := recorded(true, 2, 2)
	runs, b := hashed(t, m, pieces), written(t, m, mp4.Options{})
	got := read(t, b)
	got.Sources[0].ReaderAt = bytes.NewReader(b[:len(b)-100])
	d := difference(t, proof.Check(t.Context(), got, runs))
	if d == nil || d.Got != "none" || d.To < int64(len(b)-100) {
		t.Errorf("Check: got %+v, want a run that ends behind byte %d", d, len(b)-100)
	}
}

// A source that ends early is an error, and no hash.
func TestHashOfATruncatedSource(t *testing.T) {
	m, pieces := recorded(false, 2)
	m.Sources[0].ReaderAt = bytes.NewReader(make([]byte, 10))
	if _, err := proof.Hash(t.Context(), m, proof.Cut(m, pieces)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Hash: got %v, want io.ErrUnexpectedEOF", err)
	}
}

// broken is a disk that cannot be read.
type broken struct{}

var errDisk = errors.New("disk on fire")

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestCheckTellsADiskApart(t *testing.T) {
	m, pieces := recorded(false, 2)
	runs := hashed(t, m, pieces)
	m.Sources[0].ReaderAt = broken{}
	if err := proof.Check(t.Context(), m, runs); !errors.Is(err, errDisk) {
		t.Errorf("Check: got %v, want %v", err, errDisk)
	}
}

func TestCheckStopsWithTheContext(t *testing.T) {
	m, pieces := recorded(false, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := proof.Hash(ctx, m, proof.Cut(m, pieces)); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: got %v, want %v", err, context.Canceled)
	}
}

// Runs that are not those of the file's samples are told by their number, and read nothing.
func TestCheckCountsSamples(t *testing.T) {
	m, pieces := recorded(true, 2)
	good := hashed(t, m, pieces)
	for name, runs := range map[string][]proof.Run{
		"none":          nil,
		"one less":      good[:len(good)-1],
		"one more":      append(slices.Clone(good), proof.Run{Track: 2, First: 189, Samples: 1}),
		"other track":   append(slices.Clone(good), proof.Run{Track: 9, First: 1, Samples: 1}),
		"no samples":    {{Track: 1, First: 1}},
		"huge":          {{Track: 1, First: 1, Samples: 1 << 60}},
		"not from 1 on": good[1:],
	} {
		d := difference(t, proof.Check(t.Context(), m, runs))
		if d == nil || d.Place != proof.PlaceTables {
			t.Errorf("%s: Check: got %+v, want other tables", name, d)
		}
	}
}

// Samples may lie anywhere: backwards, over each other, in a file that other programs made.
func TestCheckOfASourceOutOfOrder(t *testing.T) {
	m, pieces := recorded(true, 2)
	runs := hashed(t, m, pieces)
	old := m.Sources[0]
	var data []byte
	for _, tr := range m.Tracks {
		for i := len(tr.Samples) - 1; i >= 0; i-- {
			s := &tr.Samples[i]
			b := make([]byte, s.Size)
			if _, err := old.ReadAt(b, s.Offset); err != nil && s.Size > 0 {
				t.Fatal(err)
			}
			s.Offset = int64(len(data))
			data = append(data, b...)
		}
	}
	m.Sources[0].ReaderAt = bytes.NewReader(data)
	if err := proof.Check(t.Context(), m, runs); err != nil {
		t.Errorf("Check: %v", err)
	}
}
