package projector_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/projector"
	"reddot/projector/emit"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// emitter is what a process's emitter is doing.
func (p *process) emitter() emit.State { return emit.State(p.status().Emitter) }

// leads waits until one of two processes emits and the other stands by.
func leads(t *testing.T, p, q *process) (leader, standby *process) {
	t.Helper()
	testkit.Eventually(t, "one of two emits, the other stands by", func() bool {
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
	c := newChaos(t, testkit.Seed(t), twin.Config{})
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
		for range testkit.Effort(200) {
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

// TestSucceeds starts an emitter where one of the same instance was killed: it
// waits for nobody. One of another instance does.
func TestSucceeds(t *testing.T) {
	b := newBus(t)
	a := b.author()
	patient := func(instance string) func(*projector.Config) {
		return func(c *projector.Config) { c.Instance, c.Takeover = instance, time.Hour }
	}
	p := b.run(t.TempDir(), patient("one"))
	crowd(a, 10)
	p.settle(a.last())
	p.kill()
	other := b.run(t.TempDir(), patient("other"))
	crowd(a, 10)
	p = b.run(t.TempDir(), patient("one"))
	p.settle(a.last())
	other.settle(a.last())
	if got := other.emitter(); got != emit.Standby {
		t.Errorf("the other one is %q", got)
	}
	b.checkTold(a, p, nil)
}

// TestFencedOnItsWay holds up what an emitter has sent until another one has taken
// over, and then lets it go: none of it is stored, and the emitter stands by.
func TestFencedOnItsWay(t *testing.T) {
	t.Parallel()
	users := testkit.Effort(10_000)
	b := newBus(t)
	a := b.author()
	dir, late := t.TempDir(), t.TempDir()
	b.run(dir).stop()
	for i := range users { // one command for each: each has one change, wherever rounds end
		a.message(member(i), "sender", "m1")
	}
	a.flush()
	changes := b.hear(t, "unread.evt.>")
	way := b.through()
	begun := make(chan struct{})
	if _, err := b.Connect().Subscribe("unread.evt.>", func(m *nats.Msg) {
		if way.hold() {
			close(begun)
		}
	}); err != nil {
		t.Fatal(err)
	}
	p := b.run(dir, func(c *projector.Config) { c.Conn = way.connect() })
	select {
	case <-begun:
	case <-time.After(testkit.Patience):
		t.Fatal("nothing is emitted")
	}
	q := b.run(late)
	q.settle(a.last())
	if p.log.Has("stands by") {
		t.Fatal("the one that is held up knows of the other")
	}
	before := len(b.storedEvents(1))
	way.release()
	p.settle(a.last())
	testkit.Eventually(t, "it stands by", func() bool { return p.emitter() == emit.Standby })
	l := newLedger(t)
	all := b.storedEvents(1)
	for _, s := range all {
		l.enter(&s)
	}
	if len(all) != before || l.changes != users {
		t.Errorf("%d changes are stored, not %d, and %d events were before", l.changes, users, before)
	}
	if first, last := all[0].header, all[before-1].header; first.Get("Reddot-Writer") == last.Get("Reddot-Writer") {
		t.Error("all are by one emitter")
	}
	v := q.view(a.last())
	defer v.Close()
	for i := range users {
		l.settled(v, member(i))
	}
	changes.compare(t, all)
}
