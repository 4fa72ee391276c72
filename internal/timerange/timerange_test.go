package timerange_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/timerange"
	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := timerange.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// parser reads in Los Angeles, at half past ten in the morning of a day in summer time.
func parser(t testing.TB) timerange.Parser {
	return timerange.Parser{
		Now:  time.Date(2026, 3, 14, 17, 30, 15, 123_456_789, time.UTC),
		Zone: zone(t, "America/Los_Angeles"),
	}
}

func TestWhen(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-14T01:17:35-07:00":     "2026-03-14T08:17:35Z",
		"2026-03-14T08:17:35Z":          "2026-03-14T08:17:35Z",
		"2026-03-14t08:17:35z":          "2026-03-14T08:17:35Z",
		"2026-03-14T08:17:35.1239Z":     "2026-03-14T08:17:35.123Z",
		"2026-03-14 10:17 +0200":        "2026-03-14T08:17:00Z",
		"2026-03-14 10:17+02":           "2026-03-14T08:17:00Z",
		"2026-03-14 08:17 UTC":          "2026-03-14T08:17:00Z",
		"2026-03-14T01:17:35":           "2026-03-14T08:17:35Z",
		"2026-03-14 01:17:35.5":         "2026-03-14T08:17:35.5Z",
		"2026-03-14 01:17:35,25":        "2026-03-14T08:17:35.25Z",
		"2026-03-14 01:17":              "2026-03-14T08:17:00Z",
		"2026-03-14 1:17":               "2026-03-14T08:17:00Z",
		"  2026-03-14 01:17  ":          "2026-03-14T08:17:00Z",
		"20260314T081735Z":              "2026-03-14T08:17:35Z",
		"20260314T011735":               "2026-03-14T08:17:35Z",
		"2026-03-14":                    "2026-03-14T07:00:00Z",
		"2026-02-28":                    "2026-02-28T08:00:00Z",
		"2024-02-29":                    "2024-02-29T08:00:00Z",
		"1773476255":                    "2026-03-14T08:17:35Z",
		"1773476255.5":                  "2026-03-14T08:17:35.5Z",
		"1773476255123":                 "2026-03-14T08:17:35.123Z",
		"1773476255123.9":               "2026-03-14T08:17:35.123Z",
		"now":                           "2026-03-14T17:30:15.123Z",
		"NOW":                           "2026-03-14T17:30:15.123Z",
		"-2h30m":                        "2026-03-14T15:00:15.123Z",
		"-1d":                           "2026-03-13T17:30:15.123Z",
		"2h ago":                        "2026-03-14T15:30:15.123Z",
		"1d12h ago":                     "2026-03-13T05:30:15.123Z",
		"today":                         "2026-03-14T07:00:00Z",
		"today 9:15":                    "2026-03-14T16:15:00Z",
		"Today at 09:15:30.25":          "2026-03-14T16:15:30.25Z",
		"yesterday":                     "2026-03-13T07:00:00Z",
		"yesterday 14:00":               "2026-03-13T21:00:00Z",
		"2026-11-01 00:59:59":           "2026-11-01T07:59:59Z",
		"2026-11-01 02:00":              "2026-11-01T10:00:00Z",
		"2026-11-01T01:30:00-07:00":     "2026-11-01T08:30:00Z",
		"2026-03-08 03:00":              "2026-03-08T10:00:00Z",
		"2026-03-08 01:59:59.999":       "2026-03-08T09:59:59.999Z",
		"9999-12-31T00:00:00Z":          "9999-12-31T00:00:00Z",
		"2026-03-14T01:17:35.123456789": "2026-03-14T08:17:35.123Z",
	} {
		got, err := parser(t).When(in)
		if err != nil {
			t.Errorf("When(%q): %v", in, err)
		} else if g := got.Format(time.RFC3339Nano); g != want {
			t.Errorf("When(%q) = %s, want %s", in, g, want)
		}
	}
}

func TestWhenRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "is no time; a time is one of",
		"tomorrow":                  "is no time",
		"14:00":                     "is no time",
		"03/14/2026":                "is no time",
		"2026-3-14":                 "is no time",
		"2026-03-14T":               "is no time",
		"2026-03-14 01":             "is no time",
		"2026-02-29":                "no such day",
		"2026-13-01":                "no such day",
		"2026-03-00":                "no such day",
		"2026-03-14 24:00":          "no such time of day",
		"2026-03-14 23:60":          "no such time of day",
		"2026-03-14 23:59:60":       "no such time of day",
		"yesterday 25:00":           "no such time of day",
		"2026-03-14T01:17:35+15:00": "no place is more than 14 hours",
		"20260314":                  "write a date with dashes",
		"123":                       "has 3 digits: epoch seconds have 10",
		"17734762551234567":         "has 17 digits",
		"-2":                        "no unit: write 2s, 2m or 2h",
		"-2x":                       "is no length",
		"--2h":                      "is no length",
		"0h ago":                    "not more than nothing",
		"0000-12-31":                "outside the years",
	} {
		_, err := parser(t).When(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("When(%q) = %v, want %q", in, err, want)
		}
	}
}

func TestClockChange(t *testing.T) {
	for _, c := range []struct{ name, zone, in, want string }{
		{"back", "America/Los_Angeles", "2026-11-01 01:30", "2026-11-01 01:30:00 happens twice in America/Los_Angeles, where the clocks go back: write 2026-11-01T01:30:00-07:00 or 2026-11-01T01:30:00-08:00"},
		{"back, first moment", "Europe/Berlin", "2026-10-25 02:00", "write 2026-10-25T02:00:00+02:00 or 2026-10-25T02:00:00+01:00"},
		{"back, last moment", "Europe/Berlin", "2026-10-25 02:59:59.999", "write 2026-10-25T02:59:59.999+02:00 or 2026-10-25T02:59:59.999+01:00"},
		{"back by half an hour", "Australia/Lord_Howe", "2026-04-05 01:45", "write 2026-04-05T01:45:00+11:00 or 2026-04-05T01:45:00+10:30"},
		{"forward", "America/Los_Angeles", "2026-03-08 02:30", "2026-03-08 02:30:00 does not exist in America/Los_Angeles, where the clocks go forward: write 2026-03-08T01:30:00-08:00 or 2026-03-08T03:30:00-07:00"},
		{"forward, first moment", "Europe/Berlin", "2026-03-29 02:00", "write 2026-03-29T01:00:00+01:00 or 2026-03-29T03:00:00+02:00"},
		{"forward at midnight", "Africa/Cairo", "2026-04-24 00:00", "write 2026-04-23T23:00:00+02:00 or 2026-04-24T01:00:00+03:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parser(t)
			p.Zone = zone(t, c.zone)
			_, err := p.When(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("When(%q) = %v, want %q", c.in, err, c.want)
			}
		})
	}
}

func TestDayBegins(t *testing.T) {
	for _, c := range []struct{ name, zone, in, want string }{
		{"midnight skipped", "Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},
		{"midnight twice", "America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00"},
		{"plain", "Asia/Kolkata", "2026-04-24", "2026-04-24T00:00:00+05:30"},
		{"day skipped", "Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parser(t)
			p.Zone = zone(t, c.zone)
			got, err := p.When(c.in)
			if g := got.In(p.Zone).Format(time.RFC3339); err != nil || g != c.want {
				t.Errorf("When(%q) = %s, %v, want %s", c.in, g, err, c.want)
			}
		})
	}
}

func TestYesterdayAcrossMonths(t *testing.T) {
	p := timerange.Parser{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Zone: time.UTC}
	got, err := p.When("yesterday 14:00")
	if want := time.Date(2026, 2, 28, 14, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("When = %v, %v, want %v", got, err, want)
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		name, from, to, length string
		want                   string // both ends, or a part of the error
	}{
		{"from and to", "2026-03-14 01:17:35", "2026-03-14 01:30:35", "", "[2026-03-14T08:17:35.000Z, 2026-03-14T08:30:35.000Z) server time"},
		{"from and for", "-2h", "", "1h30m", "[2026-03-14T15:30:15.123Z, 2026-03-14T17:00:15.123Z) server time"},
		{"to and for", "", "now", "10m", "[2026-03-14T17:20:15.123Z, 2026-03-14T17:30:15.123Z) server time"},
		{"end in the future", "-1h", "", "1d", "[2026-03-14T16:30:15.123Z, 2026-03-15T16:30:15.123Z) server time"},
		{"all three", "-2h", "-1h", "1h", "not all three"},
		{"begin only", "-2h", "", "", "no end: give --to or --for"},
		{"end only", "", "now", "", "no begin: give --from"},
		{"length only", "", "", "1h", "no begin: give --from"},
		{"nothing", "", "", "", "no begin: give --from"},
		{"empty", "-2h", "-120m", "", "the range is empty: it begins and ends at 2026-03-14T08:30:15.123-07:00"},
		{"reversed", "-1h", "-2h", "", "begins at 2026-03-14T09:30:15.123-07:00 and ends before that, at 2026-03-14T08:30:15.123-07:00"},
		{"future", "2026-03-15", "", "1h", "yet to come: it begins at 2026-03-15T00:00:00-07:00, and now is 2026-03-14T10:30:15.123-07:00"},
		{"begins now", "now", "", "1h", "yet to come"},
		{"bad from", "soon", "now", "", `--from: "soon" is no time`},
		{"bad to", "-1h", "soon", "", `--to: "soon" is no time`},
		{"bad for", "-1h", "", "soon", `--for: "soon" is no length`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := parser(t).Range(c.from, c.to, c.length, archive.Server)
			got := r.String()
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("Range(%q, %q, %q) = %s, want %s", c.from, c.to, c.length, got, c.want)
			}
		})
	}
}

func TestRangeProducerMayRunAhead(t *testing.T) {
	r, err := parser(t).Range("2026-03-15", "", "1h", archive.Producer)
	if err != nil || r.Clock != archive.Producer {
		t.Errorf("Range = %v, %v, want a range on the producer clock", r, err)
	}
}

func TestZone(t *testing.T) {
	for in, want := range map[string]int{
		"Z": 0, "utc": 0, "UTC": 0, "GMT": 0, "0": 0, "-7": -7 * 3600, "+7": 7 * 3600, "7": 7 * 3600, "+05:30": 19800,
		"-0330": -12600, "+14": 50400, "-7.5": -27000, "5.5": 19800, "+5.75": 20700, "-14:00": -50400, "Asia/Kolkata": 19800,
	} {
		z, err := timerange.Zone(in)
		if err != nil {
			t.Errorf("Zone(%q): %v", in, err)
		} else if _, got := time.Unix(0, 0).In(z).Zone(); got != want {
			t.Errorf("Zone(%q) = %d s, want %d s", in, got, want)
		}
	}
	for _, in := range []string{"+14:01", "15", "-99", "PST8", "+5:60", "Berlin", "../etc/passwd", "+", "5.555", "5.51", "5.", "14.5"} {
		if z, err := timerange.Zone(in); err == nil {
			t.Errorf("Zone(%q) = %v, want an error", in, z)
		}
	}
	if z, err := timerange.Zone(""); err != nil || z != time.Local {
		t.Errorf("Zone(\"\") = %v, %v, want the machine's", z, err)
	}
}

func TestLength(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"1d": 24 * time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour,
		"1.5h": 90 * time.Minute, "500ms": 500 * time.Millisecond, "3660d": timerange.MaxLength,
	} {
		if got, err := timerange.Length(in); err != nil || got != want {
			t.Errorf("Length(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "0d", "5", "1.5", "d", "-1h", "+1h", "1d-1h", "1h1d", "3661d", "99999d", "3660d1ns", "9999999h", "1w"} {
		if got, err := timerange.Length(in); err == nil {
			t.Errorf("Length(%q) = %v, want an error", in, got)
		}
	}
}

// Whatever wall time a zone shows for an instant, reading it back gives that instant, or an
// error whose two proposals hold it.
func TestWallTimeRoundTrip(t *testing.T) {
	zones := []string{"America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata", "-7", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		z, err := timerange.Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		want := time.UnixMilli(rapid.Int64Range(1_500_000_000_000, 2_000_000_000_000).Draw(t, "ms")).In(z)
		p := timerange.Parser{Now: want, Zone: z}
		in := want.Format("2006-01-02 15:04:05.000")
		got, err := p.When(in)
		if err != nil && !strings.Contains(err.Error(), want.Format("2006-01-02T15:04:05.999Z07:00")) {
			t.Errorf("When(%q) in %s: %v, which does not name %v", in, name, err, want)
		}
		if err == nil && !got.Equal(want) {
			t.Errorf("When(%q) in %s = %v, want %v", in, name, got, want)
		}
		if got, err := p.When(want.Format("2006-01-02T15:04:05.000Z07:00")); err != nil || !got.Equal(want) {
			t.Errorf("When with zone = %v, %v, want %v", got, err, want)
		}
	})
}

// Within a day of a clock change most draws are ordinary, so the changes get a test of their own.
func TestWallTimeNearChanges(t *testing.T) {
	changes := map[string]time.Time{
		"America/Los_Angeles": time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC),
		"Europe/Berlin":       time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC),
	}
	for name, change := range changes {
		z := zone(t, name)
		p := timerange.Parser{Now: change, Zone: z}
		for m := -180; m <= 180; m++ {
			want := change.Add(time.Duration(m) * time.Minute).In(z)
			got, err := p.When(want.Format("2006-01-02 15:04"))
			twice := want.Add(time.Hour).In(z).Format("15:04") == want.Format("15:04") ||
				want.Add(-time.Hour).In(z).Format("15:04") == want.Format("15:04") ||
				want.Add(30*time.Minute).In(z).Format("15:04") == want.Format("15:04") ||
				want.Add(-30*time.Minute).In(z).Format("15:04") == want.Format("15:04")
			if twice != (err != nil) || err == nil && !got.Equal(want) {
				t.Errorf("%s: When(%s) = %v, %v; happens twice: %t", name, want, got, err, twice)
			}
		}
	}
}

func FuzzWhen(f *testing.F) {
	for _, s := range []string{
		"now", "-2h30m", "2h ago", "yesterday 14:00", "today", "2026-03-14", "2026-03-14 01:17:35.5", "20260314T081735Z",
		"2026-11-01 01:30", "2026-03-08 02:30", "1773476255.5", "1773476255123", "2026-03-14T01:17:35+05:30", "9999-12-31 23:59", "9992-12-31 23:59",
	} {
		f.Add(s)
	}
	p := parser(f)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := p.When(s)
		if err != nil {
			return
		}
		if got.Location() != time.UTC || got.Nanosecond()%1e6 != 0 {
			t.Errorf("When(%q) = %v, want UTC in milliseconds", s, got)
		}
		again, err := p.When(got.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(got) {
			t.Errorf("When(%q) = %v; read again: %v, %v", s, got, again, err)
		}
	})
}
