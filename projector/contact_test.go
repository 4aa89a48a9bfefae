package projector

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestContact: that the server is lost is known at once, and that it is back, also
// while the connection is locked, which tries to come back to something that takes it
// and says nothing.
func TestContact(t *testing.T) {
	t.Parallel()
	options := server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true}
	start := func() *server.Server {
		ns, err := server.NewServer(&options)
		if err != nil {
			t.Fatal(err)
		}
		ns.Start()
		if !ns.ReadyForConnections(time.Minute) {
			t.Fatal("the server does not start")
		}
		return ns
	}
	ns := start()
	stop := func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	}
	defer func() { stop() }()
	address := ns.Addr().String()
	conn, err := nats.Connect(ns.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0), nats.Timeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
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
	until := func(what string, reached func() bool) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); !reached(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	stop()
	mute, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := mute.Accept() // the connection is locked from now on, for a minute
	if err != nil {
		t.Fatal(err)
	}
	until("it is not known that the server is lost", func() bool { return !c.up() })
	if err := mute.Close(); err != nil {
		t.Fatal(err)
	}
	options.Port = mute.Addr().(*net.TCPAddr).Port
	ns = start()
	taken.Close()
	until("it is not known that the server is back", c.up)
}
