package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/natsconn"
	"reddot/events"
)

// answerGrace is how much longer than the server a client waits where the
// server itself waits for a command: its "not applied" must arrive.
const answerGrace = 2 * time.Second

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

// query is a request to the query service. Every query takes the fields that
// it knows; empty ones are left out.
type query struct {
	Conversation string     `json:"conversation,omitempty"`
	UnreadOnly   bool       `json:"unread_only,omitempty"`
	Kind         string     `json:"kind,omitempty"`
	Limit        int        `json:"limit,omitempty"`
	After        string     `json:"after,omitempty"`
	AfterSeq     events.Seq `json:"after_seq,omitempty"`  // answer once this command is applied
	TimeoutMS    int64      `json:"timeout_ms,omitempty"` // how long the server waits for that
}

// waitFor makes a query wait for a command, if seq is not 0.
func (c *client) waitFor(q query, seq events.Seq) query {
	if seq > 0 {
		q.AfterSeq, q.TimeoutMS = seq, max(c.timeout.Milliseconds(), 1)
	}
	return q
}

// The service's error codes that a command turns into advice.
const (
	codeBadRequest  = 400
	codeNotFound    = 404
	codeNotApplied  = 408
	codeUnavailable = 503
)

// serviceError is a query that the service answered with an error.
type serviceError struct {
	Code    int
	Message string // the service's own word
	Detail  string // what is wrong, for a person; may be empty
}

func (e *serviceError) Error() string {
	text := fmt.Sprintf("reddot answers %s (%d)", e.Message, e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// ask sends one query and decodes the reply, which is also returned as it
// came. Its errors are fit to be shown; those of the service are
// *serviceError.
func ask[T any](ctx context.Context, c *client, subject string, q query) (reply T, raw []byte, err error) {
	// One request waits no longer than it may; then comes another.
	more := q.TimeoutMS - events.MaxWaitMS
	q.TimeoutMS = min(q.TimeoutMS, events.MaxWaitMS)
	body, err := json.Marshal(q)
	if err != nil {
		return reply, nil, fmt.Errorf("encode the query: %w", err)
	}
	raw, err = c.request(ctx, subject, body, time.Duration(q.TimeoutMS)*time.Millisecond)
	if e, ok := errors.AsType[*serviceError](err); ok && e.Code == codeNotApplied && more > 0 {
		q.TimeoutMS = more
		return ask[T](ctx, c, subject, q)
	}
	if err != nil {
		return reply, nil, err
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return reply, nil, fmt.Errorf("decode the answer on %s: %w: is another program using the prefix?", subject, err)
	}
	return reply, raw, nil
}

// request sends one request. serverWait is how long the service may take
// because it was asked to wait for a command.
func (c *client) request(ctx context.Context, subject string, body []byte, serverWait time.Duration) ([]byte, error) {
	wait := c.timeout
	if serverWait > 0 {
		wait = serverWait + answerGrace
	}
	bound, unbind := c.Bind(ctx)
	defer unbind()
	limited, cancel := context.WithTimeout(bound, wait)
	defer cancel()
	m, err := c.RequestWithContext(limited, subject, body)
	switch {
	case err == nil:
		return m.Data, answerError(m)
	case bound.Err() != nil:
		return nil, ended(bound)
	case errors.Is(err, nats.ErrNoResponders):
		return nil, c.absent(bound, subject)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return nil, fmt.Errorf("no answer from %s in %v: try again, or wait longer with --timeout", c.URL, wait)
	}
	return nil, fmt.Errorf("ask %s: %w", c.URL, err)
}

// absent says why a request had no responder: there is no reddot, or it does not
// know the newest state and answers for its status alone. The latter is a
// *serviceError like that of a reddot which finds that out under way.
//
// Who has an inbox of a user's own may not ask for the status.
func (c *client) absent(ctx context.Context, subject string) error {
	if subject == c.subjects.Status() {
		return c.nobody("serves")
	}
	if strings.HasPrefix(c.Opts.InboxPrefix, c.subjects.Prefix()+".inbox.") {
		return c.nobody("takes queries now under")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	m, err := c.RequestWithContext(ctx, c.subjects.Status(), []byte("{}"))
	var status events.Status
	if err == nil && answerError(m) == nil {
		err = json.Unmarshal(m.Data, &status)
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return c.nobody("serves")
	case err != nil:
		return c.nobody("takes queries now under")
	}
	return &serviceError{Code: codeUnavailable, Message: "unavailable", Detail: fmt.Sprintf(`%s; try again, or see "reddot status"`, status.Away())}
}

func (c *client) nobody(does string) error {
	return noReddot{fmt.Sprintf(`no reddot %s the prefix %s at %s: start one with "reddot serve", or name yours with --prefix or --server`, does, c.subjects.Prefix(), c.URL)}
}

// noReddot says that nobody answers queries. It is nats.ErrNoResponders.
type noReddot struct{ text string }

func (e noReddot) Error() string { return e.text }

func (e noReddot) Is(target error) bool { return target == nats.ErrNoResponders }

// answerError reads the error that a micro service puts into headers.
func answerError(m *nats.Msg) error {
	code := m.Header.Get(events.HeaderErrorCode)
	if code == "" {
		return nil
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return fmt.Errorf("reddot answers with the unknown error %q %q", code, m.Header.Get(events.HeaderError))
	}
	var body struct{ Message string }
	_ = json.Unmarshal(m.Data, &body) // there need not be one
	return &serviceError{Code: n, Message: m.Header.Get(events.HeaderError), Detail: body.Message}
}

// notApplied turns the service's "not applied" into advice; other errors pass.
func notApplied(err error, seq events.Seq, waited time.Duration) error {
	if e, ok := errors.AsType[*serviceError](err); ok && e.Code == codeNotApplied {
		return fmt.Errorf(`command %d is not applied after %v: wait longer with --timeout, or see how far it is with "reddot status"`, seq, waited)
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
