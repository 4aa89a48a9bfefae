package projector_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit/natstest"
)

// A service that sends badges to phones must not miss a change, not even of a
// time when it was down: it reads the stored events with a durable consumer,
// and confirms each one when its badge is sent.
func ExampleProjector_durableConsumer() {
	ctx := context.Background()
	conn, end := exampleServer()
	defer end()
	js, err := jetstream.New(conn)
	fatal(err)

	p, stop := exampleProjector(ctx, conn)
	badges, err := js.CreateOrUpdateConsumer(ctx, "UNREAD_EVENTS", jetstream.ConsumerConfig{
		Durable:       "badges",
		FilterSubject: "unread-out.*.evt.*.change",
	})
	fatal(err)
	for _, user := range []string{"alice", "bob", "alice"} {
		ack, err := js.Publish(ctx, "unread.cmd.user."+user+".message", fmt.Appendf(nil, `{"id":"%s","from":"carol"}`, nats.NewInbox()))
		fatal(err)
		fatal(p.WaitEmitted(ctx, events.Seq(ack.Sequence)))
	}
	stop() // what is stored stays

	for range 3 {
		msg, err := badges.Next()
		fatal(err)
		var change events.Change
		fatal(events.Unmarshal(msg.Headers().Get("Content-Type"), msg.Data(), &change))
		fmt.Printf("seq %d: the badge of %s is %d\n", change.Version, change.User, change.Totals.Unread)
		fatal(msg.DoubleAck(ctx))
	}
	// Output:
	// seq 1: the badge of alice is 1
	// seq 2: the badge of bob is 1
	// seq 3: the badge of alice is 2
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// exampleServer starts a NATS server in a folder of its own.
func exampleServer() (conn *nats.Conn, end func()) {
	dir, err := os.MkdirTemp("", "reddot")
	fatal(err)
	srv, err := natstest.Open(dir)
	fatal(err)
	conn, err = nats.Connect(srv.URL())
	fatal(err)
	return conn, func() {
		conn.Close()
		srv.Stop()
		fatal(os.RemoveAll(dir))
	}
}

// exampleProjector runs a projector in a folder of its own.
func exampleProjector(ctx context.Context, conn *nats.Conn) (p *projector.Projector, stop func()) {
	dir, err := os.MkdirTemp("", "reddot")
	fatal(err)
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	fatal(err)
	p, err = projector.Open(ctx, projector.Config{
		Conn: conn, Subjects: subjects, Dir: dir, FanoutLimit: 1_000, Logger: slog.New(slog.DiscardHandler),
	})
	fatal(err)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return p, func() {
		cancel()
		fatal(errors.Join(<-ended, p.Close(), os.RemoveAll(dir)))
	}
}
