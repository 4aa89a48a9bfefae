package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/process"
	"reddot/events"
)

// inFlight bounds the commands sent and not yet acknowledged.
const inFlight = 4_096

// ackWait is how long a full pipe may stand still.
const ackWait = 30 * time.Second

// A command is waited for until longWait is over, by requests that each wait as
// long as one may.
const (
	longWait = 10 * time.Minute
	oneWait  = events.MaxWaitMS * time.Millisecond
)

// server is a NATS server in a process of its own: a bare one, or reddot's.
type server struct {
	*process.Process
	dir  string // its data
	url  string
	conn *nats.Conn
	js   jetstream.JetStream
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
	c, err := b.start(args...)
	if err != nil {
		return nil, err
	}
	line, err := c.Line(ctx)
	if err != nil {
		return nil, err
	}
	url, ok := strings.CutPrefix(strings.Fields(line + " ")[1], "nats=")
	if !ok {
		return nil, fmt.Errorf("a server says %q instead of where it listens", line)
	}
	s := &server{Process: c, dir: dir, url: url}
	if s.conn, err = s.connect(); err != nil {
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

// end ends the server and removes its data.
func (s *server) end() error {
	s.conn.Close()
	if err := s.Stop(); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

// source gives one command after the other.
type source func() (subject string, payload []byte, err error)

// publish publishes the next n commands and returns once all are stored.
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

// request asks reddot and checks that the answer is no error.
func (s *server) request(ctx context.Context, subject string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	m, err := s.conn.RequestWithContext(ctx, subject, text)
	if err != nil {
		return fmt.Errorf("ask on %s: %w", subject, err)
	}
	return answerError(m)
}

// answerError reads the error that a micro service puts into headers.
func answerError(m *nats.Msg) error {
	code := m.Header.Get(events.HeaderErrorCode)
	if code == "" {
		return nil
	}
	err := fmt.Errorf("asked on %s, reddot answers %s (%s)", m.Subject, m.Header.Get(events.HeaderError), code)
	switch code {
	case "408":
		err = fmt.Errorf("%w: %w", errNotYet, err)
	case "503":
		err = fmt.Errorf("%w: %w", errBehind, err)
	}
	return err
}

// errNotYet is the answer to a request that has waited as long as it may.
var errNotYet = errors.New("not yet")

// errBehind is that of a reddot that is far behind, or the reason why nobody answers.
var errBehind = errors.New("behind")

// after makes a request wait for a command.
type after struct {
	Seq     events.Seq `json:"after_seq"`
	Timeout int64      `json:"timeout_ms"`
}

// await asks until a command has come as far as the subject's query waits for.
func (s *server) await(ctx context.Context, subject string, seq int) error {
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	for {
		err := s.request(ctx, subject, after{events.Seq(seq), oneWait.Milliseconds()})
		switch {
		case errors.Is(err, errBehind) || errors.Is(err, nats.ErrNoResponders): // it takes no queries then
			if err := rest(ctx, behindWait); err != nil {
				return err
			}
		case !errors.Is(err, errNotYet):
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
func (s *server) applied(ctx context.Context, subjects events.Subjects, seq int) error {
	return s.await(ctx, subjects.Query(user(0), events.QueryTotals), seq)
}

// emitted returns once a command is applied and its events are stored.
func (s *server) emitted(ctx context.Context, subjects events.Subjects, seq int) error {
	return s.await(ctx, subjects.Status(), seq)
}
