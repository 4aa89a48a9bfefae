package api

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestReconnectWhileAway: a connection that comes back to a service that has left
// meanwhile does not take it back into the queue group.
func TestReconnectWhileAway(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	ns := natstest.StartCore(t)
	a := startOn(t, ns, source, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	ns.Stop()
	testkit.Eventually(t, "the connection is lost", func() bool { return !a.conn.IsConnected() })
	stale.is(errors.New("deaf"))
	testkit.Eventually(t, "it has left", func() bool { return strings.Contains(a.logged.String(), "reason=deaf") })
	ns.Restart()
	testkit.Eventually(t, "the connection is back", a.conn.IsConnected)
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if at, own := a.heardAtServer(ns), a.conn.NumSubscriptions(); at != own {
		t.Errorf("the server has %d subscriptions, %d are heard", at, own)
	}
	a.client = ns.Connect()
	if !a.out() {
		t.Error("it takes queries")
	}
	stale.over()
	testkit.Eventually(t, "it is back", a.in)
}

// TestReconnectWhileLeaving: a connection that breaks while requests are taken in
// of subscriptions that were given back makes them again. Nobody would hear of them:
// they don't last.
func TestReconnectWhileLeaving(t *testing.T) {
	ns := natstest.StartCore(t)
	conn := ns.Connect()
	taken, goOn := make(chan struct{}, 2), make(chan struct{})
	q := &queue{
		conn: conn, endpoints: []*endpoint{{handler: handler{name: "totals"}, subject: "unread.api.*.totals"}},
		take: func(context.Context, *endpoint, *nats.Msg) {
			taken <- struct{}{}
			<-goOn
		},
	}
	if err := q.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	asking := ns.Connect()
	for range 2 { // the second one is not taken in yet
		if err := asking.PublishRequest("unread.api.alice.totals", nats.NewInbox(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(asking.Flush(), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "request", taken)
	a := &asker{TB: t, conn: conn}
	if err := q.leave(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.ForceReconnect(), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the connection has begun the subscription again", func() bool { return a.heardAtServer(ns) == 1 })
	close(goOn)
	testkit.Receive(t, "request", taken)
	q.leaving.Wait()
	testkit.Eventually(t, "the subscription is over", func() bool { return a.heardAtServer(ns) == 0 })
}

// heardAtServer is how many subscriptions the server has of the service's
// connection.
func (a *asker) heardAtServer(ns *natstest.Server) int {
	a.Helper()
	id, err := a.conn.GetClientID()
	if err != nil {
		return -1 // not connected
	}
	c, err := ns.NATS().Connz(&server.ConnzOptions{CID: id})
	if err != nil || len(c.Conns) != 1 {
		return -1
	}
	return int(c.Conns[0].NumSubs)
}
