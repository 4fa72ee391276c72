package kvsemu

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/internal/film"
)

// check says what of the camera makes no sense, but for its film and file.
func (c Camera) check() error {
	for _, d := range []struct {
		what string
		is   time.Duration
	}{
		{"gop", c.GOP}, {"ago", c.Ago}, {"for", c.For}, {"jitter", c.Jitter}, {"server-jitter", c.ServerJitter},
	} {
		if d.is < 0 {
			return fmt.Errorf("%s: expected 0 or more, got %v", d.what, d.is)
		}
	}
	switch {
	case c.FPS != 0 && !(c.FPS >= 0.05 && c.FPS <= 240):
		return fmt.Errorf("fps: expected 0.05 to 240, got %v", c.FPS)
	case c.GOP > 20*time.Second:
		return fmt.Errorf("gop: expected up to 20s, the longest fragment, got %v", c.GOP)
	case c.Rate < 0:
		return fmt.Errorf("rate: expected 0 or more bits a second, got %d", c.Rate)
	case c.Retention > 0 && c.Retention%time.Hour != 0:
		return fmt.Errorf("retention: expected whole hours, got %v", c.Retention)
	case c.KMS != "" && c.KMS != "denied":
		return fmt.Errorf("kms: expected denied, got %q", c.KMS)
	}
	return cmp.Or(c.checkFile(), c.checkPictures(), c.checkSpans(), c.checkTags(), c.checkSessions(), c.checkLate())
}

// checkFile refuses what a file that is replayed cannot have.
func (c Camera) checkFile() error {
	switch {
	case c.File == "":
		return nil
	case len(c.Replays) > 0:
		return fmt.Errorf("replay: a replayed file cannot be cut at other places")
	case c.films():
		return fmt.Errorf("file: a replayed file comes with its own pictures and sound")
	}
	return nil
}

// films says whether anything is set that only synthetic pictures have.
func (c Camera) films() bool {
	return c.FPS != 0 || c.GOP != 0 || c.BFrames != 0 || c.Sound != "" || c.Pictures != "" || c.Width != 0 || c.Height != 0 ||
		c.Rate != 0 || c.Jitter != 0 || c.Irregular || len(c.Changes) > 0
}

// checkPictures refuses a camera that records nothing.
func (c Camera) checkPictures() error {
	switch c.Pictures {
	case "":
		return nil
	case "none":
	default:
		return fmt.Errorf("pictures: expected none, got %q", c.Pictures)
	}
	for _, s := range c.specs() {
		if s.Sound == film.None {
			return fmt.Errorf("pictures: without pictures there must be sound all the time")
		}
	}
	return nil
}

// checkTags looks at what PutMedia would refuse.
func (c Camera) checkTags() error {
	if len(c.Tags) > maxTags {
		return fmt.Errorf("tag: expected up to %d, got %d", maxTags, len(c.Tags))
	}
	for _, t := range c.Tags {
		switch {
		case t.Name == "" || len(t.Name) > maxTagName || len(t.Value) > maxTagValue:
			return fmt.Errorf("tag: expected a name of 1 to %d bytes and a value of up to %d, got %q and %q", maxTagName, maxTagValue, t.Name, t.Value)
		case strings.HasPrefix(t.Name, "AWS"):
			return fmt.Errorf("tag: names that begin with AWS are the service's own, got %q", t.Name)
		case t.After < 0 || t.Length < 0 || t.Length == 0 && t.After > 0:
			return fmt.Errorf("tag: expected a length above 0 after 0 or more, got %v+%v", t.After, t.Length)
		}
	}
	return nil
}

// checkSpans looks at what befalls a stretch of the recording.
func (c Camera) checkSpans() error {
	for _, g := range c.Gaps {
		if g.After < 0 || g.Length <= 0 {
			return fmt.Errorf("gap: expected a length above 0 after 0 or more, got %v+%v", g.After, g.Length)
		}
	}
	for _, a := range c.Again {
		if a.After < 0 || a.Length <= 0 || a.Length > time.Hour {
			return fmt.Errorf("again: expected up to 1h after 0 or more, got %v+%v", a.After, a.Length)
		}
	}
	for _, s := range c.Lost {
		if s.After < 0 || s.Length <= 0 {
			return fmt.Errorf("lost: expected a length above 0 after 0 or more, got %v+%v", s.After, s.Length)
		}
	}
	return nil
}

// checkSessions looks at what begins a session.
func (c Camera) checkSessions() error {
	for _, ch := range c.Changes {
		if ch.After <= 0 {
			return fmt.Errorf("change: expected after more than 0, got %v", ch.After)
		}
	}
	for _, p := range c.Replays {
		if p.After <= 0 || p.Length <= 0 || p.Length > time.Hour {
			return fmt.Errorf("replay: expected up to 1h after more than 0, got %v+%v", p.After, p.Length)
		}
	}
	for _, s := range c.ClockSteps {
		if s.After <= 0 || s.By == 0 {
			return fmt.Errorf("clock: expected a step other than 0 after more than 0, got %v%+v", s.After, s.By)
		}
	}
	return nil
}

// checkLate looks at the absences of the network: their backlogs must not meet.
func (c Camera) checkLate() error {
	over := time.Duration(0)
	for _, l := range c.lates() {
		switch {
		case l.After < 0 || l.Length <= 0:
			return fmt.Errorf("late: expected a length above 0 after 0 or more, got %v+%v", l.After, l.Length)
		case !(l.Speed >= 1.1 && l.Speed <= 1000):
			return fmt.Errorf("late: expected a speed from 1.1 to 1000, got %g", l.Speed)
		case l.After < over:
			return fmt.Errorf("late: expected the backlog of the one before to be gone, which takes until %v, got %v", over, l.After)
		}
		over = time.Duration(l.away().over()) * time.Millisecond
	}
	return nil
}

// since1970 refuses a camera whose clock shows a time before 1970, where sound has no blocks.
func (c Camera) since1970(from time.Time) error {
	at := from.Add(c.ClockOffset)
	for _, s := range append([]ClockStep{{}}, c.steps()...) {
		at = at.Add(s.By)
		if shows := at.Add(s.After); shows.Before(time.Unix(0, 0)) {
			return fmt.Errorf("expected 1970 or later on the producer's clock, got %v", shows.UTC())
		}
	}
	return nil
}
