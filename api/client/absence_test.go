package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/projector/testkit"
)

// TestNobodyTakesQueries: whoever asks a reddot that catches up is told how far it
// is, and can take it as any other answer that is not available now.
func TestNobodyTakesQueries(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	script(t, c, message("alice", "bob", "m1"))
	if err := h.stopReddot(); err != nil {
		t.Fatal(err)
	}
	last, err := c.MessageReceived(t.Context(), "alice", client.Message{ID: "m2", From: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	applies := make(chan struct{})
	if err := h.beginReddot(applies); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- alice.WaitApplied(t.Context(), last) }()
	// How it is changes while it does nothing, so the two may differ for a moment.
	testkit.Eventually(t, "how far it is", func() bool {
		_, asked := alice.TotalUnread(t.Context())
		status, err := c.Status(t.Context())
		if errors.Is(err, client.ErrUnavailable) {
			return false // it is just starting
		}
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(asked, client.ErrUnavailable) {
			t.Fatalf("a query that nobody takes: %v", asked)
		}
		return strings.Contains(asked.Error(), "it takes no queries now: "+status.Away())
	})
	_, err = alice.MarkAllRead(t.Context())
	if failed, ok := errors.AsType[*client.CommandError](err); !ok || failed.Uncertain || !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("a command that nobody takes: %v", err)
	}

	watcher := h.connect(t)
	spy, err := watcher.SubscribeSync("unread.api.status")
	if err != nil {
		t.Fatal(err)
	}
	asked := func() int {
		if err := watcher.Flush(); err != nil { // what was sent before has come
			t.Fatal(err)
		}
		n, _, err := spy.Pending()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	asked()
	// Ten thousand users of one gateway don't ask for the status each.
	begin := time.Now()
	const users = 200
	for range users {
		if _, err := alice.TotalUnread(t.Context()); !errors.Is(err, client.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	most := 2 + int(time.Since(begin)/time.Second)
	if n := asked(); n > most {
		t.Errorf("%d queries in vain ask for the status %d times, want %d at most", users, n, most)
	}
	// A user alone has no right to ask for it.
	inbox, err := client.InboxPrefix("", "alice")
	if err != nil {
		t.Fatal(err)
	}
	alone := newClient(t, h.connect(t, nats.CustomInboxPrefix(inbox)), client.Options{})
	before := asked()
	if _, err := alone.User("alice").TotalUnread(t.Context()); !errors.Is(err, client.ErrUnavailable) || !strings.Contains(err.Error(), "under the prefix unread none takes queries now") {
		t.Errorf("a user alone is told %v", err)
	}
	if n := asked(); n != before {
		t.Errorf("a user alone has asked for the status")
	}

	close(applies)
	if err := h.ready(); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Receive(t, "WaitApplied", waited); err != nil {
		t.Errorf("wait for a reddot that catches up: %v", err)
	}
	if n, err := alice.TotalUnread(t.Context()); err != nil || n != 2 {
		t.Errorf("%d unread (%v), want 2", n, err)
	}
}

// TestAbsenceOfOneWhoLeft: what one who waited for too short a time could not find
// out is not told to others.
func TestAbsenceOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	if err := h.stopReddot(); err != nil {
		t.Fatal(err)
	}
	conn := h.connect(t)
	mute, err := conn.SubscribeSync("unread.api.status") // which takes the question and says nothing
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := c.User("alice").TotalUnread(ctx)
		asked <- err
	}()
	if _, err := mute.NextMsgWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := testkit.Receive(t, "the one who left", asked); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("who left is told %v", err)
	}
	if err := errors.Join(mute.Unsubscribe(), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.User("alice").TotalUnread(t.Context()); err == nil || !strings.Contains(err.Error(), "none serves the prefix") {
		t.Errorf("where there is no reddot one is told %v", err)
	}
}
