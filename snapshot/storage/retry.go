package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// The first attempt at a request for a blob may take firstWithin: an answer
	// that is lost with a server costs that. Each further one may take twice as
	// long, up to longestWithin, for slow links.
	firstWithin   = 2 * time.Second
	longestWithin = time.Minute
	// The waits between attempts double from firstWait up to longestWait; after
	// goodWhile no further one is made.
	firstWait   = 50 * time.Millisecond
	longestWait = 5 * time.Second
	goodWhile   = 2 * time.Minute
	// otherReplicas is how often a replicated bucket is asked for what one
	// replica does not have, or not whole. Another may have it.
	otherReplicas = 4
)

// attempt makes a request again where the server was away or could not keep
// up.
func (b *Bucket) attempt(ctx context.Context, request func(context.Context) error) error {
	wait, within, end := firstWait, firstWithin, time.Now().Add(goodWhile)
	for tried := 1; ; tried++ {
		err := b.once(ctx, within, request)
		if err == nil || time.Now().After(end) || ctx.Err() != nil || !passing(err) && !b.elsewhere(err, tried) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the last attempt: %w", ctx.Err(), err)
		case <-time.After(wait):
		}
		wait, within = min(2*wait, longestWait), min(2*within, longestWithin)
	}
}

func (b *Bucket) once(ctx context.Context, within time.Duration, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return request(ctx)
}

// elsewhere reports whether another replica may know better. Which one answers is
// up to the server.
func (b *Bucket) elsewhere(err error, tried int) bool {
	return b.replicas > 1 && tried < otherReplicas &&
		(errors.Is(err, ErrCorrupt) || errors.Is(err, jetstream.ErrObjectNotFound))
}

// passing reports whether an error may be gone at the next attempt.
func passing(err error) bool {
	for _, known := range []error{
		context.DeadlineExceeded, errReplaced, jetstream.ErrBucketExists, // somebody else was faster: it is there now
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
