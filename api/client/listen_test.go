package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestListenReportsState checks that a listener is first told the whole list in
// the order of its pages, over several of them, and the totals.
func TestListenReportsState(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	const chats = 450 // three pages
	p := publisher(t, c)
	for i := range chats {
		add(t, p, message("alice", fmt.Sprintf("peer%d", i), "m1"))
	}
	add(t, p, events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "peer7"}, Muted: true})
	flush(t, c, p)

	r := listen(t, alice)
	r.ready()
	var want []string
	for i := range chats {
		want = append(want, fmt.Sprintf("c2c_peer%d", chats-1-i))
	}
	if diff := cmp.Diff(want, r.order); diff != "" {
		t.Errorf("first call (-want +got):\n%s", diff)
	}
	if r.totals.Unread != chats-1 || r.totals.Muted != 1 || r.changes != 1 {
		t.Errorf("totals %+v, %d calls", r.totals, r.changes)
	}
	r.converges()

	// The whole list changes in one command: three events, one call.
	r.take()
	if _, err := alice.MarkAllRead(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until("all read", func() bool { return r.totals.Unread == 0 })
	if r.changes != 2 {
		t.Errorf("%d calls for one change of the whole list, want 1", r.changes-1)
	}
	r.converges()
}

func TestListenToNobody(t *testing.T) {
	t.Parallel()
	h := start(t)
	r := listen(t, h.client(t, client.Options{}).User("nobody"))
	r.ready()
	if diff := cmp.Diff([]string{"total 0"}, r.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListenReportsChanges checks what is told of single commands.
func TestListenReportsChanges(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice, bob := c.User("alice"), c.User("bob")
	script(t, c, message("alice", "bob", "m1"), join("team", "alice", "bob"))
	r, b := listen(t, alice), listen(t, bob)
	r.ready()
	b.ready()
	if diff := cmp.Diff([]string{"group_team 0", "c2c_bob 1", "total 1"}, r.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.take()
	ctx := t.Context()
	must := func(_ events.Seq, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	must(c.MessageReceived(ctx, "alice", client.Message{ID: "m2", From: "bob"}))
	r.hears("c2c_bob 2", "total 2")
	must(c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "bob", MentionAll: true}))
	r.hears("group_team 1", "total 3")
	must(alice.Mute(ctx, client.Group("team"), true))
	r.hears("group_team 1", "total 2")
	must(c.GroupMessage(ctx, "team", client.Message{ID: "g2", From: "bob"}))
	r.hears("group_team 2", "total 2") // Muted changed, Unread did not

	b.until("the group's messages", func() bool {
		last := b.list["group_team"].LastMessage
		return last != nil && last.ID == "g2"
	})
	b.take()
	must(alice.MarkC2CRead(ctx, "bob", client.Upto("m1"), client.At(time.UnixMilli(1700000000123))))
	r.hears("c2c_bob 1", "total 1")
	b.hears("alice has read up to m1 @1700000000123")
	must(alice.MarkC2CRead(ctx, "bob", client.Private()))
	r.hears("c2c_bob 0", "total 0")

	// Only the read position moves: the conversation changes, the totals don't.
	must(c.MessageReceived(ctx, "alice", client.Message{ID: "m3", From: "bob", Silent: true}))
	r.hears("c2c_bob 0")
	must(c.MessageReceived(ctx, "alice", client.Message{ID: "m4", From: "carol"}))
	r.hears("c2c_carol 1", "total 1")

	must(alice.DeleteConversation(ctx, client.C2C("carol")))
	r.hears("c2c_carol removed", "total 0")
	must(c.Leave(ctx, "team", []string{"alice"}))
	r.hears("group_team removed", "total 0")
	must(alice.Erase(ctx))
	must(c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "dave"}))
	r.until("erased", func() bool { _, ok := r.list["c2c_bob"]; return !ok && r.totals.Unread == 1 })
	r.converges()
}

// TestListenReportsReceipts checks that a listener is told first how far every
// peer has read.
func TestListenReportsReceipts(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	at := func(ms int64) client.CommandOption { return client.At(time.UnixMilli(ms)) }
	script(t, c, message("alice", "bob", "b1"), message("alice", "carol", "c1"),
		message("bob", "alice", "a1"), message("carol", "alice", "a1"))
	for i, peer := range []string{"carol", "bob"} {
		if _, err := c.User(peer).MarkC2CRead(t.Context(), "alice", at(int64(1000+i)), client.WaitApplied()); err != nil {
			t.Fatal(err)
		}
	}
	r := listen(t, c.User("alice"))
	r.ready()
	got := r.take()
	slices.Sort(got)
	want := []string{"bob has read up to a1 @1001", "c2c_bob 1", "c2c_carol 1", "carol has read up to a1 @1000", "total 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListenPanics checks that a panic is contained and told, and that the
// other callbacks go on.
func TestListenPanics(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	r := newRecorder(t, c.User("alice"))
	l := r.listener()
	l.ConversationsChanged = func([]events.Conversation) { panic("no such widget") }
	l.TotalUnreadChanged = func(n events.Totals) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.note("total %d", n.Unread)
	}
	l.StateChanged = nil
	tell := l.Error
	l.Error = func(err error) {
		tell(err)
		panic("not here either")
	}
	script(t, c, message("alice", "bob", "m1"))
	r.start(l)
	r.ready()
	script(t, c, message("alice", "bob", "m2"))
	r.until("two panics", func() bool { return len(r.errs) == 2 })
	var p *client.PanicError
	if !errors.As(r.errs[1], &p) || p.Callback != "ConversationsChanged" || p.Value != "no such widget" || len(p.Stack) == 0 {
		t.Errorf("told %v", r.errs[1])
	}
	const text = "error callback ConversationsChanged panicked: no such widget"
	if diff := cmp.Diff([]string{"total 1", text, "total 2", text}, r.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListenSlowly blocks a callback while 10,000 changes happen: what is kept
// for it stays small, nobody else waits, and the last value arrives.
func TestListenSlowly(t *testing.T) {
	t.Parallel()
	const peers, each = 50, 200
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	slow, quick := newRecorder(t, alice), listen(t, alice)
	block, blocked := make(chan struct{}), make(chan struct{})
	l := slow.listener()
	first := true
	l.TotalUnreadChanged = func(n events.Totals) {
		slow.total(n)
		if first {
			first = false
			close(blocked)
			<-block
		}
	}
	slow.start(l)
	quick.ready()
	testkit.Receive(t, "the first call", blocked)
	p := publisher(t, c)
	for i := range each {
		for peer := range peers {
			add(t, p, message("alice", fmt.Sprintf("peer%d", peer), fmt.Sprintf("m%d", i)))
		}
	}
	flush(t, c, p)
	quick.until("all messages", func() bool { return quick.totals.Unread == peers*each })
	if n := client.Kept(slow.sub); n > peers {
		t.Errorf("%d values are kept for a slow callback, want at most %d", n, peers)
	}
	close(block)
	slow.converges()
	if slow.changes > 2 {
		t.Errorf("told in %d rounds what was kept", slow.changes)
	}
	quick.converges()
}

// TestListenDropped has events dropped for want of room: the state is read
// anew.
func TestListenDropped(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{CheckEvery: -1})
	r := listen(t, c.User("alice"))
	r.ready()
	release := client.Hold(r.sub, 2)
	for i := range 20 {
		script(t, c, message("alice", fmt.Sprintf("peer%d", i), "m"))
	}
	script(t, c, events.Command{Verb: events.UserDelete, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "peer3"}})
	if client.Dropped(r.sub) == 0 {
		t.Fatal("nothing was dropped")
	}
	release()
	r.converges()
}

// TestListenClose checks that nothing is told after the end, and that nothing
// is left of it.
func TestListenClose(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{})
	back := h.client(t, client.Options{})
	if _, err := c.Status(t.Context()); err != nil { // the connection's own subscription for replies
		t.Fatal(err)
	}
	before := conn.NumSubscriptions()
	alice := c.User("alice")
	r, other := listen(t, alice), listen(t, alice)
	r.ready()
	other.ready()
	if n := conn.NumSubscriptions(); n != before+1 {
		t.Errorf("%d subscriptions for two listeners of a user, want 1", n-before)
	}
	r.take()
	r.sub.Close()
	r.sub.Close()
	testkit.Receive(t, "Done", r.sub.Done())
	script(t, back, message("alice", "bob", "m1"))
	other.until("a message", func() bool { return other.totals.Unread == 1 })
	if calls := r.take(); calls != nil {
		t.Errorf("told after Close: %v", calls)
	}

	// Closed by its own callback.
	var last *client.Subscription
	closing := make(chan *client.Subscription, 1)
	last, err := alice.Listen(client.Listener{TotalUnreadChanged: func(events.Totals) { (<-closing).Close() }})
	if err != nil {
		t.Fatal(err)
	}
	closing <- last
	testkit.Receive(t, "Done", last.Done())

	other.sub.Close()
	testkit.Receive(t, "Done", other.sub.Done())
	if n := conn.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions are left", n-before)
	}
	again := listen(t, alice)
	again.ready()
	c.Close()
	c.Close()
	testkit.Receive(t, "Done", again.sub.Done())
	again.sub.Close()
	if n := conn.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions are left", n-before)
	}
	if _, err := alice.Listen(client.Listener{}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("listen with a closed client: %v", err)
	}
}

// TestListenRefused checks what does not begin.
func TestListenRefused(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{})
	var invalid *events.Invalid
	if _, err := c.User("").Listen(client.Listener{}); !errors.As(err, &invalid) {
		t.Errorf("no user: %v", err)
	}
	conn.Close()
	if _, err := c.User("alice").Listen(client.Listener{}); err == nil {
		t.Error("listening on a closed connection")
	}
}

// TestListenAddRemove adds and removes listeners while events come.
func TestListenAddRemove(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	const peers = 450 // three pages, which change while they are read
	p := publisher(t, c)
	for i := range peers {
		add(t, p, message("alice", fmt.Sprintf("peer%d", i), "first"))
	}
	flush(t, c, p)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	sent := make(chan int, 1)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if _, err := c.Send(t.Context(), message("alice", fmt.Sprintf("peer%d", n*7%peers), fmt.Sprintf("m%d", n))); err != nil {
				t.Error(err)
				break
			}
		}
		sent <- n
	}()
	steady := listen(t, alice)
	ends := make(chan struct{}, 3)
	for i := range cap(ends) {
		go func() {
			defer func() { ends <- struct{}{} }()
			for n := range 15 {
				r := newRecorder(t, alice)
				sub, err := alice.Listen(r.listener())
				if err != nil {
					t.Error(err)
					return
				}
				if (n+i)%2 == 0 {
					<-sub.Ready()
				}
				sub.Close()
				<-sub.Done()
			}
		}()
	}
	for range cap(ends) {
		testkit.Receive(t, "the end of a listener", ends)
	}
	stop()
	n := testkit.Receive(t, "the end of the messages", sent)
	steady.until("all messages", func() bool { return steady.totals.Unread == uint64(peers+n) })
	steady.converges()
}
