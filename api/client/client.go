package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// What Options leave zero.
const (
	DefaultTimeout    = 5 * time.Second
	DefaultMaxPending = 4096
	DefaultCheckEvery = time.Minute
)

// maxSyncs users of one client have their state read at the same time. After
// a reconnect all of them want it; this many keep the server busy, and its
// queue short.
const maxSyncs = 32

// Options configure a [Client]. The zero value is ready for use.
type Options struct {
	// Prefix is the first token of every subject, as given to reddot with
	// --prefix. Empty: events.DefaultPrefix, "unread".
	Prefix string

	// Timeout bounds a call whose context has no deadline. Zero: DefaultTimeout.
	Timeout time.Duration

	// Encoding of commands. Zero: msgpack, which is smaller and faster. JSON is
	// for those who read the stream with other tools. Replies and events are
	// understood in both whatever this says.
	Encoding events.Encoding

	// MaxPending is how many commands a Publisher sends before it waits for
	// the acknowledgement of the first of them. Zero: DefaultMaxPending.
	MaxPending int

	// WatchLargeGroups has listeners hear of every message in groups with more
	// members than the server's --fanout-limit. It costs a request per user
	// every 20 seconds, so set it for users who look at a screen. Without it
	// the counts of such groups come with a message that names the user, with
	// the user's next other change, or with the next check.
	WatchLargeGroups bool

	// CheckEvery is how often a listener's version is compared with the
	// server's, to notice an event that NATS lost without a trace, as it may
	// when a server of a cluster dies. It costs a small request per user and
	// interval. Zero: DefaultCheckEvery. Negative: never. Who watches large
	// groups is checked every 20 seconds at least.
	CheckEvery time.Duration

	// Logger reports panics in callbacks and of readings that failed.
	// nil logs nothing.
	Logger *slog.Logger
}

// withDefaults checks options and fills in what they leave zero.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Timeout < 0:
		return o, fmt.Errorf("timeout %v is negative: leave it zero for %v", o.Timeout, DefaultTimeout)
	case o.MaxPending < 0:
		return o, fmt.Errorf("max pending %d is negative: leave it zero for %d", o.MaxPending, DefaultMaxPending)
	case o.Encoding.String() == "":
		return o, fmt.Errorf("encoding %d: use events.Msgpack or events.JSON", o.Encoding)
	}
	if o.Prefix == "" {
		o.Prefix = events.DefaultPrefix
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxPending == 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.CheckEvery == 0 {
		o.CheckEvery = DefaultCheckEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Client talks to a reddot over one NATS connection: for a back end that
// reports what happens, or a gateway with any number of users. It is safe for
// concurrent use.
type Client struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	subjects events.Subjects
	opts     Options
	syncs    chan struct{} // holds one element for each user being read
	strange  atomic.Uint64 // see Strange
	absence  absence

	// Lock order: this one before a feed's.
	mu struct {
		sync.Mutex
		closed bool
		feeds  map[string]*feed // by user; those with a listener
		status chan nats.Status // nil until there is a listener
	}
}

// New returns a client on a connection, which stays the caller's: connect
// with nats.MaxReconnects(-1) to have listeners survive any outage, and with pings
// of some seconds to have them notice a server that hangs. Nothing is sent and no
// goroutine runs before the first call.
func New(conn *nats.Conn, opts Options) (*Client, error) {
	if conn == nil {
		return nil, errors.New("reddot client: no connection")
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("reddot client: %w", err)
	}
	subjects, err := events.NewSubjects(opts.Prefix)
	if err != nil {
		return nil, fmt.Errorf("reddot client: %w", err)
	}
	js, err := newJetStream(conn)
	if err != nil {
		return nil, fmt.Errorf("reddot client: %w", err)
	}
	c := &Client{conn: conn, js: js, subjects: subjects, opts: opts, syncs: make(chan struct{}, maxSyncs)}
	c.mu.feeds = map[string]*feed{}
	return c, nil
}

// Close closes every listener. The connection stays open, and calls other
// than Listen go on working.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return
	}
	c.mu.closed = true
	for _, f := range c.mu.feeds {
		f.closeAll()
	}
	clear(c.mu.feeds)
	if c.mu.status != nil {
		c.conn.RemoveStatusListener(c.mu.status)
	}
}

// Strange is how many messages came to listeners that reddot has not sent: not
// from the event stream, or of another user. They are dropped. Who may make others
// publish, as with the reply subject of a request, can send such ones.
func (c *Client) Strange() uint64 { return c.strange.Load() }

// User is one user's side of reddot: a phone, a browser session, or all of
// them behind one gateway. It holds nothing; make as many as you like. An id
// that breaks the rules (1 to 256 bytes of UTF-8 without NUL) is refused by
// every call, with an [*events.Invalid].
func (c *Client) User(id string) *User { return &User{client: c, id: id} }

// User is what one user can ask, do and hear. See [Client.User].
type User struct {
	client *Client
	id     string
}

// ID returns the user's id.
func (u *User) ID() string { return u.id }

// C2C names the conversation with a peer, as conversations are named in
// payloads: "c2c_" and the peer's id.
func C2C(peer string) string { return events.ConversationID{Kind: events.C2C, ID: peer}.String() }

// Group names the conversation of a group: "group_" and the group's id.
func Group(group string) string {
	return events.ConversationID{Kind: events.Group, ID: group}.String()
}

// InboxPrefix is the inbox prefix for a connection of one user's alone, to be
// given to nats.CustomInboxPrefix: the user needs to subscribe below it, and
// below no other. prefix is as in [Options]; an empty one is "unread".
func InboxPrefix(prefix, user string) (string, error) {
	subjects, err := events.NewSubjects(cmp.Or(prefix, events.DefaultPrefix))
	if err != nil {
		return "", err
	}
	return subjects.Inbox(user), events.CheckID("user", user)
}

// bound gives a context without a deadline the client's timeout.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// connected waits until the connection is up. What is sent before that would
// lie in the connection's buffer, perhaps long after the caller gave up: a
// read of everything must not arrive then.
func (c *Client) connected(ctx context.Context) error {
	if err := ctx.Err(); err != nil || c.conn.IsConnected() {
		return err
	}
	changed := c.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.conn.RemoveStatusListener(changed)
	for !c.conn.IsConnected() {
		if c.conn.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("not connected to NATS: %w", ctx.Err())
		}
	}
	return nil
}
