package clip

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func verify(t *testing.T, clip, receipt string) (*Verdict, error) {
	t.Helper()
	return Verify(t.Context(), VerifyRequest{Clip: clip, Receipt: receipt})
}

func TestVerifyProves(t *testing.T) {
	for i, c := range prove(t, []int{1, 2}, []int{3}) {
		v, err := verify(t, c.clip, c.receipt)
		if err != nil || !v.Proven || !v.Sound || !v.Media || v.Receipt.Output != filepath.Base(c.clip) || v.Receipt.Found != "hash" {
			t.Errorf("Verify of clip %d: got %+v, %v; want proven by hash", i+1, v, err)
		}
	}
}

func TestVerifyWithoutReceipt(t *testing.T) {
	c := prove(t, []int{1})[0]
	v, err := verify(t, c.clip, "")
	if err != nil || !v.Sound || v.Proven || v.Receipt != nil || v.DurationMs != 6016 || len(v.Tracks) != 2 {
		t.Errorf("Verify: got %+v, %v; want sound", v, err)
	}
}

// A file by another name is found by its hash; a changed one by its name, or because it is the only one.
func TestVerifyFindsTheOutput(t *testing.T) {
	cs := prove(t, []int{1}, []int{2})
	only := prove(t, []int{1})[0]
	other := filepath.Join(t.TempDir(), "other.mp4")
	changed := func(b []byte) []byte { b = slices.Clone(b); b[len(b)-1]++; return b }
	for name, c := range map[string]struct {
		bytes                  []byte
		path, receipt          string
		found, output, differs string
	}{
		"hash":    {cs[1].bytes, other, cs[1].receipt, "hash", "clip2.mp4", ""},
		"name":    {changed(cs[1].bytes), cs[1].clip, cs[1].receipt, "name", "clip2.mp4", "media"},
		"only":    {changed(only.bytes), other, only.receipt, "only", "clip1.mp4", "media"},
		"neither": {changed(cs[0].bytes), other, cs[1].receipt, "", "", "file"},
	} {
		writeFile(t, c.path, c.bytes)
		v, err := verify(t, c.path, c.receipt)
		if errors.Is(err, ErrDiffers) != (c.differs != "") || v == nil {
			t.Fatalf("%s: Verify: %v", name, err)
		}
		what := ""
		if v.Difference != nil {
			what = v.Difference.What
		}
		if v.Receipt.Found != c.found || v.Receipt.Output != c.output || what != c.differs {
			t.Errorf("%s: found %q by %q, differs in %q; want %q, %q, %q", name, v.Receipt.Output, v.Receipt.Found, what, c.output, c.found, c.differs)
		}
	}
}

// A byte flipped anywhere in the file is never proven, and the place that is named holds it; one in a
// sample is named with its fragment.
func TestVerifyNamesTheFlippedByte(t *testing.T) {
	c := prove(t, []int{1, 2})[0]
	rnd := rand.New(rand.NewPCG(3, 4))
	places := append(rnd.Perm(len(c.bytes))[:150], 0, len(c.bytes)-1)
	for _, i := range places {
		b := slices.Clone(c.bytes)
		b[i] ^= byte(1 + rnd.UintN(255))
		writeFile(t, c.clip, b)
		v, err := verify(t, c.clip, c.receipt)
		if !errors.Is(err, ErrDiffers) || v.Proven || v.Difference == nil {
			t.Fatalf("byte %d flipped: got %+v, %v; want ErrDiffers", i, v, err)
		}
		d := v.Difference
		if int64(i) < d.From || int64(i) >= d.To {
			t.Fatalf("byte %d flipped: named bytes %d to %d: %s", i, d.From, d.To, d)
		}
		if (d.What == "media") != (int64(i) >= c.movie.Tracks[0].Samples[0].Offset) || d.What == "media" && (d.Fragment == "" || d.At.IsZero() || v.Media) {
			t.Fatalf("byte %d flipped: got %+v", i, d)
		}
	}
}

// What was written around untouched samples is told apart from what was done to them.
func TestVerifySaysWhenTheSamplesAreUntouched(t *testing.T) {
	c := prove(t, []int{1})[0]
	b := slices.Clone(c.bytes)
	b[8]++ // a brand
	writeFile(t, c.clip, b)
	v, err := verify(t, c.clip, c.receipt)
	if !errors.Is(err, ErrDiffers) || !v.Media || v.Proven || v.Difference.What != "boxes" || v.Difference.Box != "ftyp" {
		t.Errorf("Verify: got %+v, %v; want other boxes, and all samples", v, err)
	}
}

func TestVerifyOfAnotherLength(t *testing.T) {
	c := prove(t, []int{1, 2})[0]
	for name, k := range map[string]struct {
		bytes []byte
		what  string
		media bool
	}{
		"a byte more":  {append(slices.Clone(c.bytes), 0), "size", false},
		"a box more":   {append(slices.Clone(c.bytes), 0, 0, 0, 8, 'f', 'r', 'e', 'e'), "size", true},
		"a byte less":  {c.bytes[:len(c.bytes)-1], "media", false},
		"half":         {c.bytes[:len(c.bytes)/2], "media", false},
		"in its moov":  {c.bytes[:100], "tables", false},
		"nothing left": {nil, "boxes", false},
	} {
		writeFile(t, c.clip, k.bytes)
		v, err := verify(t, c.clip, c.receipt)
		if !errors.Is(err, ErrDiffers) || v.Difference.What != k.what || v.Media != k.media || len(v.Notes) != 1 {
			t.Errorf("%s: Verify: got %+v, %v; want %s, media %v and a note", name, v, err, k.what, k.media)
		}
	}
}

// A receipt that was changed by hand proves nothing, whatever was changed.
func TestVerifyWithAChangedReceipt(t *testing.T) {
	c := prove(t, []int{1})[0]
	sum := c.made.Outputs[0].SHA256
	other := strings.Replace(string(c.json), sum, strings.Repeat("0", 64), 1)
	writeFile(t, c.receipt, []byte(other))
	v, err := verify(t, c.clip, c.receipt)
	if !errors.Is(err, ErrDiffers) || v.Difference.What != "hash" {
		t.Errorf("other hash of the file: got %+v, %v", v, err)
	}
	writeFile(t, c.receipt, []byte(strings.Replace(other, c.made.Outputs[0].Tables, strings.Repeat("1", 64), 1)))
	v, err = verify(t, c.clip, c.receipt)
	if !errors.Is(err, ErrDiffers) || v.Difference.What != "tables" {
		t.Errorf("other hash of the tables: got %+v, %v", v, err)
	}
}

func TestVerifyOfUnsoundFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "clip.mp4")
	good := prove(t, []int{1})[0].bytes
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"empty":     {nil, "file ends before its contents do"},
		"text":      {[]byte("This is no film."), "not an MP4 file"},
		"truncated": {good[:len(good)-7], "file ends before its contents do"},
	} {
		writeFile(t, path, c.bytes)
		v, err := verify(t, path, "")
		if !errors.Is(err, ErrBroken) || v.Sound || !strings.Contains(v.Problem, c.want) {
			t.Errorf("%s: Verify: got %+v, %v; want ErrBroken with %q", name, v, err, c.want)
		}
	}
}

// What cannot be read is no verdict.
func TestVerifyWhatCannotBeRead(t *testing.T) {
	c := prove(t, []int{1})[0]
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	for name, k := range map[string]struct {
		request VerifyRequest
		want    error
	}{
		"no clip":         {VerifyRequest{Clip: none}, fs.ErrNotExist},
		"a folder":        {VerifyRequest{Clip: dir}, ErrLocal},
		"no receipt":      {VerifyRequest{Clip: c.clip, Receipt: none}, fs.ErrNotExist},
		"clip as receipt": {VerifyRequest{Clip: c.clip, Receipt: c.clip}, ErrReceipt},
		"nothing":         {VerifyRequest{}, ErrUsage},
		"key alone":       {VerifyRequest{Clip: c.clip, Key: none}, ErrUsage},
		"no key":          {VerifyRequest{Clip: c.clip, Receipt: c.receipt, Key: none}, fs.ErrNotExist},
		"no such key":     {VerifyRequest{Clip: c.clip, Receipt: c.receipt, Key: c.receipt}, ErrUsage},
	} {
		if v, err := Verify(t.Context(), k.request); !errors.Is(err, k.want) || v != nil {
			t.Errorf("%s: Verify: got %v, %v; want %v", name, v, err, k.want)
		}
	}
}

func TestVerifyOfAReceiptThatIsTooLarge(t *testing.T) {
	c := prove(t, []int{1})[0]
	if err := os.Truncate(c.receipt, maxReceipt+1); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, c.clip, c.receipt); !errors.Is(err, ErrReceipt) || !strings.Contains(err.Error(), "268435456 bytes") {
		t.Errorf("Verify: got %v, want ErrReceipt", err)
	}
}

func TestVerifyStopsWithTheContext(t *testing.T) {
	c := prove(t, []int{1})[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, VerifyRequest{Clip: c.clip, Receipt: c.receipt}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: got %v, want %v", err, context.Canceled)
	}
}
