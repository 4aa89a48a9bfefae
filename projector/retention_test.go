package projector_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
)

// TestRetention sets the bounds of stored events, and other ones when the
// projector starts again.
func TestRetention(t *testing.T) {
	b := newBus(t)
	dir := t.TempDir()
	for _, want := range []struct {
		age   time.Duration
		bytes int64
	}{{time.Hour, 1 << 20}, {20 * time.Minute, 64 << 20}, {0, 0}} {
		p := b.run(dir, func(c *projector.Config) { c.EventsMaxAge, c.EventsMaxBytes = want.age, want.bytes })
		if want.age == 0 {
			want.age, want.bytes = journal.DefaultMaxAge, journal.DefaultMaxBytes
		}
		c := b.events().CachedInfo().Config
		if c.MaxAge != want.age || c.MaxBytes != want.bytes {
			t.Errorf("events are kept %v, %d bytes; not %v, %d", c.MaxAge, c.MaxBytes, want.age, want.bytes)
		}
		if c.Discard != jetstream.DiscardOld || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0 || c.AllowDirect {
			t.Errorf("the event stream's configuration is %+v", c)
		}
		p.stop()
	}
}

// TestEventsFull fills the event stream up to its size again and again: old
// events make way for new ones, the newest are there, and a start goes on
// after them.
func TestEventsFull(t *testing.T) {
	const users = 1_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	small := func(c *projector.Config) { c.EventsMaxBytes = 64 << 10 }
	heard := b.hear(t, "unread.evt.>")
	for round := range 5 {
		p := b.run(dir, small)
		for i := range users {
			a.message(member(i), "sender", "m"+string(rune('0'+round)))
		}
		p.settle(a.flush())
		p.stop()
	}
	state := b.events().CachedInfo().State
	if state.Msgs == 0 || state.Msgs > users || state.LastSeq < 5*users {
		t.Errorf("%d events are left, up to %d", state.Msgs, state.LastSeq)
	}
	testkit.Eventually(t, "the subscriber hears all that was stored", func() bool { return heard.len() >= 5*users })
	if n := heard.len(); n != 5*users {
		t.Errorf("%d events were stored, not %d", n, 5*users)
	}
	l := newLedger(t)
	for _, s := range b.storedEvents(1) {
		if c := l.enter(&s).(*events.Change); c.Totals.Unread != 5 {
			t.Fatalf("event %d says %+v", s.seq, c)
		}
	}
}

// TestJSONEvents stores events as JSON.
func TestJSONEvents(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir, func(c *projector.Config) { c.Encoding = events.JSON })
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	p.stop()
	p = b.run(dir, func(c *projector.Config) { c.Encoding = events.Msgpack })
	a.message("alice", "bob", "m2")
	p.settle(a.flush())
	l := newLedger(t)
	var got []string
	for _, s := range b.storedEvents(1) {
		l.enter(&s)
		got = append(got, s.header.Get("Content-Type"))
	}
	if d := cmp.Diff([]string{"application/json", "application/msgpack"}, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if got := l.users["alice"].totals.Unread; got != 2 {
		t.Errorf("alice has heard of %d", got)
	}
}
