package projector

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/log"
)

const (
	// clockLooks is how often it is looked whether a message expires.
	clockLooks = 200 * time.Millisecond
	// clockPause is how long after one clock the next one is published, at the
	// earliest, whoever has published the one before.
	clockPause = time.Second
	// clockTimeout bounds how long the stream may take to store one.
	clockTimeout = 5 * time.Second
)

// clock publishes the time when messages expire (rule clock). It does so as long as
// this reddot emits, so that one does, whether or not anything else comes: it is the
// time of the stream's leader, which gives the commands their times. Any copy is
// harmless. If the stream takes none, another one that stands by may try.
type clock struct {
	js      jetstream.JetStream
	subject string
	stream  string
	failing *log.Complaint

	writes bool      // this reddot emitted at the last look
	last   time.Time // when it began to emit, or the last clock was stored
}

func newClock(js jetstream.JetStream, cfg Config) clock {
	return clock{
		js: js, subject: cfg.Subjects.Command(events.Target{Verb: events.ClockSet}), stream: cfg.Subjects.CommandStream(),
		failing: log.NewComplaint("the command stream takes no clock, so no message expires", cfg.Logger),
	}
}

// leaderClock is the time as the stream's leader has said it, and goes on from there.
// Safe for concurrent use.
type leaderClock struct{ said atomic.Pointer[leaderTime] }

type leaderTime struct {
	at    events.Time
	heard time.Time
}

func (c *leaderClock) set(at events.Time, heard time.Time) { c.said.Store(&leaderTime{at, heard}) }

// now is never ahead of the leader's clock. ok is false as long as it has not said
// anything.
func (c *leaderClock) now() (at events.Time, ok bool) {
	t := c.said.Load()
	if t == nil {
		return 0, false
	}
	return t.at + events.Time(time.Since(t.heard).Milliseconds()), true
}

// keepClock looks until ctx ends.
func (p *Projector) keepClock(ctx context.Context) error {
	tick := time.NewTicker(clockLooks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		d, err := p.due()
		if err != nil {
			return err
		}
		c := &p.clock
		if d == nil {
			c.failing.Over(time.Now())
		}
		p.emitter.Await(d != nil && c.failing.Now() == nil)
		if writes := p.emitter.State() == emit.Emitting; writes != c.writes {
			c.writes, c.last = writes, time.Now()
		}
		if d != nil && c.writes && time.Since(c.last) >= clockPause {
			err := c.publish(ctx, d)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if c.last = time.Now(); err != nil {
				c.failing.Is(err, c.last)
			} else {
				c.failing.Over(c.last)
			}
		}
	}
}

// dueClock is a clock by which messages expire.
type dueClock struct {
	at events.Time
	id string // the same wherever it is published: the stream stores one of it
}

// due is the clock that is due now: nil if no message has expired, or if it is not
// known whether other commands have seen to it already. Of a clock that lies in the
// future, by a back end, some messages may be left: the next one is a little later.
func (p *Projector) due() (*dueClock, error) {
	now, ok := p.health.leader.now()
	if !ok || p.Fresh() != nil {
		return nil, nil
	}
	snap, err := p.loop.Snapshot()
	if err != nil {
		return nil, err
	}
	next, any, err := snap.NextDue()
	before := snap.Position().Clock
	if err = errors.Join(err, snap.Close()); err != nil || !any || next > now && next >= before {
		return nil, err
	}
	return &dueClock{max(now, before), fmt.Sprintf("clock-%d-%d", before, next)}, nil
}

// publish has the stream store a clock.
func (c *clock) publish(ctx context.Context, d *dueClock) error {
	payload, err := events.Encode(&events.Command{Verb: events.ClockSet, At: d.at, HasAt: true})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	_, err = c.js.PublishMsg(ctx, &nats.Msg{Subject: c.subject, Data: payload}, jetstream.WithMsgID(d.id), jetstream.WithExpectStream(c.stream), jetstream.WithRetryAttempts(0))
	return err
}
