package pull_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const name = "LOG"

// rig is a server with a stream, and a connection.
type rig struct {
	testing.TB
	*natstest.Server
	conn *nats.Conn
	js   jetstream.JetStream
}

// newRig starts a server.
func newRig(t testing.TB, change ...func(*server.Options)) *rig {
	t.Helper()
	r := &rig{TB: t, Server: natstest.Start(t, change...)}
	r.conn = r.Connect()
	r.js = testkit.Must(jetstream.New(r.conn))(t)
	testkit.Must(r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{"in.>"}}))(t)
	return r
}

func (r *rig) stream() *pull.Stream { return pull.New(r.js, name) }

// store stores a message of a subject.
func (r *rig) store(subject string, header nats.Header, data []byte) {
	r.Helper()
	testkit.Must(r.js.PublishMsg(testkit.Context(r), &nats.Msg{Subject: subject, Header: header, Data: data}))(r)
}

// fill stores n messages, each with its number.
func (r *rig) fill(n int, pad []byte) {
	r.Helper()
	for i := range n {
		testkit.Must(r.js.PublishAsync("in.some", fmt.Appendf(nil, "%d %s", i+1, pad), jetstream.WithStallWait(testkit.Patience)))(r)
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(testkit.Patience):
		r.Fatal("messages are not acknowledged")
	}
}

// raw sends bytes of the protocol as they are and waits until the server has
// taken them.
func (r *rig) raw(protocol string) {
	r.Helper()
	conn := testkit.Must(net.Dial("tcp", r.Addr()))(r)
	defer conn.Close()
	testkit.OK(r, conn.SetDeadline(time.Now().Add(testkit.Patience)))
	testkit.Must(fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"lang\":\"go\"}\r\n%sPING\r\n", protocol))(r)
	answer, buffer := "", make([]byte, 4096)
	for len(answer) < 6 || answer[len(answer)-6:] != "PONG\r\n" {
		n := testkit.Must(conn.Read(buffer))(r)
		answer += string(buffer[:n])
	}
}

// consumers counts the consumers of the stream.
func (r *rig) consumers() int {
	r.Helper()
	stream := testkit.Must(r.js.Stream(testkit.Context(r), name))(r)
	return stream.CachedInfo().State.Consumers
}

// consumer is the state of the only consumer of the stream.
func (r *rig) consumer() *jetstream.ConsumerInfo {
	r.Helper()
	stream := testkit.Must(r.js.Stream(testkit.Context(r), name))(r)
	var found *jetstream.ConsumerInfo
	for info := range stream.ListConsumers(testkit.Context(r)).Info() {
		found = info
	}
	if found == nil {
		r.Fatal("the stream has no consumer")
	}
	return found
}
