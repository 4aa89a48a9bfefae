package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/natsconn"
	"reddot/events"
)

// errInterrupted ends a command that the user interrupted.
var errInterrupted = errors.New("interrupted")

// clientConfig says which server a client command talks to, and how.
type clientConfig struct {
	nats   natsconn.Client
	prefix string // of the subjects
}

func (c *clientConfig) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	c.nats.AddFlags(f)
	f.StringVar(&c.prefix, "prefix", events.DefaultPrefix, "first token of every subject")
}

// validate reports a usageError.
func (c *clientConfig) validate() error {
	if _, err := events.NewSubjects(c.prefix); err != nil {
		return usagef("--prefix: %w", err)
	}
	if err := c.nats.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

// client is a connection to a NATS server behind which a reddot answers. It
// does not reconnect.
type client struct {
	*natsconn.Conn
	reddot   *goclient.Client
	subjects events.Subjects
	timeout  time.Duration // for an answer or an acknowledgement
}

// dial connects to the server. The name is what the server lists the client as.
func (c *clientConfig) dial(name string) (*client, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	conn, err := c.nats.Dial(name)
	if err != nil {
		return nil, err
	}
	return c.on(conn)
}

// on is the client on a connection, which it takes over.
func (c *clientConfig) on(conn *natsconn.Conn) (*client, error) {
	subjects, err := events.NewSubjects(c.prefix)
	if err != nil {
		conn.Close()
		return nil, err
	}
	reddot, err := goclient.New(conn.Conn, goclient.Options{Prefix: c.prefix, Timeout: c.nats.Timeout, Encoding: events.JSON})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &client{Conn: conn, reddot: reddot, subjects: subjects, timeout: c.nats.Timeout}, nil
}

// jetStream is the server's JetStream.
func (c *client) jetStream() (jetstream.JetStream, error) { return jetstream.New(c.Conn.Conn) }

// ended is why a context from bind ended.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errInterrupted
}

// orEnded is why a bound context has ended, if it has; else err. nil stays nil.
func orEnded(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ended(ctx)
	}
	return err
}

// withClient connects, runs a client command and closes the connection.
func (a *app) withClient(ctx context.Context, cfg *clientConfig, name string, f func(*client) error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	c, err := cfg.dial("reddot " + name)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// withBound is withClient with a context that also ends when the connection is
// lost. Whatever fails then fails because of that, or because of an interrupt.
func (a *app) withBound(ctx context.Context, cfg *clientConfig, name string, f func(context.Context, *client) error) error {
	return a.withClient(ctx, cfg, name, func(c *client) error {
		ctx, unbind := c.Bind(ctx)
		defer unbind()
		return orEnded(ctx, f(ctx, c))
	})
}
