// Package footage tells what lies beside the pictures of a finished clip: when each was taken, what the
// camera said of it, which one was shown at an instant. It opens no files and decodes nothing.
package footage

import "time"

// wallForm is RFC 3339 with milliseconds: how precisely the service tells times.
const wallForm = "2006-01-02T15:04:05.000Z07:00"

// told returns a time in UTC by wallForm, or "" if it is not known.
func told(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(wallForm)
}
