package mkv

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// What a header may hold at most. The service's are about a kilobyte long.
const (
	maxHeader  = 4 << 20 // bytes of all that comes before the first cluster
	maxTracks  = 16      // the service takes 3
	maxPrivate = 1 << 20 // bytes of CodecPrivate
	maxNumber  = 1 << 24 // of pixels, channels, bits and samples a second
)

// defaultScale is the TimestampScale where none is told (RFC 9559, 5.1.2.9).
const defaultScale = int64(time.Millisecond)

// parseEBML reads the contents of an EBML header and returns the DocType. What this package could
// not read is refused here, before it is misread (RFC 8794, 11.2).
func parseEBML(b []byte) (docType string, err error) {
	docType = "matroska"
	err = children(b, func(id uint32, data []byte) error {
		limit := map[uint32]uint64{idReadVersion: 1, idMaxIDLength: 4, idMaxSizeLength: 8, idDocTypeReadVersion: 4}[id]
		if id == idDocType {
			docType = text(data)
		}
		if limit == 0 {
			return nil
		}
		v, err := unsigned(data)
		if err == nil && v > limit {
			err = fmt.Errorf("EBML header: element 0x%X says %d, at most %d is known: %w", id, v, limit, ErrUnsupported)
		}
		return err
	})
	if err == nil && docType != "matroska" && docType != "webm" {
		err = fmt.Errorf("EBML header: a document of type %q: %w", docType, ErrUnsupported)
	}
	return docType, err
}

// parseHeader reads what a segment holds before its first cluster.
func parseHeader(b []byte) (*Header, error) {
	h := &Header{Scale: defaultScale}
	err := children(b, func(id uint32, data []byte) error {
		switch id {
		case idInfo:
			return children(data, h.parseInfo)
		case idTracks:
			return children(data, h.parseTracks)
		}
		return nil
	})
	if err == nil && len(h.Tracks) == 0 {
		err = fmt.Errorf("no tracks before the first cluster: %w", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h, nil
}

func (h *Header) parseInfo(id uint32, data []byte) error {
	if id != idTimestampScale {
		return nil
	}
	v, err := unsigned(data)
	if err != nil || v == 0 {
		return fmt.Errorf("TimestampScale %x: %w", data, ErrMalformed)
	}
	if v > uint64(time.Second) { // the service takes 100 ns to 1 s
		return fmt.Errorf("TimestampScale %d ns, at most a second is known: %w", v, ErrUnsupported)
	}
	h.Scale = int64(v)
	return nil
}

func (h *Header) parseTracks(id uint32, data []byte) error {
	if id != idTrackEntry {
		return nil
	}
	if len(h.Tracks) == maxTracks {
		return fmt.Errorf("more than %d tracks: %w", maxTracks, ErrUnsupported)
	}
	t, err := parseTrack(data)
	if err != nil {
		return fmt.Errorf("track %d: %w", t.Number, err)
	}
	if h.track(t.Number) != nil {
		return fmt.Errorf("track %d: a number used twice: %w", t.Number, ErrMalformed)
	}
	h.Tracks = append(h.Tracks, t)
	return nil
}

// track returns the track of a number, or nil.
func (h *Header) track(number uint64) *Track {
	for i := range h.Tracks {
		if h.Tracks[i].Number == number {
			return &h.Tracks[i]
		}
	}
	return nil
}

// parseTrack reads a TrackEntry (RFC 9559, 5.1.4.1).
func parseTrack(b []byte) (t Track, err error) {
	err = children(b, func(id uint32, data []byte) error { return t.parse(id, data) })
	if err == nil && (t.Number == 0 || t.Type == 0) {
		err = fmt.Errorf("number %d, type %d: neither may be 0: %w", t.Number, t.Type, ErrMalformed)
	}
	if t.Type == TypeAudio { // RFC 9559, 5.1.4.1.29.1 and .3
		t.SampleRate, t.Channels = orElse(t.SampleRate, 8000), orElse(t.Channels, 1)
	}
	return t, err
}

func orElse[T int | float64](v, other T) T {
	if v == 0 {
		return other
	}
	return v
}

func (t *Track) parse(id uint32, data []byte) (err error) {
	switch id {
	case idTrackNumber:
		t.Number, err = unsigned(data)
	case idTrackType:
		t.Type, err = unsigned(data)
	case idName:
		t.Name = text(data)
	case idCodecID:
		t.CodecID = text(data)
	case idLanguage:
		t.Language = text(data)
	case idCodecPrivate:
		t.Private = append([]byte(nil), data...)
		if len(data) > maxPrivate {
			err = fmt.Errorf("CodecPrivate of %d bytes, at most %d are taken: %w", len(data), maxPrivate, ErrUnsupported)
		}
	case idDefaultDuration:
		t.DefaultDuration, err = bounded(data, math.MaxInt64)
	case idTrackTimestampScale:
		var f float64
		if f, err = float(data); err == nil && f != 1 {
			err = fmt.Errorf("TrackTimestampScale %v: %w", f, ErrUnsupported)
		}
	case idContentEncodings:
		err = refuseEncodings(data)
	case idVideo, idAudio:
		err = children(data, t.parseFormat)
	}
	return err
}

// parseFormat reads the children of Video and Audio. Their IDs differ.
func (t *Track) parseFormat(id uint32, data []byte) (err error) {
	switch id {
	case idPixelWidth:
		t.Width, err = number(data)
	case idPixelHeight:
		t.Height, err = number(data)
	case idChannels:
		t.Channels, err = number(data)
	case idBitDepth:
		t.BitDepth, err = number(data)
	case idSamplingFrequency:
		if t.SampleRate, err = float(data); err == nil && (t.SampleRate < 0 || t.SampleRate > maxNumber) {
			err = fmt.Errorf("%v samples a second: %w", t.SampleRate, ErrMalformed)
		}
	}
	return err
}

// refuseEncodings refuses payloads that are encrypted or compressed (RFC 9559, 5.1.4.1.31): the
// bytes of a sample would not be what they are said to be.
func refuseEncodings(b []byte) error {
	return children(b, func(id uint32, _ []byte) error {
		if id == idContentEncoding {
			return fmt.Errorf("its frames are encrypted or compressed by the container (ContentEncodings): %w", ErrUnsupported)
		}
		return nil
	})
}

// bounded reads a number that is at most limit.
func bounded(b []byte, limit int64) (int64, error) {
	v, err := unsigned(b)
	if err == nil && v > uint64(limit) {
		err = fmt.Errorf("the number %d, at most %d makes sense: %w", v, limit, ErrMalformed)
	}
	return int64(v), err
}

func number(b []byte) (int, error) {
	v, err := bounded(b, maxNumber)
	return int(v), err
}

// float reads a number of 0, 4 or 8 bytes (RFC 8794, 7.3).
func float(b []byte) (f float64, err error) {
	switch len(b) {
	case 0:
	case 4:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(b))
	default:
		err = fmt.Errorf("a floating-point number of %d bytes: %w", len(b), ErrMalformed)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		err = fmt.Errorf("a floating-point number that is none: %w", ErrMalformed)
	}
	return f, err
}
