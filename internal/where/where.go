// Package where decides by an expression that people type which fragments they want. An expression
// changes nothing, looks at nothing but the fragment, and ends soon whatever the fragment holds.
package where

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/kvsclip/kvsclip/archive"
)

// ErrExpression means that a text is no expression about a fragment. The error's text shows the place
// and lists the variables.
var ErrExpression = errors.New("not an expression about a fragment")

// MaxText is the longest expression in bytes.
const MaxText = 4096

// MaxTags is how many bytes of tags of one fragment are looked at. The service takes 10 tags of 384
// bytes; more come only from files that somebody made.
const MaxTags = 16 << 10

// Variables lists for people what an expression can speak of.
const Variables = `tag (the producer's tags: tag.motion == "true", tag["with-dash"]), number (text), ` +
	`bytes, length (seconds), producer and server (times: producer > date("2026-03-14T08:00:00Z"), server.Hour() < 6)`

// Fragment is what an expression speaks of.
type Fragment struct {
	archive.Fragment
	// Tags are the producer's, by name; case matters. Of several with one name the last counts: so
	// whoever fills the map from a list gets it by filling it in order. May be nil.
	Tags map[string]string
}

// environment is a Fragment by the names of the variables. A tag that is missing is "".
type environment struct {
	Tag      map[string]string `expr:"tag"`
	Number   string            `expr:"number"`
	Bytes    int               `expr:"bytes"`
	Length   float64           `expr:"length"`
	Producer time.Time         `expr:"producer"`
	Server   time.Time         `expr:"server"`
}

// Filter is a compiled expression. It does not change; several goroutines may use it at once.
type Filter struct {
	text    string
	tags    bool
	program *vm.Program
}

// Compile reads an expression in the language of expr (https://expr-lang.org/docs/language-definition)
// without what could take long or forever: there are no ranges, no variables of one's own, no loops
// within loops, no patterns that come from tags, and only some of its functions. Its outcome must be
// true or false. Times are told in UTC. Errors wrap ErrExpression.
func Compile(text string) (*Filter, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are taken", ErrExpression, len(text), MaxText)
	}
	if strings.TrimSpace(text) == "" {
		return nil, refusal(errors.New("it is empty"))
	}
	found, err := survey(text)
	if err != nil {
		return nil, refusal(err)
	}
	program, err := expr.Compile(text, expr.Env(environment{}), expr.AsBool(), expr.WarnOnAny())
	if err != nil {
		return nil, refusal(plain(err))
	}
	return &Filter{text: text, tags: found.tags, program: program}, nil
}

// refusal adds what people need to write a better expression.
func refusal(err error) error {
	return fmt.Errorf("%w: %w\nthe variables are %s", ErrExpression, err, Variables)
}

// plain says in other words what came out that is not true or false; this error has no place.
func plain(err error) error {
	if at := new(file.Error); errors.As(err, &at) {
		return err
	}
	if _, kind, ok := strings.Cut(err.Error(), "expected bool, but got "); ok {
		return fmt.Errorf("the outcome must be true or false, and is of type %s", kind)
	}
	return err
}

// String returns the text the filter was compiled from.
func (f *Filter) String() string { return f.text }

// UsesTags says whether the outcome can depend on tags. Listings tell no tags: only the fragments
// themselves do.
func (f *Filter) UsesTags() bool { return f.tags }

// Match says whether the fragment is wanted. It fails where an expression makes no sense of the
// fragment's values, such as int(tag.count) of a tag that is missing, and for more than MaxTags of tags;
// the error names the fragment.
func (f *Filter) Match(fragment Fragment) (bool, error) {
	wanted, err := f.match(fragment)
	if err != nil {
		return false, fmt.Errorf("fragment %q: %w", fragment.Number, err)
	}
	return wanted, nil
}

func (f *Filter) match(fragment Fragment) (bool, error) {
	if n := size(fragment.Tags); f.tags && n > MaxTags {
		return false, fmt.Errorf("its tags have %d bytes, at most %d are looked at", n, MaxTags)
	}
	env := environment{
		Tag: fragment.Tags, Number: fragment.Number, Bytes: int(fragment.Size), Length: fragment.Length.Seconds(),
		Producer: fragment.Producer.UTC(), Server: fragment.Server.UTC(),
	}
	if env.Tag == nil { // tag?.name of no map at all is no text
		env.Tag = map[string]string{}
	}
	out, err := expr.Run(f.program, env)
	if at := new(file.Error); errors.As(err, &at) {
		at.Message = printable(at.Message)
		return false, at
	}
	wanted, ok := out.(bool)
	if err == nil && !ok {
		err = fmt.Errorf("the outcome is of type %v, not true or false", reflect.TypeOf(out))
	}
	return wanted, err
}

func size(tags map[string]string) int {
	n := 0
	for name, value := range tags {
		n += len(name) + len(value)
	}
	return n
}

// printable takes out of a message what a tag could do to a terminal, and cuts it to a line.
func printable(s string) string {
	const most = 200 // characters
	r := []rune(strings.ToValidUTF8(s, "?"))
	s = strconv.QuoteToGraphic(string(r[:min(len(r), most)]))
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}
