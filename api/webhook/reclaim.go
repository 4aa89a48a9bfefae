package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Times of a reclaim.
const (
	reclaimAfter  = 100 * time.Millisecond // how long something is pending until it is reclaimed
	reclaimWithin = 500 * time.Millisecond // the server looks 100 ms after it is asked to, and once more after reclaimAfter
)

// reclaim has the server hand out at once what a process that is gone was handed and has
// not settled; else that comes after ackWait. Who has the lease knows that nobody works at
// it, and asks before anything is fetched.
//
// The server looks at what is pending when the time changes that an acknowledgement is
// waited for, and keeps what is over that in a queue which outlasts the time being as it
// was. That queue is the memory of who leads the consumer: if another server leads it a
// moment later, or this one is too busy to look, all comes after ackWait as before. What a
// crash leaves of a reclaim is a short time with nobody who fetches; the next one sets it
// right.
func (n names) reclaim(ctx context.Context, js jetstream.JetStream, c jetstream.Consumer) error {
	info := c.CachedInfo()
	cfg := info.Config
	set := func(wait time.Duration) error {
		cfg.AckWait = wait
		if _, err := js.UpdateConsumer(ctx, n.EventStream(), cfg); err != nil {
			return fmt.Errorf("have what is pending handed out again: %w", err)
		}
		return nil
	}
	if info.NumAckPending > 0 {
		if err := set(reclaimAfter); err != nil {
			return err
		}
		wait(ctx, reclaimWithin)
	}
	if cfg.AckWait == ackWait {
		return nil
	}
	return set(ackWait)
}
