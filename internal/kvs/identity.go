package kvs

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// credentialsLimit ends a search for credentials that hangs, e.g. a credential process that
// waits for somebody. The chain's own parts have shorter limits.
const credentialsLimit = 2 * time.Minute

// identity is a credentials provider that marks its errors, because those of the SDK's chain
// have no type in common, and remembers the account.
type identity struct {
	from    aws.CredentialsProvider
	account atomic.Value // string
}

// Retrieve implements aws.CredentialsProvider.
func (i *identity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if i.from == nil {
		return aws.Credentials{}, &credentialsError{errNoProvider}
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsLimit)
	defer cancel()
	got, err := i.from.Retrieve(ctx)
	if err != nil {
		return got, &credentialsError{err}
	}
	if id := mark(accountPattern, got.AccountID); id != "" {
		i.account.Store(id)
	}
	return got, nil
}

func (i *identity) accountID() string {
	id, _ := i.account.Load().(string)
	return id
}

// credentialsError means that no credentials could be had, so nothing was sent.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "no usable AWS credentials: " + e.err.Error() }

func (e *credentialsError) Unwrap() error { return e.err }
