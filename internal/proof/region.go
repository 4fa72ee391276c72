package proof

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxRegions bounds the boxes of a file that are told apart. A clip has some thirty a track.
const maxRegions = 1 << 14

// ErrBoxes means that the boxes of a file cannot be told apart.
var ErrBoxes = errors.New("boxes cannot be told apart")

// Region is bytes of a file that are no samples: a box, or what a box has around the boxes in it.
// Regions and samples together are the whole file.
type Region struct {
	Box      string // path, such as "moov/trak[2]/mdia/mdhd"; boxes of one name are counted from 1
	Track    uint32 // track_ID of the trak it lies in; 0 outside of tracks
	From, To int64  // in the file, To not included
	// Bytes is how many bytes of [From, To) belong to no sample. Fewer than all of them is possible
	// in an mdat alone.
	Bytes  int64
	SHA256 string // of those bytes, hex
	data   bool   // the contents of an mdat
}

// whole says that no sample lies between the bytes of the region.
func (r *Region) whole() bool { return r.Bytes == r.To-r.From }

// containers are the boxes that are looked into (ISO/IEC 14496-12). What else there is, is one region.
var containers = map[string]bool{
	"moov": true, "trak": true, "mdia": true, "minf": true, "stbl": true, "edts": true, "dinf": true, "udta": true, "tref": true,
}

// Regions returns the regions of a file in file order, with hashes. m is the file's own movie, as it
// was read.
func Regions(ctx context.Context, r io.ReaderAt, size int64, m *media.Movie) ([]Region, error) {
	w := boxWalk{r: r}
	if err := w.boxes("", 0, size, 0); err != nil {
		return nil, err
	}
	var out []Region
	from := readerOf(r)
	for _, g := range w.found {
		if g.data && !g.narrow(m) {
			continue
		}
		sum, err := g.hash(ctx, from, m)
		if err != nil {
			return nil, fmt.Errorf("box %s: %w", g.Box, err)
		}
		g.SHA256 = sum
		out = append(out, g)
	}
	return out, nil
}

// boxWalk finds the boxes of a file.
type boxWalk struct {
	r     io.ReaderAt
	found []Region
}

// boxes adds the regions of the boxes from at to end.
func (w *boxWalk) boxes(parent string, at, end int64, track uint32) error {
	seen := map[string]int{}
	for at < end {
		b, err := headerAt(w.r, at, end)
		if err != nil {
			return err
		}
		seen[b.kind]++
		path := parent + b.kind
		if n := seen[b.kind]; n > 1 || b.kind == "trak" {
			path += fmt.Sprintf("[%d]", n)
		}
		if len(w.found) >= maxRegions {
			return fmt.Errorf("%w: more than %d", ErrBoxes, maxRegions)
		}
		if err := w.box(b, path, track); err != nil {
			return err
		}
		at = b.end
	}
	return nil
}

// box adds the regions of one box.
func (w *boxWalk) box(b header, path string, track uint32) error {
	add := func(name string, from, to int64, data bool) {
		w.found = append(w.found, Region{Box: name, Track: track, From: from, To: to, Bytes: to - from, data: data})
	}
	switch {
	case b.kind == "mdat":
		add(path, b.at, b.body, false)
		if b.body < b.end {
			add(path+"/data", b.body, b.end, true)
		}
	case containers[b.kind]:
		if b.kind == "trak" {
			track = w.trackID(b)
		}
		add(path, b.at, b.body, false)
		return w.boxes(path+"/", b.body, b.end, track)
	default:
		add(path, b.at, b.end, false)
	}
	return nil
}

// trackID reads the ID in the tkhd of a trak (8.3.2); 0 where there is none.
func (w *boxWalk) trackID(trak header) uint32 {
	for at := trak.body; at < trak.end; {
		b, err := headerAt(w.r, at, trak.end)
		if err != nil {
			return 0
		}
		if b.kind == "tkhd" {
			return trackIDOf(w.r, b)
		}
		at = b.end
	}
	return 0
}

func trackIDOf(r io.ReaderAt, tkhd header) uint32 {
	var body [24]byte
	if n, _ := r.ReadAt(body[:min(24, tkhd.end-tkhd.body)], tkhd.body); n < len(body) {
		return 0
	}
	if body[0] == 1 { // 64-bit times
		return binary.BigEndian.Uint32(body[20:])
	}
	return binary.BigEndian.Uint32(body[12:])
}

// header is where a box and its contents lie.
type header struct {
	kind          string
	at, body, end int64
}

// headerAt reads the header of the box at byte at (4.2). Fewer than eight bytes, and a size of 0 in a
// list of boxes, which QuickTime ends lists with, are taken as one nameless box to the end.
func headerAt(r io.ReaderAt, at, end int64) (header, error) {
	var h [16]byte
	n, err := r.ReadAt(h[:min(16, end-at)], at)
	if n < int(min(16, end-at)) {
		return header{}, fmt.Errorf("box at byte %d: %w", at, errors.Join(ErrBoxes, err))
	}
	if n < 8 {
		return header{kind: "rest", at: at, body: end, end: end}, nil
	}
	b := header{kind: name(h[4:8]), at: at, body: at + 8}
	size := uint64(binary.BigEndian.Uint32(h[:4]))
	switch {
	case size == 0:
		size = uint64(end - at)
	case size == 1 && n == 16:
		size, b.body = binary.BigEndian.Uint64(h[8:]), at+16
	}
	if size < uint64(b.body-at) || size > uint64(end-at) {
		return header{}, fmt.Errorf("%w: box %q at byte %d has a size of %d, with %d bytes left", ErrBoxes, b.kind, at, size, end-at)
	}
	b.end = at + int64(size)
	return b, nil
}

// name makes a box type fit for messages and paths.
func name(kind []byte) string {
	out := slices.Clone(kind)
	for i, c := range out {
		if c < ' ' || c > '~' || c == '/' || c == '[' {
			out[i] = '?'
		}
	}
	return string(out)
}

// narrow leaves of the contents of an mdat the bytes that belong to no sample of m; false if all do.
func (r *Region) narrow(m *media.Movie) bool {
	between := holes(m, r.From, r.To)
	if len(between) == 0 {
		return false
	}
	r.Bytes = 0
	for _, h := range between {
		r.Bytes += h.to - h.from
	}
	r.From, r.To = between[0].from, between[len(between)-1].to
	return true
}

// stretch is bytes [from, to) of a file.
type stretch struct{ from, to int64 }

// holes returns what in [from, to) belongs to no sample of m.
func holes(m *media.Movie, from, to int64) (out []stretch) {
	for _, s := range taken(m) {
		if s.from > from {
			out = append(out, stretch{from, min(s.from, to)})
		}
		if from = max(from, s.to); from >= to {
			return out
		}
	}
	return append(out, stretch{from, to})
}

// taken returns where samples lie, in file order; neighbours in a track are one.
func taken(m *media.Movie) []stretch {
	var out []stretch
	for _, t := range m.Tracks {
		for _, s := range t.Samples {
			end := s.Offset + int64(s.Size)
			if n := len(out); n > 0 && out[n-1].to == s.Offset {
				out[n-1].to = end
			} else if s.Size > 0 {
				out = append(out, stretch{s.Offset, end})
			}
		}
	}
	slices.SortFunc(out, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	return out
}

// hash returns the hash of a region's bytes in source 0 of r; m is needed only for a region with samples
// in it. It returns io.EOF where the file ends before.
func (r *Region) hash(ctx context.Context, from *reader, m *media.Movie) (string, error) {
	parts := []stretch{{r.From, r.To}}
	if !r.whole() {
		parts = holes(m, r.From, r.To)
	}
	h := sha256.New()
	for _, p := range parts {
		if err := from.read(ctx, 0, p.from, p.to, h); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readerOf reads one file.
func readerOf(r io.ReaderAt) *reader { return &reader{sources: []media.Source{{ReaderAt: r}}} }
