package projector_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/projector/testkit"
)

// way is a way to the NATS server on which what is sent can be held up. What the
// server sends goes on.
type way struct {
	t        testing.TB
	bus      *bus
	listener net.Listener

	held    atomic.Bool
	freed   chan struct{} // closed by release
	release func()
}

// through returns a new way to the bus.
func (b *bus) through() *way {
	b.t.Helper()
	w := &way{t: b.t, bus: b, listener: testkit.Must(net.Listen("tcp", "127.0.0.1:0"))(b.t), freed: make(chan struct{})}
	w.release = sync.OnceFunc(func() { close(w.freed) })
	var open sync.WaitGroup
	b.t.Cleanup(func() {
		w.release()
		w.listener.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			c, err := w.listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.pass(c) })
		}
	})
	return w
}

// pass carries one connection to its end.
func (w *way) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.bus.Addr())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	io.Copy(holding{server, w}, client)
}

// holding writes for as long as its way is open.
type holding struct {
	net.Conn
	way *way
}

func (h holding) Write(b []byte) (int, error) {
	if h.way.held.Load() {
		<-h.way.freed
	}
	return h.Conn.Write(b)
}

// hold holds up what is sent from now on, until release. It returns false if that
// has been done.
func (w *way) hold() bool { return !w.held.Swap(true) }

// connect opens a connection that takes this way.
func (w *way) connect() *nats.Conn {
	w.t.Helper()
	c := testkit.Must(nats.Connect("nats://"+w.listener.Addr().String(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond)))(w.t)
	w.t.Cleanup(c.Close)
	return c
}
