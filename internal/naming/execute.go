package naming

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxElement is the longest element of a path that fields are part of, in bytes. Most systems take
// 255; what is left is for temporary names made of it.
const maxElement = 200

// Execute fills the template. Literal text stays as it is, with its folders. What fills a field keeps
// A-Z a-z 0-9 . _ - + and gets "_" for all else, is never empty and never begins with "." or "-". An
// element of the path with fields in it has at most 200 bytes (the longest of them are cut; literal text
// never is), and is no name that Windows keeps for devices. The only error is a time that is not known.
func (t *Template) Execute(v Values) (string, error) {
	var b strings.Builder
	var e element
	for _, p := range t.parts {
		if p.name != "" {
			value, err := v.of(p)
			if err != nil {
				return "", fmt.Errorf("%q: %w", t.text, err)
			}
			e.add(safe(value), true)
			continue
		}
		for rest := p.literal; rest != ""; {
			n := strings.IndexFunc(rest, func(r rune) bool { return r < 0x80 && separator(byte(r)) })
			if n < 0 {
				e.add(rest, false)
				break
			}
			e.add(rest[:n], false)
			b.WriteString(e.String() + rest[n:n+1])
			e, rest = element{}, rest[n+1:]
		}
	}
	return b.String() + e.String(), nil
}

// of returns what fills the field p, as it is.
func (v Values) of(p part) (string, error) {
	switch p.name {
	case Stream:
		return v.Stream, nil
	case Region:
		return v.Region, nil
	case Clock:
		return v.Clock, nil
	case N:
		return fmt.Sprintf("%0*d", p.width, v.N), nil
	case To:
		return v.time(p, v.To)
	}
	return v.time(p, v.From)
}

func (v Values) time(p part, t time.Time) (string, error) {
	if t.IsZero() {
		return "", fmt.Errorf("{%s} is not known here", p.name)
	}
	return tell(t, p.form, v.Zone), nil
}

// safe makes a value fit to be part of a name on every system.
func safe(value string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("._-+", r):
			return r
		}
		return '_'
	}, value)
	switch {
	case s == "":
		return "_"
	case s[0] == '.' || s[0] == '-':
		return "_" + s[1:]
	}
	return s
}

// element is one element of a path in the making.
type element struct {
	texts []string
	field []bool // parallel to texts
}

func (e *element) add(text string, field bool) {
	if text != "" {
		e.texts, e.field = append(e.texts, text), append(e.field, field)
	}
}

// String puts the element together. Without fields it is what the user wrote, whatever that is.
func (e *element) String() string {
	if !slices.Contains(e.field, true) {
		return strings.Join(e.texts, "")
	}
	e.cut()
	s := strings.Join(e.texts, "")
	// Windows drops dots at the end of a name.
	if e.field[len(e.field)-1] && strings.HasSuffix(s, ".") {
		s = s[:len(s)-1] + "_"
	}
	if device(s) {
		return "_" + s
	}
	return s
}

// cut shortens the longest values until the element is short enough, or nothing is left to cut.
func (e *element) cut() {
	for over := len(strings.Join(e.texts, "")) - maxElement; over > 0; {
		longest := -1
		for i, text := range e.texts {
			if e.field[i] && (longest < 0 || len(text) > len(e.texts[longest])) {
				longest = i
			}
		}
		n := min(over, len(e.texts[longest])-1)
		if n == 0 {
			return
		}
		e.texts[longest] = e.texts[longest][:len(e.texts[longest])-n]
		over -= n
	}
}

// device says whether Windows takes s for a device, which it does with any ending
// (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
func device(s string) bool {
	name, _, _ := strings.Cut(s, ".")
	name = strings.ToUpper(strings.TrimRight(name, " "))
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(name) == 4 && (name[:3] == "COM" || name[:3] == "LPT") && name[3] >= '0' && name[3] <= '9'
}
