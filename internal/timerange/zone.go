package timerange

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var offset = regexp.MustCompile(`^([+-]?)(\d\d?)(?:\.(\d\d?)|:?([0-5]\d))?$`)

// Zone finds a time zone: an IANA name, Z or UTC, or hours from UTC as -7, +05:30, -0330 or 5.75.
// "" and "local" are the machine's zone.
func Zone(s string) (*time.Location, error) {
	switch strings.ToLower(s) {
	case "", "local":
		return time.Local, nil
	case "z", "utc", "gmt":
		return time.UTC, nil
	}
	if m := offset.FindStringSubmatch(s); m != nil {
		seconds := atoi(m[2])*3600 + atoi((m[3] + "00")[:2])*36 + atoi(m[4])*60
		if seconds > 14*3600 {
			return nil, fmt.Errorf("zone %q: no place is more than 14 hours from UTC", s)
		}
		if seconds%60 != 0 {
			return nil, fmt.Errorf("zone %q: offsets are whole minutes", s)
		}
		if m[1] == "-" {
			seconds = -seconds
		}
		return fixed(seconds), nil
	}
	zone, err := time.LoadLocation(s)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not known: a zone is a name as Europe/Berlin, UTC, or hours from UTC as -7 or +05:30", s)
	}
	return zone, nil
}

func fixed(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	return time.FixedZone(time.Unix(0, 0).In(time.FixedZone("", seconds)).Format("UTC-07:00"), seconds)
}

// MaxLength is the longest length taken. Streams keep footage for ten years at most.
const MaxLength = 3660 * 24 * time.Hour

var days = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// Length reads a positive length: Go's form and days of 24 hours, as 1d, 90m, 1h30m, 1d12h.
func Length(s string) (time.Duration, error) {
	rest, length := s, time.Duration(0)
	if m := days.FindStringSubmatch(s); m != nil {
		length, rest = time.Duration(atoi(m[1]))*24*time.Hour, m[2]
	}
	if rest != "" || length == 0 && rest == s {
		d, err := time.ParseDuration(rest)
		if _, number := strconv.ParseFloat(s, 64); number == nil && err != nil {
			return 0, fmt.Errorf("length %q has no unit: write %ss, %sm or %sh", s, s, s, s)
		}
		if err != nil || strings.ContainsAny(rest, "+-") {
			return 0, fmt.Errorf("%q is no length of time; write it as 90s, 90m, 1h30m or 1d", s)
		}
		if d > MaxLength {
			d = MaxLength + 1
		}
		length += d
	}
	if length <= 0 {
		return 0, fmt.Errorf("length %q is not more than nothing", s)
	}
	if length > MaxLength {
		return 0, fmt.Errorf("length %q is more than the ten years that footage is kept", s)
	}
	return length, nil
}
