package kvs

import (
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Limits of a listing's pages. A page may be short or even empty and not be the last, so there may
// be far more than full ones.
const (
	maxPages = 20_000
	maxToken = 8 << 10 // bytes; the service's model has 4,096
)

// errToken means a listing that would never end.
var errToken = errors.New("the service repeats a page token")

// tokens remembers the page tokens of one listing, as hashes.
type tokens struct {
	limit int // pages
	seed  maphash.Seed
	seen  map[uint64]bool
}

// next tells whether token leads to a further page.
func (t *tokens) next(token *string) (more bool, err error) {
	s := aws.ToString(token)
	switch {
	case s == "":
		return false, nil
	case len(s) > maxToken:
		return false, fmt.Errorf("%w: page token of %d bytes: expected at most %d", ErrGarbled, len(s), maxToken)
	case len(t.seen)+1 >= t.limit:
		return false, fmt.Errorf("%w: more than %d pages", ErrTooMany, t.limit)
	case t.seen == nil:
		t.seed, t.seen = maphash.MakeSeed(), map[uint64]bool{}
	}
	h := maphash.String(t.seed, s)
	if t.seen[h] {
		return false, errToken
	}
	t.seen[h] = true
	return true, nil
}
