package timerange

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	// dateTime takes RFC 3339 and what people make of it, and the basic form that default file
	// names are made of. Groups: year, month, day, hour, minute, second, fraction, zone.
	dateTime = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ] *(\d\d?):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)? *(Z|z|UTC|utc|[+-]\d\d(?::?\d\d)?)?)?$`)
	// dayTime groups: word, hour, minute, second, fraction.
	dayTime = regexp.MustCompile(`^(today|yesterday)(?: +(?:at +)?(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?$`)
	epoch   = regexp.MustCompile(`^(\d+)(?:\.(\d+))?$`)
)

// When reads one instant, in any of [Forms], and cuts it to the milliseconds that the service
// knows. A date alone is its first instant in the zone. The result is UTC, in the years 1 to 9999.
//
// A local time that the clocks of the zone show twice or never is an error that names both
// instants that could be meant.
func (p Parser) When(s string) (time.Time, error) {
	t, err := p.when(strings.TrimSpace(s))
	if err != nil {
		return time.Time{}, err
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is outside the years 1 to 9999", s)
	}
	return t, nil
}

func (p Parser) when(s string) (time.Time, error) {
	low := strings.ToLower(s)
	if low == "now" {
		return p.Now, nil
	}
	if length, ok := strings.CutSuffix(low, " ago"); ok {
		return p.ago(strings.TrimSpace(length))
	}
	if length, ok := strings.CutPrefix(low, "-"); ok {
		return p.ago(length)
	}
	if m := dayTime.FindStringSubmatch(low); m != nil {
		return p.onDay(s, m)
	}
	// A date without dashes has eight digits, which no epoch has that anybody means.
	if m := epoch.FindStringSubmatch(s); m != nil {
		return fromEpoch(s, m[1], m[2])
	}
	if m := dateTime.FindStringSubmatch(s); m != nil {
		return p.onDate(s, m)
	}
	return time.Time{}, fmt.Errorf("%q is no time; a time is one of: %s", s, Forms)
}

func (p Parser) ago(length string) (time.Time, error) {
	d, err := Length(length)
	if err != nil {
		return time.Time{}, err
	}
	return p.Now.Add(-d), nil
}

// fromEpoch tells seconds from milliseconds by the count of digits: 10 and 13 from 2001 to 2286.
func fromEpoch(s, whole, fraction string) (time.Time, error) {
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err == nil && len(whole) == 10:
		return time.Unix(n, nanoseconds(fraction)), nil
	case err == nil && len(whole) == 13:
		return time.UnixMilli(n), nil
	case len(whole) == 8:
		return time.Time{}, fmt.Errorf("%q could be a date or a count: write a date with dashes, as 2026-03-14", s)
	}
	return time.Time{}, fmt.Errorf("%q has %d digits: epoch seconds have 10, milliseconds 13", s, len(whole))
}

func (p Parser) onDay(s string, m []string) (time.Time, error) {
	now := p.Now.In(p.Zone)
	w := wall{year: now.Year(), month: now.Month(), day: now.Day()}
	if m[1] == "yesterday" {
		w.day--
	}
	if m[2] == "" {
		return w.begin(p.Zone), nil
	}
	if !w.setClock(m[2], m[3], m[4], m[5]) {
		return time.Time{}, fmt.Errorf("%q: there is no such time of day", s)
	}
	return w.in(p.Zone)
}

func (p Parser) onDate(s string, m []string) (time.Time, error) {
	w := wall{year: atoi(m[1]), month: time.Month(atoi(m[2])), day: atoi(m[3])}
	if u := w.utc(); u.Month() != w.month || u.Day() != w.day {
		return time.Time{}, fmt.Errorf("%q: there is no such day", s)
	}
	if m[4] == "" {
		return w.begin(p.Zone), nil
	}
	if !w.setClock(m[4], m[5], m[6], m[7]) {
		return time.Time{}, fmt.Errorf("%q: there is no such time of day", s)
	}
	if m[8] == "" {
		return w.in(p.Zone)
	}
	zone, err := Zone(m[8])
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: %w", s, err)
	}
	return w.in(zone)
}

// nanoseconds reads the digits after a decimal point; digits past the ninth are dropped.
func nanoseconds(fraction string) int64 {
	return int64(atoi((fraction + "000000000")[:9]))
}

// atoi reads digits that a pattern has vouched for; "" is 0.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
