package mkv

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// readAhead is how many bytes are asked of the reader at once. They fit the cache of one core, and
// a read is rare enough not to count.
const readAhead = 256 << 10

// maxElementHeader is the longest ID and size there are: 4 and 8 bytes.
const maxElementHeader = 12

// unknown is the size of an element whose size field says that nobody knows (RFC 8794, 6.2).
const unknown = -1

// element is an element's header.
type element struct {
	id   uint32 // marker bits included
	head int    // bytes of ID and size
	size int64  // bytes of the contents, or unknown
}

// stream is bytes that pass once, and how many have passed.
type stream struct {
	r   *bufio.Reader
	pos int64
}

func newStream(r io.Reader) stream { return stream{r: bufio.NewReaderSize(r, readAhead)} }

// element returns the header of the element that is next, which stays unread. It asks for no byte
// behind the header, since none may come for long in a live stream. io.EOF: nothing follows.
func (s *stream) element() (element, error) {
	if s.r.Buffered() >= maxElementHeader {
		b, _ := s.r.Peek(maxElementHeader)
		e, _, err := parseElement(b)
		return e, s.locate(err)
	}
	for need := 1; ; {
		b, err := s.r.Peek(need)
		if err != nil {
			return element{}, s.ended(len(b) > 0, err)
		}
		e, more, err := parseElement(b)
		if more == 0 || err != nil {
			return e, s.locate(err)
		}
		need = more
	}
}

func (s *stream) locate(err error) error {
	if err != nil {
		return fmt.Errorf("byte %d: %w", s.pos, err)
	}
	return nil
}

// ended says what it means that the reader failed. Between elements the end may be the true one; an
// end that is wrapped in another error is not.
func (s *stream) ended(inside bool, err error) error {
	if err == io.EOF && !inside { //nolint:errorlint // see above
		return io.EOF
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("byte %d: %w", s.pos, ErrTruncated)
	}
	return fmt.Errorf("reading Matroska behind byte %d: %w", s.pos, err)
}

// parseElement reads an element's header from b. More is how many bytes it has to see to get on, 0
// if it is done.
func parseElement(b []byte) (e element, more int, err error) {
	idLength := bits.LeadingZeros8(b[0]) + 1
	if idLength > 4 {
		return e, 0, fmt.Errorf("an ID that begins with 0x%02X: %w", b[0], ErrMalformed)
	}
	if len(b) <= idLength {
		return e, idLength + 1, nil
	}
	sizeLength := bits.LeadingZeros8(b[idLength]) + 1
	if sizeLength > 8 {
		return e, 0, fmt.Errorf("a size of more than 8 bytes: %w", ErrMalformed)
	}
	e.head = idLength + sizeLength
	if len(b) < e.head {
		return e, e.head, nil
	}
	for _, c := range b[:idLength] {
		e.id = e.id<<8 | uint32(c)
	}
	v, full := variable(b[idLength:e.head])
	e.size = int64(v)
	if full {
		e.size = unknown
	}
	return e, 0, nil
}

// variable reads a number of variable length, all of b, without its marker bit. Full: all other
// bits are set, which as a size means unknown (RFC 8794, 4 and 6.2).
func variable(b []byte) (v uint64, full bool) {
	v = uint64(b[0])
	for _, c := range b[1:] {
		v = v<<8 | uint64(c)
	}
	marker := uint64(1) << (7 * len(b))
	v &^= marker
	return v, v == marker-1
}

// skip passes n bytes.
func (s *stream) skip(n int64) error {
	for n > 0 {
		passed, err := s.r.Discard(int(min(n, math.MaxInt32)))
		s.pos += int64(passed)
		n -= int64(passed)
		if err != nil {
			return s.ended(true, err)
		}
	}
	return nil
}

// peek returns the next n bytes, which stay unread and are lent until the next call. n is at most
// readAhead.
func (s *stream) peek(n int) ([]byte, error) {
	b, err := s.r.Peek(n)
	if err != nil {
		return nil, s.ended(true, err)
	}
	return b, nil
}

// appendTo reads n bytes and appends them to dst, which grows only as they come.
func (s *stream) appendTo(dst []byte, n int64) ([]byte, error) {
	for n > 0 {
		b, err := s.peek(int(min(n, readAhead)))
		if err != nil {
			return dst, err
		}
		dst = append(dst, b...)
		if err := s.skip(int64(len(b))); err != nil {
			return dst, err
		}
		n -= int64(len(b))
	}
	return dst, nil
}

// children calls use for every element of b, the contents of an element whose children have known
// sizes. CRC-32 and Void are left out (RFC 8794, 11.3).
func children(b []byte, use func(id uint32, data []byte) error) error {
	for len(b) > 0 {
		e, more, err := parseElement(b[:min(len(b), maxElementHeader)])
		if err != nil {
			return err
		}
		if more > 0 || e.size == unknown || e.size > int64(len(b)-e.head) {
			return fmt.Errorf("element 0x%X is longer than the one around it: %w", e.id, ErrMalformed)
		}
		end := e.head + int(e.size)
		if e.id != idVoid && e.id != idCRC32 {
			if err := use(e.id, b[e.head:end]); err != nil {
				return err
			}
		}
		b = b[end:]
	}
	return nil
}

// unsigned reads an unsigned integer of 0 to 8 bytes (RFC 8794, 7.2).
func unsigned(b []byte) (uint64, error) {
	if len(b) > 8 {
		return 0, fmt.Errorf("a number of %d bytes: %w", len(b), ErrMalformed)
	}
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

// text reads a string; what lies behind a NUL is padding (RFC 8794, 7.4).
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
