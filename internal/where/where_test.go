package where_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/where"
	"pgregory.net/rapid"
)

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

var night = where.Fragment{
	Fragment: archive.Fragment{
		Number: "91343852333181432392682062", Size: 12345, Length: 1960 * time.Millisecond,
		Producer: date("2026-03-14T02:00:00Z"), Server: date("2026-03-14T02:00:07Z"),
	},
	Tags: map[string]string{"motion": "true", "with-dash": "x", "labels": "car,person", "count": "7", "": "empty"},
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		text       string
		want, tags bool
	}{
		{`tag.motion == "true"`, true, true},
		{`tag.Motion == "true"`, false, true},
		{`tag.missing == "true"`, false, true},
		{`tag.missing == ""`, true, true},
		{`tag?.motion == "true"`, true, true},
		{`tag["with-dash"] == "x"`, true, true},
		{`"motion" in tag`, true, true},
		{`any(keys(tag), # startsWith "with-")`, true, true},
		{`any(split(tag.labels, ","), # == "person")`, true, true},
		{`tag.labels contains "car" and not (tag.labels contains "bus")`, true, true},
		{`tag.labels matches "^car"`, true, true},
		{`int(tag.count) > 6`, true, true},
		{`bytes > 12000 && length < 2`, true, false},
		{`length == 1.96`, true, false},
		{`number == "91343852333181432392682062"`, true, false},
		{`producer >= date("2026-03-14T02:00:00Z")`, true, false},
		{`producer > date("2026-03-14")`, true, false},
		{`producer.Hour() < 6`, true, false},
		{`producer.In(timezone("America/Los_Angeles")).Hour() == 19`, true, false},
		{`server - producer > duration("5s")`, true, false},
		{`bytes < 5 ? tag.motion == "true" : true`, true, true},
		{`lower("TAG") == "tag"`, true, false},
	} {
		f, err := where.Compile(c.text)
		if err != nil {
			t.Errorf("Compile(%s): %v", c.text, err)
			continue
		}
		got, err := f.Match(night)
		if got != c.want || err != nil || f.UsesTags() != c.tags || f.String() != c.text {
			t.Errorf("%s: Match %v, %v, want %v; UsesTags %v, want %v; String %q", c.text, got, err, c.want, f.UsesTags(), c.tags, f)
		}
		if _, err := f.Match(where.Fragment{}); err != nil && !strings.Contains(c.text, "int(") {
			t.Errorf("%s: Match of nothing: %v", c.text, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	deep := `"a"`
	for range 40 {
		deep = `(` + deep + ` <= "b" <= "c" ? "x" : "y")`
	}
	for _, c := range []struct{ text, says string }{
		{``, "empty"},
		{`  `, "empty"},
		{`tga.x == "a"`, "unknown name tga (1:1)\n | tga.x == \"a\"\n | ^"},
		{`tag.x`, "is of type string"},
		{`tag`, "is of type map"},
		{`tag.x == 3`, "(mismatched types string and int) (1:7)"},
		{`tag.x == "a" and`, "unexpected token EOF"},
		{`length > 1 &&& true`, "1:14"},
		{`1 < bytes < 3`, "write a < b && b < c (1:5)"},
		{`now() > producer`, "function now is not taken"},
		{`$env.tag.x == "a"`, "$env is not taken"},
		{`date("2026-13-01") < producer`, "invalid date 2026-13-01 (1:1)"},
		{`server - producer > duration("5 s")`, "duration"},
		{`let a = tag.x + tag.x; a + a == "x"`, "let is not taken"},
		{`bytes in 1..1000000000`, "ranges are not taken"},
		{`any([1], any([2], # == 2))`, "loop within a loop"},
		{`any(keys(tag), any(values(tag), # == "x"))`, "loop within a loop"},
		{`any(keys(tag), # in split(tag.x, ","))`, "split within a loop"},
		{`repeat("x", 1000000) == ""`, "repeat is not taken"},
		{`len(map([1], #)) == 1`, "map is not taken"},
		{`tag.x matches tag.y`, "a pattern is written out"},
		{`tag.x matches "("`, "missing closing )"},
		{`true; false`, "not taken"},
		{`{"a": 1}.a == 1`, "not taken"},
		{`delete(tag)`, "unknown name delete"},
		{`"` + strings.Repeat("x", where.MaxText) + `" == number`, "at most 4096"},
		{deep + ` == "x"`, "comparisons in a row"},
		{strings.Repeat("(", where.MaxText), "unexpected token"},
		{strings.Repeat("!", where.MaxText-4) + "true", ""},
	} {
		f, err := where.Compile(c.text)
		if c.says == "" {
			if err != nil {
				t.Errorf("Compile(%.60s): %v", c.text, err)
			}
			continue
		}
		if f != nil || !errors.Is(err, where.ErrExpression) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Compile(%.60s) = %v, %v, want an ErrExpression that says %q", c.text, f, err, c.says)
		}
		if err != nil && len(c.text) < where.MaxText && !strings.Contains(err.Error(), where.Variables) {
			t.Errorf("Compile(%s): %v, want the variables listed", c.text, err)
		}
	}
}

// What tags say is anybody's: it makes an expression fail at worst.
func TestMatchOfHostileTags(t *testing.T) {
	for _, c := range []struct{ text, tag, says string }{
		{`int(tag.x) > 3`, "\x1b]0;evil\a", `int`},
		{`date(tag.x) > producer`, "\x1b[2J\nyesterday", `invalid date`},
		{`float(tag.x) > 1`, "NaN\n\x1b[2J", "float"},
		{`timezone(tag.x).String() == "UTC"`, "../../etc/passwd", "invalid location"},
		{`tag.x == "a"`, strings.Repeat("x", where.MaxTags), "at most 16384"},
	} {
		f, err := where.Compile(c.text)
		if err != nil {
			t.Fatalf("Compile(%s): %v", c.text, err)
		}
		got, err := f.Match(where.Fragment{Tags: map[string]string{"x": c.tag}, Fragment: archive.Fragment{Number: "7"}})
		if got || err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `fragment "7"`) {
			t.Errorf("%s of %.20q: %v, %v, want an error that says %q", c.text, c.tag, got, err, c.says)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\a") {
			t.Errorf("%s of %.20q: error %q has control characters", c.text, c.tag, err)
		}
	}
}

// The largest loop that can be written, over the most tags that are looked at, ends.
func TestMatchIsBounded(t *testing.T) {
	words := strings.Repeat(`"y",`, 900)
	f, err := where.Compile(`any(split(tag.x, ""), tag.x contains # + "y" or # in [` + words + `"z"])`)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if got, err := f.Match(where.Fragment{Tags: map[string]string{"x": strings.Repeat("x", where.MaxTags-1)}}); got || err != nil {
		t.Errorf("Match = %v, %v, want false", got, err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("Match took %v", took)
	}
}

func TestMatchFromManyGoroutines(t *testing.T) {
	f, err := where.Compile(`int(tag.n) % 2 == 0 && any(split(tag.labels, ","), # == "person")`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				got, err := f.Match(where.Fragment{Tags: map[string]string{"n": fmt.Sprint(g + i), "labels": "car,person"}})
				if got != ((g+i)%2 == 0) || err != nil {
					t.Errorf("Match of %d = %v, %v", g+i, got, err)
				}
			}
		})
	}
	wg.Wait()
}

// Neither any text nor any tags make it panic.
func TestNoPanic(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"tag", ".", "x", "[", "]", "(", ")", `"a"`, "==", "<", "&&", "not", "in", "any", "keys", ",", "#", "bytes", "length", "1", "-",
		"?", ":", "?.", "??", "producer", "date", "duration", "matches", "..", "let", ";", "{", "}", "|", "split", "nil", "if", "else", " ",
	})
	rapid.Check(t, func(t *rapid.T) {
		f, err := where.Compile(strings.Join(rapid.SliceOfN(word, 0, 14).Draw(t, "words"), " "))
		if err != nil {
			return
		}
		tags := rapid.MapOf(rapid.SampledFrom([]string{"x", "a", ""}), rapid.String()).Draw(t, "tags")
		_, _ = f.Match(where.Fragment{Tags: tags})
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`tag.motion == "true"`, `any(split(tag.x, ","), # == "p")`, `producer > date("2026-03-14")`, `1 < bytes < 3`, `tag?.x ?? "y"`,
		`length in [1, 2.5]`, `tag.x matches "^a"`, `if true {true} else {false}`, `let a = 1; a == 1`, `server.Hour() < 6 | any(# == 1)`,
	} {
		f.Add(s, "a,p")
	}
	f.Fuzz(func(t *testing.T, text, tag string) {
		filter, err := where.Compile(text)
		if err != nil {
			if !errors.Is(err, where.ErrExpression) {
				t.Errorf("Compile(%q): %v, want an ErrExpression", text, err)
			}
			return
		}
		_, _ = filter.Match(where.Fragment{Tags: map[string]string{"x": tag}})
	})
}
