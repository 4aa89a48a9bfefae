package projector_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// member is the i-th user of a crowd.
func member(i int) string { return fmt.Sprintf("user%06d", i) }

// crowd writes the first message of n users, and puts every hundredth into a
// group of one.
func crowd(a *author, n int) {
	for i := range n {
		if i%100 == 0 {
			a.write(events.Command{Verb: events.GroupJoin, Inbox: member(i), Users: []string{member(i)}})
		}
		a.message(member(i), "sender", "m1")
	}
	a.flush()
}

// dissolve has all of a crowd read, dismisses the groups, erases as many users
// and writes as many commands that are refused.
func dissolve(a *author, n int) {
	for i := range n {
		if i%100 == 0 {
			group := events.ConversationID{Kind: events.Group, ID: member(i)}
			a.write(events.Command{Verb: events.GroupDismiss, Inbox: member(i)})
			a.write(events.Command{Verb: events.UserMute, Inbox: member(i), Conversation: group, Muted: true})
			a.write(events.Command{Verb: events.UserErase, Inbox: member(i + 1)})
		}
		a.write(events.Command{Verb: events.UserRead, Inbox: member(i), Conversation: events.ConversationID{Kind: events.C2C, ID: "sender"}})
	}
	a.flush()
}

// end is the event stream's last sequence.
func (b *bus) end() uint64 {
	b.t.Helper()
	return b.events().CachedInfo().State.LastSeq
}

// TestKilledWithinGeneration kills an emitter again and again in the middle of
// one large generation: nothing is stored twice, and nothing is missing.
func TestKilledWithinGeneration(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	const users = 5_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop()
	kills := 0
	for _, write := range []func(*author, int){crowd, dissolve} {
		write(a, users)
		for begin := b.end(); b.end() < begin+users/2; {
			p := b.run(dir)
			was := b.end()
			testkit.Eventually(t, "some more events are stored", func() bool { return b.end() > was+users/10 })
			p.kill()
			kills++
		}
		p := b.run(dir)
		p.settle(a.last())
		p.stop()
	}
	t.Logf("%d kills, %d events", kills, b.end())
	p := b.run(dir)
	l := b.audited(p, a.last(), users)
	if len(l.refusals) != users/100 {
		t.Errorf("%d refusals are emitted, not %d", len(l.refusals), users/100)
	}
	if r := l.receipts[pair{user: "sender", peer: member(users - 1)}]; r.Upto != "m1" {
		t.Errorf("the last receipt is %+v", r)
	}
}

// quietAfter checks that a projector which starts again emits nothing again, and
// then goes on.
func quietAfter(t *testing.T, b *bus, a *author, p *process) {
	t.Helper()
	before := b.end()
	p.settle(a.last())
	a.message("late", "sender", "m1")
	p.settle(a.flush())
	var got []string
	for _, s := range b.storedEvents(before + 1) {
		got = append(got, s.subject)
	}
	if d := cmp.Diff([]string{"evt.late.change"}, got); d != "" {
		t.Errorf("events after a start (-want +got):\n%s", d)
	}
}

// TestStartWithoutEvents starts a projector whose events have left the stream,
// by age or by hand: the store knows that they were stored.
func TestStartWithoutEvents(t *testing.T) {
	for _, gone := range []struct {
		name string
		do   func(*bus) error
	}{
		{"nothing", func(*bus) error { return nil }},
		{"purged", func(b *bus) error { return b.events().Purge(t.Context()) }},
		{"last event deleted", func(b *bus) error { return b.events().DeleteMsg(t.Context(), b.end()) }},
		{"stream deleted", func(b *bus) error { return b.js.DeleteStream(t.Context(), b.subjects.EventStream()) }},
	} {
		t.Run(gone.name, func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			dir := t.TempDir()
			p := b.run(dir)
			for range 3 { // of which the last is not followed by another
				crowd(a, 10)
				a.write(events.Command{Verb: events.UserUnread, Inbox: "nobody", Conversation: events.ConversationID{Kind: events.Group, ID: "none"}})
				p.settle(a.flush())
			}
			p.stop()
			if err := gone.do(b); err != nil {
				t.Fatal(err)
			}
			p = b.run(dir)
			if gone.name == "stream deleted" {
				testkit.Eventually(t, "the stream is there", func() bool { return b.end() == 0 })
			}
			quietAfter(t, b, a, p)
		})
	}
}

// TestStartWithoutStore builds a lost store from scratch: what the event stream holds is
// not emitted again.
func TestStartWithoutStore(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	crowd(a, 1_000)
	dissolve(a, 1_000)
	p.settle(a.last())
	p.stop()
	quietAfter(t, b, a, b.run(t.TempDir()))
}

// TestStartWithNothing builds all from scratch: every user is notified once of how things
// stand.
func TestStartWithNothing(t *testing.T) {
	b := newBus(t)
	a := b.author()
	b.run(t.TempDir()).stop()
	crowd(a, 1_000)
	for i := range 1_000 {
		a.message(member(i), "sender", "m2")
	}
	a.flush()
	p := b.run(t.TempDir())
	p.settle(a.last())
	l := newLedger(t)
	for _, s := range b.storedEvents(1) {
		l.enter(&s)
	}
	v := p.view(a.last())
	defer v.Close()
	for i := range 1_000 {
		l.settled(v, member(i))
	}
}

// TestEventStreamDeleted deletes the event stream under a running projector. It
// says so and ends; the next one makes a new stream and goes on.
func TestEventStreamDeleted(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir)
	crowd(a, 100)
	p.settle(a.last())
	if err := b.js.DeleteStream(t.Context(), b.subjects.EventStream()); err != nil {
		t.Fatal(err)
	}
	a.message(member(1), "sender", "m2")
	a.message("late", "sender", "m1")
	a.flush()
	if err := p.fails(); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the projector ends with: %v", err)
	}
	p = b.run(dir)
	p.settle(a.last())
	l := newLedger(t)
	for _, s := range b.storedEvents(1) {
		l.enter(&s)
	}
	v := p.view(a.last())
	defer v.Close()
	l.settled(v, "late")
	l.settled(v, member(1))
	if len(l.users) != 2 {
		t.Errorf("%d users are notified, not 2", len(l.users))
	}
}

// TestStopWithoutServer stops a projector whose server is away, whatever it is
// doing: it ends soon.
func TestStopWithoutServer(t *testing.T) {
	t.Parallel()
	const users = 5_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop()
	crowd(a, users)
	for i, until := range []func(*process){
		func(p *process) { p.WaitApplied(testkit.Context(t), 1) },
		func(p *process) { p.WaitApplied(testkit.Context(t), a.last()) },
		func(p *process) {
			testkit.Eventually(t, "some events are stored", func() bool { return b.end() > 500 })
		},
		func(p *process) {
			testkit.Eventually(t, "some more events are stored", func() bool { return b.end() > 2_000 })
		},
		func(p *process) { p.settle(a.last()) },
	} {
		p := b.run(dir)
		until(p)
		b.Stop()
		away := time.Now()
		testkit.Eventually(t, "the reader looks for the server", func() bool {
			return p.log.Has("no heartbeat received") || time.Since(away) > 2*time.Second
		})
		start := time.Now()
		p.stop()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("case %d: it takes %v", i, took.Round(time.Millisecond))
		}
		b.restart()
	}
}

// TestEventStreamRefuses has the event stream take no more events for a while:
// the emitter tries again now and then, and goes on when it does.
func TestEventStreamRefuses(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	crowd(a, 100)
	p.settle(a.last())
	c := b.events().CachedInfo().Config
	full := c
	full.Discard, full.MaxMsgs = jetstream.DiscardNew, int64(b.end())
	testkit.Must(b.js.UpdateStream(t.Context(), full))(t)
	start := time.Now()
	for i := range 100 {
		a.message(member(i), "sender", "m2")
	}
	a.flush()
	refusals := func() int { return strings.Count(p.log.String(), "maximum messages exceeded") }
	testkit.Eventually(t, "the stream refuses again and again", func() bool { return refusals() > 5 })
	if n, took := refusals(), time.Since(start); time.Duration(n) > 5+2*took/(100*time.Millisecond) {
		t.Errorf("the emitter tries so often that %d refusals are logged in %v", n, took)
	}
	testkit.Must(b.js.UpdateStream(t.Context(), c))(t)
	p.settle(a.last())
	b.audited(p, a.last(), 100)
}

// TestTrimmedBeforeTold trims commands that the store has applied and whose
// events are not all stored. They can't be emitted any more, but what comes after
// them is.
func TestTrimmedBeforeTold(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop()
	crowd(a, 20_000)
	p := b.run(dir)
	if err := p.WaitApplied(testkit.Context(t), a.last()); err != nil {
		t.Fatal(err)
	}
	p.kill()
	if len(b.storedEvents(1)) == 20_000 {
		t.Fatal("all was emitted before the projector was killed")
	}
	testkit.OK(t, b.commands().Purge(t.Context()))
	p = b.run(dir)
	p.settle(a.last())
	if !p.log.Has("commands were trimmed before all their events were stored") {
		t.Error("it is not logged")
	}
	a.message("late", "sender", "m1")
	p.settle(a.flush())
	all := b.storedEvents(1)
	if last := all[len(all)-1]; last.subject != "evt.late.change" {
		t.Errorf("emitted at last: %+v", last)
	}
}
