package clip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

var recordedAt = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// fetchedPiece makes a piece of n fragments of two seconds, the first of them number first of the
// recording: pictures and sound of random bytes.
func fetchedPiece(t *testing.T, dir string, index, first, n int) fetch.Piece {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(first), 7))
	video := &media.Track{ID: 1, Kind: media.Video, Timescale: 1000, Configs: []media.Config{{Format: "avc1", Private: []byte{1, 0x64, 0, 0x28, 0xff, 0xe0, 0}, Width: 320, Height: 192}}}
	audio := &media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Configs: []media.Config{{Format: "mp4a", Private: []byte{0x11, 0x88}, Channels: 1, SampleRate: 48000}}}
	var data []byte
	add := func(tr *media.Track, ticks int64, sync bool) {
		s := media.Sample{Offset: int64(len(data)), Time: tr.End, Size: 5 + rnd.Uint32N(20), Sync: sync}
		for range s.Size {
			data = append(data, byte(rnd.Uint32()))
		}
		tr.Samples, tr.End = append(tr.Samples, s), tr.End+ticks
	}
	p := plan.Piece{Index: index}
	for k := range n {
		at := recordedAt.Add(time.Duration(first+k) * 2 * time.Second)
		p.Fragments = append(p.Fragments, archive.Fragment{Number: fmt.Sprintf("9134%d", first+k), Server: at.Add(time.Second), Producer: at, Length: 1800 * time.Millisecond, Size: 500})
		for i := range 10 {
			add(video, 200, i == 0)
		}
		for audio.End*1000 < video.End*48000 {
			add(audio, 1024, true)
		}
	}
	p.First, p.Last = p.Fragments[0].Server, p.Fragments[n-1].Server
	m := &media.Movie{Timescale: 1000, Tracks: []*media.Track{video, audio}, Sources: []media.Source{{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}}}
	path := filepath.Join(dir, fmt.Sprintf("piece%d.mp4", index))
	layMovie(t, m, path)
	clips, err := fetch.Open([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clips.Close)
	size, sum, err := sink.Hash(path)
	if err != nil {
		t.Fatal(err)
	}
	return fetch.Piece{Piece: p, Path: path, Size: size, SHA256: sum, RequestID: fmt.Sprintf("request-%d", index+1), Parts: clips.Pieces[0].Parts}
}

func layMovie(t *testing.T, m *media.Movie, path string) {
	t.Helper()
	laid, err := mp4.Lay(m, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := laid.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b.Bytes())
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// proven is a clip of some pieces and its receipt, on disk.
type proven struct {
	clip, receipt string
	bytes, json   []byte
	made          *Receipt
	movie         *media.Movie // as it was read back
}

// prove makes one clip of each list of pieces, numbered from 1, and one receipt.
func prove(t *testing.T, outputs ...[]int) []proven {
	t.Helper()
	dir := t.TempDir()
	var pieces []fetch.Piece
	for i := range slices.Max(slices.Concat(outputs...)) {
		pieces = append(pieces, fetchedPiece(t, dir, i, 3*i, 3))
	}
	p := &prover{pieces: pieces}
	out := make([]proven, len(outputs))
	for i, numbers := range outputs {
		out[i].clip = filepath.Join(dir, fmt.Sprintf("clip%d.mp4", i+1))
		out[i].receipt = filepath.Join(dir, "receipt.json")
		out[i].bytes, out[i].movie = joinPieces(t, p, numbers, out[i].clip)
	}
	made := p.receipt("v1.2.3", recordedAt.Add(time.Hour), &Report{Stream: "dock", Fragments: Fragments{Listed: 3, Fetched: 3}, Gaps: []Gap{}, Seams: []Seam{}})
	b, err := made.encode()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, out[0].receipt, b)
	for i := range out {
		out[i].json, out[i].made = b, made
	}
	return out
}

// joinPieces writes a clip of some pieces and has it proven.
func joinPieces(t *testing.T, p *prover, numbers []int, path string) ([]byte, *media.Movie) {
	t.Helper()
	var in []splice.Piece
	var from []proof.Piece
	for _, n := range numbers {
		pc := p.pieces[n-1]
		from = append(from, proof.Piece{Number: n, Fragments: pc.Fragments})
		in = append(in, splice.Piece{Movie: pc.Movie(), Fragments: pc.Fragments, Together: true})
	}
	j, err := splice.Join(in, splice.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layMovie(t, j.Movie, path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size, sum, err := sink.Hash(path)
	if err != nil {
		t.Fatal(err)
	}
	o := Output{Path: path, Bytes: size, SHA256: sum, DurationMs: j.Length.Milliseconds(), Tracks: tracks(j.Movie.Tracks)}
	if err := p.add(t.Context(), o, j.Movie, from, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	m, err := mp4.Read(bytes.NewReader(b), size)
	if err != nil {
		t.Fatal(err)
	}
	return b, m
}

// What a receipt says is what scripts read: see docs/receipt.md.
func TestReceiptJSON(t *testing.T) {
	c := prove(t, []int{1, 2})[0]
	var got map[string]any
	if err := json.Unmarshal(c.json, &got); err != nil {
		t.Fatal(err)
	}
	piece := got["pieces"].([]any)[1].(map[string]any)
	fragment := piece["fragments"].([]any)[2].(map[string]any)
	output := got["outputs"].([]any)[0].(map[string]any)
	run := output["runs"].([]any)[4].(map[string]any)
	for name, c := range map[string]struct{ got, want any }{
		"receipt":         {got["receipt"], 1.0},
		"kvsclip":         {got["kvsclip"], "v1.2.3"},
		"made":            {got["made"], "2026-03-14T13:00:00.000Z"},
		"requestId":       {piece["requestId"], "request-2"},
		"piece":           {piece["piece"], 2.0},
		"clock":           {piece["clock"], "server"},
		"first":           {piece["first"], "2026-03-14T12:00:07.000Z"},
		"fragment number": {fragment["number"], "91345"},
		"producer":        {fragment["producer"], "2026-03-14T12:00:10.000Z"},
		"lengthMs":        {fragment["lengthMs"], 1800.0},
		"path":            {output["path"], "clip1.mp4"},
		"run's fragment":  {run["fragment"], "91344"},
		"run's piece":     {run["piece"], 2.0},
		"run's at":        {run["at"], "2026-03-14T12:00:08.000Z"},
		"run's first":     {run["first"], 41.0},
		"run's samples":   {run["samples"], 10.0},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

// Nothing of this machine is in a receipt.
func TestReceiptTellsNoFolder(t *testing.T) {
	c := prove(t, []int{1})[0]
	if dir := filepath.Base(filepath.Dir(c.clip)); strings.Contains(string(c.json), dir) {
		t.Errorf("the receipt holds %q:\n%s", dir, c.json)
	}
}

func TestReceiptReadsBackAsWritten(t *testing.T) {
	c := prove(t, []int{1, 2}, []int{3})[0]
	got, err := parseReceipt(c.json)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.made, got, cmp.Comparer(func(a, b Time) bool { return a.Equal(b.Time) })); diff != "" {
		t.Error(diff)
	}
}

// A clip whose bytes are not the downloaded ones gets no receipt.
func TestProverRefusesOtherBytes(t *testing.T) {
	c := prove(t, []int{1})[0]
	dir := t.TempDir()
	p := &prover{pieces: []fetch.Piece{fetchedPiece(t, dir, 0, 0, 3)}}
	m := p.pieces[0].Movie()
	b := slices.Clone(c.bytes)
	b[len(b)-1]++
	o := Output{Path: c.clip, Bytes: int64(len(b))}
	if err := p.add(t.Context(), o, m, []proof.Piece{{Number: 1}}, bytes.NewReader(b)); !errors.Is(err, ErrUnsound) {
		t.Errorf("add: got %v, want ErrUnsound", err)
	}
	if err := p.add(t.Context(), o, m, []proof.Piece{{Number: 1}}, bytes.NewReader(b[:100])); !errors.Is(err, ErrUnsound) {
		t.Errorf("add of a short file: got %v, want ErrUnsound", err)
	}
	if len(p.outputs) != 0 {
		t.Errorf("%d outputs are in the receipt, want none", len(p.outputs))
	}
}

// Receipts come from outside. What is none, contradicts itself, or is made to take up memory, is told.
func TestReceiptsThatAreNone(t *testing.T) {
	good := string(prove(t, []int{1})[0].json)
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the receipt", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "not the JSON of a receipt"},
		"text":          {"hello", "not the JSON of a receipt"},
		"other JSON":    {`{"stream":"dock"}`, "not the JSON of a receipt"},
		"a list":        {`[1,2]`, "not the JSON of a receipt"},
		"cut":           {good[:len(good)/2], "not the JSON of a receipt"},
		"two":           {good + good, "not the JSON of a receipt"},
		"later format":  {change(`"receipt": 1`, `"receipt": 2`), "its format is 2, and this version of kvsclip knows 1"},
		"format 0":      {change(`"receipt": 1`, `"receipt": 0`), "its format is 0"},
		"no outputs":    {`{"receipt":1,"outputs":[]}`, "it speaks of no file"},
		"other types":   {change(`"kvsclip": "v1.2.3"`, `"kvsclip": 7`), "cannot unmarshal"},
		"short hash":    {change(`"tables": "`, `"tables": "0`), "tables"},
		"samples":       {change(`"samples": 10,`, `"samples": 99,`), "run 2"},
		"no samples":    {change(`"samples": 10,`, `"samples": 0,`), "run 1"},
		"piece":         {change("\"kind\": \"video\",\n     \"piece\": 1,", "\"kind\": \"video\",\n     \"piece\": 9,"), "piece 9 of 1"},
		"box backwards": {change(`"from": 0,`, `"from": 900,`), "box 1"},
		"many items":    {`{"receipt":1,"outputs":[` + strings.Repeat("{},", 1<<14) + `{}]}`, "too many items"},
		"escape codes":  {change(`"stream": "dock"`, `"stream": "\u001b[2J"`), "stream"},
		"a box's name":  {change(`"box": "ftyp"`, `"box": "\u0007"`), "box 1"},
		"a fragment's":  {change(`"fragment": "91340"`, `"fragment": "\n"`), "run 1"},
		"far times":     {change(`"at": "2026-03-14T12:00:00.000Z"`, `"at": "0000-01-01T00:00:00+23:00"`), "run 1"},
		"deep":          {strings.Repeat("[", 100), "deep"},
	} {
		_, err := parseReceipt([]byte(c.text))
		if !errors.Is(err, ErrReceipt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: parseReceipt: got %v, want ErrReceipt with %q", name, err, c.want)
		}
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"receipt":1,"outputs":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseReceipt(b)
		if err != nil {
			if !errors.Is(err, ErrReceipt) {
				t.Fatalf("parseReceipt: %v, want ErrReceipt", err)
			}
			return
		}
		for i := range r.Outputs {
			o := &r.Outputs[i]
			if len(o.runs()) != len(o.Runs) || len(o.regions()) != len(o.Boxes) {
				t.Fatalf("output %d: runs or boxes are lost", i)
			}
		}
		text, err := (&Receipt{Format: r.Format, Pieces: make([]ReceiptPiece, len(r.Pieces)), Outputs: r.Outputs}).encode()
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		again, err := parseReceipt(text)
		if err != nil {
			t.Fatalf("parseReceipt of what was encoded: %v", err)
		}
		if diff := cmp.Diff(r.Outputs, again.Outputs, cmp.Comparer(func(a, b Time) bool { return a.Truncate(time.Millisecond).Equal(b.Truncate(time.Millisecond)) })); diff != "" {
			t.Fatal(diff)
		}
	})
}
