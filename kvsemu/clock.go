package kvsemu

import "time"

// amzDate is the form of X-Amz-Date (Signature Version 4), and signatureAge is how far such a time
// may be from the service's clock.
const (
	amzDate      = "20060102T150405Z"
	signatureAge = 5 * time.Minute
)

// clock is the service's clock as its headers tell it, which is not that of recordings.
func (s *Server) clock() time.Time { return time.Now().Add(s.ClockSkew).UTC() }

// fresh refuses a signature that is too old, or from too far ahead. Texts are those of the
// service's front end.
func (c *call) fresh() error {
	text := c.r.Header.Get("X-Amz-Date")
	if text == "" {
		return nil // signed with Date, or not really
	}
	signed, err := time.Parse(amzDate, text)
	if err != nil {
		return refuse("IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", text)
	}
	now := c.s.clock().Truncate(time.Second)
	oldest, newest := now.Add(-signatureAge), now.Add(signatureAge)
	switch {
	case signed.Before(oldest):
		return refuse("InvalidSignatureException", "Signature expired: %s is now earlier than %s (%s - 5 min.)", text, oldest.Format(amzDate), now.Format(amzDate))
	case signed.After(newest):
		return refuse("InvalidSignatureException", "Signature not yet current: %s is still later than %s (%s + 5 min.)", text, newest.Format(amzDate), now.Format(amzDate))
	}
	return nil
}
