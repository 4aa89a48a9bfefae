package stream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"reddot/events"
)

// Transport is how a stream is told.
type Transport string

// The transports.
const (
	SSE     Transport = "sse"
	Poll    Transport = "poll"
	Gateway Transport = "gateway"
	Feed    Transport = "feed"
)

// mostOf bounds the transports of back ends on an instance, each of which does the work of
// many others: a gateway has thousands of users, a feed reads the event stream of its own,
// holds what is under way from there and encodes what it tells.
var mostOf = map[Transport]int{Gateway: 50, Feed: 16}

// conn is one stream: of one user, of many (Gateway), or of none (Feed). The goroutine of
// its handler is the only one that writes.
type conn struct {
	hub       *Hub
	transport Transport
	key       string // of who has asked, its name; empty: a user
	id        string // random, told as Hello.Stream
	since     time.Time
	expires   time.Time       // of the token; zero: never
	ctx       context.Context // ends with the request, and when the stream is to end
	cancel    context.CancelFunc
	wake      chan struct{} // something is ready
	changing  sync.Mutex    // held while the users of a gateway change

	receipts, watch bool // what a gateway has asked for, for all its users

	// The rest is the hub's, under its lock.

	number  uint64 // the older the smaller
	members []*member
	ready   []*member // to be told something, each once
	bye     *Bye      // why it ends; nil: it goes on
	left    bool
}

// member is a user on a stream.
type member struct {
	conn     *conn
	user     *user
	receipts bool
	watch    bool
	totals   bool // alone are wanted

	// Of the goroutine that writes.

	told  cursor     // with everything that was written
	base  events.Seq // of the state that was told last: what it shows is not told again
	reset Reason     // why the next state is told whole; empty: it is not
	began bool       // live was told
	shown *shown     // if totals alone are wanted
	after events.Seq // a command that the next state shows at least
	asked *Request   // of a gateway's user whose cursor was not looked at yet

	// Of the hub, under its lock.

	open   bool // events are kept for it; else the next state is to be read
	live   bool // too many events make it go behind; else the next state shows them
	behind bool
	listed bool // in conn.ready
	queue  []*frame
	bytes  int // of the queue
}

// ErrStopping is why no stream begins.
var ErrStopping = &events.Fault{Code: events.ErrUnavailable, Message: "this instance is stopping; ask another one"}

// TooMany is why no stream begins: there are as many as there may be.
type TooMany struct{ RetryAfter time.Duration }

// Error implements error.
func (*TooMany) Error() string { return "there are as many streams as this instance may have" }

// fullRetry is after how long a place may be free.
const fullRetry = 5 * time.Second

// open begins a stream, of nobody yet. It ends with ctx, and leave is to be called.
func (h *Hub) open(ctx context.Context, t Transport, key string, expires time.Time) (*conn, error) {
	if err := h.listen(ctx); err != nil {
		return nil, err
	}
	c := &conn{hub: h, transport: t, key: key, id: newID(), since: time.Now(), expires: expires, wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	var err error
	switch {
	case h.mu.closed:
		err = ErrStopping
	case len(h.mu.conns) >= h.cfg.Streams, mostOf[t] > 0 && h.mu.of[t] >= mostOf[t]:
		err = &TooMany{fullRetry}
	case h.mu.sub == nil: // it has ended meanwhile
		err = errDeaf(errors.New("the subscription has ended"))
	}
	if err != nil {
		c.cancel()
		return nil, err
	}
	h.mu.opened++
	c.number = h.mu.opened
	h.mu.conns[c] = struct{}{}
	h.mu.of[t]++
	h.figs.opened.Inc()
	return c, nil
}

// replacedRetry is after how long a client comes back whose place another one has taken.
const replacedRetry = time.Minute

// enter puts a user on a stream, in the place of the user's oldest one if there are as many
// as there may be.
func (h *Hub) enter(c *conn, r *Request) *member {
	token := events.EscapeToken(r.User)
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.left { // a gateway that ends while its users change
		return nil
	}
	u := h.mu.users[token]
	if u == nil {
		u = &user{id: r.User, token: token, turn: make(chan struct{}, 1)}
		h.mu.users[token] = u
	}
	if c.transport != Gateway {
		h.makeRoomLocked(u)
	}
	m := &member{conn: c, user: u, receipts: r.Receipts, watch: r.Watch, totals: r.Totals, after: r.After}
	if c.transport == Gateway {
		m.asked = &Request{User: r.User, Cursor: r.Cursor}
	}
	u.members = append(u.members, m)
	c.members = append(c.members, m)
	if m.watch {
		u.watched++
	}
	h.readyLocked(m)
	return m
}

func (h *Hub) makeRoomLocked(u *user) {
	n := 0
	var oldest *conn
	for _, m := range u.members {
		if m.conn.transport == Gateway || m.conn.bye != nil {
			continue
		}
		if n++; oldest == nil || m.conn.number < oldest.number {
			oldest = m.conn
		}
	}
	if n >= maxOfUser {
		h.endLocked(oldest, Bye{Replaced, replacedRetry.Milliseconds()})
	}
}

// endLocked has a stream end: its writer says bye.
func (h *Hub) endLocked(c *conn, why Bye) {
	if c.bye == nil && !c.left {
		c.bye = &why
		c.cancel()
	}
}

// remove takes a user off a stream.
func (h *Hub) remove(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(m)
	m.conn.members = slices.DeleteFunc(m.conn.members, func(o *member) bool { return o == m })
	m.conn.ready = slices.DeleteFunc(m.conn.ready, func(o *member) bool { return o == m })
}

func (h *Hub) removeLocked(m *member) {
	h.dropLocked(m)
	m.open = false
	u := m.user
	u.members = slices.DeleteFunc(u.members, func(o *member) bool { return o == m })
	if m.watch {
		u.watched--
	}
	if len(u.members) == 0 {
		delete(h.mu.users, u.token)
	}
}

// leave ends a stream, for a reason that is counted unless the hub has one.
func (h *Hub) leave(c *conn, why Reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.left = true
	if c.bye != nil {
		why = c.bye.Reason
	}
	for _, m := range c.members {
		h.removeLocked(m)
	}
	c.members, c.ready = nil, nil
	delete(h.mu.conns, c)
	h.mu.of[c.transport]--
	c.cancel()
	h.figs.closed.WithLabelValues(string(why)).Inc()
}

// over returns why a stream is to end; nil: it goes on.
func (h *Hub) over(c *conn) *Bye {
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.bye
}
