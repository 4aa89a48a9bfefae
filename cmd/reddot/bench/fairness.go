package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/vmihailenco/msgpack/v5"

	"reddot/events"
)

const (
	// fairMembers is the size of the group, and the number of conversations of
	// the user, that work in bulk is about.
	fairMembers = 100_000
	// fairWatchers watch the group.
	fairWatchers = 20_000
	// fairOthers watch, and are not in the group that a message is for.
	fairOthers = 10_000
	// probeGap is the rest between two probes.
	probeGap = 5 * time.Millisecond
	// fewestProbes are sent however fast the work is done.
	fewestProbes = 5
)

// Names of figures, behind the name of the work.
const (
	appliedLongest = ": applied, longest"
	toldLongest    = ": told, longest"

	watchedElsewhere = "a message, with watchers elsewhere"
)

// Users who are in none of the groups.
const (
	probed  = "probed"  // receives the probes
	popular = "popular" // has the conversations
)

// bulk is work that is much for one command, or some commands, of one user or
// group.
type bulk struct {
	name     string
	before   func(context.Context, *traffic) error // not measured; nil: nothing
	commands []events.Command
}

// heardAim is the aim of the time until a probe is heard. One message to a group
// whose watchers are few is not work in bulk at all.
func (w bulk) heardAim() Aim {
	if w.name == watchedElsewhere {
		return atMost(0.050, 0.010)
	}
	return atMost(0.250, 0.050)
}

// fairness is the stage of that name: how long another user's messages take
// meanwhile.
func (b *bench) fairness(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, err := b.startServed(ctx, "fairness")
	if err != nil {
		return err
	}
	p, err := t.newProbes()
	if err != nil {
		return err
	}
	works := bulks(min(fairMembers, b.cfg.Workload.Users))
	err = b.turns("fairness", len(works), func(step *Step) error {
		for _, w := range works {
			if w.before != nil {
				if err := w.before(ctx, t); err != nil {
					return err
				}
			}
			p.applied, p.heard = nil, nil
			if err := p.during(ctx, w.commands); err != nil {
				return fmt.Errorf("during %s: %w", w.name, err)
			}
			b.note(figure("fairness", w.name+appliedLongest, Seconds, p.applied.at(1).Seconds()))
			b.note(figure("fairness", w.name+toldLongest, Seconds, p.heard.at(1).Seconds()))
			step.done.Add(1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.end()
}

// bulks are all works, in an order in which each finds what it needs. Groups and
// lists have n entries.
func bulks(n int) []bulk {
	large, other := &fanned{members: n}, &fanned{members: min(n, 2_000)}
	watch := func(from, upto int) func(context.Context, *traffic) error {
		return func(ctx context.Context, t *traffic) error { return t.watch(ctx, from, upto) }
	}
	conversations := make([]events.Command, n)
	for i := range conversations {
		conversations[i] = events.Command{Verb: events.UserMessage, Inbox: popular, ID: strconv.Itoa(firstID + i), From: user(i)}
	}
	leaving := events.Command{Verb: events.GroupLeave, Inbox: large.name()}
	for i := range min(events.MaxUsers, n/2) {
		leaving.Users = append(leaving.Users, user(i))
	}
	return []bulk{
		{"joins", nil, large.joins()},
		{watchedElsewhere, func(ctx context.Context, t *traffic) error {
			if _, err := t.sendAll(ctx, other.joins()); err != nil {
				return err
			}
			return t.watch(ctx, n-min(fairOthers, n/10), n)
		}, other.messages(1)},
		{"a message to watchers", watch(0, min(fairWatchers, n/5)), large.messages(1)},
		{"a large leave", nil, []events.Command{leaving}},
		{"a dismissal", nil, []events.Command{{Verb: events.GroupDismiss, Inbox: large.name()}}},
		{"a message to a user with many conversations", func(ctx context.Context, t *traffic) error {
			_, err := t.sendAll(ctx, conversations)
			return err
		}, []events.Command{{Verb: events.UserMessage, Inbox: popular, ID: "late", From: user(0)}}},
		{"read-all of many conversations", nil, []events.Command{{Verb: events.UserReadAll, Inbox: popular}}},
		{"an erasure", nil, []events.Command{{Verb: events.UserErase, Inbox: popular}}},
	}
}

// watch has users watch large groups.
func (t *traffic) watch(ctx context.Context, from, upto int) error {
	for i := from; i < upto; i++ {
		if _, err := t.reddot.User(user(i)).Watch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sendAll publishes commands and returns the seq of the last one, when all their
// events are stored.
func (t *traffic) sendAll(ctx context.Context, commands []events.Command) (last events.Seq, err error) {
	var newest jetstream.PubAckFuture
	for i := range commands {
		c := &commands[i]
		payload, err := events.Encode(c)
		if err != nil {
			return 0, err
		}
		newest, err = t.js.PublishAsync(t.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload,
			jetstream.WithRetryAttempts(0), jetstream.WithStallWait(ackWait))
		if err != nil {
			return 0, fmt.Errorf("publish: %w", err)
		}
	}
	select {
	case ack := <-newest.Ok():
		last = events.Seq(ack.Sequence)
	case err := <-newest.Err():
		return 0, fmt.Errorf("publish: %w", err)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return last, t.emitted(ctx, last)
}

// probes are messages to a user whom the work does not concern.
type probes struct {
	t      *traffic
	events *nats.Subscription
	sent   int

	applied, heard sample
}

func (t *traffic) newProbes() (*probes, error) {
	conn, err := t.connect()
	if err != nil {
		return nil, err
	}
	sub, err := conn.SubscribeSync(t.subjects.Prefix() + ".evt." + probed + ".change")
	if err == nil {
		err = conn.Flush()
	}
	return &probes{t: t, events: sub}, err
}

// during sends one probe after the other until the events of all commands are
// stored.
func (p *probes) during(ctx context.Context, commands []events.Command) error {
	done := make(chan error, 1)
	go func() {
		_, err := p.t.sendAll(ctx, commands)
		done <- err
	}()
	for n := 1; ; n++ {
		if err := p.probe(ctx); err != nil {
			return err
		}
		select {
		case err := <-done:
			if err != nil || n >= fewestProbes {
				return err
			}
			done <- nil
		case <-time.After(probeGap):
		}
	}
}

// probe sends one message and waits until it is applied, and its user is notified.
func (p *probes) probe(ctx context.Context) error {
	p.sent++
	payload, err := events.Encode(&events.Command{Verb: events.UserMessage, Inbox: probed, ID: strconv.Itoa(p.sent), From: "prober"})
	if err != nil {
		return err
	}
	start := time.Now()
	ack, err := p.t.js.Publish(ctx, p.t.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: probed}), payload)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := await(ctx, events.Seq(ack.Sequence), p.t.totals(probed)); err != nil {
		return err
	}
	p.applied = append(p.applied, time.Since(start))
	for {
		msg, err := p.events.NextMsgWithContext(ctx)
		if err != nil {
			return fmt.Errorf("wait for an event: %w", err)
		}
		var change events.Change
		if err := msgpack.Unmarshal(msg.Data, &change); err != nil {
			return err
		}
		if change.Version >= events.Seq(ack.Sequence) {
			p.heard = append(p.heard, time.Since(start))
			return nil
		}
	}
}
