package cli

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/timerange"
	"github.com/kvsclip/kvsclip/plan"
	"github.com/spf13/pflag"
)

// sameFlags lets a flag go by the names that the AWS CLI, the API and get_clip.py give it.
func sameFlags(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	switch name {
	case "start", "start-time", "start-timestamp":
		name = "from"
	case "end", "end-time", "end-timestamp":
		name = "to"
	case "tz-offset", "utc-offset":
		name = "tz"
	case "selector-type", "fragment-selector-type":
		name = "clock"
	}
	return pflag.NormalizedName(name)
}

// variable is the name of the environment variable that sets a flag.
func variable(flag string) string {
	return "KVSCLIP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets each flag that args left alone and that KVSCLIP_<FLAG> sets. A flag of the
// command line also beats variables of flags that exclude it.
func (a *app) fromEnvironment(fs *pflag.FlagSet) error {
	given := func(name string) bool { f := fs.Lookup(name); return f != nil && f.Changed }
	beaten := map[string]bool{
		"to":                 given("for"),
		"for":                given("to"),
		"piece":              given("chunk-size-minutes"),
		"chunk-size-minutes": given("piece"),
		"quiet":              given("verbose"),
		"verbose":            given("quiet"),
	}
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		value, ok := a.env(variable(f.Name))
		if err != nil || f.Changed || !ok || value == "" || beaten[f.Name] || f.Name == "help" || f.Name == "version" {
			return
		}
		if e := fs.Set(f.Name, value); e != nil {
			err = usagef("%s=%q in the environment: %w", variable(f.Name), value, cause(e))
		}
	})
	return err
}

// choice is a flag that takes one of a few words.
type choice[T ~string] struct {
	to       *T
	accepted []T
}

func (c choice[T]) String() string {
	if c.to == nil {
		return ""
	}
	return string(*c.to)
}

func (c choice[T]) Type() string {
	words := make([]string, len(c.accepted))
	for i, w := range c.accepted {
		words[i] = string(w)
	}
	return strings.Join(words, "|")
}

func (c choice[T]) Set(s string) error {
	if !slices.Contains(c.accepted, T(s)) {
		return fmt.Errorf("not known; use %s", strings.ReplaceAll(c.Type(), "|", " or "))
	}
	*c.to = T(s)
	return nil
}

// overlapFlag takes the policies for footage that was recorded more than once.
func overlapFlag(to *plan.Overlap) choice[plan.Overlap] {
	return choice[plan.Overlap]{to: to, accepted: []plan.Overlap{plan.OverlapAuto, plan.OverlapOldest, plan.OverlapNewest, plan.OverlapAll}}
}

// clockFlag takes our words and the API's.
type clockFlag struct{ to *archive.Clock }

func (c clockFlag) String() string { return c.to.String() }
func (c clockFlag) Type() string   { return "server|producer" }
func (c clockFlag) Set(s string) error {
	switch strings.ToLower(s) {
	case "server", "server_timestamp":
		*c.to = archive.Server
	case "producer", "producer_timestamp":
		*c.to = archive.Producer
	default:
		return fmt.Errorf("not known; use server or producer")
	}
	return nil
}

// lengthFlag takes a length of time, days included.
type lengthFlag struct{ to *time.Duration }

func (l lengthFlag) Type() string { return "DURATION" }
func (l lengthFlag) String() string {
	if *l.to == 0 {
		return ""
	}
	return l.to.String()
}

func (l lengthFlag) Set(s string) error {
	d, err := timerange.Length(s)
	if err == nil {
		*l.to = d
	}
	return err
}

// minutesFlag takes a length of time in minutes, as get_clip.py does, of a second at the least.
type minutesFlag struct{ to *time.Duration }

func (m minutesFlag) Type() string { return "MINUTES" }
func (m minutesFlag) String() string {
	if *m.to == 0 {
		return ""
	}
	return strconv.FormatFloat(m.to.Minutes(), 'g', -1, 64)
}

func (m minutesFlag) Set(s string) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 1./60 && n <= 24*60) {
		return fmt.Errorf("it takes minutes, as 3 or 0.5, at the least a second and at most a day")
	}
	*m.to = time.Duration(n * float64(time.Minute)).Round(time.Millisecond)
	return nil
}

// plainer says what is wrong with a flag's value as all other messages do.
func plainer(err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s %q: %w", bad.GetFlag().Name, bad.GetValue(), cause(bad))
	}
	return err
}

// cause is what a flag says of a value; of what the Go library says only the end means something.
func cause(err error) error {
	if number, ok := errors.AsType[*strconv.NumError](err); ok {
		return number.Err
	}
	return cmp.Or(errors.Unwrap(err), err)
}

// between is a flag that takes a whole number from min to max.
type between struct {
	to       *int
	min, max int
}

func (b between) String() string { return strconv.Itoa(*b.to) }
func (b between) Type() string   { return "N" }
func (b between) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < b.min || n > b.max {
		return fmt.Errorf("it takes a whole number from %d to %d", b.min, b.max)
	}
	*b.to = n
	return nil
}

// rateFlag takes bytes a second, with k, M and G for powers of 1000 and Ki, Mi, Gi for 1024.
type rateFlag struct{ to *int64 }

var rate = regexp.MustCompile(`^(\d+(?:\.\d+)?) ?([kKmMgG]?)(i?)[bB]?(?:/s)?$`)

func (r rateFlag) Type() string { return "BYTES/s" }
func (r rateFlag) String() string {
	if *r.to == 0 {
		return ""
	}
	return strconv.FormatInt(*r.to, 10)
}

func (r rateFlag) Set(s string) error {
	m := rate.FindStringSubmatch(s)
	if m == nil || m[2] == "" && m[3] != "" {
		return fmt.Errorf("it takes bytes a second, as 500k, 2.5M or 1MiB")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	base := 1000.0
	if m[3] != "" {
		base = 1024
	}
	if m[2] != "" {
		n *= math.Pow(base, float64(1+strings.Index("kmg", strings.ToLower(m[2]))))
	}
	if err != nil || n < 1 || n > math.MaxInt64/2 {
		return fmt.Errorf("it takes at least 1 byte a second; leave it out for no limit")
	}
	*r.to = int64(n)
	return nil
}
