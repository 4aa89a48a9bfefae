package emit

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
)

// hold is until when change events and receipts are held back, so that each user is
// notified once of all that a bulk of commands does. It ends by itself, and is in
// memory alone: what is held back is not emitted, and whoever emits next emits it.
type hold struct{ until atomic.Pointer[time.Time] }

// left is how long it lasts; 0: there is none.
func (h *hold) left() time.Duration {
	if t := h.until.Load(); t != nil {
		return max(time.Until(*t), 0)
	}
	return 0
}

// Hold has change events and receipts held back for a while, or with 0 no longer. It
// returns until when, 0: they are not. Refusals are emitted all the same. Whichever
// emitter emits has to hear of it. Safe for concurrent use.
func (e *Emitter) Hold(ttl time.Duration) (until events.Time) {
	end := time.Now().Add(ttl)
	if e.hold.until.Store(&end); ttl > 0 {
		until = events.Time(end.UnixMilli())
	}
	e.poke()
	return until
}

// Held is until when change events and receipts are held back; 0: they are not. Safe
// for concurrent use.
func (e *Emitter) Held() events.Time {
	if t := e.hold.until.Load(); t != nil && time.Until(*t) > 0 {
		return events.Time(t.UnixMilli())
	}
	return 0
}

// refuses reports whether there are refusals to be emitted, by the next round or by
// those before.
func (g *rounds) refuses() bool {
	e := g.emitter
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dirty.Refused || g.refusals != nil
}

// rest is idle while events are held back. The others hear that this emitter lives.
func (g *rounds) rest(ctx context.Context, left time.Duration) error {
	w, e := g.writer, g.emitter
	if w.Pending() > 0 {
		return w.Wait(ctx, e.wake)
	}
	var lives <-chan time.Time
	if !e.emittedAll() {
		lives = time.After(time.Until(g.sent.Add(e.cfg.Takeover / quietShare)))
	}
	select {
	case <-e.wake:
	case <-time.After(left):
	case <-lives:
		return g.say(ctx, nats.Header{journal.HeaderWriter: {e.cfg.ID}})
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
