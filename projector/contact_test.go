package projector

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestContact: that the server is lost is known at once, and that it is back, also
// while the connection is locked, which tries to come back to something that takes it
// and says nothing.
func TestContact(t *testing.T) {
	t.Parallel()
	ns := natstest.StartCore(t)
	conn := ns.Connect(nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0), nats.Timeout(testkit.Patience))
	c := &contact{conn: conn}
	if !c.up() {
		t.Error("a connection that nobody has watched yet is lost")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.watch(ctx) // ctx's error
	}()
	defer func() {
		cancel()
		<-ended
	}()
	address := ns.Addr()
	ns.Stop()
	mute, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := mute.Accept() // the connection is locked from now on, for a minute
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it is known that the server is lost", func() bool { return !c.up() })
	if err := mute.Close(); err != nil {
		t.Fatal(err)
	}
	ns.Restart()
	taken.Close()
	testkit.Eventually(t, "it is known that the server is back", c.up)
}
