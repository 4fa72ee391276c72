package mkv

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
)

// Decoder reads Matroska as the service sends and takes it: any number of documents one behind the
// other, sizes known or not, in one pass. It holds one fragment at a time, however long the stream.
// It is for one goroutine.
type Decoder struct {
	s       stream
	o       Options
	err     error // of the last step: the stream is over
	doc     document
	headers []*Header // the last few different ones

	next   *Fragment // what is known of the fragment whose cluster has not begun
	open   *Fragment // its cluster is complete, tags of its own may follow; or nil
	queue  *Fragment // complete, but another one had to be returned before it; or nil
	whole  int64     // where the last complete element ended
	from   int64     // where the fragment after open begins
	tags   int64     // bytes of tags of the present fragment
	blocks int       // of the fragment before, for the next one's room

	scratch []byte
}

// Options tunes a Decoder. The zero value is right for reading what fragments there are.
type Options struct {
	// Begun is called from within Next when a cluster begins, before its blocks are read; nil for none.
	Begun func(h *Header, timecode int64)
	// Payload is called from within Next for each block, in stream order. The data is only lent:
	// it is overwritten after the call. Nil means that payload bytes are passed over.
	Payload func(b Block, data []byte)
}

// document is what is known of the present document.
type document struct {
	begun   bool   // an EBML header or a segment was seen
	docType string // "" before the EBML header
	raw     []byte // for Header.Raw
	preface int    // where in raw the children of the segment begin
	segment bool   // inside of it
	end     int64  // of the segment, or unknown
	header  *Header
	failed  bool // the service told an error
}

// keptHeaders is how many different headers are compared with a new one.
const keptHeaders = 16

// NewDecoder returns a decoder of all documents of r. It reads ahead, but waits for no byte that
// it does not need.
func NewDecoder(r io.Reader, o Options) *Decoder {
	return &Decoder{s: newStream(r), o: o, next: &Fragment{}}
}

// Next returns the next fragment as soon as it is known to be complete: its cluster and the tags
// behind it have been read, and the next cluster or document begins, or the stream ends. Callers
// may keep it. Fragments follow each other in the stream without a hole, but for what lies between
// documents that have no cluster.
//
// After the last fragment the error is io.EOF. If the stream ends early, it wraps ErrTruncated, and
// every fragment that was complete has been returned before; other errors wrap ErrMalformed or
// ErrUnsupported, or the reader's. All errors are final.
//
// A cluster of unknown size that ends, with the stream, behind a whole block is taken for complete:
// nothing in Matroska could tell.
func (d *Decoder) Next() (*Fragment, error) {
	if f := d.queue; f != nil {
		d.queue = nil
		return f, nil
	}
	for d.err == nil {
		f, err := d.step()
		d.err = err
		if f != nil {
			return f, nil
		}
	}
	if d.open != nil {
		return d.close(), nil
	}
	return nil, d.err
}

// step reads one element, and returns the fragment that is complete by it, or nil.
func (d *Decoder) step() (*Fragment, error) {
	if d.doc.segment && d.doc.end != unknown && d.s.pos >= d.doc.end {
		d.doc.segment = false
		return d.close(), nil
	}
	e, err := d.s.element()
	if err == io.EOF { //nolint:errorlint // as io.Reader's: never wrapped
		return d.finish()
	}
	if err != nil {
		return nil, err
	}
	if d.open != nil && (e.id == idCluster || e.id == idEBML || e.id == idSegment) {
		return d.close(), nil
	}
	f, err := d.enter(e)
	if err == nil {
		d.whole = d.s.pos
	}
	return f, err
}

// close returns the open fragment, which is complete, or nil.
func (d *Decoder) close() *Fragment {
	f := d.open
	if f != nil {
		f.To, d.from = d.whole, d.whole
		d.open, d.tags = nil, 0
	}
	return f
}

// finish is called where the stream ends between two elements.
func (d *Decoder) finish() (*Fragment, error) {
	if d.doc.segment && d.doc.end != unknown {
		return nil, fmt.Errorf("byte %d: the segment goes on to byte %d: %w", d.s.pos, d.doc.end, ErrTruncated)
	}
	if d.next.Continuation != "" {
		d.doc = document{}
		return d.empty(), nil
	}
	if d.next.Number != "" || d.doc.wantsCluster() {
		return nil, fmt.Errorf("byte %d: no cluster has come: %w", d.s.pos, ErrTruncated)
	}
	return nil, io.EOF
}

// wantsCluster says that the document began, and may not end here. A segment of a known size may be
// without a cluster.
func (d *document) wantsCluster() bool {
	return d.begun && d.header == nil && !d.failed && (d.segment || d.preface == 0)
}

// empty returns a fragment of a document without a cluster, if the service says something in it.
func (d *Decoder) empty() *Fragment {
	f := d.next
	d.next = &Fragment{}
	f.From, f.To, f.ClusterFrom, f.ClusterTo = d.from, d.whole, d.whole, d.whole
	d.from, d.tags = d.whole, 0
	if f.Number == "" && f.Continuation == "" {
		return nil
	}
	return f
}

// enter reads an element that lies in a segment, or outside of all of them.
func (d *Decoder) enter(e element) (*Fragment, error) {
	switch e.id {
	case idEBML:
		return d.begin(e)
	case idSegment:
		return nil, d.segment(e)
	}
	if err := d.fits(e); err != nil {
		return nil, err
	}
	switch {
	case e.id == idTags:
		return d.readTags(e)
	case e.id == idVoid && !d.doc.segment:
		return nil, d.s.skip(int64(e.head) + e.size)
	case !d.doc.segment:
		return nil, fmt.Errorf("byte %d: element 0x%X where an EBML header should be: %w", d.s.pos, e.id, ErrMalformed)
	case e.id == idCluster:
		return nil, d.cluster(e)
	case d.doc.header == nil:
		return nil, d.preface(e)
	case e.id == idTracks:
		return nil, fmt.Errorf("byte %d: tracks behind a cluster: %w", d.s.pos, ErrMalformed)
	}
	return nil, d.s.skip(int64(e.head) + e.size)
}

// fits refuses an element that reaches out of its segment, or whose size must be known and is not.
func (d *Decoder) fits(e element) error {
	if e.size == unknown && e.id != idCluster {
		return fmt.Errorf("byte %d: element 0x%X without a size: %w", d.s.pos, e.id, ErrMalformed)
	}
	if end := d.limit(); end != unknown && end-d.s.pos-int64(e.head) < max(e.size, 0) {
		return fmt.Errorf("byte %d: element 0x%X is longer than its segment: %w", d.s.pos, e.id, ErrMalformed)
	}
	return nil
}

// limit is where the segment ends, or unknown.
func (d *Decoder) limit() int64 {
	if !d.doc.segment {
		return unknown
	}
	return d.doc.end
}

// begin reads the EBML header, with which a document begins. A document before it that came
// without a cluster is returned if the service says something in it.
func (d *Decoder) begin(e element) (*Fragment, error) {
	if d.limit() != unknown {
		return nil, fmt.Errorf("byte %d: a document begins in the segment of another, which goes on to byte %d: %w", d.s.pos, d.limit(), ErrMalformed)
	}
	f := d.empty()
	d.from = d.s.pos
	d.doc = document{begun: true, raw: d.doc.raw[:0]}
	err := d.preface(e)
	if err == nil {
		d.doc.docType, err = parseEBML(d.doc.raw[e.head:])
	}
	return f, err
}

// segment reads a segment's ID and size.
func (d *Decoder) segment(e element) error {
	if d.doc.segment || d.doc.header != nil {
		return fmt.Errorf("byte %d: a second segment in one document: %w", d.s.pos, ErrMalformed)
	}
	d.doc.begun, d.doc.segment, d.doc.end = true, true, unknown
	raw, err := d.s.appendTo(d.doc.raw, int64(e.head))
	d.doc.raw, d.doc.preface = raw, len(raw)
	if e.size != unknown {
		d.doc.end = d.s.pos + e.size
	}
	return err
}

// preface keeps an element that comes before the first cluster.
func (d *Decoder) preface(e element) (err error) {
	size := int64(e.head) + e.size
	if e.size == unknown || size > maxHeader-int64(len(d.doc.raw)) {
		return fmt.Errorf("byte %d: element 0x%X makes a header of more than %d bytes: %w", d.s.pos, e.id, maxHeader, ErrUnsupported)
	}
	d.doc.raw, err = d.s.appendTo(d.doc.raw, size)
	return err
}

// readTags reads a Tags element and gives it to the fragment it belongs to: the one whose cluster lies
// before it, but what names another fragment or tells an error begins a fragment of its own.
func (d *Decoder) readTags(e element) (*Fragment, error) {
	if d.tags += e.size; e.size > maxTags || d.tags > maxTags {
		return nil, fmt.Errorf("byte %d: more than %d bytes of tags: %w", d.s.pos, maxTags, ErrUnsupported)
	}
	at := d.s.pos
	var err error
	if d.scratch, err = d.s.appendTo(d.scratch[:0], int64(e.head)+e.size); err != nil {
		return nil, err
	}
	t, err := parseTags(d.scratch[e.head:])
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", at, err)
	}
	if !t.service && d.doc.segment && d.doc.header == nil {
		if len(d.doc.raw)+len(d.scratch) > maxHeader {
			return nil, fmt.Errorf("byte %d: a header of more than %d bytes: %w", at, maxHeader, ErrUnsupported)
		}
		d.doc.raw = append(d.doc.raw, d.scratch...)
	}
	return d.give(t), nil
}

func (d *Decoder) give(t *told) *Fragment {
	if t.err != nil {
		return d.fail(t)
	}
	if f := d.open; f != nil {
		if t.number == "" || f.Number == "" || t.number == f.Number {
			f.keep(t)
			return nil
		}
		d.close()
		d.next.keep(t)
		return f
	}
	d.next.keep(t)
	return nil
}

// fail makes a fragment of an error that the service tells.
func (d *Decoder) fail(t *told) *Fragment {
	before := d.close()
	f := d.next
	d.next = &Fragment{}
	f.keep(t)
	t.err.Number = cmp.Or(t.err.Number, f.Number)
	f.Err, f.Header = t.err, d.doc.header
	f.From, f.To, f.ClusterFrom, f.ClusterTo = d.from, d.s.pos, d.s.pos, d.s.pos
	d.from, d.doc.failed, d.tags = d.s.pos, true, 0
	if before == nil {
		return f
	}
	d.queue = f
	return before
}

// header returns the header of the present document, whose first cluster begins.
func (d *Decoder) header() (*Header, error) {
	if d.doc.header != nil {
		return d.doc.header, nil
	}
	if d.doc.docType == "" {
		return nil, fmt.Errorf("byte %d: a cluster without an EBML header: %w", d.s.pos, ErrMalformed)
	}
	for _, h := range d.headers {
		if bytes.Equal(h.Raw, d.doc.raw) {
			d.doc.header = h
			return h, nil
		}
	}
	raw := bytes.Clone(d.doc.raw)
	h, err := parseHeader(raw[d.doc.preface:])
	if err != nil {
		return nil, fmt.Errorf("before byte %d: %w", d.s.pos, err)
	}
	h.Raw, h.DocType, d.doc.header = raw, d.doc.docType, h
	if len(d.headers) == keptHeaders {
		d.headers = d.headers[:copy(d.headers, d.headers[1:])]
	}
	d.headers = append(d.headers, h)
	return h, nil
}
