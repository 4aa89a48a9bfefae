package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tell sends an item once. It is not in the schedule meanwhile.
func (e *endpoint) tell(ctx context.Context, it *item) result {
	var before known
	if it.kind == BadgeChanged {
		if err := e.told.load(ctx, it.user); err != nil {
			return result{kind: notReady, reason: err.Error()}
		}
		before, _ = e.told.peek(it.user)
	}
	if it.user != "" && e.cfg.SkipLive && e.hooks.live(it.user) {
		if it.kind == BadgeChanged && !it.again { // they see it where they are
			b := it.newest().badge
			e.remember(ctx, it.user, told{b.totals.Unread, b.version})
		}
		return result{kind: dropped}
	}
	if it.body == nil {
		body, tells, err := e.hooks.maker.body(ctx, it, before)
		switch {
		case errors.Is(err, errNothing):
			return result{kind: dropped}
		case err != nil:
			return result{kind: notReady, reason: err.Error()}
		}
		it.body, it.tells = body, tells
	}
	id := e.id(it.kind, it.newest().place)
	if id == "" {
		return result{kind: notReady, reason: "the log is not known yet"}
	}
	r := e.sender.send(ctx, id, it.body)
	if r.kind == delivered && it.kind == BadgeChanged && !e.remember(ctx, it.user, it.tells) {
		it.sent = true // it is told once more, or nobody would know later that it was
		return result{kind: notReady, reason: "what was told of a badge is not stored"}
	}
	return r
}

// remember stores what a user's badge is told to be, and reports whether it could.
func (e *endpoint) remember(ctx context.Context, user string, t told) bool {
	err := e.told.store(ctx, user, t)
	if err != nil && ctx.Err() == nil {
		e.log.Warn("what was told of a badge is not stored", "error", err)
	}
	return err == nil
}

// id is the webhook-id of what an event brought; empty: the log is not known. Where an
// event brings two messages, their ids differ, or the second would be taken for the first
// one again.
func (e *endpoint) id(kind Type, place uint64) string {
	epoch := e.hooks.cfg.Epoch()
	if epoch == "" {
		return ""
	}
	id := fmt.Sprintf("msg_%s_%d_%s", epoch, place, e.cfg.Name)
	if kind == ConversationChanged && e.cfg.wants(BadgeChanged) {
		id += "_c"
	}
	return id
}

// finish takes note of what became of an item.
func (e *endpoint) finish(ctx context.Context, f finished) {
	s := e.schedule
	if f.item.again {
		e.ahead = max(e.ahead, f.item.tells.Version)
	}
	wasPaused, wasProbing := s.paused, s.probing()
	settled, dead := s.finish(time.Now(), f.item, f.result)
	e.settle(settled)
	if f.kind != dropped && f.kind != notReady {
		e.hooks.metrics.deliveries.WithLabelValues(e.cfg.Name, f.kind.String()).Inc()
	}
	if f.kind == notReady {
		e.log.Debug("a webhook can't be made now", "error", f.reason)
	}
	if f.kind == failed && (s.failures == 1 || s.failures == failsProbed) || f.kind == throttled {
		e.log.Warn("a webhook is not taken", "reason", f.reason, "failures_in_a_row", s.failures)
	}
	if wasProbing && !s.probing() {
		e.log.Info("webhooks are taken again")
	}
	if s.paused && !wasPaused {
		e.pause(ctx)
	}
	if dead {
		e.dead(ctx, f.item)
	}
}

// pause takes note that the endpoint wants no more.
func (e *endpoint) pause(ctx context.Context) {
	e.paused = time.Now()
	e.log.Warn("the endpoint answered 410 Gone: it is told nothing until a test succeeds (POST /v1/webhooks/test) or the file is another one")
	ctx, cancel := context.WithTimeout(ctx, buryWait)
	defer cancel()
	if err := e.hooks.names.pause(ctx, e.hooks.js, e.consumer, e.paused, e.file); err != nil {
		e.log.Error("that the endpoint is paused is not stored: it is tried again after a restart", "error", err)
	}
}

// dead makes an item a dead letter.
func (e *endpoint) dead(ctx context.Context, it *item) {
	ctx, cancel := context.WithTimeout(ctx, buryWait)
	defer cancel()
	if err := e.bury(ctx, it); err != nil {
		e.log.Error("a webhook that is given up is kept", "error", err)
		e.settle(e.schedule.restore(it, time.Now().Add(expireEvery)))
		return
	}
	e.log.Warn("a webhook is given up: it is a dead letter", "type", it.kind, "attempts", it.attempts, "reason", it.reason)
	e.hooks.metrics.dead.WithLabelValues(e.cfg.Name).Add(float64(len(it.pieces)))
	e.settle(it.pieces)
}
