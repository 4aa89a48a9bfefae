package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/cmd/reddot/process"
	"reddot/events"
)

// inFlight bounds the commands sent and not yet acknowledged.
const inFlight = 4_096

// ackWait is how long a full pipe may stand still.
const ackWait = 30 * time.Second

// longWait is how long a command is waited for.
const longWait = 10 * time.Minute

// server is a NATS server in a process of its own: a bare one, or reddot's.
type server struct {
	*process.Process
	dir    string // its data
	url    string
	http   string // HOST:PORT; empty: none
	conn   *nats.Conn
	js     jetstream.JetStream
	reddot *client.Client // for a bare server: of no use
}

// startNATS starts a bare NATS server.
func (b *bench) startNATS(ctx context.Context, name string, args ...string) (*server, error) {
	dir := filepath.Join(b.dir, name)
	return b.startServer(ctx, dir, append([]string{ChildCommand, "nats", "--data", dir, "--sync", b.cfg.Sync}, args...)...)
}

// startReddot starts "reddot serve".
func (b *bench) startReddot(ctx context.Context, name string, args ...string) (*server, error) {
	dir := filepath.Join(b.dir, name)
	return b.startServer(ctx, dir, append([]string{
		"serve", "--data", dir, "--sync", b.cfg.Sync, "--listen", "127.0.0.1:0", "--http", "", "--log-level", "error",
	}, args...)...)
}

// startServer starts a server and connects to it once it is ready.
func (b *bench) startServer(ctx context.Context, dir string, args ...string) (*server, error) {
	return b.startServerAs(ctx, "", dir, args...)
}

// startServerAs connects with a token, if there is one.
func (b *bench) startServerAs(ctx context.Context, token, dir string, args ...string) (*server, error) {
	c, err := b.start(args...)
	if err != nil {
		return nil, err
	}
	line, err := c.Line(ctx)
	if err != nil {
		return nil, err
	}
	where := strings.Fields(line + " ")
	url, ok := strings.CutPrefix(where[1], "nats=")
	if !ok {
		return nil, fmt.Errorf("a server says %q instead of where it listens", line)
	}
	if token != "" {
		url = strings.Replace(url, "//", "//"+token+"@", 1)
	}
	s := &server{Process: c, dir: dir, url: url}
	if len(where) > 2 {
		s.http = strings.TrimPrefix(where[2], "http=")
	}
	if s.conn, err = s.connect(); err != nil {
		return nil, err
	}
	if s.reddot, err = client.New(s.conn, client.Options{}); err != nil {
		return nil, err
	}
	s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncMaxPending(inFlight))
	return s, err
}

// connect connects to the server once more.
func (s *server) connect() (*nats.Conn, error) {
	conn, err := nats.Connect(s.url, nats.Name("reddot bench"), nats.NoReconnect())
	if err != nil {
		return nil, fmt.Errorf("connect to a server of the benchmark: %w", err)
	}
	return conn, nil
}

// halt ends the server, and leaves its data.
func (s *server) halt() error {
	s.conn.Close()
	return s.Stop()
}

// end ends the server and removes its data.
func (s *server) end() error {
	if err := s.halt(); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

// source gives one command after the other.
type source func() (subject string, payload []byte, err error)

// publish publishes the next n commands and returns once all are stored. It does not
// by the client's publisher: what is measured is the server, which a bare loop keeps
// busier than one that keeps account of every command.
func (s *server) publish(ctx context.Context, next source, n int, step *Step) error {
	for range n {
		subject, payload, err := next()
		if err != nil {
			return err
		}
		// No retries, which could reorder.
		_, err = s.js.PublishAsync(subject, payload, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(ackWait))
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		step.done.Add(1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	select {
	case <-s.js.PublishAsyncComplete():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holds checks that a stream has all that was published. A lost command has no
// other witness.
func (s *server) holds(ctx context.Context, stream string, n int) error {
	info, err := s.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	if got := info.CachedInfo().State.LastSeq; got != uint64(n) {
		return fmt.Errorf("the stream has %d commands of %d that were published", got, n)
	}
	return nil
}

// await asks a query until a command has come as far as that waits for. The pauses
// while reddot takes no queries are short and even, unlike the client's own: times
// are measured.
func await[T any](ctx context.Context, seq events.Seq, query func(context.Context, ...client.QueryOption) (T, error)) error {
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	for {
		_, err := query(ctx, client.After(seq))
		if !errors.Is(err, client.ErrUnavailable) {
			return err
		}
		if err := rest(ctx, behindWait); err != nil {
			return err
		}
	}
}

// behindWait is how long a reddot is let alone that takes no queries.
const behindWait = 50 * time.Millisecond

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// applied returns once a command is applied.
func (s *server) applied(ctx context.Context, seq events.Seq) error {
	return await(ctx, seq, s.totals(user(0)))
}

// totals asks for a user's totals.
func (s *server) totals(user string) func(context.Context, ...client.QueryOption) (events.TotalsReply, error) {
	return func(ctx context.Context, opts ...client.QueryOption) (events.TotalsReply, error) {
		return s.reddot.User(user).Totals(ctx, events.TotalsRequest{}, opts...)
	}
}

// emitted returns once a command is applied and its events are stored.
func (s *server) emitted(ctx context.Context, seq events.Seq) error {
	return await(ctx, seq, s.reddot.Status)
}
