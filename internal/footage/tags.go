package footage

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// TagRow is a fragment and what its producer said of it.
type TagRow struct {
	Fragment archive.Fragment
	Tags     []mkv.Tag // in the order they came
}

// tagLine is the JSON of a TagRow. Keys are only added.
type tagLine struct {
	Fragment string            `json:"fragment"`
	Server   string            `json:"server,omitempty"` // RFC 3339, UTC; left out if not known
	Producer string            `json:"producer,omitempty"`
	LengthMs int64             `json:"lengthMs"`
	Bytes    int64             `json:"bytes"`
	Tags     map[string]string `json:"tags"`
	Repeated []tag             `json:"repeated,omitempty"`
}

type tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// WriteTags writes a line of JSON for each row. Of several tags of one name "tags" has the last, as
// package where takes it, and "repeated" those before, in their order. What is not UTF-8 is replaced.
func WriteTags(w io.Writer, rows []TagRow) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range rows {
		if err := enc.Encode(r.line()); err != nil {
			return fmt.Errorf("tags of fragment %s: %w", r.Fragment.Number, err)
		}
	}
	return nil
}

func (r TagRow) line() tagLine {
	f := r.Fragment
	l := tagLine{
		Fragment: f.Number, Server: told(f.Server), Producer: told(f.Producer),
		LengthMs: f.Length.Round(time.Millisecond).Milliseconds(), Bytes: f.Size, Tags: map[string]string{},
	}
	last := map[string]int{}
	for i, t := range r.Tags {
		l.Tags[t.Name], last[t.Name] = t.Value, i
	}
	for i, t := range r.Tags {
		if last[t.Name] != i {
			l.Repeated = append(l.Repeated, tag(t))
		}
	}
	return l
}
