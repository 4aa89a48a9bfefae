package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// stored is the message of an event. It implements source.
type stored struct{ jetstream.Msg }

// What can't be said to the server is said by its silence: the message comes again.

func (m stored) Settle()   { m.Ack() }
func (m stored) Touch()    { m.InProgress() }
func (m stored) GiveBack() { m.Nak() }

// fetch reads events until ctx ends. last is the place of the last one that was delivered to
// anybody.
func (e *endpoint) fetch(ctx context.Context, last uint64) error {
	for ctx.Err() == nil {
		if e.full.Load() {
			wait(ctx, fullWait)
			continue
		}
		var err error
		if last, err = e.fetchOnce(ctx, last); err != nil && ctx.Err() == nil {
			if !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, jetstream.ErrNoHeartbeat) && !errors.Is(err, nats.ErrConnectionClosed) {
				return fmt.Errorf("fetch events: %w", err)
			}
			wait(ctx, time.Second) // the connection is away
		}
	}
	return nil
}

// fetchOnce reads what comes within a while. What comes as ctx ends is given back.
func (e *endpoint) fetchOnce(ctx context.Context, last uint64) (uint64, error) {
	within, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	batch, err := e.consumer.Fetch(fetchAtOnce, jetstream.FetchContext(within))
	if err != nil {
		return last, err
	}
	for msg := range batch.Messages() {
		if last, err = e.hear(ctx, msg, last); err != nil {
			return last, err
		}
	}
	err = batch.Error()
	if errors.Is(err, jetstream.ErrNoMessages) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) && within.Err() != nil {
		err = nil
	}
	return last, err
}

// hear reads an event, and hands it on.
func (e *endpoint) hear(ctx context.Context, msg jetstream.Msg, last uint64) (uint64, error) {
	at, err := msg.Metadata()
	if err != nil {
		return last, err
	}
	r := read(msg.Subject(), msg.Headers().Get(events.HeaderContentType), msg.Data())
	r.place, r.again, r.from, r.bytes = at.Sequence.Stream, at.NumDelivered > 1, stored{msg}, len(msg.Data())
	if !r.again {
		if last > 0 && r.place > last+1 {
			r.lost = e.gone(ctx, last, r.place)
		}
		last = r.place
	}
	if r.change != nil && e.cfg.about(r.user) && e.cfg.wants(BadgeChanged) {
		for e.told.load(ctx, r.user) != nil && ctx.Err() == nil {
			wait(ctx, time.Second) // the connection is away
		}
	}
	select {
	case e.incoming <- &r:
	case <-ctx.Done():
		r.from.GiveBack()
	}
	return last, nil
}

// gone is up to where events between two places have left the stream; 0: none have. What a
// process that hung was handed when its request was over comes again, and is not lost.
func (e *endpoint) gone(ctx context.Context, after, before uint64) uint64 {
	for ctx.Err() == nil {
		stream, err := e.hooks.js.Stream(ctx, e.hooks.names.EventStream())
		if err != nil { // the connection is away
			wait(ctx, time.Second)
			continue
		}
		if first := min(stream.CachedInfo().State.FirstSeq, before); first > after+1 {
			return first - 1
		}
		return 0
	}
	return 0
}
