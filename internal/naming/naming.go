// Package naming makes names of files out of templates such as "{stream}/{from:%Y-%m-%d}-{n:03}.mp4". What
// fills a field can never lead out of the folder that the template names. It touches no files.
package naming

import (
	"os"
	"strings"
	"time"
)

// The fields of a template. From and To take a form of time behind a colon, N takes a count of digits.
const (
	Stream = "stream"
	Region = "region"
	Clock  = "clock"
	From   = "from"
	To     = "to"
	N      = "n"
)

// Fields lists the fields for people, in messages and help.
const Fields = "{stream} {region} {clock} {from} {to} {from:%Y-%m-%d_%H%M%S} {n} {n:03}; {{ and }} for braces"

// Verbs lists what a form of time is made of, for people.
const Verbs = "%Y %m %d %H %M %S %L (milliseconds) %s (seconds since 1970) %j %b %z %Z %%"

// Values fill the fields of one name.
type Values struct {
	Stream, Region, Clock string
	From, To              time.Time // a zero time is not known: a template that asks for it fails
	N                     int       // number of the file, from 1
	// Zone is where forms of time are told; nil means UTC. Without a form times are always UTC.
	Zone *time.Location
}

// Template is a parsed template. It does not change; several goroutines may use it at once.
type Template struct {
	text  string
	parts []part
}

// part is literal text, or a field if name is not empty.
type part struct {
	literal string
	name    string
	form    string // of a time; "" for the default
	width   int    // least digits of a number
}

// String returns the text the template was parsed from.
func (t *Template) String() string { return t.text }

// Uses says whether the template has the field of that name, such as N.
func (t *Template) Uses(field string) bool {
	for _, p := range t.parts {
		if p.name == field {
			return true
		}
	}
	return false
}

// Split cuts the template into its folder and the name in it, as filepath.Split does: the folder keeps
// its last separator, and is empty if the template names none. The two results of Execute, one
// behind the other, are the name of the whole.
//
// Fields of single files in a folder, such as N, would give every file a folder of its own: ask
// dir.Uses, and give dir the values of the whole clip.
func (t *Template) Split() (dir, base *Template) {
	for i := len(t.parts) - 1; i >= 0; i-- {
		p := t.parts[i]
		if at := lastSeparator(p.literal); at >= 0 {
			before, behind := part{literal: p.literal[:at+1]}, part{literal: p.literal[at+1:]}
			return of(append(append([]part{}, t.parts[:i]...), before)), of(append([]part{behind}, t.parts[i+1:]...))
		}
	}
	return &Template{}, t
}

// of makes a template of parts, with the text that would be parsed to them.
func of(parts []part) *Template {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.String())
	}
	return &Template{text: b.String(), parts: parts}
}

// separator says whether a byte of literal text begins another element of the path. Go takes both
// slashes on Windows.
func separator(c byte) bool { return c == '/' || os.IsPathSeparator(c) }

// lastSeparator returns where the last separator of s is, or -1.
func lastSeparator(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if separator(s[i]) {
			return i
		}
	}
	return -1
}
