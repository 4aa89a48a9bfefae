package stream

import (
	"context"
	"errors"
	"time"

	"reddot/events"
)

// teller writes events to one client.
type teller interface {
	tell(e *event) error

	// hold begins a state, and has what it takes, which is to be freed when it is taken.
	hold(r *room)
	// done says that all of the state is told.
	done() error
}

// readPatience is how long a state may wait for the command that a cursor names.
const readPatience = 2 * time.Second

// errMoved ends a stream: its state can't be read here.
var errMoved = errors.New("the state can't be read")

// checked reads a cursor, before anything is told: told is zero if all is to be told anew,
// for the reason reset. It waits until what the cursor names is applied here, so that nobody is sent
// back in time.
func (h *Hub) checked(ctx context.Context, r *Request) (told cursor, reset Reason, err error) {
	if r.After > 0 {
		if err := h.cfg.Source.Await(ctx, r.User, r.After, r.Timeout); err != nil {
			return cursor{}, "", err
		}
	}
	if r.Cursor == "" {
		return cursor{}, Start, nil
	}
	told, ok := parseCursor(r.Cursor)
	switch {
	case !ok:
		return cursor{}, Unknown, nil
	case told.epoch != h.cfg.Source.Epoch():
		return cursor{}, Epoch, nil
	}
	if h.cfg.Source.Await(ctx, r.User, told.changes, 0) == nil {
		return told, "", nil
	}
	last, err := h.cfg.Source.Last(ctx)
	if err != nil {
		return cursor{}, "", &events.Fault{Code: events.ErrUnavailable, Message: "the end of the log is not known now; ask again", Cause: err}
	}
	if told.changes > last {
		return cursor{}, Unknown, nil
	}
	err = h.cfg.Source.Await(ctx, r.User, told.changes, readPatience)
	if errors.Is(err, events.ErrNotApplied) {
		err = &events.Fault{Code: events.ErrUnavailable, Message: "this instance has not come as far as the cursor; ask again, or ask another one"}
	}
	return told, "", err
}

// resume tells a member what has changed since it was told last, or all of it. Events
// that come meanwhile are kept for it.
func (h *Hub) resume(ctx context.Context, m *member, to teller) error {
	if h.begin(m) && m.reset == "" {
		m.reset = Behind
	}
	r := &room{of: h.states, turn: m.user.turn}
	reply, applied, epoch, err := h.read(ctx, m, r)
	if err != nil {
		r.free()
		return err
	}
	// A short state is written into a buffer in the reader's turn, so that of thousands that
	// come at once few are at work; the client takes it afterwards, as it takes a long one.
	long := r.bytes > 0
	if long {
		h.reads.Release(1)
	}
	to.hold(r)
	err = h.tellState(m, to, &reply, applied, epoch)
	if !long {
		h.reads.Release(1)
	}
	return errors.Join(err, to.done())
}

// read reads a member's state, once there is room for it, in a turn that the caller gives
// back: thousands of streams that come at once leave room for queries between them.
func (h *Hub) read(ctx context.Context, m *member, r *room) (reply events.ResumeReply, applied events.Seq, epoch string, err error) {
	for {
		if err := h.reads.Acquire(ctx, 1); err != nil {
			return reply, 0, "", err
		}
		epoch = h.cfg.Source.Epoch()
		if m.reset == "" && m.told.epoch != epoch {
			m.reset = Epoch
		}
		reply, applied, err = h.cfg.Source.Resume(ctx, m.user.id, m.request())
		size := stateBytes(&reply)
		switch {
		case err != nil:
			h.reads.Release(1)
			return reply, 0, "", errors.Join(errMoved, err)
		case h.cfg.Source.Epoch() != epoch: // of which log it is, nobody knows
			h.reads.Release(1)
		case r.fit(size):
			return reply, applied, epoch, nil
		default:
			h.reads.Release(1)
			reply = events.ResumeReply{} // nobody holds it while there is no room
			if err := r.wait(ctx, size); err != nil {
				return reply, 0, "", errors.Join(errMoved, err)
			}
		}
	}
}

// request is what a member's next state is asked with.
func (m *member) request() events.ResumeRequest {
	timeout := uint64(readPatience.Milliseconds())
	r := events.ResumeRequest{Since: m.told.changes, All: m.reset != "", Wait: events.Wait{AfterSeq: max(m.told.changes, m.after), TimeoutMS: &timeout}}
	receipts := m.told.receipts
	if r.All {
		r.Since, receipts = 0, 0
		r.AfterSeq = m.after
	}
	if m.receipts {
		r.Receipts = &receipts
	}
	return r
}

// tellState tells what was read, in pieces. Each but the last of them goes without a place
// to go on from.
func (h *Hub) tellState(m *member, to teller, s *events.ResumeReply, applied events.Seq, epoch string) error {
	if s.Lost && m.reset == "" {
		m.reset = Lost
	}
	reset := m.reset
	if reset != "" {
		m.told = cursor{}
		rest, err := restOf(Reset{m.user.id, reset})
		if err == nil {
			err = to.tell(&event{name: eventReset, id: emptyID, rest: rest})
		}
		if err != nil {
			return err
		}
		h.figs.resets.WithLabelValues(string(reset)).Inc()
		m.shown = nil
	}
	if err := m.tellChanges(to, s, applied, epoch, reset != ""); err != nil {
		return err
	}
	m.told = cursor{epoch, applied, m.told.receipts}
	if m.receipts {
		if err := m.tellReceipts(to, receiptsOf(s), applied); err != nil {
			return err
		}
		m.told.receipts = applied
	} else {
		m.told.receipts = 0
	}
	m.base, m.reset, m.after = applied, "", 0
	h.began(m)
	if reset == "" && m.began {
		return nil
	}
	m.began = true
	rest, err := restOf(Live{m.user.id, s.Version})
	if err != nil {
		return err
	}
	return to.tell(&event{name: eventLive, cursor: m.told, id: cursorID, rest: rest})
}

// tellChanges tells the list, or what has changed of it, if anything has.
func (m *member) tellChanges(to teller, s *events.ResumeReply, applied events.Seq, epoch string, whole bool) error {
	before := m.shown
	if m.totals {
		m.shown = &shown{s.Totals, s.Filters}
	}
	if !whole && s.Version <= m.told.changes && len(s.Conversations)+len(s.Removed)+len(s.Returned)+len(s.Threads) == 0 {
		return nil
	}
	done := cursor{epoch, applied, m.told.receipts}
	at := events.Time(time.Now().UnixMilli())
	if m.totals {
		if before.same(s.Totals, s.Filters) {
			return nil
		}
		rest, err := restOf(TotalsChange{m.user.id, s.Version, at, s.Totals, s.Filters})
		if err != nil {
			return err
		}
		return to.tell(&event{name: eventChange, cursor: done, id: cursorID, rest: rest})
	}
	conversations, threads, removed, returned := s.Conversations, s.Threads, s.Removed, s.Returned
	if whole {
		returned = nil // all is forgotten
	}
	for more := true; more; {
		c := events.Change{User: m.user.id, Version: s.Version, At: at, Totals: s.Totals, Filters: s.Filters, Conversations: []events.Conversation{}}
		if c.Removed, returned = piece(returned); len(c.Removed) == 0 {
			c.Conversations, conversations = piece(conversations)
			c.Threads, threads = piece(threads)
			c.Removed, removed = piece(removed)
		}
		if c.Conversations == nil {
			c.Conversations = []events.Conversation{}
		}
		more = len(returned)+len(conversations)+len(threads)+len(removed) > 0
		e := event{name: eventChange, cursor: done, id: cursorID}
		if more {
			e = event{name: eventChange, cursor: m.told, more: true}
		}
		var err error
		if e.rest, err = restOf(&c); err == nil {
			err = to.tell(&e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tellReceipts tells receipts, if there are any.
func (m *member) tellReceipts(to teller, all []any, applied events.Seq) error {
	for len(all) > 0 {
		var list []any
		list, all = piece(all)
		e := event{name: eventReceipts, cursor: m.told, more: true}
		if len(all) == 0 {
			e = event{name: eventReceipts, cursor: cursor{m.told.epoch, m.told.changes, applied}, id: cursorID}
		}
		var err error
		if e.rest, err = restOf(&Receipts{m.user.id, list}); err == nil {
			err = to.tell(&e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func receiptsOf(s *events.ResumeReply) (all []any) {
	for i := range s.Receipts {
		all = append(all, peerReceipt(&s.Receipts[i]))
	}
	for i := range s.GroupReceipts {
		all = append(all, messageReceipts(&s.GroupReceipts[i])...)
	}
	return all
}

// piece takes as many of a list as ride in one event.
func piece[T any](list []T) (first, rest []T) {
	n := min(len(list), pieceLen)
	return list[:n:n], list[n:]
}

// tellFrame tells an event that was heard, unless it is told already. safe is what the
// receipts are told up to with it.
func (m *member) tellFrame(to teller, f *frame, safe events.Seq) error {
	switch f.name {
	case eventReceipts:
		if f.version <= m.base {
			return nil
		}
		if safe > m.told.receipts {
			m.told.receipts = safe
		}
	default:
		if f.version <= m.told.changes {
			return nil
		}
		if !f.more {
			m.told.changes = f.version
		}
		if m.totals {
			return m.tellTotals(to, f)
		}
	}
	e := event{name: f.name, cursor: m.told, id: cursorID, more: f.more, rest: f.rest}
	if f.more {
		e.id = noID
	}
	return to.tell(&e)
}

// tellTotals tells the totals of a change, if they are others now.
func (m *member) tellTotals(to teller, f *frame) error {
	if f.more || m.shown.same(f.totals, f.filters) {
		return nil
	}
	m.shown = &shown{f.totals, f.filters}
	return to.tell(&event{name: eventChange, cursor: m.told, id: cursorID, rest: f.slim()})
}
