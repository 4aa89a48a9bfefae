package projector_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/emit"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
)

// forge stores a message in the event stream as one does who may publish there
// and no more.
func (b *bus) forge(msg *nats.Msg) *jetstream.PubAck {
	b.t.Helper()
	return testkit.Must(b.js.PublishMsg(testkit.Context(b.t), msg))(b.t)
}

// copyOf is a stored event as somebody else may store it again.
func copyOf(e *stored) *nats.Msg {
	msg := &nats.Msg{Subject: "unread-out.0." + e.subject, Header: maps.Clone(e.header), Data: e.data}
	msg.Header.Del(jetstream.MsgIDHeader)
	msg.Header.Del(jetstream.ExpectedLastSeqHeader)
	return msg
}

// forgeries are messages that no emitter has written, given some that one has.
var forgeries = map[string]func(all []stored) *nats.Msg{
	"a seq far ahead": func([]stored) *nats.Msg {
		return &nats.Msg{Subject: "unread-out.x.evt.bob.change", Data: []byte("{}"),
			Header: nats.Header{"Reddot-At": {"4000000000"}, "Reddot-Applied": {"4000000000"}}}
	},
	"an answer to a query": func([]stored) *nats.Msg {
		return &nats.Msg{Subject: "unread-out.x.evt.bob.change", Data: []byte(`{"user":"alice","version":1,"totals":{}}`)}
	},
	"a copy that shows a seq far ahead": func(all []stored) *nats.Msg {
		msg := copyOf(&all[len(all)-1])
		msg.Header.Set("Reddot-At", "4000000000")
		msg.Header.Set("Reddot-Applied", "4000000000")
		return msg
	},
	"a copy by another writer": func(all []stored) *nats.Msg {
		msg := copyOf(&all[len(all)-1])
		msg.Header.Set("Reddot-Writer", "other")
		return msg
	},
	"a copy with another body": func(all []stored) *nats.Msg {
		msg := copyOf(&all[len(all)-1])
		msg.Data = append([]byte{}, all[0].data...)
		return msg
	},
	"a copy of the newest": func(all []stored) *nats.Msg { return copyOf(&all[len(all)-1]) },
	"a copy of an old one with its seal": func(all []stored) *nats.Msg {
		msg := copyOf(&all[0])
		msg.Header.Set(jetstream.MsgIDHeader, all[0].header.Get(jetstream.MsgIDHeader))
		return msg
	},
	"a copy of an old one that hides its place": func(all []stored) *nats.Msg {
		msg := copyOf(&all[0])
		msg.Header.Set(jetstream.MsgIDHeader, all[0].header.Get(jetstream.MsgIDHeader))
		msg.Header.Set("X", "y\n"+jetstream.ExpectedLastSeqHeader+": 0") // which the server does not look for there
		return msg
	},
}

// TestForgedEvents has somebody else store events, under a running projector and
// under one that is away, which then starts with its store or without one. They
// are named and skipped: nothing that they say is believed, the log is whole, and
// events go on at once.
func TestForgedEvents(t *testing.T) {
	for name, forgery := range forgeries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBus(t)
			a := b.author()
			dir := t.TempDir()
			p := b.run(dir)
			crowd(a, 5)
			p.settle(a.last())
			real := b.storedEvents(1)
			if strings.Contains(name, "old") { // which the server takes for the original as long as it knows the id
				testkit.Eventually(t, "the server has forgotten the ids", func() bool {
					return time.Since(testkit.Must(b.events().GetMsg(t.Context(), b.end()))(t).Time) > 2*journal.Duplicates
				})
			}
			foreign := map[uint64]bool{}
			since := 0     // forged since the last command
			var seq uint64 // of the last one
			forge := func() {
				ack := b.forge(forgery(real))
				if seq = ack.Sequence; !ack.Duplicate { // as one with an id that was there just now is
					foreign[seq] = true
					since++
				}
			}
			emits := func(who string) {
				t.Helper()
				a.message(who, "sender", "m1")
				p.settle(a.flush())
				if s := p.status(); s.Emitted != a.last() || s.Emitter != string(emit.Emitting) || int(s.Foreign) < since {
					t.Errorf("with %s there are %d, and the status is %+v", who, since, s)
				}
				since = 0
			}
			forge()
			emits("running")
			if !p.log.Has("sequence=" + fmt.Sprint(seq) + " subject=unread-out.") {
				t.Error("it is not named")
			}
			p.stop()
			forge()
			forge()
			if found := testkit.Must(projector.FindTruncation(testkit.Context(t), b.log(), b.js, dir))(t); found.Derived != 0 {
				t.Errorf("it is taken for a proof: %v", found)
			}
			p = b.run(dir)
			emits("restarted")
			forge()
			p.kill()
			forge()
			p = b.run(t.TempDir())
			emits("fresh")
			b.checkTold(a, p, foreign)
			if p.log.Has("stands by") {
				t.Error("it has stood by")
			}
		})
	}
}

// checkTold compares what the stored events say, without the foreign ones, with
// what a process answers.
func (b *bus) checkTold(a *author, p *process, foreign map[uint64]bool) {
	b.t.Helper()
	l := newLedger(b.t)
	for _, s := range b.storedMessages(foreign) {
		l.enter(&s)
	}
	v := p.view(a.last())
	defer v.Close()
	users := map[string]bool{}
	for _, c := range a.log {
		if c.Verb == events.UserMessage && !users[c.Inbox] {
			users[c.Inbox] = true
			l.settled(v, c.Inbox)
		}
	}
}

// storedMessages reads the events among what is stored.
func (b *bus) storedMessages(foreign map[uint64]bool) (all []stored) {
	b.t.Helper()
	c := testkit.Must(b.events().OrderedConsumer(testkit.Context(b.t), jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}))(b.t)
	it := testkit.Must(c.Messages(jetstream.PullMaxMessages(5_000)))(b.t)
	defer it.Stop()
	for end := b.end(); ; {
		msg := testkit.Must(it.Next(jetstream.NextMaxWait(testkit.Patience)))(b.t)
		seq := testkit.Must(msg.Metadata())(b.t).Sequence.Stream
		if !foreign[seq] && !amongEmitters(msg.Subject()) {
			all = append(all, b.event(msg))
		}
		if seq == end {
			return all
		}
	}
}

// TestForeignCrowd puts ten thousand foreign messages behind the last event:
// the projector that runs goes on behind them, and so does one that starts.
func TestForeignCrowd(t *testing.T) {
	testkit.Unraced(t)
	const many = 10_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir)
	crowd(a, 3)
	p.settle(a.last())
	foreign := map[uint64]bool{}
	flood := func() {
		model := forgeries["a copy that shows a seq far ahead"](b.storedMessages(foreign))
		var acks []jetstream.PubAckFuture
		for range many {
			msg := &nats.Msg{Subject: model.Subject, Header: model.Header, Data: model.Data}
			acks = append(acks, testkit.Must(b.js.PublishMsgAsync(msg, jetstream.WithStallWait(testkit.Patience)))(t))
		}
		for _, ack := range acks { // the emitter stores something of its own in between
			select {
			case stored := <-ack.Ok():
				foreign[stored.Sequence] = true
			case err := <-ack.Err():
				t.Fatal(err)
			case <-time.After(testkit.Patience):
				t.Fatal("the flood does not end")
			}
		}
	}
	flood()
	a.message("running", "sender", "m1")
	p.settle(a.flush())
	if n := p.status().Foreign; n != many {
		t.Errorf("%d are counted, not %d", n, many)
	}
	if n := strings.Count(p.log.String(), "that no reddot has written"); n != 1 {
		t.Errorf("they are named %d times, not once", n)
	}
	flood()
	p.stop()
	p = b.run(dir)
	a.message("restarted", "sender", "m1")
	p.settle(a.flush())
	b.checkTold(a, p, foreign)
}

// TestEmittedAmongForeign emits two thousand commands while somebody stores a
// foreign message every few milliseconds, one of them a copy of the newest event.
func TestEmittedAmongForeign(t *testing.T) {
	const users = 50
	commands := testkit.Effort(2_000)
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	crowd(a, 1)
	p.settle(a.last())
	ctx, stop := context.WithCancel(t.Context())
	foreign := map[uint64]bool{}
	ended := make(chan error)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		stream := b.events()
		for {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-tick.C:
			}
			newest, err := stream.GetLastMsgForSubject(ctx, "unread-out.0.evt.*.change")
			if err == nil {
				msg := copyOf(&stored{subject: "evt.bob.change", header: newest.Header, data: newest.Data})
				msg.Header.Set("Reddot-At", "4000000000")
				var ack *jetstream.PubAck
				if ack, err = b.js.PublishMsg(t.Context(), msg); err == nil { // also the one under way at the end
					foreign[ack.Sequence] = true
				}
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				ended <- err
				return
			}
		}
	}()
	for n := range commands {
		a.message(member(n%users), "sender", fmt.Sprint("m", n))
		if n%10 == 0 {
			p.settle(a.flush())
		}
	}
	p.settle(a.flush())
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.checkTold(a, p, foreign)
	if p.log.Has("stands by") {
		t.Error("it has stood by")
	}
	t.Logf("%d foreign messages, %d of them counted, among %d", len(foreign), p.status().Foreign, b.end())
}
