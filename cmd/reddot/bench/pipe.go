package bench

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pipe is what reddot is compared with: messages go to a stream, a consumer
// passes them on, a plain subscriber hears them.
type pipe struct {
	name  string
	in    string // subject of its stream
	out   string // subject on which the consumer passes messages on
	heard string // subject on which they are heard
}

// barePipe passes messages on with a plain publish.
func barePipe() pipe { return pipe{"bare pipe", "bare.in", "bare.out", "bare.out"} }

// storedPipe passes messages on to a second stream, which republishes them, as
// reddot's events are.
func storedPipe() pipe { return pipe{"storing pipe", "stored.in", "stored.out", "stored.heard"} }

// stored reports whether there is a second stream.
func (p pipe) stored() bool { return p.heard != p.out }

// ServePipes passes messages on until stop is called.
func ServePipes(ctx context.Context, url string) (stop func(), err error) {
	conn, err := nats.Connect(url, nats.Name("reddot bench pipe"))
	if err != nil {
		return nil, fmt.Errorf("connect to the NATS server: %w", err)
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(inFlight))
	if err != nil {
		return nil, err
	}
	for _, p := range []pipe{barePipe(), storedPipe()} {
		if err := p.open(ctx, conn, js); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return conn.Close, nil
}

// open creates the pipe's streams and its consumer.
func (p pipe) open(ctx context.Context, conn *nats.Conn, js jetstream.JetStream) error {
	in, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "IN-" + p.name[:4], Subjects: []string{p.in}})
	if err != nil {
		return err
	}
	pass := conn.Publish
	if p.stored() {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{
			Name: "OUT", Subjects: []string{p.out}, RePublish: &jetstream.RePublish{Source: p.out, Destination: p.heard},
		}); err != nil {
			return err
		}
		pass = func(subject string, data []byte) error {
			_, err := js.PublishAsync(subject, data, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(ackWait))
			return err
		}
	}
	c, err := in.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	_, err = c.Consume(func(m jetstream.Msg) {
		// What is lost is missed by who listens.
		_ = pass(p.out, m.Data())
	})
	return err
}
