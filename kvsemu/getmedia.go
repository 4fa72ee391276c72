package kvsemu

import (
	"cmp"
	"time"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// What GetMedia allows and waits for (limits, API_dataplane_GetMedia).
const (
	mediaConnections = 3 // at once, for a stream
	mediaWait        = 3 * time.Second
	mediaLength      = 45 * time.Minute
)

// startSelector is StartSelector.
type startSelector struct {
	StartSelectorType   string
	AfterFragmentNumber string
	StartTimestamp      stamp
	ContinuationToken   string
}

func (c *call) getMedia() (any, error) {
	var in struct {
		which
		StartSelector *startSelector
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.aboutActive(in.which); err != nil {
		return nil, err
	}
	if err := in.StartSelector.check(); err != nil {
		return nil, err
	}
	leave, err := c.stream.enter("GetMedia", mediaConnections)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := c.beginMedia(); err != nil {
		return nil, err
	}
	if c.stream.sealed {
		return nil, c.sendFailure(mkv.InBand{Code: "KMS_KEY_ACCESS_DENIED", ID: 4500})
	}
	first, ok := c.from(*in.StartSelector)
	if !ok {
		return nil, c.sendFailure(mkv.InBand{Code: "FRAGMENT_NOT_FOUND", ID: 4000})
	}
	return nil, c.follow(first)
}

// check refuses a selector that makes no sense.
func (s *startSelector) check() error {
	if s == nil {
		return constraint("null", "startSelector", "not be null")
	}
	missing := ""
	switch s.StartSelectorType {
	case "NOW", "EARLIEST":
	case "FRAGMENT_NUMBER":
		missing = missingNumber(s.AfterFragmentNumber, "afterFragmentNumber")
	case "CONTINUATION_TOKEN":
		missing = missingNumber(s.ContinuationToken, "continuationToken")
	case "PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP":
		if !s.StartTimestamp.set {
			missing = "startTimestamp"
		}
	default:
		return constraint(s.StartSelectorType, "startSelector.startSelectorType",
			"satisfy enum value set: [FRAGMENT_NUMBER, SERVER_TIMESTAMP, PRODUCER_TIMESTAMP, NOW, EARLIEST, CONTINUATION_TOKEN]")
	}
	if missing != "" {
		return invalid("StartSelector: %s is missing or invalid for %s.", missing, s.StartSelectorType)
	}
	return nil
}

// missingNumber returns member unless text has the form of a fragment number.
func missingNumber(text, member string) string {
	if len(text) < 1 || len(text) > 128 {
		return member
	}
	for _, r := range text {
		if r < '0' || r > '9' {
			return member
		}
	}
	return ""
}

// readable returns what can be read of the stream now. A stream without retention has a buffer.
func (c *call) readable() span {
	now := c.s.now()
	c.stream.mu.Lock()
	since := now.Add(-time.Duration(c.stream.retention) * time.Hour)
	if c.stream.retention == 0 {
		since = now.Add(-bufferTime)
	}
	if c.stream.forgotten.After(since) {
		since = c.stream.forgotten
	}
	c.stream.mu.Unlock()
	return c.stream.footage.held(now.UnixMilli(), since.UnixMilli())
}

// from returns the upload that s says to begin with, which may not have come yet; false if it names a
// fragment that there is not.
func (c *call) from(s startSelector) (int64, bool) {
	held := c.readable()
	switch s.StartSelectorType {
	case "EARLIEST":
		return held.lo, true
	case "NOW":
		return max(held.lo, held.hi-1), true
	case "FRAGMENT_NUMBER":
		return c.behind(held, s.AfterFragmentNumber)
	case "CONTINUATION_TOKEN":
		return c.behind(held, s.ContinuationToken)
	}
	return c.at(held, s.StartSelectorType == "PRODUCER_TIMESTAMP", s.StartTimestamp.ms), true
}

// behind returns the upload behind the one of a number, or false if there is none of it.
func (c *call) behind(held span, number string) (int64, bool) {
	u, ok := c.stream.footage.numbered(number)
	return max(u+1, held.lo), ok && u < held.hi
}

// at returns the first upload that goes on to a time or begins behind it.
func (c *call) at(held span, producer bool, ms int64) int64 {
	longest := maxFragmentLength.Milliseconds()
	for _, s := range c.stream.footage.pick(held, producer, ms-longest, endless) {
		for u := s.lo; u < s.hi; u++ {
			f := c.stream.footage.fragment(u)
			begins := f.Server
			if producer {
				begins = f.Producer
			}
			if begins.Add(f.Length).UnixMilli() >= ms {
				return u
			}
		}
	}
	return held.hi
}

// follow sends upload u and what comes after it, until nothing comes any more.
func (c *call) follow(u int64) error {
	for began := c.s.now(); c.s.now().Sub(began) < mediaLength; {
		held := c.readable()
		if u = max(u, held.lo); u >= held.hi {
			if more, err := c.await(u); !more || err != nil {
				return err
			}
			continue
		}
		f := c.stream.footage.fragment(u)
		u++
		if f.Lost {
			continue
		}
		behind := max(0, c.s.now().Sub(f.Server))
		if err := c.sendFragment(u-1, f, mkv.AppendMediaTags(nil, behind, f.Number)); err != nil {
			return err
		}
		if err := c.w.flush(); err != nil {
			return err
		}
		c.log.Fragments++
	}
	return nil
}

// await waits for upload u, as long as it is on its way, or for a while; false means nothing came.
func (c *call) await(u int64) (bool, error) {
	for deadline := time.Now().Add(cmp.Or(c.s.MediaWait, mediaWait)); ; {
		begins, complete, changed := c.stream.footage.coming(u)
		now, d := c.s.now().UnixMilli(), time.Until(deadline)
		under := begins <= now
		switch {
		case complete <= now:
			return true, nil
		case under && complete == endless: // its end will be told
			d = idleTime
		case under:
			d = time.Duration(complete-now) * time.Millisecond
		case d <= 0:
			return false, nil
		case begins < endless:
			d = min(d, time.Duration(begins-now)*time.Millisecond)
		}
		if came, err := c.waitFor(d, changed); came || err != nil {
			return came, err
		}
		if under && complete < endless && c.s.now().UnixMilli() == now {
			return false, nil // the service's clock stands still
		}
	}
}

// waitFor waits for d, or until changed is closed, which it reports.
func (c *call) waitFor(d time.Duration, changed <-chan struct{}) (bool, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return false, nil
	case <-changed:
		return true, nil
	case <-c.r.Context().Done():
		return false, c.r.Context().Err()
	}
}

// sendFailure tells of an error inside the answer, and that ends it.
func (c *call) sendFailure(e mkv.InBand) error {
	c.log.Code = e.Code
	return c.sendParts(mkv.AppendErrorTags(mkv.AppendHeader(nil, scale, nil), e, false))
}
