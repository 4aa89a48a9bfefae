package projector_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// chaos is random load on a projector that is stopped, killed and set back.
type chaos struct {
	*audit
	bus *bus
	rng *rand.Rand
	gen interface {
		Next(*events.Command)
		Now() events.Time
	}

	heard uint64 // event
	dir   string
	old   string // an older copy of dir
}

func newChaos(t testing.TB, seed uint64, cfg twin.Config) *chaos {
	b := newBus(t)
	return &chaos{
		audit: newAudit(t, b.author()), bus: b, dir: t.TempDir(),
		rng: rand.New(rand.NewPCG(seed, 2)), gen: twin.NewGenerator(seed, cfg),
	}
}

// write writes random commands, some of them malformed.
func (c *chaos) write(n int) events.Seq {
	for range n {
		if c.rng.IntN(50) == 0 {
			subject := []string{"unread.cmd.user.a.read", "unread.cmd.group.b.shout", "unread.cmd.nonsense", "unread.cmd.user.%2e.erase"}
			c.author.garble(subject[c.rng.IntN(len(subject))], []byte(`{"conversation":7}`))
			continue
		}
		var cmd events.Command
		c.gen.Next(&cmd)
		if !cmd.HasAt { // the twin must not depend on the server's clock
			cmd.At, cmd.HasAt = c.gen.Now(), true
		}
		c.author.write(cmd)
	}
	return c.author.flush()
}

// hear waits for a process to be done and checks all that it has emitted.
func (c *chaos) hear(p *process) {
	c.t.Helper()
	p.settle(c.author.last())
	all := c.bus.storedEvents(c.heard + 1)
	if len(all) > 0 {
		c.heard = all[len(all)-1].seq
	}
	c.read(all)
}

// check is hear, and checks that every user was notified of the last of everything.
func (c *chaos) check(p *process) {
	c.t.Helper()
	c.hear(p)
	c.settled(p)
}

// restart ends a process in one way or another, and sets its store back now
// and then.
func (c *chaos) restart(p *process, change ...func(*projector.Config)) *process {
	if c.rng.IntN(2) == 0 {
		p.kill()
	} else {
		p.stop()
	}
	switch n := c.rng.IntN(4); {
	case n == 0:
		c.keep()
	case n == 1 && c.old != "":
		c.dir, c.old = c.old, ""
	}
	if c.rng.IntN(2) == 0 {
		c.write(c.rng.IntN(200))
	}
	return c.bus.run(c.dir, change...)
}

// keep copies the store of a process that has ended.
func (c *chaos) keep() {
	c.old = filepath.Join(c.t.TempDir(), "old")
	if err := os.CopyFS(c.old, os.DirFS(c.dir)); err != nil {
		c.t.Fatal(err)
	}
}

// hearing is a plain subscriber: it hears what is stored.
type hearing struct {
	mu    sync.Mutex
	heard []*nats.Msg
}

func (b *bus) hear(t testing.TB, subject string) *hearing {
	h := new(hearing)
	conn := b.Connect()
	sub := testkit.Must(conn.Subscribe(subject, func(m *nats.Msg) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.heard = append(h.heard, m)
	}))(t)
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hearing) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.heard)
}

// compare waits until as much is heard as is stored, and compares.
func (h *hearing) compare(t testing.TB, all []stored) {
	t.Helper()
	testkit.Eventually(t, "the subscriber hears all that is stored", func() bool { return h.len() >= len(all) })
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, s := range all {
		m := h.heard[i]
		if m.Subject != "unread."+s.subject || !bytes.Equal(m.Data, s.data) || m.Header.Get("Content-Type") != s.header.Get("Content-Type") {
			t.Fatalf("event %d, %s, was heard as %s %q", s.seq, s.subject, m.Subject, m.Data)
		}
	}
	if len(h.heard) != len(all) {
		t.Errorf("%d events heard, %d stored", len(h.heard), len(all))
	}
}

// TestChaosSweeping does what TestChaos does with large groups and inboxes that
// go at once, and take many commands to be swept: what has gone is emitted once, and
// is gone at every seq.
func TestChaosSweeping(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	c := newChaos(t, seed, twin.Config{})
	c.gen = twin.NewCrowd(seed)
	slowly := func(cfg *projector.Config) {
		cfg.SetPace(fold.Pace{Bulk: 1, Each: 1, Burst: 2, Most: 200, MostSweeps: 20})
	}
	p := c.bus.run(c.dir, slowly)
	for range 20 {
		upto := c.write(50 + c.rng.IntN(200))
		if c.rng.IntN(3) == 0 {
			c.check(p)
		}
		if err := p.WaitApplied(testkit.Context(t), upto-events.Seq(c.rng.IntN(50))); err != nil {
			t.Fatal(err)
		}
		p = c.restart(p, slowly)
	}
	c.check(p)
	if r := p.rebuilt(); r.State != events.Done || r.Differed {
		t.Errorf("rebuild: %+v", r)
	}
	c.write(200)
	c.check(p)
}

// TestChaos writes random commands while a projector is stopped, killed and
// set back to an older store, and compares every event that is stored with
// the twin, at the seq that the event shows. Plain subscribers hear what is
// stored, and nothing else.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	c := newChaos(t, seed, twin.Config{Users: 9, Groups: 4})
	changes, rejected := c.bus.hear(t, "unread.evt.>"), c.bus.hear(t, "unread.rejected")
	p := c.bus.run(c.dir)
	for range testkit.Effort(25) {
		upto := c.write(50 + c.rng.IntN(300))
		if c.rng.IntN(3) == 0 {
			c.check(p)
		}
		if err := p.WaitApplied(testkit.Context(t), upto-events.Seq(c.rng.IntN(50))); err != nil {
			t.Fatal(err)
		}
		p = c.restart(p)
	}
	c.check(p)
	t.Logf("%d commands, %d events, %d of them changes, for %d users; %d refusals",
		c.upto, c.events, c.changes, len(c.users), len(c.refusals))
	rejections := func(s stored) bool { return s.subject == "rejected" }
	all := c.bus.storedEvents(1)
	rejected.compare(t, slices.DeleteFunc(slices.Clone(all), func(s stored) bool { return !rejections(s) }))
	changes.compare(t, slices.DeleteFunc(all, rejections))
}

// hold has the event stream take nothing until the next projector opens it.
func (b *bus) hold() {
	b.t.Helper()
	c := b.events().CachedInfo().Config
	c.Discard, c.MaxMsgs = jetstream.DiscardNew, max(int64(b.events().CachedInfo().State.Msgs), 1)
	testkit.Must(b.js.UpdateStream(testkit.Context(b.t), c))(b.t)
}

// TestResumeFromCommands folds random commands whose events can't be stored,
// and has the next projector emit them all from the log.
func TestResumeFromCommands(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	c := newChaos(t, testkit.Seed(t), twin.Config{})
	p := c.bus.run(c.dir)
	c.write(20)
	p.settle(c.author.last())
	for range 12 {
		c.bus.hold()
		if err := p.WaitApplied(testkit.Context(t), c.write(1+c.rng.IntN(60))); err != nil {
			t.Fatal(err)
		}
		p.kill()
		p = c.bus.run(c.dir)
		c.check(p)
	}
	t.Logf("%d commands, %d events, %d of them changes", c.upto, c.events, c.changes)
}
