package naming_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/naming"
	"pgregory.net/rapid"
)

var values = naming.Values{
	Stream: "front door/1", Region: "eu-central-1", Clock: "producer", N: 7,
	From: time.Date(2026, 3, 14, 8, 17, 35, 42_999_999, time.UTC), To: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC),
	Zone: time.FixedZone("PDT", -7*3600),
}

func TestExecute(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ text, want string }{
		{"clip.mp4", "clip.mp4"},
		{"", ""},
		{"/a b/../ö:*?.mp4", "/a b/../ö:*?.mp4"},
		{"a%Y.mp4", "a%Y.mp4"},
		{long, long},
		{"{{{stream}}}.mp4", "{front_door_1}.mp4"},
		{"{stream}_{region}_{clock}.mp4", "front_door_1_eu-central-1_producer.mp4"},
		{"{from}-{to}.mp4", "20260314T081735Z-20261231T235959Z.mp4"},
		{"{stream}/{from:%Y-%m-%d}/{from:%H%M%S}.mp4", "front_door_1/2026-03-14/011735.mp4"},
		{"{from:%Y-%m-%d_%H%M%S}", "2026-03-14_011735"},
		{"{from:%L %s %j %z %Z %b %%}", "042_1773476255_073_-0700_PDT_Mar__"},
		{"{from:%H:%M}", "01_17"},
		{"{from:%z}", "_0700"},
		{"{n}-{n:3}-{n:03}-{n:1}", "7-007-007-7"},
		{"{from:.%m.}", "_03_"},
		{"{from:.%m.}.mp4", "_03..mp4"},
	} {
		f, err := naming.Parse(c.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.text, err)
			continue
		}
		if got, err := f.Execute(values); got != c.want || err != nil {
			t.Errorf("%q: Execute = %q, %v, want %q", c.text, got, err, c.want)
		}
	}
}

func TestExecuteMakesValuesSafe(t *testing.T) {
	for _, c := range []struct{ text, stream, want string }{
		{"{stream}", "", "_"},
		{"{stream}", ".", "_"},
		{"{stream}", "..", "__"},
		{"{stream}", "../../etc/passwd", "_._.._etc_passwd"},
		{"{stream}/x", "..", "__/x"},
		{"{stream}/x", "/", "_/x"},
		{"{stream}", "-rf", "_rf"},
		{"{stream}.mp4", "a\x00b\nc\\dé", "a_b_c_d_.mp4"},
		{"{stream}.mp4", "CON", "_CON.mp4"},
		{"{stream}", "com1.x", "_com1.x"},
		{"x/{stream}/y", "Nul", "x/_Nul/y"},
		{"{stream}", "COM10", "COM10"},
		{"co{stream}", "n", "_con"},
		{"CON/{stream}", "a", "CON/a"},
		{"{stream}.mp4", strings.Repeat("a", 300), strings.Repeat("a", 196) + ".mp4"},
		{"{stream}{n:3}.mp4", strings.Repeat("a", 300), strings.Repeat("a", 193) + "007.mp4"},
		{"{stream}", strings.Repeat("a", 199) + ".b", strings.Repeat("a", 199) + "_"},
		{strings.Repeat("l", 250) + "{stream}", "abc", strings.Repeat("l", 250) + "a"},
		{"{stream}/" + "{stream}", strings.Repeat("a", 201), strings.Repeat("a", 200) + "/" + strings.Repeat("a", 200)},
	} {
		f, err := naming.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Execute(naming.Values{Stream: c.stream, N: 7}); got != c.want || err != nil {
			t.Errorf("%.40q of %.20q: %q, %v, want %q", c.text, c.stream, got, err, c.want)
		}
	}
}

func TestExecuteOfUnknownTime(t *testing.T) {
	f, err := naming.Parse("{to:%Y}.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Execute(naming.Values{From: values.From}); err == nil || !strings.Contains(err.Error(), "{to} is not known") {
		t.Errorf("Execute = %q, %v, want an error that names {to}", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"{camera}.mp4", `at character 1: {camera}: there is no such field`},
		{"ä{Stream}", `at character 2`},
		{"{}", "no such field"},
		{"{stream", "not closed"},
		{"{stream{n}", "not closed"},
		{"a}b", "closes no field"},
		{"{stream:x}", "takes nothing"},
		{"{n:}", "digits"},
		{"{n:0}", "digits"},
		{"{n:21}", "digits"},
		{"{n:-1}", "digits"},
		{"{n:x}", "digits"},
		{"{from:}", "missing"},
		{"{from:%}", "at the end"},
		{"{from:%Q}", `"%Q"`},
		{"{from:%Y/%m}", "write {from:%Y}/{from:%m}"},
		{`{from:%Y\%m}`, "no folders"},
		{strings.Repeat("x", naming.MaxText+1), "at most"},
	} {
		f, err := naming.Parse(c.text)
		if f != nil || !errors.Is(err, naming.ErrTemplate) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Parse(%.40q) = %v, %v, want an ErrTemplate that says %q", c.text, f, err, c.says)
		}
		if err != nil && len(c.text) < naming.MaxText && !strings.Contains(err.Error(), naming.Fields) {
			t.Errorf("Parse(%q): %v, want the fields listed", c.text, err)
		}
	}
}

func TestSplitAndUses(t *testing.T) {
	for _, c := range []struct {
		text, dir, base string
		n, dirFrom      bool
	}{
		{"clip.mp4", "", "clip.mp4", false, false},
		{"/clip.mp4", "/", "clip.mp4", false, false},
		{"{stream}/{from:%Y}/{n:03}{{.mp4", "{stream}/{from:%Y}/", "{n:03}{{.mp4", true, true},
		{"a/b{n}c/d{to}", "a/b{n}c/", "d{to}", true, false},
		{"a/", "a/", "", false, false},
	} {
		f, err := naming.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		dir, base := f.Split()
		if dir.String() != c.dir || base.String() != c.base {
			t.Errorf("%q: Split = %q, %q, want %q, %q", c.text, dir, base, c.dir, c.base)
		}
		if f.Uses(naming.N) != c.n || dir.Uses(naming.From) != c.dirFrom {
			t.Errorf("%q: Uses(n) %v, want %v; folder uses from %v, want %v", c.text, f.Uses(naming.N), c.n, dir.Uses(naming.From), c.dirFrom)
		}
	}
}

// part draws a piece of a template: a field, or literal text without separators.
var part = rapid.SampledFrom([]string{
	"{stream}", "{region}", "{clock}", "{from}", "{to}", "{from:%Z}", "{to:..%Z..}", "{n}", "{n:05}", "a", "x y", "{{", "}}", ".mp4", "co", "-",
})

var nasty = rapid.OneOf(rapid.String(), rapid.StringMatching(`[./\\:~ -]{0,9}`), rapid.SampledFrom([]string{
	"..", ".", "", "CON", "nul.txt", "../x", "C:\\x", "/etc", "~", strings.Repeat("é", 300), "a/../../b", "-", "aux.",
}))

var kept = regexp.MustCompile(`^[A-Za-z0-9._+-]+$`)

// Whatever the values are, the file lies below the folder that the template writes out, as many
// folders down as the template says.
func TestStaysBelowItsFolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := make([]string, rapid.IntRange(1, 4).Draw(t, "elements"))
		for i := range elements {
			elements[i] = rapid.SampledFrom([]string{"{stream}", "{region}", "{from:%Z}", "{n}", "v"}).Draw(t, "first") +
				strings.Join(rapid.SliceOfN(part, 0, 4).Draw(t, "parts"), "")
		}
		text := strings.Join(elements, "/")
		f, err := naming.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		v := naming.Values{
			Stream: nasty.Draw(t, "stream"), Region: nasty.Draw(t, "region"), Clock: nasty.Draw(t, "clock"), N: rapid.Int().Draw(t, "n"),
			From: time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "from"), 0), To: time.Unix(1, 0), Zone: time.FixedZone(nasty.Draw(t, "zone"), 3600),
		}
		got, err := f.Execute(v)
		if err != nil {
			t.Fatalf("%q: Execute: %v", text, err)
		}
		if !filepath.IsLocal(got) || filepath.Clean(got) != filepath.FromSlash(got) || strings.Count(got, "/") != len(elements)-1 {
			t.Errorf("%q: %q is not below the folder", text, got)
		}
		for _, e := range strings.Split(got, "/") {
			if len(e) > 200 || strings.ContainsAny(e[:1], ".-") {
				t.Errorf("%q: element %q", text, e)
			}
		}
		dir, base := f.Split()
		a, err1 := dir.Execute(v)
		b, err2 := base.Execute(v)
		if a+b != got || err1 != nil || err2 != nil {
			t.Errorf("%q: folder %q and name %q, want %q", text, a, b, got)
		}
		whole, err := naming.Parse(dir.String() + base.String())
		if again, _ := whole.Execute(v); err != nil || again != got {
			t.Errorf("%q: parsed again %q gives %q, want %q", text, whole, again, got)
		}
	})
}

// A value alone has only characters that every system takes.
func TestValuesKeepFewCharacters(t *testing.T) {
	f, err := naming.Parse("{stream}")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := nasty.Draw(t, "value")
		if got, err := f.Execute(naming.Values{Stream: v}); err != nil || !kept.MatchString(got) {
			t.Errorf("%q becomes %q, %v", v, got, err)
		}
	})
}

func TestTextWithoutBracesIsUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[^{}]*`).Draw(t, "text")
		f, err := naming.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		if got, err := f.Execute(naming.Values{}); got != text || err != nil {
			t.Errorf("%q becomes %q, %v", text, got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"clip.mp4", "{stream}/{from:%Y-%m-%d}-{n:03}.mp4", "{{}}", "{n:3}{", "{from:%%}"} {
		f.Add(s, "door")
	}
	f.Fuzz(func(t *testing.T, text, stream string) {
		p, err := naming.Parse(text)
		if err != nil {
			return
		}
		v := values
		v.Stream = stream
		got, err := p.Execute(v)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		dir, base := p.Split()
		a, _ := dir.Execute(v)
		b, _ := base.Execute(v)
		if a+b != got {
			t.Errorf("%q: %q + %q, want %q", text, a, b, got)
		}
	})
}
