// Package timerange reads what people type for a range of time. It never asks the machine for
// the time or the zone: both are given to it.
package timerange

import (
	"errors"
	"fmt"
	"time"

	"github.com/kvsclip/kvsclip/archive"
)

// Forms lists what [Parser.When] takes, for messages and help.
const Forms = "2026-03-14T01:17:35-07:00, 2026-03-14 01:17, 2026-03-14, 1773476255, now, -2h30m, 2h ago, yesterday 14:00"

// Parser reads instants and ranges. Both fields are needed.
type Parser struct {
	Now  time.Time      // what now, today and ago are counted from
	Zone *time.Location // where a time without a zone is read
}

// Range reads both ends of a range, or one end and its length; exactly two of the three are
// given, "" stands for the third. It refuses a range that is empty or reversed.
//
// A range on the server clock begins in the past, since nothing else can be there. On the
// producer clock it need not: cameras run ahead. The end may lie in the future on either.
func (p Parser) Range(from, to, length string, c archive.Clock) (archive.Range, error) {
	r, err := p.ends(from, to, length)
	if err != nil {
		return archive.Range{}, err
	}
	switch {
	case r.From.Equal(r.To):
		return archive.Range{}, fmt.Errorf("the range is empty: it begins and ends at %s", p.show(r.From))
	case r.From.After(r.To):
		return archive.Range{}, fmt.Errorf("the range is reversed: it begins at %s and ends before that, at %s", p.show(r.From), p.show(r.To))
	case c == archive.Server && !r.From.Before(p.Now.Truncate(time.Millisecond)):
		return archive.Range{}, fmt.Errorf("the range is yet to come: it begins at %s, and now is %s", p.show(r.From), p.show(p.Now))
	}
	r.Clock = c
	return r, nil
}

func (p Parser) ends(from, to, length string) (archive.Range, error) {
	if err := twoOf(from, to, length); err != nil {
		return archive.Range{}, err
	}
	var d time.Duration
	var r archive.Range
	var err error
	if length != "" {
		if d, err = Length(length); err != nil {
			return r, fmt.Errorf("--for: %w", err)
		}
	}
	if from != "" {
		if r.From, err = p.When(from); err != nil {
			return r, fmt.Errorf("--from: %w", err)
		}
		r.To = r.From.Add(d)
	}
	if to != "" {
		if r.To, err = p.When(to); err != nil {
			return r, fmt.Errorf("--to: %w", err)
		}
		if from == "" {
			r.From = r.To.Add(-d)
		}
	}
	return r, nil
}

// twoOf checks that a range is given by two of its three parts.
func twoOf(from, to, length string) error {
	switch {
	case from != "" && to != "" && length != "":
		return errors.New("give two of --from, --to and --for, not all three")
	case from != "" && to == "" && length == "":
		return errors.New("the range has a begin but no end: give --to or --for")
	case from == "" && (to == "" || length == ""):
		return errors.New("the range has no begin: give --from")
	}
	return nil
}

// show writes an instant so that a person recognises it and a program can read it.
func (p Parser) show(t time.Time) string { return t.In(p.Zone).Format("2006-01-02T15:04:05.999Z07:00") }
