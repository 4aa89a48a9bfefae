package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/spf13/cobra"

	"reddot/events"
)

const (
	// defaultTimeout is how long a client waits for a connection, an answer
	// or an acknowledgement.
	defaultTimeout = 5 * time.Second
	// answerGrace is how much longer than the server a client waits where the
	// server itself waits for a command: its "not applied" must arrive.
	answerGrace = 2 * time.Second
)

// errInterrupted ends a command that the user interrupted.
var errInterrupted = errors.New("interrupted")

// clientConfig says which server a client command talks to, and how.
type clientConfig struct {
	server  string        // one or more NATS URLs, comma-separated; see urls
	auth    natsConfig    // as whom it is connected to
	prefix  string        // of the subjects
	timeout time.Duration // for a connection, an answer, an acknowledgement
}

func (c *clientConfig) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.server, "server", "", "`URL` of the NATS server, or several with commas (default that of --nats-context, else NATS_URL, else "+nats.DefaultURL+")")
	c.auth.addFlags(f)
	f.StringVar(&c.prefix, "prefix", events.DefaultPrefix, "first token of every subject")
	f.DurationVar(&c.timeout, "timeout", defaultTimeout, "longest wait for a connection, an answer or an acknowledgement")
}

// urls is the server's URL, or several, as given.
func (c *clientConfig) urls() string {
	if c.server != "" {
		return c.server
	}
	if c.auth.context != "" {
		context, err := readContext(c.auth.context)
		if err != nil {
			return "" // dial says why
		}
		if urls := strings.Join(context.Servers, ","); urls != "" {
			return urls
		}
	}
	if env := os.Getenv("NATS_URL"); env != "" {
		return env
	}
	return nats.DefaultURL
}

// validate reports a usageError.
func (c *clientConfig) validate() error {
	if c.timeout < time.Millisecond {
		return usagef("--timeout %v: use at least 1ms", c.timeout)
	}
	if _, err := events.NewSubjects(c.prefix); err != nil {
		return usagef("--prefix: %w", err)
	}
	return c.auth.validate(c.urls())
}

// client is a connection to a NATS server behind which a reddot answers. It
// does not reconnect: what was in flight would be in doubt, so the command
// ends and says so.
type client struct {
	nc       *nats.Conn
	subjects events.Subjects
	url      string // fit to be shown
	timeout  time.Duration

	// lost ends when the connection is lost or the server refuses a subject;
	// its cause says which.
	lost context.Context
}

// dial connects to the server. The name is what the server lists the client as.
func (c *clientConfig) dial(name string) (*client, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	subjects, err := events.NewSubjects(c.prefix)
	if err != nil {
		return nil, err
	}
	urls := c.urls()
	shown := redacted(urls)
	how, err := c.auth.options()
	if err != nil {
		return nil, err
	}
	lost, lose := context.WithCancelCause(context.Background())
	options := append(how,
		nats.Name(name),
		nats.Timeout(c.timeout),
		nats.NoReconnect(),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsMissed),
		nats.ClosedHandler(func(nc *nats.Conn) {
			lose(fmt.Errorf("lost the connection to the NATS server at %s", shown))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				lose(fmt.Errorf("the NATS server at %s refuses this to %s (%w): give it the permission, or name another with --nats-user or --nats-creds",
					shown, c.auth.who(urls), safe(err)))
			}
		}),
	)
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		return nil, c.dialError(err, options)
	}
	return &client{nc: nc, subjects: subjects, url: shown, timeout: c.timeout, lost: lost}, nil
}

// dialError says what a failed connection means for the user. options are those
// that it was tried with; nil: no other server is tried.
func (c *clientConfig) dialError(err error, options []nats.Option) error {
	urls := c.urls()
	if options != nil {
		if refused := c.auth.refusedByAny(err, urls, options); refused != nil {
			return refused
		}
	} else if refused := c.auth.refused(err, urls); refused != nil {
		return refused
	}
	if errors.Is(err, nats.ErrNoServers) {
		return fmt.Errorf(`no NATS server at %s: start one with "reddot serve", or name yours with --server or NATS_URL`, redacted(urls))
	}
	return fmt.Errorf("connect to the NATS server at %s: %w: name another with --server or NATS_URL", redacted(urls), safe(err))
}

func (c *client) close() { c.nc.Close() }

// jetStream is the server's JetStream.
func (c *client) jetStream() (jetstream.JetStream, error) { return jetstream.New(c.nc) }

// ended is why a context from bind ended.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errInterrupted
}

// bind returns a context that also ends when the connection is lost.
func (c *client) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.lost, func() { cancel(context.Cause(c.lost)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
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
	bound, unbind := c.bind(ctx)
	defer unbind()
	limited, cancel := context.WithTimeout(bound, wait)
	defer cancel()
	m, err := c.nc.RequestWithContext(limited, subject, body)
	switch {
	case err == nil:
		return m.Data, answerError(m)
	case bound.Err() != nil:
		return nil, ended(bound)
	case errors.Is(err, nats.ErrNoResponders):
		return nil, c.absent(bound, subject)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return nil, fmt.Errorf("no answer from %s in %v: try again, or wait longer with --timeout", c.url, wait)
	}
	return nil, fmt.Errorf("ask %s: %w", c.url, err)
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
	if strings.HasPrefix(c.nc.Opts.InboxPrefix, c.subjects.Prefix()+".inbox.") {
		return c.nobody("takes queries now under")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, c.subjects.Status(), []byte("{}"))
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
	return noReddot{fmt.Sprintf(`no reddot %s the prefix %s at %s: start one with "reddot serve", or name yours with --prefix or --server`, does, c.subjects.Prefix(), c.url)}
}

// noReddot says that nobody answers queries. It is nats.ErrNoResponders.
type noReddot struct{ text string }

func (e noReddot) Error() string { return e.text }

func (e noReddot) Is(target error) bool { return target == nats.ErrNoResponders }

// answerError reads the error that a micro service puts into headers.
func answerError(m *nats.Msg) error {
	code := m.Header.Get(micro.ErrorCodeHeader)
	if code == "" {
		return nil
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return fmt.Errorf("reddot answers with the unknown error %q %q", code, m.Header.Get(micro.ErrorHeader))
	}
	var body struct{ Message string }
	_ = json.Unmarshal(m.Data, &body) // there need not be one
	return &serviceError{Code: n, Message: m.Header.Get(micro.ErrorHeader), Detail: body.Message}
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
	defer c.close()
	return f(c)
}

// withBound is withClient with a context that also ends when the connection is
// lost. Whatever fails then fails because of that, or because of an interrupt.
func (a *app) withBound(ctx context.Context, cfg *clientConfig, name string, f func(context.Context, *client) error) error {
	return a.withClient(ctx, cfg, name, func(c *client) error {
		ctx, unbind := c.bind(ctx)
		defer unbind()
		err := f(ctx, c)
		if err != nil && ctx.Err() != nil {
			return ended(ctx)
		}
		return err
	})
}
