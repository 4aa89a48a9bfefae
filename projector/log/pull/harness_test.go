package pull_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
)

// tooLong is how long a test waits for what must happen.
const tooLong = 30 * time.Second

const name = "LOG"

// rig is a server with a stream, and a connection.
type rig struct {
	testing.TB
	srv  *server.Server
	opts server.Options
	conn *nats.Conn
	js   jetstream.JetStream
}

// newRig starts a server.
func newRig(t testing.TB, change ...func(*server.Options)) *rig {
	t.Helper()
	r := &rig{TB: t, opts: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true,
	}}
	for _, f := range change {
		f(&r.opts)
	}
	r.start()
	t.Cleanup(r.stop)
	r.conn = r.connect()
	r.js = must(jetstream.New(r.conn))(t)
	must(r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{"in.>"}}))(t)
	return r
}

func (r *rig) start() {
	r.Helper()
	options := r.opts
	r.srv = must(server.NewServer(&options))(r)
	r.srv.Start()
	if !r.srv.ReadyForConnections(tooLong) {
		r.Fatal("the server does not start")
	}
	r.opts.Port = options.Port
}

func (r *rig) stop() {
	r.srv.Shutdown()
	r.srv.WaitForShutdown()
}

func (r *rig) connect(options ...nats.Option) *nats.Conn {
	r.Helper()
	c := must(nats.Connect(r.srv.ClientURL(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}, options...)...))(r)
	r.Cleanup(c.Close)
	return c
}

func (r *rig) stream() *pull.Stream { return pull.New(r.js, name) }

// store stores a message of a subject.
func (r *rig) store(subject string, header nats.Header, data []byte) {
	r.Helper()
	must(r.js.PublishMsg(r.within(), &nats.Msg{Subject: subject, Header: header, Data: data}))(r)
}

// fill stores n messages, each with its number.
func (r *rig) fill(n int, pad []byte) {
	r.Helper()
	for i := range n {
		must(r.js.PublishAsync("in.some", fmt.Appendf(nil, "%d %s", i+1, pad), jetstream.WithStallWait(tooLong)))(r)
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(tooLong):
		r.Fatal("messages are not acknowledged")
	}
}

// raw sends bytes of the protocol as they are and waits until the server has
// taken them.
func (r *rig) raw(protocol string) {
	r.Helper()
	conn := must(net.Dial("tcp", r.srv.Addr().String()))(r)
	defer conn.Close()
	must(0, conn.SetDeadline(time.Now().Add(tooLong)))(r)
	must(fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"lang\":\"go\"}\r\n%sPING\r\n", protocol))(r)
	answer, buffer := "", make([]byte, 4096)
	for len(answer) < 6 || answer[len(answer)-6:] != "PONG\r\n" {
		n := must(conn.Read(buffer))(r)
		answer += string(buffer[:n])
	}
}

// within is a context that ends with the test, or after tooLong.
func (r *rig) within() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	r.Cleanup(cancel)
	return ctx
}

// consumers counts the consumers of the stream.
func (r *rig) consumers() int {
	r.Helper()
	stream := must(r.js.Stream(r.within(), name))(r)
	return stream.CachedInfo().State.Consumers
}

// consumer is the state of the only consumer of the stream.
func (r *rig) consumer() *jetstream.ConsumerInfo {
	r.Helper()
	stream := must(r.js.Stream(r.within(), name))(r)
	var found *jetstream.ConsumerInfo
	for info := range stream.ListConsumers(r.within()).Info() {
		found = info
	}
	if found == nil {
		r.Fatal("the stream has no consumer")
	}
	return found
}

// eventually waits until something holds that nothing announces.
func (r *rig) eventually(what string, holds func() bool) {
	r.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(tooLong); !holds(); <-tick.C {
		if time.Now().After(end) {
			r.Fatalf("not within %v: %s", tooLong, what)
		}
	}
}

// must returns a value that the test can't do without.
func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
