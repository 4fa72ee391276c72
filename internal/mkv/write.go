package mkv

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"strconv"
	"time"
)

// What producers built on the service's own library write into every document.
const (
	producerApp  = "Kinesis Video SDK\x00"
	producerName = 32 // bytes of names and codec IDs, padded with NULs
)

// Names of the tags that the service writes.
const (
	tagNumber       = servicePrefix + "FRAGMENT_NUMBER"
	tagServer       = servicePrefix + "SERVER_TIMESTAMP"
	tagProducer     = servicePrefix + "PRODUCER_TIMESTAMP"
	tagBehind       = servicePrefix + "MILLIS_BEHIND_NOW"
	tagContinuation = servicePrefix + "CONTINUATION_TOKEN"
	tagErrorCode    = servicePrefix + "ERROR_CODE"
	tagErrorID      = servicePrefix + "ERROR_ID"
	tagException    = servicePrefix + "EXCEPTION_ERROR_CODE"
	tagMessage      = servicePrefix + "EXCEPTION_MESSAGE"
)

// AppendHeader appends what a producer sends before its first cluster: EBML header, Segment of
// unknown size, Info and Tracks, in the form of the service's own library for producers. scale is
// nanoseconds a tick. The same arguments always give the same bytes.
func AppendHeader(dst []byte, scale int64, tracks []Track) []byte {
	var entries []byte
	for _, t := range tracks {
		entries = appendElement(entries, idTrackEntry, 4, producerEntry(t))
	}
	dst = appendEBML(dst, "matroska\x00", 2, 2)
	dst = appendUnknown(appendID(dst, idSegment), 8)
	dst = appendElement(dst, idInfo, 0, producerInfo(scale, entries))
	return appendElement(dst, idTracks, 4, entries)
}

// appendEBML appends an EBML header (RFC 8794, 11.2).
func appendEBML(dst []byte, docType string, version, readVersion uint64) []byte {
	b := appendUint(nil, idVersion, 1, 1)
	b = appendUint(b, idReadVersion, 1, 1)
	b = appendUint(b, idMaxIDLength, 1, 4)
	b = appendUint(b, idMaxSizeLength, 1, 8)
	b = appendString(b, idDocType, docType)
	b = appendUint(b, idDocTypeVersion, 1, version)
	b = appendUint(b, idDocTypeReadVersion, 1, readVersion)
	return appendElement(dst, idEBML, 0, b)
}

// producerInfo returns the content of Info. The UID that makes a Segment unique is a hash of its
// tracks: nobody reads it, and answers stay the same from run to run.
func producerInfo(scale int64, tracks []byte) []byte {
	h := fnv.New128a()
	h.Write(tracks)
	b := appendElement(nil, idSegmentUUID, 0, h.Sum(nil))
	b = appendUint(b, idTimestampScale, 8, uint64(scale))
	b = appendString(b, idTitle, producerApp)
	b = appendString(b, idMuxingApp, producerApp)
	return appendString(b, idWritingApp, producerApp)
}

// producerEntry returns the content of a TrackEntry. Language and frame rate are not told.
func producerEntry(t Track) []byte {
	b := appendUint(nil, idTrackNumber, 1, t.Number)
	b = appendUint(b, idTrackUID, 8, t.Number)
	b = appendUint(b, idTrackType, 1, t.Type)
	b = appendString(b, idName, padded(t.Name))
	b = appendString(b, idCodecID, padded(t.CodecID))
	switch t.Type {
	case TypeVideo:
		v := appendUint(nil, idPixelWidth, 2, uint64(t.Width))
		b = appendElement(b, idVideo, 4, appendUint(v, idPixelHeight, 2, uint64(t.Height)))
	case TypeAudio:
		b = appendElement(b, idAudio, 4, audioSettings(t))
	}
	if len(t.Private) > 0 {
		b = appendElement(b, idCodecPrivate, 0, t.Private)
	}
	return b
}

// audioSettings returns the content of the element Audio.
func audioSettings(t Track) []byte {
	a := appendFloat(nil, idSamplingFrequency, t.SampleRate)
	a = appendUint(a, idChannels, 1, uint64(t.Channels))
	if t.BitDepth > 0 {
		a = appendUint(a, idBitDepth, 1, uint64(t.BitDepth))
	}
	return a
}

// padded fills a name with NULs as producers do.
func padded(s string) string {
	b := make([]byte, max(producerName, len(s)))
	copy(b, s)
	return string(b)
}

// AppendKVSTags appends the tags that the service puts before each cluster. A zero time is told as
// the epoch.
func AppendKVSTags(dst []byte, number string, server, producer time.Time) []byte {
	return appendServiceTags(dst, Tag{tagNumber, number}, Tag{tagServer, stamp(server)}, Tag{tagProducer, stamp(producer)})
}

// AppendMediaTags appends the tags that GetMedia puts behind each fragment.
func AppendMediaTags(dst []byte, behind time.Duration, continuation string) []byte {
	millis := strconv.FormatInt(behind.Milliseconds(), 10)
	return appendServiceTags(dst, Tag{tagBehind, millis}, Tag{tagContinuation, continuation})
}

// AppendErrorTags appends the tags that tell of an error inside an answer: code and ID, as GetMedia
// does, or with long set number, code and message, as GetMediaForFragmentList does.
func AppendErrorTags(dst []byte, e InBand, long bool) []byte {
	if long {
		return appendServiceTags(dst, Tag{tagNumber, e.Number}, Tag{tagException, e.Code}, Tag{tagMessage, e.Message})
	}
	return appendServiceTags(dst, Tag{tagErrorCode, e.Code}, Tag{tagErrorID, strconv.Itoa(e.ID)})
}

// appendServiceTags appends one Tag of several values, all sizes in four bytes.
func appendServiceTags(dst []byte, tags ...Tag) []byte {
	var all []byte
	for _, t := range tags {
		all = appendElement(all, idSimpleTag, 4, simpleTag(t, 4))
	}
	return appendElement(dst, idTags, 4, appendElement(nil, idTag, 4, all))
}

// AppendTags appends tags of the producer's own as its library writes them: each in Tags of its own,
// all sizes in eight bytes.
func AppendTags(dst []byte, tags []Tag) []byte {
	for _, t := range tags {
		simple := appendElement(nil, idSimpleTag, 8, simpleTag(t, 8))
		dst = appendElement(dst, idTags, 8, appendElement(nil, idTag, 8, simple))
	}
	return dst
}

func simpleTag(t Tag, width int) []byte {
	b := appendElement(nil, idTagName, width, []byte(t.Name))
	return appendElement(b, idTagString, width, []byte(t.Value))
}

// stamp writes a time as the service does: seconds since 1970 with three decimals.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "0.000"
	}
	ms := t.UnixMilli()
	return fmt.Sprintf("%d.%03d", ms/1000, max(ms%1000, -(ms%1000)))
}

// AppendCluster appends the beginning of a cluster of unknown size. timecode is in ticks of the
// header's scale.
func AppendCluster(dst []byte, timecode int64) []byte {
	dst = appendUnknown(appendID(dst, idCluster), 1)
	dst = appendUint(dst, idTimestamp, 8, uint64(max(0, timecode)))
	return appendUint(dst, idPosition, 1, 0)
}

// AppendBlock appends the head of a SimpleBlock without lacing; size bytes of payload must follow.
// rel is ticks after the cluster's timecode.
func AppendBlock(dst []byte, track uint64, rel int16, key bool, size int64) []byte {
	flags := byte(0)
	if key {
		flags = flagKey
	}
	dst = appendSize(appendID(dst, idSimpleBlock), uint64(size)+blockHead(track), 8)
	return appendBlockHead(dst, track, rel, flags)
}

// flagKey says of a SimpleBlock that decoding can start there (RFC 9559, 10.2).
const flagKey = 0x80

// blockHead is how many bytes of a block lie before its payload.
func blockHead(track uint64) uint64 { return uint64(sizeLen(track)) + 3 }

func appendBlockHead(dst []byte, track uint64, rel int16, flags byte) []byte {
	dst = appendSize(dst, track, 0)
	return append(binary.BigEndian.AppendUint16(dst, uint16(rel)), flags)
}

// appendID appends an element ID, whose first bits tell its length (RFC 8794, 5).
func appendID(dst []byte, id uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift != 0 {
			dst = append(dst, byte(id>>shift))
		}
	}
	return dst
}

// appendSize appends a number of variable length in width bytes, or in as few as it takes if width
// is 0 (RFC 8794, 4). It is below 2^56-1.
func appendSize(dst []byte, n uint64, width int) []byte {
	if width == 0 {
		width = sizeLen(n)
	}
	n |= 1 << (7 * width)
	for shift := 8 * (width - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

// sizeLen is how many bytes a number of variable length takes. All ones is not a number but says
// that a size is not known.
func sizeLen(n uint64) int { return max(1, (bits.Len64(n+1)+6)/7) }

// appendUnknown appends a size that is not known.
func appendUnknown(dst []byte, width int) []byte {
	return appendSize(dst, 1<<(7*width)-1, width)
}

// appendElement appends an element with its size in width bytes, 0 for as few as it takes.
func appendElement(dst []byte, id uint32, width int, body []byte) []byte {
	return append(appendSize(appendID(dst, id), uint64(len(body)), width), body...)
}

func appendString(dst []byte, id uint32, s string) []byte {
	return appendElement(dst, id, 0, []byte(s))
}

// appendUint appends an element of an unsigned integer of width bytes, 1 to 8.
func appendUint(dst []byte, id uint32, width int, v uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, v)
	return appendElement(dst, id, 0, b[8-width:])
}

func appendFloat(dst []byte, id uint32, v float64) []byte {
	return appendUint(dst, id, 8, math.Float64bits(v))
}

// IDs of the elements that are written and not read (RFC 9559, 5).
const (
	idSegmentUUID = 0x73A4
	idTitle       = 0x7BA9
	idMuxingApp   = 0x4D80
	idWritingApp  = 0x5741
)
