package pull_test

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
	"reddot/projector/testkit"
)

// astray is a connection that sends some requests where nobody answers.
type astray struct {
	net.Conn
	left *atomic.Int32 // requests that are to be lost
	lost *atomic.Int32
}

var asked, nowhere = []byte("$JS.API.CONSUMER.CREATE."), []byte("$JS.API.CONSUMER.CREATX.")

func (a astray) Write(p []byte) (int, error) {
	if bytes.Contains(p, asked) && a.left.Add(-1) >= 0 {
		a.lost.Add(1)
		p = bytes.ReplaceAll(p, asked, nowhere)
	}
	return a.Conn.Write(p)
}

type dialer struct{ left, lost *atomic.Int32 }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return astray{c, d.left, d.lost}, err
}

// TestCreateLost: a request for a consumer that is lost, as with a server that hangs,
// is made again long before it is given up. The reading leaves one consumer while it
// reads, and none.
func TestCreateLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(3, nil)
	testkit.Must(r.conn.Subscribe("$JS.API.CONSUMER.CREATX.>", func(*nats.Msg) {}))(t) // else the server says that nobody is there
	testkit.OK(t, r.conn.Flush())
	d := dialer{new(atomic.Int32), new(atomic.Int32)}
	conn := r.Connect(nats.SetCustomDialer(d))
	d.left.Store(2)
	n := 0
	err := pull.New(testkit.Must(jetstream.New(conn))(t), name).Read(testkit.Context(r), pull.Options{
		Upto: 3, Lost: func(err error) { t.Errorf("given up: %v", err) },
	}, func(*pull.Message) error {
		n++
		if got := r.consumers(); got != 1 {
			t.Errorf("%d consumers", got)
		}
		return nil
	})
	if err != nil || n != 3 || d.lost.Load() != 2 {
		t.Errorf("%d of 3 messages are read after %d lost requests: %v", n, d.lost.Load(), err)
	}
	testkit.Eventually(r, "no consumer is left", func() bool { return r.consumers() == 0 })
}
