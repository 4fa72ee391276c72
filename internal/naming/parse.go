package naming

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrTemplate means that a text is no template. The error's text says where, and lists the fields.
var ErrTemplate = errors.New("not a template of names")

// MaxText is the longest template in bytes: longer than any path that systems take.
const MaxText = 8192

// maxWidth is the most digits asked of a number; more than any number has.
const maxWidth = 20

// Parse reads a template. A text without braces is one, too: Execute gives it back unchanged.
// Errors wrap ErrTemplate.
func Parse(text string) (*Template, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTemplate, len(text), MaxText)
	}
	t := &Template{text: text}
	for at := 0; at < len(text); {
		p, n, err := next(text[at:])
		if err != nil {
			return nil, fmt.Errorf("%q: %w: at character %d: %w; the fields are %s",
				text, ErrTemplate, len([]rune(text[:at]))+1, err, Fields)
		}
		t.parts = append(t.parts, p)
		at += n
	}
	return t, nil
}

// next reads the part that s begins with, and how many bytes it takes.
func next(s string) (part, int, error) {
	switch {
	case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
		return part{literal: s[:1]}, 2, nil
	case s[0] == '}':
		return part{}, 0, errors.New("a } that closes no field; write }} for a brace")
	case s[0] != '{':
		n := strings.IndexAny(s, "{}")
		if n < 0 {
			n = len(s)
		}
		return part{literal: s[:n]}, n, nil
	}
	body, _, closed := strings.Cut(s[1:], "}")
	if !closed || strings.Contains(body, "{") {
		return part{}, 0, errors.New("a { that is not closed; write {{ for a brace")
	}
	p, err := field(body)
	return p, len(body) + 2, err
}

// field reads what stands between two braces.
func field(body string) (part, error) {
	name, form, formed := strings.Cut(body, ":")
	p := part{name: name}
	switch {
	case name == From || name == To:
		p.form = form
		if formed {
			return p, checkForm(form)
		}
	case name == N && formed:
		width, err := strconv.ParseUint(form, 10, 8)
		if err != nil || width < 1 || width > maxWidth {
			return p, fmt.Errorf("{%s}: expected 1 to %d digits, such as {n:03}", body, maxWidth)
		}
		p.width = int(width)
	case name != Stream && name != Region && name != Clock && name != N:
		return p, fmt.Errorf("{%s}: there is no such field", body)
	case formed:
		return p, fmt.Errorf("{%s}: {%s} takes nothing behind a colon", body, name)
	}
	return p, nil
}

// String returns the text that is parsed to p.
func (p part) String() string {
	switch {
	case p.name == "":
		return strings.NewReplacer("{", "{{", "}", "}}").Replace(p.literal)
	case p.form != "":
		return "{" + p.name + ":" + p.form + "}"
	case p.width > 0:
		return fmt.Sprintf("{%s:%02d}", p.name, p.width)
	}
	return "{" + p.name + "}"
}
