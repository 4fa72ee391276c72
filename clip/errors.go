package clip

import (
	"errors"

	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
)

// Errors that callers branch on.
var (
	// ErrUsage means a request that cannot be right: the text says which field and why.
	ErrUsage = errors.New("wrong request")
	// ErrEmpty means that nothing was recorded in the range.
	ErrEmpty = errors.New("nothing was recorded in the range")
	// ErrLocal means trouble on this machine: the disk is full, a folder is not writable.
	ErrLocal = errors.New("local trouble")
	// ErrUnsound means that the finished file did not read back as it was written.
	ErrUnsound = errors.New("the written file does not read back as planned")

	// ErrIncomplete means that footage the service lists cannot be had from it.
	ErrIncomplete = fetch.ErrIncomplete
	// ErrAllMissing means that nothing at all of the range can be had. It is an ErrIncomplete too.
	ErrAllMissing = errors.New("nothing of the range can be had")
	// ErrEngines means that the two engines do not give the same footage.
	ErrEngines = fetch.ErrDiffer
	// ErrBusy means that another run is making the same clip.
	ErrBusy = fetch.ErrBusy
	// ErrExists means that the output is there already and Force is not set.
	ErrExists = sink.ErrExists
	// ErrCannotJoin means that clips cannot become one file without loss.
	ErrCannotJoin = splice.ErrCannotJoin
)
