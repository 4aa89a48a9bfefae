package stream

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"reddot/events"
)

// MaxWait is how long a poll may wait for an event.
const MaxWait = 55 * time.Second

// pollTimeout is how long a client may take the answer to a poll.
const pollTimeout = 30 * time.Second

// enough is how many bytes of events a poll is answered with although there are more.
const enough = 256 << 10

// ServeChanges answers with what has happened to a user since a cursor, or with the first
// thing that happens. An error is why it does not; nothing is written then.
func (h *Hub) ServeChanges(w http.ResponseWriter, r *http.Request, q Request) error {
	c, err := h.open(r.Context(), Poll, q.Key, q.Expires)
	if err != nil {
		return err
	}
	why := gone
	defer func() { h.leave(c, why) }()
	_, m, err := h.join(c, &q)
	if err != nil {
		return err
	}
	var p poll
	defer p.free()
	err = h.collect(c, &p, &q)
	if err != nil {
		bye := h.byeOf(c, err, q.Expires)
		switch why = bye.Reason; why {
		case gone:
			return nil
		case Moved:
			return unread(err)
		case Expired: // the next one is told so
		default:
			p.tell(small(eventBye, bye))
		}
	} else {
		why = answered
	}
	return p.write(w, m.told)
}

// collect collects what has happened; where nothing has, it waits for the first thing.
func (h *Hub) collect(c *conn, p *poll, q *Request) error {
	wait := q.Wait
	if !q.Expires.IsZero() {
		wait = min(wait, time.Until(q.Expires))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		err := h.tellNext(c, p)
		switch {
		case err == nil && !p.full():
			continue
		case err == nil || errors.Is(err, errIdle) && p.news && !p.more:
			return nil
		case !errors.Is(err, errIdle):
			return err
		}
		select {
		case <-c.wake:
		case <-timer.C:
			return nil
		case <-c.ctx.Done():
			return errEnds
		}
	}
}

// unread is why a poll is not answered.
func unread(err error) error {
	f, ok := errors.AsType[*events.Fault](err)
	if ok && f.Code == events.ErrRateLimited {
		return f
	}
	return &events.Fault{Code: events.ErrUnavailable, Message: "the state can't be read here now; ask again, or ask another one", Cause: err}
}

// poll is the answer to a poll: events as they are told on a stream.
type poll struct {
	body []byte // of the list, without its brackets
	news bool
	more bool // the rest of a state is to come

	states []*room // that are in it
}

// hold implements teller: a state takes its room until the answer is written.
func (p *poll) hold(r *room) { p.states = append(p.states, r) }

// done implements teller.
func (p *poll) done() error { return nil }

// full says that nothing more is waited for.
func (p *poll) full() bool {
	return p.news && !p.more && (len(p.body) > enough || slices.ContainsFunc(p.states, func(r *room) bool { return r.bytes > 0 }))
}

// free gives back the room of all that was told.
func (p *poll) free() {
	for _, r := range p.states {
		r.free()
	}
}

// tell implements teller. That a user without news is live goes without saying.
func (p *poll) tell(e *event) error {
	if e.name == eventLive && !p.news {
		return nil
	}
	p.news, p.more = true, e.more
	if len(p.body) > 0 {
		p.body = append(p.body, ',')
	}
	p.body = append(p.body, `{"event":"`...)
	p.body = append(p.body, e.name...)
	p.body = append(p.body, `","data":`...)
	p.body = e.appendHead(p.body)
	p.body = append(p.body, e.rest...)
	p.body = append(p.body, '}')
	return nil
}

// write sends the answer.
func (p *poll) write(w http.ResponseWriter, at cursor) error {
	const begin, middle, end = `{"events":[`, `],"cursor":"`, `"}`
	told := at.String()
	head := w.Header()
	head.Set("Content-Type", "application/json; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Length", strconv.Itoa(len(begin)+len(p.body)+len(middle)+len(told)+len(end)))
	if at.changes > 0 {
		head.Set("Reddot-Applied", strconv.FormatUint(uint64(at.changes), 10))
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pollTimeout)) // an error would be of a writer of tests
	w.WriteHeader(http.StatusOK)
	for _, part := range [][]byte{[]byte(begin), p.body, []byte(middle + told + end)} {
		if _, err := w.Write(part); err != nil {
			return nil // who has asked is gone
		}
	}
	return nil
}
