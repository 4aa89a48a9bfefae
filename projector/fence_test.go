package projector_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/twin"
)

// emitter is what a process's emitter is doing.
func (p *process) emitter() emit.State { return emit.State(p.status().Emitter) }

// leads waits until one of two processes emits and the other stands by.
func leads(t *testing.T, p, q *process) (leader, standby *process) {
	t.Helper()
	eventually(t, "one of two emits, the other stands by", func() bool {
		a, b := p.emitter(), q.emitter()
		if a == emit.Standby {
			leader, standby = q, p
		} else {
			leader, standby = p, q
		}
		return a != b && (a == emit.Emitting || b == emit.Emitting)
	})
	return leader, standby
}

// TestTakeover runs two projectors on one event stream under random load. One
// emits; when it ends the other takes over; and what both have written
// together is as if one had.
func TestTakeover(t *testing.T) {
	t.Parallel()
	c := newChaos(t, drawSeed(t), twin.Config{})
	p := c.bus.run(t.TempDir())
	c.write(200)
	p.settle(c.author.last())
	q := c.bus.run(t.TempDir())
	for round := range 2 {
		for range 20 { // in small steps: both try to write
			p.settle(c.write(5))
		}
		leader, standby := leads(t, p, q)
		c.check(leader)
		for range 200 {
			c.write(1 + c.rng.IntN(5))
		}
		if round == 0 {
			leader.stop()
		} else {
			leader.kill()
		}
		c.write(300)
		c.check(standby)
		if got := standby.emitter(); got != emit.Emitting {
			t.Errorf("the other has ended; this one is %q", got)
		}
		p, q = standby, c.bus.run(t.TempDir())
	}
	t.Logf("%d commands, %d events, %d of them changes", c.upto, c.events, c.changes)
}

// TestFencedWithinWindow has another emitter's message come in between the many
// that an emitter has on their way: of those behind it none is stored, and
// when the other goes quiet the rest follows.
func TestFencedWithinWindow(t *testing.T) {
	const users = 10_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop()
	for i := range users { // one command for each: each has one change, wherever generations end
		a.message(member(i), "sender", "m1")
	}
	a.flush()
	changes := b.hear(t, "unread.evt.>")
	first := make(chan *nats.Msg, users) // of the last generation
	if _, err := b.connect().Subscribe("unread.evt.>", func(m *nats.Msg) {
		if m.Header.Get(headerAt) == fmt.Sprint(a.last()) {
			first <- m
		}
	}); err != nil {
		t.Fatal(err)
	}
	p := b.run(dir)
	var header nats.Header
	select {
	case m := <-first:
		header = m.Header
	case <-time.After(tooLong):
		t.Fatal("the last generation does not begin")
	}
	foreign := &nats.Msg{Subject: "unread-out.0.evt.foreign.change", Header: nats.Header{"Reddot-Writer": {"other"}}}
	for _, name := range []string{"Content-Type", "Reddot-Applied", "Reddot-At", "Reddot-Generation"} {
		foreign.Header.Set(name, header.Get(name))
	}
	foreign.Data = must(events.Marshal(events.Msgpack, events.Change{User: "foreign", Version: 1}))(t)
	ack := must(b.js.PublishMsg(t.Context(), foreign))(t)
	eventually(t, "the emitter stands by", func() bool { return p.emitter() == emit.Standby })
	if end := b.end(); end != ack.Sequence || end > users {
		t.Fatalf("the stream ends at %d, not with the other's message, %d", end, ack.Sequence)
	}
	p.settle(a.last())
	if got := p.emitter(); got != emit.Emitting {
		t.Errorf("the emitter is %q", got)
	}
	l := newLedger(t)
	all := b.storedEvents(1)
	for _, s := range all {
		l.enter(&s)
	}
	v := p.view(a.last())
	defer v.Close()
	for i := range users {
		l.settled(v, member(i))
	}
	if want := users + 1; l.changes != want {
		t.Errorf("%d changes are stored, not %d", l.changes, want)
	}
	changes.compare(t, all)
	t.Logf("the other's message is %d of %d", ack.Sequence, len(all))
}
