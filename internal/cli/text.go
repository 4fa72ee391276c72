package cli

import (
	"fmt"
	"strings"
	"time"
)

// bytesText writes a size for people, in powers of 1000 as the service counts.
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 999.95 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.1f TB", f/1000)
}

// lengthText writes a length of time so that --for takes it back: 8m21.4s, 3m, 1d2h.
func lengthText(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	d = d.Round(100 * time.Millisecond)
	days := d / (24 * time.Hour)
	d -= days * 24 * time.Hour
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	if days == 0 {
		return text
	}
	return fmt.Sprintf("%dd%s", days, strings.TrimSuffix(text, "0s"))
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// wallTime writes an instant as the clocks of the zone show it, with milliseconds where it has any.
func wallTime(t time.Time, zone *time.Location) string {
	if t.Truncate(time.Second).Equal(t.Truncate(time.Millisecond)) {
		return t.In(zone).Format("2006-01-02 15:04:05 MST")
	}
	return t.In(zone).Format("2006-01-02 15:04:05.000 MST")
}

// countText writes "1 piece" or "2 pieces".
func countText(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// dollarsText writes a price range with as many digits as its low end has something to say.
func dollarsText(usd [2]float64) string {
	digits := 2
	for limit := 0.1; digits < 6 && usd[0] < limit; limit /= 10 {
		digits++
	}
	return fmt.Sprintf("$%.*f to $%.*f", digits, usd[0], digits, usd[1])
}
