package clip

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/proof"
)

// ErrReceipt means that a file is no receipt, or not one that this version can use. The text says why.
var ErrReceipt = errors.New("unusable receipt")

const (
	// maxReceipt is how many bytes of a receipt are read. A day of fragments of two seconds with sound
	// takes 40 MB.
	maxReceipt = 256 << 20
	// minItem is how many bytes an item of a receipt's lists takes on average at the least: the shortest
	// there is, a track, takes more. So what is read into memory is a small multiple of the file.
	minItem = 32
	// spareItems is how many items any receipt may have.
	spareItems = 1 << 10
	// maxDepth is how deep lists and objects may lie in each other: receipts have five.
	maxDepth = 32
)

func noReceipt(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrReceipt, fmt.Errorf(format, a...))
}

// parseReceipt reads the bytes of a receipt and checks all that can be checked without a clip.
func parseReceipt(b []byte) (*Receipt, error) {
	if err := countItems(b); err != nil {
		return nil, err
	}
	var form struct {
		Format *int `json:"receipt"`
	}
	if err := json.Unmarshal(b, &form); err != nil || form.Format == nil {
		return nil, noReceipt("not the JSON of a receipt")
	}
	if *form.Format != receiptFormat {
		return nil, noReceipt("its format is %d, and this version of kvsclip knows %d: use the version that made it, or a later one", *form.Format, receiptFormat)
	}
	var r Receipt
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, noReceipt("%w", err)
	}
	return &r, r.check()
}

// countItems refuses text with far more items of lists, or far deeper ones, than receipts have, before
// anything is made of it.
func countItems(b []byte) error {
	var open []byte
	items := spareItems + len(b)/minItem
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			i = textEnd(b, i)
		case '[', '{':
			if open = append(open, c); len(open) > maxDepth {
				return noReceipt("lists more than %d deep", maxDepth)
			}
		case ']', '}':
			open = open[:max(0, len(open)-1)]
		case ',':
			if n := len(open); n > 0 && open[n-1] == '[' {
				items--
			}
		}
	}
	if items < 0 {
		return noReceipt("too many items for its %d bytes", len(b))
	}
	return nil
}

// textEnd returns where the string that begins at byte i ends.
func textEnd(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// check says what in a receipt contradicts itself.
func (r *Receipt) check() error {
	if len(r.Outputs) == 0 {
		return noReceipt("it speaks of no file")
	}
	if !isText(r.Version) || !isText(r.Stream) {
		return noReceipt("version %q, stream %q", r.Version, r.Stream)
	}
	for i := range r.Outputs {
		o := &r.Outputs[i]
		if err := o.check(); err != nil {
			return noReceipt("output %d, %q: %w", i+1, o.Name, err)
		}
		for k, run := range o.Runs {
			if run.Piece < 0 || run.Piece > len(r.Pieces) {
				return noReceipt("output %d, run %d: piece %d of %d", i+1, k+1, run.Piece, len(r.Pieces))
			}
		}
	}
	return nil
}

func (o *ReceiptOutput) check() error {
	if o.Bytes < 0 || !isHash(o.SHA256) || !isHash(o.Tables) || !isText(o.Name) || !isTime(o.From) {
		return fmt.Errorf("%d bytes, hash %q, tables %q", o.Bytes, o.SHA256, o.Tables)
	}
	end := int64(0)
	for i := range o.Boxes {
		if err := o.Boxes[i].check(end, o.Bytes); err != nil {
			return fmt.Errorf("box %d: %w", i+1, err)
		}
		end = o.Boxes[i].To
	}
	done := map[uint32]int{}
	for i := range o.Runs {
		r := &o.Runs[i]
		if err := r.check(done[r.Track] + 1); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		done[r.Track] += r.Samples
	}
	return nil
}

// check refuses a box that does not lie between the end of the one before and the end of the file: so
// no byte is read twice.
func (b *ReceiptBox) check(from, to int64) error {
	if b.From < from || b.To <= b.From || b.To > to || b.Bytes < 1 || b.Bytes > b.To-b.From {
		return fmt.Errorf("%d of bytes %d to %d, where %d to %d are left", b.Bytes, b.From, b.To, from, to)
	}
	if !isHash(b.SHA256) || !isText(b.Box) {
		return fmt.Errorf("path %q, hash %q", b.Box, b.SHA256)
	}
	return nil
}

// check refuses a run that does not begin with sample first.
func (r *ReceiptRun) check(first int) error {
	if r.First != first || r.Samples < 1 || r.Samples > maxRunSamples || r.Bytes < 0 {
		return fmt.Errorf("%d samples from %d on, where %d is due, of %d bytes", r.Samples, r.First, first, r.Bytes)
	}
	if !isHash(r.SHA256) || !isText(r.Kind) || !isText(r.Fragment) || !isTime(r.At) {
		return fmt.Errorf("kind %q, fragment %q at %v, hash %q", r.Kind, r.Fragment, r.At, r.SHA256)
	}
	return nil
}

// maxRunSamples keeps counts of samples from running over; it is as many as are read of a file.
const maxRunSamples = 1 << 26

// isHash says whether s is a SHA-256 as receipts have it.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && hex.EncodeToString(b) == s
}

// isText says whether s can be shown on a terminal without harm.
func isText(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// isTime says whether t has a year of four digits, in UTC too.
func isTime(t Time) bool { return t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 }

// runs returns the runs of an output as they are compared with a file.
func (o *ReceiptOutput) runs() []proof.Run {
	out := make([]proof.Run, len(o.Runs))
	for i, r := range o.Runs {
		out[i] = proof.Run{
			Track: r.Track, Kind: media.Kind(r.Kind), Piece: r.Piece, Fragment: r.Fragment, At: r.At.Time,
			First: r.First, Samples: r.Samples, Bytes: r.Bytes, SHA256: r.SHA256,
		}
	}
	return out
}

// regions returns the boxes of an output as they are compared with a file.
func (o *ReceiptOutput) regions() []proof.Region {
	out := make([]proof.Region, len(o.Boxes))
	for i, b := range o.Boxes {
		out[i] = proof.Region{Box: b.Box, Track: b.Track, From: b.From, To: b.To, Bytes: b.Bytes, SHA256: b.SHA256}
	}
	return out
}
