package stream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"reddot/events"
)

// DefaultPatience is how long a client may take what is written at once.
const DefaultPatience = 15 * time.Second

// flushBytes is how much is written before it is sent although there is more.
const flushBytes = 32 << 10

// Clients whose stream was cut come back after retryLeast, and up to retryMore later.
const (
	retryLeast = 2 * time.Second
	retryMore  = 3 * time.Second
)

func movedRetry() int64 { return (time.Second + rand.N(4*time.Second)).Milliseconds() }

// ServeEvents tells a user's events as they happen, until the client goes or the stream is
// to end. An error is why it has not begun; nothing is written then.
func (h *Hub) ServeEvents(w http.ResponseWriter, r *http.Request, q Request) error {
	c, err := h.open(r.Context(), SSE, q.Key, q.Expires)
	if err != nil {
		return err
	}
	why := gone
	defer func() { h.leave(c, why) }()
	epoch, _, err := h.join(c, &q)
	if err != nil {
		return err
	}
	s := h.newSSE(w, true)
	if err = s.begin(h.hello(c, epoch, q.Expires)); err == nil {
		err = h.run(c, s, q.Expires)
	}
	why = s.end(h.byeOf(c, err, q.Expires))
	return nil
}

// run tells a stream what there is to be told, until it ends; the error says why.
func (h *Hub) run(c *conn, s *sse, expires time.Time) error {
	timer := time.NewTimer(h.cfg.Heartbeat)
	defer timer.Stop()
	for {
		err := h.tellNext(c, s)
		switch {
		case expired(expires):
			return errEnds
		case err == nil:
			continue
		case !errors.Is(err, errIdle):
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
		wait := max(0, h.cfg.Heartbeat-time.Since(s.sent)) // whatever came meanwhile that is not for it
		if !expires.IsZero() {
			wait = min(wait, time.Until(expires))
		}
		timer.Reset(wait)
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return errEnds
		case at := <-timer.C:
			if expired(expires) {
				return errEnds
			}
			if err := s.tell(small(eventPing, Ping{events.Time(at.UnixMilli())})); err != nil {
				return err
			}
		}
	}
}

// sse writes server-sent events. Its buffers are the connection's and those of a pool: an
// idle stream holds none.
type sse struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration
	ids      bool
	unsent   int // bytes
	sent     time.Time

	state *room         // of the state that is being told; nil: none is
	short *bytes.Buffer // what of it is written; nil: it is long, or there is none
	until time.Time     // when all of it is to be taken, if it is a long one
}

// lines are buffers of what is written before the data.
var lines = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}

func (h *Hub) newSSE(w http.ResponseWriter, ids bool) *sse {
	return &sse{w: w, rc: http.NewResponseController(w), patience: h.cfg.Patience, ids: ids}
}

// Head writes the head of a stream.
func Head(w http.ResponseWriter) {
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store, no-transform")
	head.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
}

// begin sends the head and the first event.
func (s *sse) begin(hello *event) error {
	Head(s.w)
	retry := "retry: " + strconv.FormatInt((retryLeast+rand.N(retryMore)).Milliseconds(), 10) + "\n"
	if err := s.write([]byte(retry)); err != nil {
		return err
	}
	if err := s.tell(hello); err != nil {
		return err
	}
	return s.flush()
}

// tell writes an event, once what was written before is on its way if that is much.
func (s *sse) tell(e *event) error {
	if s.unsent >= flushBytes && s.short == nil {
		if err := s.flush(); err != nil {
			return err
		}
	}
	buf := lines.Get().(*[]byte)
	defer lines.Put(buf)
	b := append((*buf)[:0], "event: "...)
	b = append(b, e.name...)
	if s.ids {
		switch e.id {
		case cursorID:
			b = append(b, "\nid: "...)
			b = append(b, e.cursor.String()...)
		case emptyID:
			b = append(b, "\nid:"...)
		case placeID:
			b = append(b, "\nid: "...)
			b = strconv.AppendUint(b, e.place, 10)
		}
	}
	b = append(b, "\ndata: "...)
	b = e.appendHead(b)
	*buf = b
	if err := s.write(b); err != nil {
		return err
	}
	if err := s.write(e.rest); err != nil {
		return err
	}
	return s.write(blank)
}

var blank = []byte("\n\n")

// states are buffers of short states.
var states = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// hold implements teller.
func (s *sse) hold(r *room) {
	s.state = r
	if r.bytes > 0 {
		s.until = time.Now().Add(longPatience)
	} else {
		s.short = states.Get().(*bytes.Buffer)
	}
}

// done implements teller. What is told is in the connection's buffers.
func (s *sse) done() (err error) {
	if short := s.short; short != nil {
		s.short = nil
		err = s.write(short.Bytes())
		short.Reset()
		states.Put(short)
	}
	s.state.free()
	s.state, s.until = nil, time.Time{}
	return err
}

// write writes, within the time that a client has until all of it is sent.
func (s *sse) write(b []byte) error {
	if s.short != nil {
		s.short.Write(b)
		return nil
	}
	if s.unsent == 0 {
		until := time.Now().Add(s.patience)
		if !s.until.IsZero() && s.until.Before(until) {
			until = s.until
		}
		if err := s.rc.SetWriteDeadline(until); err != nil {
			return err
		}
	}
	s.unsent += len(b)
	_, err := s.w.Write(b)
	return err
}

// flush sends what is written. The deadline goes with it: one that passes while nothing is
// written would end an HTTP/2 stream.
func (s *sse) flush() error {
	if s.unsent == 0 {
		return nil
	}
	s.unsent = 0
	if err := s.rc.Flush(); err != nil {
		return err
	}
	s.sent = time.Now()
	return s.rc.SetWriteDeadline(time.Time{})
}

// end says bye, unless nobody listens, and returns the reason.
func (s *sse) end(why Bye) Reason {
	if why.Reason == gone || why.Reason == Slow {
		return why.Reason
	}
	s.unsent = 0
	if s.tell(small(eventBye, why)) != nil || s.flush() != nil {
		return gone
	}
	return why.Reason
}
