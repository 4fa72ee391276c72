package kvsemu

import "errors"

// ack is one line of the answer of PutMedia (API_dataplane_PutMedia, Acknowledgement). The page calls
// the first key AckEventType; what was seen on the wire is EventType, in flat objects.
type ack struct {
	EventType        string  // BUFFERING, RECEIVED, PERSISTED, ERROR or IDLE
	FragmentTimecode *int64  `json:",omitempty"` // of the cluster as it was sent, in milliseconds; -1 where there is none
	FragmentNumber   *string `json:",omitempty"`
	ErrorCode        string  `json:",omitempty"`
	ErrorId          int     `json:",omitempty"`
}

// ackError ends a PutMedia. Its text is the ErrorCode.
type ackError struct {
	id   int
	code string
}

func (e *ackError) Error() string { return e.code }

// Errors of PutMedia that happen here, by API_dataplane_PutMedia.
var (
	ackSize        = &ackError{4001, "MAX_FRAGMENT_SIZE_REACHED"}
	ackDuration    = &ackError{4002, "MAX_FRAGMENT_DURATION_REACHED"}
	ackConnection  = &ackError{4003, "MAX_CONNECTION_DURATION_REACHED"}
	ackOrder       = &ackError{4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"}
	ackTracks      = &ackError{4005, "MORE_THAN_ALLOWED_TRACKS_FOUND"}
	ackInvalid     = &ackError{4006, "INVALID_MKV_DATA"}
	ackTimestamp   = &ackError{4007, "INVALID_PRODUCER_TIMESTAMP"}
	ackNotActive   = &ackError{4008, "STREAM_NOT_ACTIVE"}
	ackMetadata    = &ackError{4009, "FRAGMENT_METADATA_LIMIT_REACHED"}
	ackTrackNumber = &ackError{4010, "TRACK_NUMBER_MISMATCH"}
	ackMissing     = &ackError{4011, "FRAMES_MISSING_FOR_TRACK"}
	ackTagName     = &ackError{4012, "INVALID_FRAGMENT_METADATA"}
	ackInternal    = &ackError{5000, "INTERNAL_ERROR"}
	ackArchival    = &ackError{5001, "ARCHIVAL_ERROR"}
)

// ackOf returns what the producer is told of an error.
func ackOf(err error) *ackError {
	var told *ackError
	if errors.As(err, &told) {
		return told
	}
	return ackInternal
}
