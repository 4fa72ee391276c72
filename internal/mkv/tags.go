package mkv

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// servicePrefix begins the names of the service's own tags. Producers may not use it (API_PutMedia).
const servicePrefix = "AWS_KINESISVIDEO_"

// maxTags is how many bytes of tags one fragment may have. The service takes 10 tags of 128 and 256
// characters from a producer.
const maxTags = 1 << 20

// maxTagDepth is how deep tags may lie in tags.
const maxTagDepth = 8

// told is what one Tags element says.
type told struct {
	own     []Tag // the producer's
	service bool  // the service says something, too

	number           string
	server, producer time.Time
	behind           time.Duration
	continuation     string
	err              *InBand
}

// parseTags reads the contents of a Tags element (RFC 9559, 5.1.8). What a tag is a tag of plays no part.
func parseTags(b []byte) (*told, error) {
	t := &told{}
	err := children(b, func(id uint32, data []byte) error {
		if id != idTag {
			return nil
		}
		return children(data, func(id uint32, data []byte) error {
			if id != idSimpleTag {
				return nil
			}
			return t.simple(data, maxTagDepth)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	if t.err != nil {
		t.err.Number = t.number
	}
	return t, nil
}

// simple reads a SimpleTag and the ones in it. One without a string is left out.
func (t *told) simple(b []byte, depth int) error {
	if depth == 0 {
		return fmt.Errorf("tags in tags, more than %d deep: %w", maxTagDepth, ErrUnsupported)
	}
	var tag Tag
	found := false
	var inner [][]byte
	err := children(b, func(id uint32, data []byte) error {
		switch id {
		case idTagName:
			tag.Name = text(data)
		case idTagString:
			tag.Value, found = text(data), true
		case idSimpleTag:
			inner = append(inner, data)
		}
		return nil
	})
	if err == nil && found {
		err = t.take(tag)
	}
	for _, data := range inner {
		if err == nil {
			err = t.simple(data, depth-1)
		}
	}
	return err
}

// take sorts a tag in. The service's names differ between its documentation and its answers
// (API_reader_GetMediaForFragmentList, API_dataplane_GetMedia); both are known.
func (t *told) take(tag Tag) (err error) {
	name, service := strings.CutPrefix(tag.Name, servicePrefix)
	if !service {
		t.own = append(t.own, tag)
		return nil
	}
	switch name {
	case "FRAGMENT_NUMBER":
		t.number = tag.Value
	case "SERVER_TIMESTAMP", "SERVER_SIDE_TIMESTAMP":
		t.server, err = parseStamp(tag.Value)
	case "PRODUCER_TIMESTAMP", "PRODUCER_SIDE_TIMESTAMP":
		t.producer, err = parseStamp(tag.Value)
	case "MILLIS_BEHIND_NOW":
		t.behind, err = parseMillis(tag.Value)
	case "CONTINUATION_TOKEN":
		t.continuation = tag.Value
	case "ERROR_CODE", "EXCEPTION_ERROR_CODE":
		t.failure().Code = tag.Value
		if id, ok := digits(tag.Value); ok && t.err.ID == 0 {
			t.err.ID = id
		}
	case "ERROR_ID":
		t.failure().ID, _ = digits(tag.Value)
	case "EXCEPTION_MESSAGE", "ERROR_MESSAGE":
		t.failure().Message = tag.Value
	default: // not known to be the service's: a producer that should not have used the prefix
		t.own = append(t.own, tag)
		return nil
	}
	t.service = true
	if err != nil {
		return fmt.Errorf("%s: %w", tag.Name, err)
	}
	return nil
}

func (t *told) failure() *InBand {
	if t.err == nil {
		t.err = &InBand{}
	}
	return t.err
}

// digits reads an error's number; the service's have four digits.
func digits(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// parseMillis reads a count of milliseconds.
func parseMillis(s string) (time.Duration, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(1<<63-1)/int64(time.Millisecond) || n < -int64(1<<62)/int64(time.Millisecond) {
		return 0, fmt.Errorf("%q is no count of milliseconds: %w", s, ErrMalformed)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// lastSecond is the end of the year 9999, the last one that dates are written in.
const lastSecond = 253402300799

// parseStamp reads seconds since 1970 with a decimal fraction, such as "1511852109.126". No
// floating-point number holds that to the millisecond with certainty, so digits are counted.
func parseStamp(s string) (time.Time, error) {
	whole, part, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || seconds > lastSecond {
		return time.Time{}, fmt.Errorf("%q are no seconds since 1970: %w", s, ErrMalformed)
	}
	if strings.Trim(part, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%q are no seconds since 1970: %w", s, ErrMalformed)
	}
	nanos, _ := strconv.Atoi((part + "000000000")[:9])
	return time.Unix(int64(seconds), int64(nanos)).UTC(), nil
}

// keep takes over into f what tags say.
func (f *Fragment) keep(t *told) {
	f.Tags = append(f.Tags, t.own...)
	if t.number != "" {
		f.Number = t.number
	}
	if !t.server.IsZero() {
		f.Server = t.server
	}
	if !t.producer.IsZero() {
		f.Producer = t.producer
	}
	if t.behind != 0 {
		f.Behind = t.behind
	}
	if t.continuation != "" {
		f.Continuation = t.continuation
	}
}
