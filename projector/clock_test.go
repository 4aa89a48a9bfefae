package projector_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/emit"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// ticks are the clocks that a command stream holds, and when it stored them.
type ticks struct {
	at     []events.Time
	stored []time.Time
}

// ticks reads the whole command stream.
func (b *bus) ticks() (all ticks) {
	b.t.Helper()
	s := b.commands()
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		msg := testkit.Must(s.GetMsg(testkit.Context(b.t), seq))(b.t)
		if msg.Subject != "unread.cmd.clock" {
			continue
		}
		var c events.Command
		testkit.OK(b.t, b.subjects.Decode(msg.Subject, msg.Data, &c))
		all.at, all.stored = append(all.at, c.At), append(all.stored, msg.Time)
	}
	return all
}

// tell publishes a command, wherever the stream ends by now.
func (b *bus) tell(c events.Command) events.Seq {
	b.t.Helper()
	payload := testkit.Must(events.Encode(&c))(b.t)
	ack := testkit.Must(b.js.Publish(testkit.Context(b.t), b.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload))(b.t)
	return events.Seq(ack.Sequence)
}

// expiring has a user receive a message that expires after a while, by the wall.
func (b *bus) expiring(to, id string, after time.Duration) (seq events.Seq, at events.Time) {
	b.t.Helper()
	at = events.Time(time.Now().Add(after).UnixMilli())
	return b.tell(events.Command{Verb: events.UserMessage, Inbox: to, From: "bob", ID: id, ExpiresAt: at, HasExpiresAt: true}), at
}

// unread is a user's count, -1 if nobody can say.
func (p *process) unread(user string) int {
	v, err := p.View()
	if err != nil {
		return -1
	}
	defer v.Close()
	r, err := v.Totals(user, events.TotalsRequest{})
	if err != nil {
		return -1
	}
	return int(r.Totals.Unread)
}

// changes collects the totals that a user's change events show.
func (b *bus) changes(user string) func() []uint64 {
	b.t.Helper()
	heard := make(chan uint64, 1_000)
	_, err := b.Connect().Subscribe("unread.evt."+user+".change", func(m *nats.Msg) {
		var c events.Change
		if events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &c) == nil {
			heard <- c.Totals.Unread
		}
	})
	testkit.OK(b.t, err)
	var all []uint64
	return func() []uint64 {
		for {
			select {
			case n := <-heard:
				all = append(all, n)
			default:
				return all
			}
		}
	}
}

// TestClock: in a silent log a message expires by a clock that reddot publishes once,
// and not before; who listens hears of it. Where nothing expires none is published.
func TestClock(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	p := b.run(t.TempDir())
	heard := b.changes("alice")
	seq, at := b.expiring("alice", "m1", 500*time.Millisecond)
	b.tell(events.Command{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m2"})
	b.expiring("alice", "m3", time.Hour)
	p.settle(seq + 2)
	if before := time.Now(); p.unread("alice") != 3 && before.UnixMilli() < int64(at) {
		t.Errorf("%d are unread at first", p.unread("alice"))
	}
	testkit.Eventually(t, "the message expires", func() bool { return p.unread("alice") == 2 })
	testkit.Eventually(t, "a listener hears of it", func() bool {
		all := heard()
		return len(all) > 0 && all[len(all)-1] == 2
	})
	seq = b.tell(events.Command{Verb: events.UserMessage, Inbox: "carol", From: "bob", ID: "m1"})
	p.settle(seq)
	all := b.ticks()
	if len(all.at) != 1 || all.at[0] < at || all.stored[0].UnixMilli() < int64(at) || int64(all.at[0]) > all.stored[0].UnixMilli() {
		t.Errorf("clocks %v, stored at %v; the message expires at %d", all.at, all.stored, at)
	}
}

// TestClockOfAStart: what expired while no reddot ran expires when one starts, although
// nothing is left to be emitted.
func TestClockOfAStart(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	dir := t.TempDir()
	p := b.run(dir)
	seq, at := b.expiring("alice", "m1", 1500*time.Millisecond)
	p.settle(seq)
	p.stop()
	testkit.Eventually(t, "its time comes", func() bool { return time.Now().UnixMilli() > int64(at) })
	if all := b.ticks(); all.at != nil {
		t.Fatalf("clocks %v before", all.at)
	}
	p = b.run(dir)
	testkit.Eventually(t, "the message expires", func() bool { return p.unread("alice") == 0 })
	if all := b.ticks(); len(all.at) != 1 {
		t.Errorf("clocks %v", all.at)
	}
}

// TestClockOfOne: of two reddots one publishes clocks, at most one a second; if it is
// killed, the other one does.
func TestClockOfOne(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	patient := func(c *projector.Config) { c.Takeover = time.Second }
	p, q := b.run(t.TempDir(), patient), b.run(t.TempDir(), patient)
	leader, standby := p, q
	const messages = 12
	var last events.Seq
	for n := range messages {
		last, _ = b.expiring("alice", fmt.Sprint("m", n), time.Duration(n)*250*time.Millisecond)
		if n == 0 {
			p.settle(last)
			q.settle(last)
			leader, standby = leads(t, p, q)
		}
	}
	testkit.Eventually(t, "some expire", func() bool { n := standby.unread("alice"); return n >= 0 && n < messages/2 })
	leader.kill()
	testkit.Eventually(t, "all expire", func() bool { return standby.unread("alice") == 0 })
	all := b.ticks()
	for i := range all.at {
		if i > 0 && (all.at[i] <= all.at[i-1] || all.stored[i].Sub(all.stored[i-1]) < 900*time.Millisecond) {
			t.Errorf("clocks %v, stored at %v", all.at, all.stored)
		}
	}
	standby.settle(events.Seq(b.commands().CachedInfo().State.LastSeq))
}

// TestClockOfTheFuture: what a clock of the future leaves, as it is too much for one,
// expires by clocks that are a little later.
func TestClockOfTheFuture(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	const messages, each = 2_100, 1_000
	b := newBus(t)
	p := b.run(t.TempDir())
	future := events.Time(time.Now().Add(24 * time.Hour).UnixMilli())
	payload := testkit.Must(json.Marshal(map[string]any{"id": "m", "from": "bob", "expires_at": future}))(t)
	for n := range messages {
		_, err := b.js.PublishAsync(fmt.Sprintf("unread.cmd.user.u%d.message", n), payload)
		testkit.OK(t, err)
	}
	<-b.js.PublishAsyncComplete()
	p.settle(messages)
	seq := b.tell(events.Command{Verb: events.ClockSet, At: future + 5, HasAt: true})
	p.settle(seq)
	testkit.Eventually(t, "all expire", func() bool {
		if len(b.ticks().at) < 1+messages/each {
			return false
		}
		for n := range messages {
			if p.unread(fmt.Sprint("u", n)) != 0 {
				return false
			}
		}
		return true
	})
	if all := b.ticks(); len(all.at) != 3 || all.at[1] != future+6 || all.at[2] != future+7 {
		t.Errorf("clocks %v, after one at %d", all.at, future+5)
	}
}

// TestClockIsRefused: one that emits and may not publish a clock complains, and another
// one takes over from it, for good.
func TestClockIsRefused(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := &bus{t: t, subjects: testkit.Must(events.NewSubjects("unread"))(t)}
	b.Server = natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "all", Password: "all"},
			{Username: "some", Password: "some", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"unread.cmd.clock"}}}},
		}
		o.NoAuthUser = "all"
	})
	b.js = b.JetStream()
	p := b.run(t.TempDir(), func(c *projector.Config) {
		c.Conn = testkit.Must(nats.Connect(b.URL(), nats.UserInfo("some", "some")))(t)
		t.Cleanup(c.Conn.Close)
	})
	seq, _ := b.expiring("alice", "m1", 100*time.Millisecond)
	p.settle(seq)
	testkit.Eventually(t, "it is complained of", func() bool { return p.log.Has("takes no clock") })
	if got := p.emitter(); got != emit.Emitting {
		t.Errorf("it is %q with nobody else there", got)
	}
	q := b.run(t.TempDir())
	testkit.Eventually(t, "the message expires", func() bool { return p.unread("alice") == 0 && q.unread("alice") == 0 })
	testkit.Eventually(t, "the other one emits, and this one stands by", func() bool {
		return p.emitter() == emit.Standby && q.emitter() == emit.Emitting
	})
}
