package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"reddot/events"
)

// MaxGatewayUsers is how many users the stream of one gateway has.
const MaxGatewayUsers = 10_000

// GatewayRequest is what a gateway asks for.
type GatewayRequest struct {
	events.GatewayRequest
	Key     string    // who asks, see Request
	Expires time.Time // of the token; zero: never
}

// ServeGateway tells the events of many users, each with the user's cursor, until the
// gateway goes or the stream is to end. An error is why it has not begun; nothing is
// written then.
//
// States are read one after the other, by the stream's own goroutine. A cursor is looked at
// when its user's turn comes.
func (h *Hub) ServeGateway(w http.ResponseWriter, r *http.Request, q GatewayRequest) error {
	c, err := h.open(r.Context(), Gateway, q.Key, q.Expires)
	if err != nil {
		return err
	}
	why := gone
	defer func() { h.leave(c, why) }()
	epoch := h.cfg.Source.Epoch()
	if epoch == "" {
		return errNoEpoch()
	}
	h.mu.Lock()
	c.receipts, c.watch = q.Receipts, q.Watch
	h.mu.Unlock()
	s := h.newSSE(w, false)
	if err = s.begin(h.hello(c, epoch, q.Expires)); err == nil {
		if err = h.change(c, events.GatewayUsers{Add: q.Users}); err == nil {
			err = h.run(c, s, q.Expires)
		}
	}
	why = s.end(h.byeOf(c, err, q.Expires))
	return nil
}

// ErrNoGateway: no gateway of who asks has that stream here.
var ErrNoGateway = &events.Fault{Code: events.ErrNotFound, Message: "no such stream on this instance: open another one, with your cursors"}

// ChangeGateway takes users off a gateway's stream, and puts others on it. A user who is on
// it stays as is. The errors are ErrNoGateway and an *events.Invalid.
func (h *Hub) ChangeGateway(key string, r events.GatewayUsers) error {
	h.mu.Lock()
	var found *conn
	for c := range h.mu.conns {
		if c.transport == Gateway && c.id == r.Stream && c.key == key && c.bye == nil {
			found = c
		}
	}
	h.mu.Unlock()
	if found == nil {
		return ErrNoGateway
	}
	return h.change(found, r)
}

// change takes users off a stream, and puts others on it.
func (h *Hub) change(c *conn, r events.GatewayUsers) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	h.mu.Lock()
	on := make(map[string]*member, len(c.members))
	for _, m := range c.members {
		on[m.user.id] = m
	}
	asks := Request{Receipts: c.receipts, Watch: c.watch}
	h.mu.Unlock()
	var off []*member
	for _, id := range r.Remove {
		if m := on[id]; m != nil {
			off = append(off, m)
			delete(on, id)
		}
	}
	var add []events.GatewayUser
	for _, u := range r.Add {
		if on[u.User] == nil {
			add = append(add, u)
		}
	}
	if n := len(on) + len(add); n > MaxGatewayUsers {
		return &events.Invalid{Reason: fmt.Sprintf("add: the stream would have %d users, and may have %d", n, MaxGatewayUsers)}
	}
	for _, m := range off {
		h.remove(m)
	}
	for _, u := range add {
		asks.User, asks.Cursor = u.User, u.Cursor
		h.enter(c, &asks)
		if asks.Watch {
			h.cfg.Source.Watch(u.User)
		}
	}
	return nil
}

// check looks at the cursor that a gateway has given for a user.
func (h *Hub) check(ctx context.Context, m *member) (err error) {
	if m.asked == nil {
		return nil
	}
	if m.told, m.reset, err = h.checked(ctx, m.asked); err != nil {
		return errors.Join(errMoved, err)
	}
	m.asked = nil
	return nil
}

// gatewayAgain is after how long a gateway's user has another turn who waits for too much.
const gatewayAgain = time.Second

// putOff has a user of a gateway wait for another turn, unless it is the instance that
// can't answer: what one user asks for elsewhere must not end the stream of the others.
func (h *Hub) putOff(m *member, err error) error {
	c := m.conn
	if c.transport != Gateway || !errors.Is(err, events.ErrRateLimited) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(m)
	m.open, m.listed = false, false
	c.ready = slices.DeleteFunc(c.ready, func(o *member) bool { return o == m })
	time.AfterFunc(gatewayAgain, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if slices.Contains(c.members, m) {
			h.readyLocked(m)
		}
	})
	return nil
}
