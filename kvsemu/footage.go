package kvsemu

import "github.com/kvsclip/kvsclip/internal/media"

// footage is what a stream holds: what a camera records, or what was sent by PutMedia. Uploads are
// numbered from 0, in the order they came. Times are milliseconds since 1970. Methods may be called
// from several goroutines at once, and with uploads that held or pick told of, at any time after.
type footage interface {
	// held returns what the service has of it at now, with data older than since deleted.
	held(now, since int64) span
	// pick returns the uploads among held whose start lies between a and b, both inclusive, on the
	// service's or the producer's clock: spans in order of upload, each also in order of its clock.
	pick(held span, producer bool, a, b int64) []span
	// numbered returns the upload with a fragment number, whether it can be had or not.
	numbered(number string) (u int64, ok bool)
	// fragment describes an upload.
	fragment(u int64) Fragment
	// configs returns an upload's tracks as a clip needs them, a zero one for what there is not; the
	// error is a refusal of GetClip.
	configs(u int64) (video, audio media.Config, err error)
	// clip returns uploads as a clip takes them, and where their bytes are, for the caller to close.
	clip(uploads []int64) (*strip, error)
	// document returns an upload as Matroska: all before its cluster, as its producer sent it, and
	// the cluster with what came behind it.
	document(u int64) (head, cluster []byte, err error)
	// coming tells when upload u, which is not complete, will begin to arrive and be complete, or
	// endless if that is not known, and what is closed when it may have changed.
	coming(u int64) (begins, complete int64, changed <-chan struct{})
}

// strip is some fragments as a clip takes them.
type strip struct {
	source  media.Source
	closing func() error
	shots   []shot
}

// shot is one fragment on a strip.
type shot struct {
	group
	begin int64 // producer time
	base  int64 // added to sample offsets
	frame int64 // milliseconds its last picture lasts, if it is the only one
	opens bool  // something may be missing before it
}
