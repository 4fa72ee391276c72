package kvs

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secrets are what must not get into a text: signatures, session tokens, key ids, URL passwords.
var secrets = regexp.MustCompile(`(?i)(x-amz-(?:security-token|signature|credential)|sessiontoken|authorization|signature|secretaccesskey)["']?\s*[:=]\s*\S+(?:\s+(?:credential|signedheaders|signature)=\S+)*` +
	`|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|://[^/\s@]+@`)

// maxText is the longest text that is taken from outside, in bytes.
const maxText = 600

// clean makes a text from outside one line without secrets and without anything a terminal obeys:
// control characters, escapes, marks that turn the direction of writing. A refused signature comes
// with the whole request that should have been signed, session token included: that is cut off.
func clean(s string) string {
	for _, mark := range []string{"The Canonical String", "The String-to-Sign"} {
		s, _, _ = strings.Cut(s, mark)
	}
	s = strings.ToValidUTF8(cut(s, 8*maxText), "?") // more than is kept, so that no secret is cut in two and stays
	s = secrets.ReplaceAllString(s, "[hidden]")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if len(s) > maxText {
		s = cut(s, maxText) + "..."
	}
	return s
}

// cut returns at most the first n bytes of s, in whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Marks of the service as they may get into texts, files and policies; what is none becomes "".
var (
	idPattern      = regexp.MustCompile(`^[a-zA-Z0-9_=+/.:-]{1,128}$`)
	codePattern    = regexp.MustCompile(`^[a-zA-Z0-9_.]{1,100}$`)
	statusPattern  = regexp.MustCompile(`^[a-zA-Z_]{1,40}$`)
	keyPattern     = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	callerPattern  = regexp.MustCompile(`^arn:[a-z0-9-]+:(?:iam|sts)::[0-9]+:[a-zA-Z0-9+=,.@/_-]+$`)
)

// maxMark is the longest mark, in bytes: that of a key.
const maxMark = 2048

// mark returns s if it has the form of pattern, else "".
func mark(pattern *regexp.Regexp, s string) string {
	if len(s) <= maxMark && pattern.MatchString(s) {
		return s
	}
	return ""
}
