package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestNATSClients: the Go client works with a user's token and an inbox of its own, with a
// back end's key, and a back end reads stored events with a consumer of its own.
func TestNATSClients(t *testing.T) {
	for _, g := range []guarded{guardedByItself(t), guardedByCallout(t)} {
		ctx := testkit.Context(t)
		inbox := testkit.Must(client.InboxPrefix("", "alice"))(t)
		alice := testkit.Must(client.New(g.dial(t, token(t, "alice", time.Hour), nats.CustomInboxPrefix(inbox)), client.Options{}))(t)
		unread := make(chan uint64, 64)
		listening := testkit.Must(alice.User("alice").Listen(client.Listener{
			TotalUnreadChanged: func(totals events.Totals) { unread <- totals.Unread },
		}))(t)
		if n := testkit.Receive(t, "the first totals", unread); n != 0 {
			t.Errorf("%s: %d unread", g.name, n)
		}
		chat := g.dial(t, "rdk_backend")
		backend := testkit.Must(client.New(chat, client.Options{}))(t)
		seq := testkit.Must(backend.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob"}))(t)
		if n := testkit.Receive(t, "the totals after a message", unread); n != 1 {
			t.Errorf("%s: %d unread", g.name, n)
		}
		if n := testkit.Must(backend.User("alice").TotalUnread(ctx, client.After(seq)))(t); n != 1 {
			t.Errorf("%s: %d unread", g.name, n)
		}
		testkit.Must(alice.User("alice").MarkC2CRead(ctx, "bob"))(t)
		if n := testkit.Receive(t, "the totals after a read", unread); n != 0 {
			t.Errorf("%s: %d unread", g.name, n)
		}
		listening.Close()
		alice.Close()
		backend.Close()

		js := testkit.Must(jetstream.New(chat))(t)
		stored := testkit.Must(js.Stream(ctx, "UNREAD_EVENTS"))(t)
		for _, name := range []string{"push-sender", ""} {
			consumer := testkit.Must(stored.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: name, FilterSubject: "unread-out.*.evt.>"}))(t)
			message := testkit.Must(consumer.Next())(t)
			if !strings.HasSuffix(message.Subject(), ".change") {
				t.Errorf("%s: %s", g.name, message.Subject())
			}
			testkit.OK(t, message.DoubleAck(ctx), stored.DeleteConsumer(ctx, consumer.CachedInfo().Name))
		}
		g.stop()
	}
}
