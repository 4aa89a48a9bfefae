package snapshot

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// attemptWithin bounds one attempt at one request for a blob.
	attemptWithin = 30 * time.Second
	// attempts is how often a request is made before it fails. The waits
	// between them double from firstWait up to longestWait: some 20 s in all.
	attempts    = 10
	firstWait   = 50 * time.Millisecond
	longestWait = 5 * time.Second
	// otherReplicas is how often a replicated bucket is asked for what one
	// replica does not have or has damaged. Another may have it whole.
	otherReplicas = 4
)

// attempt makes a request again where the server was away or could not keep
// up.
func (b *Bucket) attempt(ctx context.Context, request func(context.Context) error) error {
	wait := firstWait
	for tried := 1; ; tried++ {
		err := b.once(ctx, request)
		if err == nil || tried == attempts || ctx.Err() != nil || !passing(err) && !b.elsewhere(err, tried) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
}

func (b *Bucket) once(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	return request(ctx)
}

// elsewhere tells whether another replica may know better. Which one answers is
// up to the server.
func (b *Bucket) elsewhere(err error, tried int) bool {
	return b.replicas > 1 && tried < otherReplicas &&
		(errors.Is(err, ErrDamaged) || errors.Is(err, jetstream.ErrObjectNotFound))
}

// passing tells whether an error may be gone at the next attempt.
func passing(err error) bool {
	for _, known := range []error{
		context.DeadlineExceeded, errReplaced,
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrTooManyStalledMsgs, jetstream.ErrServerShutdown,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.Code == 429 || api.Code == 503 || api.Code == 504)
}
