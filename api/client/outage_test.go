package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// remote returns a client behind a wire.
func (h *host) remote(tb testing.TB, opts client.Options) (*client.Client, *wire) {
	tb.Helper()
	w := &wire{}
	return newClient(tb, h.connect(tb, nats.SetCustomDialer(w)), opts), w
}

// TestOutageOfTheWire cuts a listener off: when it is back, it is told the
// differences, receipts included, and nothing else.
func TestOutageOfTheWire(t *testing.T) {
	t.Parallel()
	h := start(t)
	back := h.client(t, client.Options{})
	c, w := h.remote(t, client.Options{CheckEvery: -1})
	script(t, back, message("alice", "bob", "m1"), message("alice", "carol", "m1"), message("alice", "dave", "m1"),
		message("bob", "alice", "a1"), join("team", "alice", "bob"))
	r := listen(t, c.User("alice"))
	r.ready()
	r.take()

	w.cut()
	r.until("offline", func() bool { return r.state == client.Offline })
	at := client.At(time.UnixMilli(1700000000123))
	if _, err := back.User("bob").MarkC2CRead(t.Context(), "alice", at); err != nil {
		t.Fatal(err)
	}
	script(t, back, message("alice", "carol", "m2"), groupMessage("team", "bob", "g1"),
		events.Command{Verb: events.UserDelete, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "dave"}})
	if calls := r.take(); calls != nil {
		t.Errorf("told while offline: %v", calls)
	}
	w.mend()
	r.until("live", func() bool { return r.state == client.Live })
	want := []string{"group_team 1", "c2c_carol 2", "c2c_dave removed", "total 4", "bob has read up to a1 @1700000000123"}
	if diff := cmp.Diff(want, r.take()); diff != "" {
		t.Errorf("told after the outage (-want +got):\n%s", diff)
	}
	r.converges()
}

// TestOutageOfAHungNode: the server of a listener hangs. Its connection is not
// closed, so nothing but a ping without an answer tells that.
func TestOutageOfAHungNode(t *testing.T) {
	t.Parallel()
	h := start(t)
	back := h.client(t, client.Options{})
	w := &wire{}
	conn := h.connect(t, nats.SetCustomDialer(w), nats.PingInterval(50*time.Millisecond), nats.MaxPingsOutstanding(2))
	c := newClient(t, conn, client.Options{CheckEvery: -1})
	script(t, back, message("alice", "bob", "m1"))
	r := listen(t, c.User("alice"))
	r.ready()
	w.hang()
	script(t, back, message("alice", "bob", "m2"))
	r.until("the message", func() bool { return r.totals.Unread == 2 })
	r.converges()
}

// TestOutageWhileReading cuts the wire while a reply is awaited that never
// comes: the state is read anew without waiting for it.
func TestOutageWhileReading(t *testing.T) {
	t.Parallel()
	h := start(t)
	c, w := h.remote(t, client.Options{Timeout: 10 * testkit.Patience})
	asked := make(chan struct{}, 1)
	w.losing(func(string) bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		return true
	})
	r := listen(t, c.User("alice"))
	testkit.Receive(t, "a reply", asked)
	w.losing(nil)
	w.cut()
	w.mend()
	r.ready()
	if len(r.errs) > 0 {
		t.Errorf("told %v", r.errs)
	}
}

// TestOutageOfReddot ends and starts reddot under a listener.
func TestOutageOfReddot(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{CheckEvery: -1})
	alice := c.User("alice")
	script(t, c, message("alice", "bob", "m1"))
	r := listen(t, alice)
	r.ready()
	if err := h.stopReddot(); err != nil {
		t.Fatal(err)
	}
	seq, err := c.MessageReceived(t.Context(), "alice", client.Message{ID: "m2", From: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.TotalUnread(t.Context()); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("ask with no reddot: %v", err)
	}
	// One who begins to listen now, or waits for the command, waits for reddot.
	late := listen(t, alice)
	late.until("an error", func() bool { return len(late.errs) > 0 })
	if !errors.Is(late.errs[0], client.ErrUnavailable) {
		t.Errorf("told %v", late.errs[0])
	}
	waited := make(chan error, 1)
	go func() { waited <- alice.WaitApplied(t.Context(), seq) }()
	if err := h.startReddot(); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Receive(t, "WaitApplied", waited); err != nil {
		t.Errorf("wait through a restart: %v", err)
	}
	late.ready()
	r.converges()
	late.converges()
}

// TestOutageOfNATS ends and starts the NATS server under listeners and
// commands.
func TestOutageOfNATS(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{CheckEvery: -1})
	alice := c.User("alice")
	script(t, c, message("alice", "bob", "m1"))
	r := listen(t, alice)
	r.ready()
	h.Stop()
	r.until("offline", func() bool { return r.state == client.Offline })

	// A command waits for the connection, or says that it is not stored.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	var failed *client.CommandError
	if _, err := c.Send(ctx, message("alice", "bob", "lost")); !errors.As(err, &failed) || failed.Uncertain || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("send while offline: %v", err)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Send(t.Context(), message("alice", "bob", "m2"), client.WaitEmitted())
		sent <- err
	}()
	h.Restart()
	if err := testkit.Receive(t, "a command", sent); err != nil {
		t.Errorf("send through a restart: %v", err)
	}
	r.until("the message", func() bool { return r.totals.Unread == 2 })
	r.converges()
}

// TestLostAcknowledgement has the reply to a command lost: it is stored, and
// the error says that it may be.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	h := start(t)
	c, w := h.remote(t, client.Options{})
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	w.losing(func(subject string) bool { return strings.HasPrefix(subject, "_INBOX.") })
	_, err := c.MessageReceived(short, "alice", client.Message{ID: "m1", From: "bob"})
	var failed *client.CommandError
	if !errors.As(err, &failed) || !failed.Uncertain || !errors.Is(err, client.ErrUncertain) {
		t.Fatalf("no acknowledgement: %v", err)
	}
	w.losing(nil)
	seq, err := c.MessageReceived(t.Context(), "alice", client.Message{ID: "m1", From: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.User("alice").TotalUnread(t.Context(), client.After(seq)); seq != 2 || n != 1 || err != nil {
		t.Errorf("sent again as %d: %d unread, %v (rule once)", seq, n, err)
	}
}

// TestLostEvents has events lost without a trace. The next one on the same
// subject tells that some are missing.
func TestLostEvents(t *testing.T) {
	t.Parallel()
	h := start(t)
	back := h.client(t, client.Options{})
	c, w := h.remote(t, client.Options{CheckEvery: -1})
	script(t, back, message("bob", "alice", "a1"), message("carol", "alice", "a1"), message("alice", "bob", "b1"),
		message("alice", "carol", "c1"), message("alice", "dave", "d1"))
	r := listen(t, c.User("alice"))
	r.ready()
	script(t, back, message("alice", "bob", "b2"))
	r.until("an event", func() bool { return r.totals.Unread == 4 })
	read := func(user string) events.Command {
		return events.Command{Verb: events.UserRead, Inbox: user, Conversation: events.ConversationID{Kind: events.C2C, ID: "alice"}}
	}
	script(t, back, read("carol"))
	r.until("a receipt", func() bool { return r.receipts["carol"].Upto == "a1" })

	lost := make(chan struct{}, 1)
	w.losing(func(subject string) bool {
		lose := strings.HasSuffix(subject, ".change") || strings.HasSuffix(subject, ".receipt")
		if lose {
			select {
			case lost <- struct{}{}:
			default:
			}
		}
		return lose
	})
	script(t, back, read("bob"), message("alice", "erin", "e1"),
		events.Command{Verb: events.UserDelete, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "dave"}})
	testkit.Receive(t, "the loss", lost)
	// A reply comes behind the events that were sent before it.
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.losing(nil)
	script(t, back, message("alice", "bob", "b3"))
	script(t, back, message("carol", "alice", "a2"), read("carol"))
	r.until("all changes", func() bool {
		_, listed := r.list["c2c_dave"]
		return r.totals.Unread == 5 && !listed && r.list["c2c_erin"].Unread == 1 &&
			r.receipts["bob"].Upto == "a1" && r.receipts["carol"].Upto == "a2"
	})
	r.converges()
}

// TestLostFirstEvent has the very first event lost. The next one tells by its
// totals, which are not the sum of the list.
func TestLostFirstEvent(t *testing.T) {
	t.Parallel()
	h := start(t)
	back := h.client(t, client.Options{})
	c, w := h.remote(t, client.Options{CheckEvery: -1})
	r := listen(t, c.User("alice"))
	r.ready()
	lost := make(chan struct{})
	w.losing(func(subject string) bool {
		lose := strings.HasSuffix(subject, ".change")
		if lose {
			close(lost)
		}
		return lose
	})
	script(t, back, message("alice", "bob", "m1"))
	testkit.Receive(t, "the loss", lost)
	w.losing(nil)
	script(t, back, message("alice", "carol", "m1"))
	r.until("both messages", func() bool { return r.totals.Unread == 2 })
	r.converges()
}

// TestLostLastEvent has the last event lost: the next check notices.
func TestLostLastEvent(t *testing.T) {
	t.Parallel()
	h := start(t)
	back := h.client(t, client.Options{})
	c, w := h.remote(t, client.Options{CheckEvery: 20 * time.Millisecond})
	r := listen(t, c.User("alice"))
	r.ready()
	w.losing(func(subject string) bool { return strings.HasSuffix(subject, ".change") })
	script(t, back, message("alice", "bob", "m1"))
	r.until("the message", func() bool { return r.totals.Unread == 1 })
	r.converges()
}

// TestLargeGroups checks that who watches is told of every message in a group
// beyond the fan-out limit, and that who does not gets the counts with the next
// check. A reddot that was started anew is told again who watches.
func TestLargeGroups(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *host) { h.fanout = 2 })
	back := h.client(t, client.Options{})
	script(t, back, join("crowd", "alice", "bob", "carol", "dave"))
	watching := listen(t, h.client(t, client.Options{WatchLargeGroups: true}).User("alice"))
	checking := listen(t, h.client(t, client.Options{CheckEvery: 50 * time.Millisecond}).User("bob"))
	both := listen(t, h.client(t, client.Options{WatchLargeGroups: true, CheckEvery: 50 * time.Millisecond}).User("carol"))
	for _, r := range []*recorder{watching, checking, both} {
		r.ready()
	}
	watching.patience = 10 * time.Second // its first check is later
	for i := range uint64(3) {
		script(t, back, groupMessage("crowd", "dave", fmt.Sprintf("g%d", i)))
		watching.until("the message", func() bool { return watching.totals.Unread == i+1 })
	}
	watching.sub.Close()
	checking.until("the messages", func() bool { return checking.totals.Unread == 3 })
	if err := h.stopReddot(); err != nil {
		t.Fatal(err)
	}
	if err := h.startReddot(); err != nil {
		t.Fatal(err)
	}
	script(t, back, groupMessage("crowd", "dave", "g3"))
	for _, r := range []*recorder{checking, both} {
		r.until("the message", func() bool { return r.totals.Unread == 4 })
		r.converges()
	}
}

// TestForeignStream has commands taken by a stream that reddot doesn't read.
func TestForeignStream(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{Prefix: "other"})
	var failed *client.CommandError
	if _, err := c.Send(t.Context(), message("alice", "bob", "m1")); !errors.As(err, &failed) || failed.Uncertain || !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("no stream: %v", err)
	}
	if _, err := c.User("alice").TotalUnread(t.Context()); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("no reddot: %v", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SOMETHING", Subjects: []string{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), message("alice", "bob", "m1")); !errors.As(err, &failed) || failed.Uncertain || !strings.Contains(err.Error(), "SOMETHING") {
		t.Errorf("another stream: %v", err)
	}
}
