package proof

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/kvsclip/kvsclip/internal/media"
)

// CheckRegions compares what of a file is no sample with regions, in their order, and returns the first
// *Difference, or nil. Regions with samples in them are left out when m is nil. Other errors are of the
// file or ctx's.
func CheckRegions(ctx context.Context, r io.ReaderAt, regions []Region, m *media.Movie) error {
	from := readerOf(r)
	for i := range regions {
		g := &regions[i]
		if m == nil && !g.whole() {
			continue
		}
		sum, err := g.hash(ctx, from, m)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if sum != g.SHA256 {
			return g.difference(sum)
		}
	}
	return nil
}

func (r *Region) difference(got string) *Difference {
	d := &Difference{
		Place: PlaceBoxes, Text: r.words(), Box: r.Box, Track: r.Track, From: r.From, To: r.To, Want: r.SHA256, Got: got,
	}
	if r.isTable() {
		d.Place = PlaceTables
	}
	if got == "" {
		d.Text, d.Got = d.Text+", for the file ends before them", "none"
	}
	return d
}

// tableWords says for people what boxes hold that the tables of a movie are read from.
var tableWords = map[string]string{
	"moov": "movie", "mvhd": "movie header", "trak": "track", "tkhd": "track header", "mdhd": "media header", "hdlr": "handler",
	"elst": "edit list", "edts": "edit list", "stsd": "codec configurations", "stts": "decode times", "ctts": "composition offsets",
	"stss": "sync samples", "stsz": "sample sizes", "stz2": "sample sizes", "stsc": "samples of chunks",
	"stco": "places of chunks", "co64": "places of chunks",
}

// kind returns the type of the region's box.
func (r *Region) kind() string {
	kind, _, _ := strings.Cut(r.Box[strings.LastIndexByte(r.Box, '/')+1:], "[")
	return kind
}

func (r *Region) isTable() bool {
	return strings.HasPrefix(r.Box, "moov") && tableWords[r.kind()] != ""
}

func (r *Region) words() string {
	if w := tableWords[r.kind()]; w != "" {
		return w
	}
	return "bytes of a box"
}
