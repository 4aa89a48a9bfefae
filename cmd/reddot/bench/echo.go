package bench

import (
	"context"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/cmd/reddot/process"
)

// echoSubject is what the echo service answers on.
const echoSubject = "bench.echo"

// startEcho starts the echo service at a server, in a process of its own.
func (b *bench) startEcho(ctx context.Context, s *server) (*process.Process, error) {
	c, err := b.start(ChildCommand, "echo", "--server", s.url)
	if err != nil {
		return nil, err
	}
	_, err = c.Line(ctx)
	return c, err
}

// ChildEcho answers every request with what it said, until ctx ends: the least
// that a NATS service can do. It says when it is ready.
func ChildEcho(ctx context.Context, url string, out io.Writer) error {
	conn, err := nats.Connect(url, nats.Name("reddot bench echo"))
	if err != nil {
		return fmt.Errorf("connect to a server of the benchmark: %w", err)
	}
	defer conn.Close()
	answer := micro.HandlerFunc(func(r micro.Request) {
		_ = r.Respond(r.Data()) // who asked misses it
	})
	_, err = micro.AddService(conn, micro.Config{
		Name: "bench-echo", Version: "1.0.0", Endpoint: &micro.EndpointConfig{Subject: echoSubject, Handler: answer},
	})
	if err != nil {
		return fmt.Errorf("add a service: %w", err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("add a service: %w", err)
	}
	fmt.Fprintln(out, "ready")
	<-ctx.Done()
	return nil
}
