package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// flushTimeout bounds a round trip to the NATS server.
const flushTimeout = 2 * time.Second

// errDeaf is why no stream begins where events can't be heard.
func errDeaf(why error) error {
	return &events.Fault{Code: events.ErrUnavailable, Message: "this instance does not hear of changes now; ask again, or ask another one", Cause: why}
}

// listen subscribes, unless that is done, and returns once the server has taken the
// subscription: what is read from then on is older than what is heard.
func (h *Hub) listen(ctx context.Context) error {
	h.listening.Lock()
	defer h.listening.Unlock()
	h.mu.Lock()
	h.mu.idle = 0
	sub, closed := h.mu.sub, h.mu.closed
	h.mu.Unlock()
	switch {
	case closed:
		return ErrStopping
	case sub != nil:
		return nil
	}
	sub, err := h.cfg.Conn.Subscribe(h.evt+">", h.hear)
	if err == nil {
		err = sub.SetPendingLimits(maxHeard, maxHeardBytes)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		err = h.cfg.Conn.FlushWithContext(ctx)
	}
	if err != nil {
		if sub != nil {
			sub.Unsubscribe() // the connection may be lost: then it goes with it
		}
		return errDeaf(fmt.Errorf("listen to events: %w", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.sub, h.mu.dropped = sub, 0
	return nil
}

// unlisten ends the subscription.
func (h *Hub) unlisten() {
	h.listening.Lock()
	defer h.listening.Unlock()
	h.mu.Lock()
	sub := h.mu.sub
	if len(h.mu.conns) > 0 && !h.mu.closed {
		sub = nil
	}
	if sub != nil {
		h.mu.sub = nil
	}
	h.mu.Unlock()
	if sub == nil {
		return
	}
	if err := sub.Unsubscribe(); err != nil && !h.cfg.Conn.IsClosed() {
		h.log.Warn("end the subscription of streams", "error", err)
	}
}

// The kinds of a user's events, each on a subject of its own.
const (
	kindChange = iota
	kindReceipt
	kindGroupReceipt
	kinds
)

// kindOf finds the kind in the last token of a subject; kinds if it is of a later version
// of reddot.
func kindOf(token string) int {
	switch token {
	case "change":
		return kindChange
	case "receipt":
		return kindReceipt
	case "group-receipt":
		return kindGroupReceipt
	}
	return kinds
}

// hear takes one event. It is called for one after the other.
func (h *Hub) hear(m *nats.Msg) {
	token, last, ok := strings.Cut(strings.TrimPrefix(m.Subject, h.evt), ".")
	if !ok || m.Header.Get(events.HeaderStream) != h.cfg.Subjects.EventStream() {
		return // nobody but reddot stores events
	}
	emitted, _ := strconv.ParseUint(m.Header.Get(events.HeaderEmitted), 10, 64) // 0: it says nothing
	h.mu.Lock()
	h.checkDroppedLocked(m.Sub)
	h.mu.emitted = max(h.mu.emitted, events.Seq(emitted))
	safe := h.mu.emitted
	u := h.mu.users[token]
	kind := kindOf(last)
	known := u != nil && kind < kinds
	h.mu.Unlock()
	if !known {
		return
	}
	f, err := frameOf(kind, m, u.id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.users[token] != u {
		return
	}
	if u.missing(kind, m.Header) {
		h.doubtLocked(u)
	}
	if err != nil {
		h.log.Warn("an event can't be read; its user's state is read instead", "subject", m.Subject, "error", err)
		h.doubtLocked(u)
		return
	}
	f.emitted = safe
	for _, member := range u.members {
		h.pushLocked(member, f)
	}
}

// checkDroppedLocked notices that events were dropped here for want of room.
func (h *Hub) checkDroppedLocked(sub *nats.Subscription) {
	if sub == nil {
		return
	}
	if dropped, err := sub.Dropped(); err == nil && dropped != h.mu.dropped {
		h.mu.dropped = dropped
		h.doubtAllLocked()
	}
}

// missing notices that an event is not the next one of its kind: each names the one before
// it on its subject.
func (u *user) missing(kind int, header nats.Header) bool {
	seq, err := strconv.ParseUint(header.Get(nats.JSSequence), 10, 64)
	before, err2 := strconv.ParseUint(header.Get(nats.JSLastSequence), 10, 64)
	if err != nil || err2 != nil {
		return true
	}
	known := u.stored[kind]
	u.stored[kind] = seq
	return known > 0 && (before > known || seq <= known)
}

// frameOf reads an event of a user.
func frameOf(kind int, m *nats.Msg, id string) (f *frame, err error) {
	content := m.Header.Get(events.HeaderContentType)
	whose := ""
	switch kind {
	case kindChange:
		var c events.Change
		if err = events.Unmarshal(content, m.Data, &c); err == nil {
			whose = c.User
			f, err = newChange(&c)
		}
	case kindReceipt:
		var r events.Receipt
		if err = events.Unmarshal(content, m.Data, &r); err == nil {
			whose = r.User
			f, err = newReceipts(r.User, r.Version, []any{peerReceipt(&r)})
		}
	case kindGroupReceipt:
		var g events.GroupReceipts
		if err = events.Unmarshal(content, m.Data, &g); err == nil {
			whose = g.User
			f, err = newReceipts(g.User, g.Version, messageReceipts(&g))
		}
	}
	if err != nil {
		return nil, err
	}
	if whose != id {
		return nil, fmt.Errorf("it is for another user")
	}
	f.more = m.Header.Get(events.HeaderMore) != ""
	f.stored, _ = time.Parse(time.RFC3339Nano, m.Header.Get(nats.JSTimeStamp)) // zero: not measured
	return f, nil
}
