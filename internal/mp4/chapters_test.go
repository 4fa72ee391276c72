package mp4_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// What a chapter can hold is written and read back, and the rest is cut where characters begin.
func TestChaptersSurvive(t *testing.T) {
	many := make([]media.Chapter, 300)
	for i := range many {
		many[i] = media.Chapter{At: time.Duration(i) * time.Second, Title: fmt.Sprint("chapter ", i)}
	}
	one := func(at time.Duration, title string) []media.Chapter { return []media.Chapter{{At: at, Title: title}} }
	for name, c := range map[string]struct{ in, want []media.Chapter }{
		"none":                    {nil, nil},
		"one":                     {one(0, "2026-03-14T12:00:00.000Z"), one(0, "2026-03-14T12:00:00.000Z")},
		"no title":                {one(time.Hour, ""), one(time.Hour, "")},
		"rounded up":              {one(33_333_333, "x"), one(33_333_400, "x")},
		"a day":                   {one(24*time.Hour+100, "x"), one(24*time.Hour+100, "x")},
		"a title of 255 bytes":    {one(0, strings.Repeat("x", 255)), one(0, strings.Repeat("x", 255))},
		"a title of 256 bytes":    {one(0, strings.Repeat("x", 256)), one(0, strings.Repeat("x", 255))},
		"cut inside a character":  {one(0, strings.Repeat("x", 253)+"€uro"), one(0, strings.Repeat("x", 253))},
		"cut behind a character":  {one(0, strings.Repeat("x", 252)+"€uro"), one(0, strings.Repeat("x", 252)+"€")},
		"no UTF-8":                {one(0, "a\xffb"), one(0, "a\ufffdb")},
		"255 chapters":            {many[:255], many[:255]},
		"256 chapters":            {many[:256], many[:255]},
		"before the presentation": {one(-1, "x"), one(0, "x")},
	} {
		t.Run(name, func(t *testing.T) {
			m := film(3, 10)
			m.Chapters = c.in
			got, err := mp4.Read(reader(laid(t, m, mp4.Options{})))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Chapters); d != "" {
				t.Errorf("chapters (-want +got):\n%s", d)
			}
		})
	}
}

// Chapters that break off, or are out of order, cost no picture.
func TestBrokenChapters(t *testing.T) {
	m := film(3, 10)
	plain := laid(t, m, mp4.Options{MoovLast: true})
	m.Chapters = []media.Chapter{{At: 1e9, Title: "one"}, {At: 2e9, Title: "two"}}
	good := laid(t, m, mp4.Options{MoovLast: true})
	both, first := m.Chapters, m.Chapters[:1]
	for name, c := range map[string]struct {
		b    []byte
		want []media.Chapter
	}{
		"as they are":           {good, both},
		"more than there are":   {poke(good, "chpl", 5, 9), both},
		"fewer than there are":  {poke(good, "chpl", 5, 1), first},
		"version 0":             {poke(good, "chpl", 0, 0), nil}, // whose count is where version 1 has a 0
		"a title without end":   {poke(good, "two", -4-4, 255), first},
		"times out of order":    {poke(good, "chpl", 13, 3e9/100), []media.Chapter{both[1], {At: 3e9, Title: "one"}}},
		"a time past all times": {poke(good, "chpl", 9, 1<<31), nil},
		"no udta":               {plain, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mp4.Read(reader(c.b))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Chapters); d != "" {
				t.Errorf("chapters (-want +got):\n%s", d)
			}
		})
	}
	// Version 0 has no four bytes before the count.
	old := bytes.Clone(plain)
	chapter := slices.Concat([]byte{0, 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 7, 2}, []byte("hi"))
	at := bytes.Index(old, []byte("moov")) - 4
	udta := box("udta", box("chpl", chapter))
	old = append(old, udta...)
	old[at+3] += byte(len(udta) & 255)
	if int(old[at+3]) < len(udta)&255 {
		old[at+2]++
	}
	got, err := mp4.Read(reader(old))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]media.Chapter{{At: 700, Title: "hi"}}, got.Chapters); d != "" {
		t.Errorf("version 0 (-want +got):\n%s", d)
	}
}

// Check and Dump see chapters.
func TestChaptersAreChecked(t *testing.T) {
	a, b := film(3, 10), film(3, 10)
	a.Chapters, b.Chapters = []media.Chapter{{At: 1, Title: "a"}}, []media.Chapter{{At: 1, Title: "b"}}
	if err := mp4.Check(a, b); err == nil || !strings.Contains(err.Error(), "chapters") {
		t.Errorf("Check: %v, want chapters that differ", err)
	}
	var text bytes.Buffer
	if err := mp4.Dump(&text, a); err != nil || !strings.Contains(text.String(), `chapter at 1ns: "a"`) {
		t.Errorf("Dump: %v\n%s", err, &text)
	}
}

// probedChapters are the chapters as ffprobe sees them.
func probedChapters(t *testing.T, path string) string {
	t.Helper()
	return tool(t, "ffprobe", "-v", "error", "-show_entries", "chapter=start_time:chapter_tags=title", "-of", "csv=p=0", path)
}

func TestChaptersJudgedByFFmpeg(t *testing.T) {
	t.Parallel()
	in := made(t, "a.mp4", args(testPicture, x264)...)
	m := open(t, in)
	m.Chapters = []media.Chapter{{Title: "2026-03-14T12:00:00.000Z"}, {At: 1200 * time.Millisecond, Title: "nach der Lücke"}, {At: 2 * time.Second, Title: "€"}}
	out := save(t, m, mp4.Options{})
	if got, want := probedChapters(t, out), "0.000000,2026-03-14T12:00:00.000Z\n1.200000,nach der Lücke\n2.000000,€\n"; got != want {
		t.Errorf("ffprobe sees %q, want %q", got, want)
	}
	if d := cmp.Diff(pictures(t, in), pictures(t, out)); d != "" {
		t.Errorf("decoded (-in +out):\n%s", d)
	}
}

// Chapters that ffmpeg wrote are read as it means them.
func TestChaptersOfFFmpeg(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "chapters.txt")
	text := ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=first\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\ntitle=zweites Stück\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := open(t, made(t, "a.mp4", args(testPicture, []string{"-i", list, "-map_chapters", "1"}, x264)...))
	want := []media.Chapter{{Title: "first"}, {At: 1500 * time.Millisecond, Title: "zweites Stück"}}
	if d := cmp.Diff(want, m.Chapters); d != "" {
		t.Errorf("chapters (-want +got):\n%s", d)
	}
	if err := mp4.Verify(m); err != nil {
		t.Errorf("Verify: %v", err)
	}
}
