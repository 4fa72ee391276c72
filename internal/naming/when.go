package naming

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// utcForm is how times are told without a form: ISO 8601, basic, which no system refuses in a name.
const utcForm = "20060102T150405Z"

// verbs are the letters of strftime that are taken, with Go's form for those that have one.
var verbs = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002",
	'b': "Jan", 'z': "-0700", 'Z': "MST", 'L': "", 's': "", '%': "",
}

// checkForm says what of a form of time cannot be told.
func checkForm(form string) error {
	if form == "" {
		return errors.New("a form of time is missing behind the colon, such as {from:%Y-%m-%d}")
	}
	for i := 0; i < len(form); i++ {
		switch {
		case separator(form[i]) || form[i] == '\\':
			return errors.New("a form of time has no folders in it; write {from:%Y}/{from:%m}")
		case form[i] != '%':
			continue
		case i+1 == len(form):
			return fmt.Errorf("a %% at the end of a form of time; it is made of %s", Verbs)
		}
		i++
		if _, ok := verbs[form[i]]; !ok {
			return fmt.Errorf("%q: a form of time is made of %s", form[i-1:i+1], Verbs)
		}
	}
	return nil
}

// tell writes t by a form that checkForm has passed.
func tell(t time.Time, form string, zone *time.Location) string {
	if form == "" {
		return t.UTC().Format(utcForm)
	}
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	var b strings.Builder
	for i := 0; i < len(form); i++ {
		if form[i] != '%' {
			b.WriteByte(form[i])
			continue
		}
		i++
		b.WriteString(verb(t, form[i]))
	}
	return b.String()
}

// verb writes what one letter stands for.
func verb(t time.Time, c byte) string {
	switch c {
	case '%':
		return "%"
	case 'L':
		return fmt.Sprintf("%03d", t.Nanosecond()/int(time.Millisecond))
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	}
	return t.Format(verbs[c])
}
