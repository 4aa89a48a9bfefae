package stream

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"os"
	"time"

	"reddot/events"
)

// DefaultHeartbeat is after how much silence a stream says that it lives.
const DefaultHeartbeat = 25 * time.Second

// newID is 128 random bits, as text.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// errIdle says that nothing is left to be told now.
var errIdle = errors.New("nothing is left to be told")

// errEnds says that the stream is to end.
var errEnds = errors.New("the stream ends")

// tellNext tells the next thing there is to be told to a stream; errIdle: nothing.
func (h *Hub) tellNext(c *conn, to teller) error {
	if c.ctx.Err() != nil {
		return errEnds
	}
	m, f, safe := h.next(c)
	switch {
	case m == nil:
		return errIdle
	case f == nil:
		err := h.check(c.ctx, m)
		if err == nil {
			err = h.resume(c.ctx, m, to)
		}
		if err != nil {
			err = h.putOff(m, err)
		}
		return err
	}
	if err := m.tellFrame(to, f, safe); err != nil {
		return err
	}
	h.figs.told(f)
	return nil
}

// byeOf is how a stream ends that has come to an error; empty: who listened has gone.
func (h *Hub) byeOf(c *conn, err error, expires time.Time) Bye {
	why := h.over(c)
	switch {
	case why != nil:
		return *why
	case c.ctx.Err() != nil:
		return Bye{Reason: gone}
	case errors.Is(err, errEnds) && expired(expires):
		return Bye{Reason: Expired}
	case errors.Is(err, errMoved):
		h.log.Debug("a stream's state can't be read", "error", err)
		return Bye{Moved, movedRetry()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Bye{Reason: Slow}
	}
	return Bye{Reason: gone}
}

func expired(at time.Time) bool { return !at.IsZero() && !time.Now().Before(at) }

// hello is what a stream begins with.
func (h *Hub) hello(c *conn, epoch string, expires time.Time) *event {
	hello := Hello{Stream: c.id, Epoch: epoch, HeartbeatMS: h.cfg.Heartbeat.Milliseconds()}
	if !expires.IsZero() {
		hello.ExpiresAt = events.Time(expires.UnixMilli())
	}
	return small(eventHello, hello)
}

// small is an event of numbers and short words.
func small(name string, v any) *event {
	rest, err := restOf(v)
	if err != nil {
		panic("encode " + name + ": " + err.Error())
	}
	return &event{name: name, rest: rest}
}

// errNoEpoch is why nothing is told yet.
func errNoEpoch() error {
	return &events.Fault{Code: events.ErrUnavailable, Message: "this instance does not answer yet; ask again, or ask another one"}
}

// join puts a user on a stream, once the state that the request names is applied here. The
// epoch is that of the log.
func (h *Hub) join(c *conn, r *Request) (epoch string, m *member, err error) {
	if epoch = h.cfg.Source.Epoch(); epoch == "" {
		return "", nil, errNoEpoch()
	}
	m = h.enter(c, r)
	if r.Watch {
		h.cfg.Source.Watch(r.User)
	}
	m.told, m.reset, err = h.checked(c.ctx, r)
	if err != nil && h.over(c) != nil {
		err = ErrStopping
	}
	return epoch, m, err
}
