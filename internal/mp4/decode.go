package mp4

import (
	"fmt"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/Eyevinn/mp4ff/bits"
)

// decode lets mp4ff take one box apart. A panic in there becomes an error: some of its decoders
// index before they look (an empty hdlr name, a negative rest in esds), and a broken file must not
// take the program down. Nothing is shared with the decoder but the bytes, so no state is lost.
func decode[T boxes.Box](a atom) (box T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = malformed("box %s: %v", a.kind, p)
		}
	}()
	header := boxes.BoxHeader{Name: a.kind, Size: uint64(shortHeader + len(a.body)), Hdrlen: shortHeader}
	got, err := boxes.DecodeBoxBodySR(0, header, bits.NewFixedSliceReader(a.body))
	if err != nil {
		return box, fmt.Errorf("%w: box %s: %w", ErrMalformed, a.kind, err)
	}
	box, ok := got.(T)
	if !ok {
		return box, malformed("box %s: decoded as %T", a.kind, got)
	}
	return box, nil
}

// decodeChild decodes the first box of a kind in b. A missing box is an error.
func decodeChild[T boxes.Box](b []byte, kind string) (box T, err error) {
	a, ok := child(b, kind)
	if !ok {
		return box, malformed("no box %s", kind)
	}
	return decode[T](a)
}

// decodeOptional is decodeChild, with the zero value of T (nil) for a missing box.
func decodeOptional[T boxes.Box](b []byte, kind string) (box T, err error) {
	a, ok := child(b, kind)
	if !ok {
		return box, nil
	}
	return decode[T](a)
}
