package pull

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The first attempt of Ensure may take firstAttempt, and each further one twice as
// long, as in a cluster without a leader nobody may answer it. In between the stream
// is let alone for betweenAttempts: one that another reddot makes may be there for
// one server of a cluster, and not yet for another.
const (
	firstAttempt    = 2 * time.Second
	betweenAttempts = 100 * time.Millisecond
)

// Ensure has a stream opened, or created if it is not there. An attempt that is not
// answered, or that finds the stream created by another reddot meanwhile, is made
// again until ctx ends: the stream of one of them stays, and both go on with that.
func Ensure[S any](ctx context.Context, attempt func(context.Context) (S, error)) (S, error) {
	for within := firstAttempt; ; within *= 2 {
		attempting, cancel := context.WithTimeout(ctx, within)
		s, err := attempt(attempting)
		cancel()
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) && !errors.Is(err, context.DeadlineExceeded) {
			return s, err
		}
		select {
		case <-time.After(betweenAttempts):
		case <-ctx.Done():
			return s, err
		}
	}
}
