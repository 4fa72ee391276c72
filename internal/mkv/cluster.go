package mkv

import (
	"fmt"
	"io"
	"math"
	"math/bits"
)

// What a cluster may hold at most.
const (
	maxBlocks  = 1 << 20  // the service takes 20 s, about a thousand
	maxPayload = 64 << 20 // bytes of one frame; the service takes 50 MB a fragment
	maxGroup   = maxPayload + 1<<20
)

// blockHeader is the longest header of a block: track, time, flags (RFC 9559, 10.1).
const blockHeader = 8 + 2 + 1

// cluster reads a whole cluster, and leaves its fragment open. One of unknown size ends where an
// element begins that cannot lie in a cluster, or with the stream.
func (d *Decoder) cluster(e element) error {
	h, err := d.header()
	if err != nil {
		return err
	}
	c := cluster{Decoder: d, f: d.next, end: d.limit(), known: e.size != unknown}
	c.f.Header, c.f.From, c.f.ClusterFrom = h, d.from, d.s.pos
	c.f.Blocks = make([]Block, 0, d.blocks)
	if err := d.s.skip(int64(e.head)); err != nil {
		return err
	}
	if c.known {
		c.end = d.s.pos + e.size
	}
	if err := c.read(); err != nil {
		return err
	}
	c.f.ClusterTo = d.s.pos
	d.open, d.next, d.blocks = c.f, &Fragment{}, len(c.f.Blocks)
	return nil
}

// cluster is the one being read.
type cluster struct {
	*Decoder
	f     *Fragment
	end   int64 // where it, or its segment, ends; or unknown
	known bool  // end is its own
	timed bool  // its timecode has been read
}

func (c *cluster) read() error {
	for c.end == unknown || c.s.pos < c.end {
		e, err := c.s.element()
		if err == io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
			if c.end != unknown || !c.timed {
				return fmt.Errorf("byte %d: the cluster goes on: %w", c.s.pos, ErrTruncated)
			}
			break
		}
		if err != nil {
			return err
		}
		if isTop(e.id) && !c.known {
			break
		}
		if err := c.child(e); err != nil {
			return err
		}
	}
	if !c.timed {
		return fmt.Errorf("byte %d: the cluster that ends here has no timecode: %w", c.s.pos, ErrMalformed)
	}
	return nil
}

// isTop says that an element cannot lie in a cluster, because it lies beside it or above.
func isTop(id uint32) bool {
	switch id {
	case idEBML, idSegment, idSeekHead, idInfo, idTracks, idCluster, idCues, idChapters, idAttachments, idTags:
		return true
	}
	return false
}

// child reads one element of the cluster. Ones that are not known are passed over.
func (c *cluster) child(e element) error {
	at := c.s.pos
	if isTop(e.id) || e.size == unknown || e.size > maxGroup {
		return fmt.Errorf("byte %d: element 0x%X of %d bytes in a cluster: %w", at, e.id, e.size, ErrMalformed)
	}
	if c.end != unknown && c.end-at-int64(e.head) < e.size {
		return fmt.Errorf("byte %d: element 0x%X is longer than its cluster: %w", at, e.id, ErrMalformed)
	}
	var err error
	switch e.id {
	case idTimestamp:
		err = c.timecode(e)
	case idSimpleBlock:
		err = c.simple(e)
	case idBlockGroup:
		err = c.group(e)
	case idEncryptedBlock:
		err = fmt.Errorf("byte %d: an encrypted block: %w", at, ErrUnsupported)
	default:
		err = c.s.skip(int64(e.head) + e.size)
	}
	return err
}

func (c *cluster) timecode(e element) error {
	at := c.s.pos
	if e.size > 8 || c.timed {
		return fmt.Errorf("byte %d: a timecode of %d bytes, or a second one: %w", at, e.size, ErrMalformed)
	}
	b, err := c.s.peek(e.head + int(e.size))
	if err != nil {
		return err
	}
	// So that neither it nor a block's time is more than 64 bits of nanoseconds.
	limit := math.MaxInt64/c.f.Header.Scale - 1<<16
	if c.f.Timecode, err = bounded(b[e.head:], limit); err != nil {
		return fmt.Errorf("byte %d: timecode: %w", at, err)
	}
	c.timed = true
	if err := c.s.skip(int64(len(b))); err != nil {
		return err
	}
	if c.o.Begun != nil {
		c.o.Begun(c.f.Header, c.f.Timecode)
	}
	return nil
}

// simple reads a SimpleBlock.
func (c *cluster) simple(e element) error {
	b, flags, err := c.block(e)
	if err != nil {
		return err
	}
	b.Key = flags&0x80 != 0
	if c.o.Payload == nil {
		err = c.s.skip(b.Offset - c.s.pos + b.Size)
	} else {
		err = c.lend(b)
	}
	c.f.Blocks = append(c.f.Blocks, b)
	return err
}

// block reads the header of a SimpleBlock or Block, and leaves all of it unread.
func (c *cluster) block(e element) (b Block, flags byte, err error) {
	at := c.s.pos
	if !c.timed || len(c.f.Blocks) == maxBlocks {
		return b, 0, fmt.Errorf("byte %d: a block before the timecode, or behind %d others: %w", at, maxBlocks, ErrMalformed)
	}
	head, err := c.s.peek(e.head + int(min(e.size, blockHeader)))
	if err != nil {
		return b, 0, err
	}
	head = head[e.head:]
	n := 0
	if len(head) > 0 {
		n = bits.LeadingZeros8(head[0]) + 1
	}
	if n == 0 || n > 8 || len(head) < n+3 || e.size > maxPayload {
		return b, 0, fmt.Errorf("byte %d: a block of %d bytes: %w", at, e.size, ErrMalformed)
	}
	flags = head[n+2]
	if flags&0x06 != 0 {
		return b, 0, fmt.Errorf("byte %d: several frames in one block (lacing): %w", at, ErrUnsupported)
	}
	b.Track, _ = variable(head[:n])
	b.Time = int64(int16(uint16(head[n])<<8 | uint16(head[n+1])))
	b.Size = e.size - int64(n+3)
	b.Offset = at + int64(e.head+n+3)
	return b, flags, nil
}

// lend passes a block's payload to Options.Payload.
func (c *cluster) lend(b Block) error {
	if err := c.s.skip(b.Offset - c.s.pos); err != nil {
		return err
	}
	if b.Size > readAhead {
		var err error
		if c.scratch, err = c.s.appendTo(c.scratch[:0], b.Size); err == nil {
			c.o.Payload(b, c.scratch)
		}
		return err
	}
	data, err := c.s.peek(int(b.Size))
	if err != nil {
		return err
	}
	c.o.Payload(b, data)
	return c.s.skip(b.Size)
}

// group reads a BlockGroup. Its block can be decoded by itself if it refers to no other (RFC 9559,
// 5.1.3.5.5), which is known only at its end.
func (c *cluster) group(e element) error {
	if err := c.s.skip(int64(e.head)); err != nil {
		return err
	}
	g := group{cluster: c, key: true}
	for end := c.s.pos + e.size; c.s.pos < end; {
		child, err := c.s.element()
		if err == io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
			return fmt.Errorf("byte %d: the block group goes on: %w", c.s.pos, ErrTruncated)
		}
		if err != nil {
			return err
		}
		if child.size == unknown || end-c.s.pos-int64(child.head) < child.size {
			return fmt.Errorf("byte %d: element 0x%X is longer than its block group: %w", c.s.pos, child.id, ErrMalformed)
		}
		if err := g.child(child); err != nil {
			return err
		}
	}
	return g.done()
}

// group is the BlockGroup being read.
type group struct {
	*cluster
	b     Block
	found bool // its block has been read
	key   bool // nothing it refers to has been read
}

func (g *group) child(e element) (err error) {
	switch {
	case e.id == idBlock && g.found:
		return fmt.Errorf("byte %d: a second block in its group: %w", g.s.pos, ErrMalformed)
	case e.id == idBlock:
		g.found = true
		if g.b, _, err = g.block(e); err != nil {
			return err
		}
		if g.o.Payload == nil {
			break
		}
		if err = g.s.skip(g.b.Offset - g.s.pos); err == nil {
			g.scratch, err = g.s.appendTo(g.scratch[:0], g.b.Size)
		}
		return err
	case e.id == idReferenceBlock:
		g.key = false
	}
	return g.s.skip(int64(e.head) + e.size)
}

func (g *group) done() error {
	if !g.found {
		return fmt.Errorf("byte %d: the block group that ends here has no block: %w", g.s.pos, ErrMalformed)
	}
	g.b.Key = g.key
	g.f.Blocks = append(g.f.Blocks, g.b)
	if g.o.Payload != nil {
		g.o.Payload(g.b, g.scratch)
	}
	return nil
}
