package kvsemu

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// idleTime is how long PutMedia waits for data before it ends (API_dataplane_PutMedia).
const idleTime = 30 * time.Second

// lingering is how long the end of a refused or ended upload waits for the producer to notice.
const lingering = 200 * time.Millisecond

// stored is how many bytes of uploads are kept in memory where nothing else is said, and buffered
// and bufferTime what is kept of a stream without retention (API_CreateStream).
const (
	stored     = 1 << 30
	buffered   = 200_000_000
	bufferTime = 5 * time.Minute
)

// putMedia takes an upload. Its answer runs while the body comes.
func (c *call) putMedia() (any, error) {
	g, leave, err := c.producer()
	if err != nil {
		return nil, err
	}
	defer leave()
	if c.r.Header.Get("Expect") != "" {
		_, _ = c.r.Body.Read(nil) // asks the producer to go on; an error shows again
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusOK)
	if err := c.w.flush(); err != nil {
		return nil, err
	}
	return nil, c.acknowledge(g)
}

// duplex lets the answer begin before the body has ended.
func (c *call) duplex() error {
	c.w.Header().Set("Connection", "close")
	err := http.NewResponseController(c.w.ResponseWriter).EnableFullDuplex()
	if errors.Is(err, http.ErrNotSupported) {
		return refuse("MalformedHttpRequestException", "PutMedia needs HTTP/1.1.")
	}
	return err
}

// hangUp ends the connection of an upload soon: whatever its body still holds is not read.
func (c *call) hangUp() {
	_ = http.NewResponseController(c.w.ResponseWriter).SetReadDeadline(time.Now().Add(lingering)) // it ends anyway
}

// producer looks at who wants to upload what.
func (c *call) producer() (g *ingest, leave func(), err error) {
	if err := c.aboutActive(c.headerWhich()); err != nil {
		return nil, nil, err
	}
	g = &ingest{call: c, began: c.now, body: &spool{in: c.r.Body, most: spooledBytes}}
	g.body.touched.Store(time.Now().UnixNano())
	if err := g.timecodes(c.r.Header); err != nil {
		return nil, nil, err
	}
	up, ok := c.stream.footage.(*uploads)
	if !ok { // a camera sends all the time
		return nil, nil, refuse("ConnectionLimitExceededException", textConnections, "PutMedia", c.stream.name)
	}
	g.up = up
	leave, err = c.stream.enter("PutMedia", 1)
	return g, leave, err
}

// headerWhich returns the stream that the header names.
func (c *call) headerWhich() (w which) {
	for name, p := range map[string]**string{"X-Amzn-Stream-Name": &w.StreamName, "X-Amzn-Stream-Arn": &w.StreamARN} {
		if v := c.r.Header.Get(name); v != "" {
			*p = &v
		}
	}
	return w
}

// timecodes reads what the header says of times. A relative upload without a start counts from 1970.
func (g *ingest) timecodes(h http.Header) error {
	switch kind := h.Get("X-Amzn-Fragment-Timecode-Type"); kind {
	case "ABSOLUTE", "RELATIVE":
		g.relative = kind == "RELATIVE"
	default:
		return constraint(kind, "fragmentTimecodeType", "satisfy enum value set: [ABSOLUTE, RELATIVE]")
	}
	if text := h.Get("X-Amzn-Producer-Start-Timestamp"); text != "" {
		s, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(s) < 1e12) {
			return constraint(text, "producerStartTimestamp", "be seconds since 1970")
		}
		g.start = int64(math.Round(s * 1000))
	}
	return nil
}

// acknowledge answers while the upload runs, and ends with it.
func (c *call) acknowledge(g *ingest) error {
	acks, over := make(chan ack), make(chan error, 1)
	stop := make(chan struct{})
	g.ack = func(a ack) {
		select {
		case acks <- a:
		case <-stop:
		}
	}
	go func() { over <- g.run(); close(over) }()
	defer func() { // also where the answer is made to break off
		close(stop)
		c.hangUp()
		for range over {
		}
	}()
	return c.tellIdle(g, acks, over)
}

// tellIdle hands on what g acknowledges, tells of silence in between, and returns when g has ended.
func (c *call) tellIdle(g *ingest, acks <-chan ack, over <-chan error) error {
	idle := cmp.Or(c.s.Idle, idleTime)
	tick := time.NewTicker(max(idle/6, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case a := <-acks:
			if err := c.sendAck(a); err != nil {
				return err
			}
		case err := <-over:
			return c.sayWhy(g, err)
		case <-tick.C:
			silent := time.Since(time.Unix(0, g.body.touched.Load()))
			if silent >= idle {
				_ = http.NewResponseController(c.w.ResponseWriter).SetReadDeadline(time.Now()) // g ends by it
				continue
			}
			if silent < idle/6 {
				continue
			}
			if err := c.sendAck(ack{EventType: "IDLE"}); err != nil {
				return err
			}
		}
	}
}

// sayWhy tells the producer of the error that its upload ended with, which may be nil.
func (c *call) sayWhy(g *ingest, err error) error {
	if err == nil || errors.Is(err, errCut) {
		return nil
	}
	why := ackOf(err)
	c.log.Code = why.code
	a := g.about("ERROR")
	a.ErrorCode, a.ErrorId = why.code, why.id
	return c.sendAck(a)
}

// sendAck sends one line at once. A producer that wants no acknowledgements is told of errors only.
func (c *call) sendAck(a ack) error {
	if a.EventType == "PERSISTED" || a.EventType == "RECEIVED" && c.stream.hours() == 0 {
		c.log.Fragments++
	}
	if c.r.Header.Get("X-Amzn-Fragment-Acknowledgment-Required") == "0" && a.EventType != "ERROR" {
		return nil
	}
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing an acknowledgement: %w", err)
	}
	if _, err := c.w.Write(append(line, '\n')); err != nil {
		return err
	}
	return c.w.flush()
}

// forget makes room: footage that is older than its retention goes. It returns the retention in
// hours, and how many bytes may be kept, 0 for any number.
func (c *call) forget(up *uploads) (hours int, most int64) {
	hours, now := c.stream.hours(), c.s.now()
	if hours == 0 {
		up.forget(now.Add(-bufferTime).UnixMilli(), buffered)
	} else {
		up.forget(now.Add(-time.Duration(hours)*time.Hour).UnixMilli(), 0)
	}
	if _, ok := up.store.(memory); ok {
		return hours, cmp.Or(c.s.MaxStored, stored)
	}
	return hours, 0
}
