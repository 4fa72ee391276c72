package kvsemu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// Limits of PutMedia (kinesisvideostreams/latest/dg/limits). Megabytes are taken for millions of bytes.
const (
	maxFragmentBytes  = 50_000_000
	spooledBytes      = maxFragmentBytes + 5<<20 // with a header, and what is read ahead
	maxFragmentLength = 20 * time.Second
	maxConnection     = 45 * time.Minute
	maxTracks         = 3
	maxTags           = 10
	maxTagName        = 128 // bytes
	maxTagValue       = 256 // bytes
)

// lastProducer is the last producer time that is taken: the end of the year 9999, in milliseconds.
const lastProducer = 253_402_300_799_999

// ingest reads what a producer sends, fragment by fragment. It runs in one goroutine.
type ingest struct {
	call     *call
	up       *uploads
	body     *spool
	relative bool
	start    int64 // producer time where relative timecodes count from, in milliseconds
	began    time.Time
	ack      func(ack) // hands on an acknowledgement

	session *session
	header  *mkv.Header
	present *upload          // begun, not complete
	code    int64            // timecode of the present one in milliseconds
	before  int64            // timecode of the fragment before, in ticks
	last    map[uint64]int64 // last time of each track so far, in ticks
	err     error            // what Begun found
}

// run reads to the end of the body. What was complete before an error is kept.
func (g *ingest) run() error {
	d := mkv.NewDecoder(g.body, mkv.Options{Begun: func(h *mkv.Header, timecode int64) {
		if g.err == nil {
			g.err = g.begin(h, timecode)
			g.body.stop(g.err)
		}
	}})
	defer g.up.end()
	for {
		f, err := d.Next()
		switch {
		case g.err != nil:
			return g.err
		case err == io.EOF: //nolint:errorlint // as io.Reader's: never wrapped
			return nil
		case err != nil:
			return g.why(err)
		}
		if err := g.complete(f); err != nil {
			return err
		}
	}
}

// why says what an error of reading means to the producer.
func (g *ingest) why(err error) error {
	var told *ackError
	switch {
	case errors.As(err, &told) || errors.Is(err, errCut):
		return err
	case errors.Is(err, mkv.ErrMalformed) || errors.Is(err, mkv.ErrTruncated) || errors.Is(err, mkv.ErrUnsupported):
		return fmt.Errorf("%w: %w", ackInvalid, err)
	}
	return err
}

// begin takes note that a fragment has begun to arrive.
func (g *ingest) begin(h *mkv.Header, timecode int64) error {
	now := g.call.s.now()
	switch {
	case g.header == nil:
		if err := g.open(h); err != nil {
			return err
		}
	case g.header != h:
		return ackInvalid // a second document
	}
	if now.Sub(g.began) > maxConnection {
		return ackConnection
	}
	u := g.up.begin(g.session, now)
	g.present, g.code = &u, ticks(timecode, h.Scale)
	g.tell("BUFFERING")
	return nil
}

// open begins the session.
func (g *ingest) open(h *mkv.Header) error {
	if len(h.Tracks) > maxTracks {
		return ackTracks
	}
	head, err := unsized(h.Raw)
	if err != nil {
		return err
	}
	if g.session, err = g.up.open(head); err != nil {
		return fmt.Errorf("%w: %w", ackArchival, err)
	}
	g.header, g.session.header, g.last = h, h, map[uint64]int64{}
	return nil
}

// ticks turns ticks of so many nanoseconds into milliseconds, rounded down.
func ticks(n, nanoseconds int64) int64 {
	if nanoseconds%scale == 0 {
		return n * (nanoseconds / scale)
	}
	whole, rest := n/scale, n%scale
	return whole*nanoseconds + floorDiv(rest*nanoseconds, scale)
}

// complete takes a fragment that has come.
func (g *ingest) complete(f *mkv.Fragment) error {
	came, err := g.body.cut(f.ClusterFrom, f.To)
	if err != nil {
		return err
	}
	if g.present == nil { // tags of the service's own, instead of a cluster
		return ackInvalid
	}
	if err := g.check(f, came); err != nil {
		return err
	}
	g.tell("RECEIVED")
	return g.keep(f, came.of)
}

// keep stores the fragment.
func (g *ingest) keep(f *mkv.Fragment, cluster []byte) error {
	c := g.call
	if _, err := c.s.find(which{StreamARN: &c.stream.arn}); err != nil {
		return ackNotActive
	}
	retention, most := c.forget(g.up)
	u := *g.present
	u.Producer, u.Length, u.Pictures = g.producer(f), g.length(f), g.pictures(f)
	if _, err := g.up.add(u, cluster, c.s.now(), most); err != nil {
		return fmt.Errorf("%w: %w", ackArchival, err)
	}
	if retention > 0 {
		g.tell("PERSISTED")
	}
	g.present = nil
	return nil
}

// producer returns the producer time of a fragment.
func (g *ingest) producer(f *mkv.Fragment) int64 {
	at := ticks(f.Timecode, f.Header.Scale)
	if g.relative {
		at += g.start
	}
	return at
}

// length returns how long after the first frame the last one is, in milliseconds.
func (g *ingest) length(f *mkv.Fragment) int64 {
	lo, hi := f.Blocks[0].Time, f.Blocks[0].Time
	for _, b := range f.Blocks {
		lo, hi = min(lo, b.Time), max(hi, b.Time)
	}
	return ticks(hi-lo, f.Header.Scale)
}

// pictures counts the frames of tracks of video.
func (g *ingest) pictures(f *mkv.Fragment) int {
	n := 0
	for _, b := range f.Blocks {
		if t := track(f.Header, b.Track); t != nil && t.Type == mkv.TypeVideo {
			n++
		}
	}
	return n
}

func track(h *mkv.Header, number uint64) *mkv.Track {
	for i := range h.Tracks {
		if h.Tracks[i].Number == number {
			return &h.Tracks[i]
		}
	}
	return nil
}

// check refuses what a fragment may not be.
func (g *ingest) check(f *mkv.Fragment, came spooled) error {
	if len(came.of) > maxFragmentBytes {
		return ackSize
	}
	if len(g.last) > 0 { // not the first
		if bytes.HasPrefix(came.before, ebmlID) || bytes.HasPrefix(came.before, segmentID) {
			return ackInvalid // a second document
		}
		if f.Timecode <= g.before {
			return ackOrder
		}
	}
	g.before = f.Timecode
	if at := g.producer(f); at < 0 || at > lastProducer {
		return ackTimestamp
	}
	for _, check := range []func(*mkv.Fragment) error{g.checkFrames, g.checkTags} {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

// checkFrames looks at tracks and times. The first frame of each track comes after the last one of
// the fragment before.
func (g *ingest) checkFrames(f *mkv.Fragment) error {
	seen := map[uint64]int64{}
	for _, b := range f.Blocks {
		at := f.Timecode + b.Time
		if track(f.Header, b.Track) == nil {
			return ackTrackNumber
		}
		latest, ok := seen[b.Track]
		if last, known := g.last[b.Track]; known && !ok && at <= last {
			return ackOrder
		}
		if !ok || at > latest {
			seen[b.Track] = at
		}
	}
	if len(seen) < len(f.Header.Tracks) {
		return ackMissing
	}
	if time.Duration(g.length(f))*time.Millisecond > maxFragmentLength {
		return ackDuration
	}
	g.last = seen
	return nil
}

// checkTags looks at the producer's tags.
func (g *ingest) checkTags(f *mkv.Fragment) error {
	if f.Number != "" || !f.Server.IsZero() || !f.Producer.IsZero() || f.Continuation != "" || f.Behind != 0 || f.Err != nil {
		return ackTagName // tags only the service may write
	}
	for _, t := range f.Tags {
		if strings.HasPrefix(t.Name, "AWS") {
			return ackTagName
		}
		if len(t.Name) > maxTagName || len(t.Value) > maxTagValue {
			return ackMetadata
		}
	}
	if len(f.Tags) > maxTags {
		return ackMetadata
	}
	return nil
}

// tell acknowledges the present fragment.
func (g *ingest) tell(event string) {
	g.ack(g.about(event))
}

// about returns an acknowledgement of the present fragment; -1 and no number if there is none.
func (g *ingest) about(event string) ack {
	code, number := int64(-1), ""
	if g.present != nil {
		code, number = g.code, g.present.Number
	}
	return ack{EventType: event, FragmentTimecode: &code, FragmentNumber: &number}
}

// IDs of Matroska elements (RFC 9559, 5; RFC 8794, 11.2.1).
var (
	ebmlID    = []byte{0x1a, 0x45, 0xdf, 0xa3}
	segmentID = []byte{0x18, 0x53, 0x80, 0x67}
)

// unsized returns what comes before the first cluster with a segment of unknown size: as the service
// gives it back with each fragment.
func unsized(head []byte) ([]byte, error) {
	at, err := behindElement(head)
	if err != nil || !bytes.HasPrefix(head[at:], segmentID) {
		return nil, ackInvalid
	}
	at += len(segmentID)
	if at >= len(head) || head[at] == 0 {
		return nil, ackInvalid
	}
	width := sizeWidth(head[at])
	if at+width > len(head) {
		return nil, ackInvalid
	}
	return slices.Concat(head[:at], []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, head[at+width:]), nil
}

// sizeWidth returns how many bytes a size takes that begins with b, which is not 0 (RFC 8794, 4).
func sizeWidth(b byte) int {
	n := 1
	for ; b < 0x80; b <<= 1 {
		n++
	}
	return n
}

// behindElement returns where the element of 4 bytes ID at the beginning of b ends.
func behindElement(b []byte) (int, error) {
	if !bytes.HasPrefix(b, ebmlID) || len(b) < 5 || b[4] == 0 {
		return 0, ackInvalid
	}
	width := sizeWidth(b[4])
	if len(b) < 4+width {
		return 0, ackInvalid
	}
	var size [8]byte
	copy(size[8-width:], b[4:4+width])
	n := binary.BigEndian.Uint64(size[:]) &^ (1 << (7 * width))
	if n > uint64(len(b)-4-width) {
		return 0, ackInvalid
	}
	return 4 + width + int(n), nil
}
