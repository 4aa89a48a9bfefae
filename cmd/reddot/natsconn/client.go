package natsconn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"
)

// A server that hangs is noticed when it answers no ping: the library asks every
// two minutes, unless it is set otherwise, and stays with one that is dead for as
// long.
const (
	PingEvery   = 2 * time.Second
	PingsMissed = 2
)

// DefaultTimeout is how long a client waits for a connection, an answer or an
// acknowledgement, unless --timeout says otherwise.
const DefaultTimeout = 5 * time.Second

// reconnectWait is the pause between attempts of a lasting connection to reach a
// server that went away.
const reconnectWait = 500 * time.Millisecond

// Client says which server a client command talks to, and as whom.
type Client struct {
	Config
	Server  string        // one or more URLs, comma-separated; see URLs
	Timeout time.Duration // for a connection, and for whatever else the command waits for
}

// AddFlags adds the flags that fill c.
func (c *Client) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.Server, "server", "", "`URL` of the NATS server, or several with commas (default that of --nats-context, else NATS_URL, else "+nats.DefaultURL+")")
	c.Config.AddFlags(f)
	f.DurationVar(&c.Timeout, "timeout", DefaultTimeout, "longest wait for a connection, an answer or an acknowledgement")
}

// IsNamed reports whether anything says which server is meant.
func (c *Client) IsNamed() bool {
	return c.Server != "" || c.HasContext() || os.Getenv("NATS_URL") != ""
}

// URLs is the server's URL, or several, as given: it may hold a password.
func (c *Client) URLs() string {
	if c.Server != "" {
		return c.Server
	}
	context, err := c.Context()
	if err != nil {
		return "" // Dial says why
	}
	if context != nil && len(context.Servers) > 0 {
		return strings.Join(context.Servers, ",")
	}
	if env := os.Getenv("NATS_URL"); env != "" {
		return env
	}
	return nats.DefaultURL
}

// Validate reports what is wrong with the flags.
func (c *Client) Validate() error {
	if c.Timeout < time.Millisecond {
		return fmt.Errorf("--timeout %v: use at least 1ms", c.Timeout)
	}
	return c.Config.Validate(c.URLs())
}

// Conn is a connection that does not reconnect: what was in flight would be in
// doubt, so the command ends and says so.
type Conn struct {
	*nats.Conn
	URL string // of the server, fit to be shown

	// lost ends when the connection is lost or the server refuses a subject; its
	// cause says which. nil: it is not looked at.
	lost context.Context
}

// Dial connects to the server. The name is what the server lists the client as.
// Errors are fit to be shown.
func (c *Client) Dial(name string) (*Conn, error) {
	urls := c.URLs()
	shown := Redacted(urls)
	lost, lose := context.WithCancelCause(context.Background())
	options, err := c.options(name,
		nats.NoReconnect(),
		nats.ClosedHandler(func(*nats.Conn) {
			lose(fmt.Errorf("lost the connection to the NATS server at %s", shown))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				lose(fmt.Errorf("the NATS server at %s refuses this to %s (%w): %s", shown, c.Who(urls), Safe(err), permitted(err)))
			}
		}),
	)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		return nil, c.dialError(err, options)
	}
	return &Conn{Conn: nc, URL: shown, lost: lost}, nil
}

// permitted says what to do about a subject that a server refuses.
func permitted(err error) string {
	if strings.Contains(err.Error(), `Subscription to "`+nats.InboxPrefix) {
		return "name the inbox that it has with --nats-inbox-prefix, as unread.inbox.alice of a user's token or unread.inbox.key.NAME of a key"
	}
	return "give it the permission, or name another with --nats-user or --nats-creds"
}

// DialLasting connects to the server with a connection that comes back whenever
// the server does. It gives up only where that is in vain, as when the user is
// refused; then lost is called with an error fit to be shown. Whoever closes it hears
// nothing.
func (c *Client) DialLasting(name string, lost func(error)) (*nats.Conn, error) {
	options, err := c.options(name,
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.NoCallbacksAfterClientClose(),
		nats.ClosedHandler(func(nc *nats.Conn) {
			err := nc.LastError()
			if err == nil {
				err = nats.ErrConnectionClosed
			}
			lost(c.dialError(err, nil))
		}),
	)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(c.URLs(), options...)
	if err != nil {
		return nil, c.dialError(err, options)
	}
	return nc, nil
}

// options are those of every client's connection, and more.
func (c *Client) options(name string, more ...nats.Option) ([]nats.Option, error) {
	options, err := c.Config.Options()
	if err != nil {
		return nil, err
	}
	options = append(options, nats.Name(name), nats.Timeout(c.Timeout), nats.PingInterval(PingEvery), nats.MaxPingsOutstanding(PingsMissed))
	return append(options, more...), nil
}

// dialError says what a failed connection means for the user. options are those
// that it was tried with; nil: no other server is tried.
func (c *Client) dialError(err error, options []nats.Option) error {
	urls := c.URLs()
	if options != nil {
		if refused := c.RefusedByAny(err, urls, options); refused != nil {
			return refused
		}
	} else if refused := c.Refused(err, urls); refused != nil {
		return refused
	}
	if errors.Is(err, nats.ErrNoServers) {
		return fmt.Errorf(`no NATS server at %s: start one with "reddot serve", or name yours with --server or NATS_URL`, Redacted(urls))
	}
	return fmt.Errorf("connect to the NATS server at %s: %w: name another with --server or NATS_URL", Redacted(urls), Safe(err))
}

// Bind returns a context that also ends when the connection is lost, or when the
// server refuses a subject: its cause says which, fit to be shown.
func (c *Conn) Bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if c.lost == nil {
		return ctx, func() { cancel(nil) }
	}
	stop := context.AfterFunc(c.lost, func() { cancel(context.Cause(c.lost)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
