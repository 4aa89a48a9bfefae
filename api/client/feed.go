package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// Bounds of the events of one user that have arrived and are not entered yet.
// Entering one takes microseconds, so this is reached only if the process is
// starved; what exceeds it is dropped, and the state is read again.
const (
	maxQueuedEvents     = 8192
	maxQueuedEventBytes = 16 << 20
)

// watchEvery is how often a watch of large groups is renewed: two renewals may
// be lost.
const watchEvery = events.WatchLease / 3

// feed is what one user's listeners share: the subscription and the book. It
// lives from the first listener's start to the last one's end.
//
// # Readings
//
// The list is read at the start and whenever an event may have been missed. The
// readings that are wanted are numbered, and the numbers say who waits for
// what:
//
//	asked    the newest that is wanted
//	gap      the newest that is wanted because events may be missing
//	lost     the newest that is wanted because receipts may be missing
//	listed   the newest whose list is in the book
//	heard    the newest that asked for receipts: one query a peer, so only
//	         what is newer than lost is asked
//	settled  the newest that is done
//
// While listed < gap conversations and totals are reported to nobody, since they
// might not belong together; what differs is reported afterwards. A listener
// that waits for its first reading (its since) hears nothing before
// listed >= since.
type feed struct {
	client  *Client
	user    *User
	changes string // subjects
	receipt string
	wake    chan struct{}
	end     context.CancelFunc

	mu struct {
		sync.Mutex
		book      book
		listeners map[*Subscription]struct{}
		online    bool
		permitted bool               // whether the subscription was refused has been looked at
		abort     context.CancelFunc // ends the attempt under way; nil before the first

		asked, gap, lost, listed, heard, settled uint64

		torn int // readings in a row that did not add up

		warned bool // of a message that reddot has not sent

		sub     *nats.Subscription
		dropped int               // by sub, as far as it is dealt with
		stored  map[string]uint64 // by subject, the last event's sequence in the event stream
	}
}

// startFeed subscribes to a user's events. c.mu is held.
func (c *Client) startFeed(user *User) (*feed, error) {
	if c.mu.status == nil {
		c.mu.status = c.conn.StatusChanged()
		go c.follow(c.mu.status)
	}
	ctx, end := context.WithCancel(context.Background())
	f := &feed{
		client: c, user: user, wake: make(chan struct{}, 1), end: end,
		changes: c.subjects.Change(user.id), receipt: c.subjects.Receipt(user.id),
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.book, f.mu.listeners, f.mu.stored = newBook(), map[*Subscription]struct{}{}, map[string]uint64{}
	f.mu.online = c.conn.IsConnected()
	sub, err := c.conn.Subscribe(c.subjects.Events(user.id), f.hear)
	if err == nil {
		err = sub.SetPendingLimits(maxQueuedEvents, maxQueuedEventBytes)
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("listen to %q: %w", user.id, err)
	}
	f.mu.sub = sub
	go f.run(ctx)
	return f, nil
}

// follow passes on to every feed that the connection was lost or is back.
func (c *Client) follow(status <-chan nats.Status) {
	for range status {
		c.mu.Lock()
		online := c.conn.IsConnected()
		for _, f := range c.mu.feeds {
			f.link(online)
		}
		c.mu.Unlock()
		if c.conn.IsClosed() {
			return // for ever
		}
	}
}

// link notes that the connection was lost or is back: either way events may
// have been missed.
func (f *feed) link(online bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.online = online
	if f.mu.abort != nil {
		f.mu.abort()
	}
	clear(f.mu.stored)
	f.missedAny()
	f.wakeAll()
	if f.client.conn.IsClosed() {
		f.report(nats.ErrConnectionClosed)
	}
}

// missed wants a reading because change events may be missing. f.mu is held.
func (f *feed) missed() {
	f.mu.asked++
	f.mu.gap = f.mu.asked
	poke(f.wake)
}

// missedAny wants a reading because events of any kind may be missing. f.mu is
// held.
func (f *feed) missedAny() {
	f.missed()
	f.mu.lost = f.mu.asked
}

// poke wakes who waits on a channel with room for one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hear enters one event. It is called for one after the other.
func (f *feed) hear(m *nats.Msg) {
	if m.Subject != f.changes && m.Subject != f.receipt {
		return // of a later version of reddot
	}
	if m.Header.Get(nats.JSStream) != f.client.subjects.EventStream() {
		f.strange(m, "it does not come from the event stream")
		return
	}
	var change events.Change
	var receipt events.Receipt
	var err error
	contentType, user := m.Header.Get(events.HeaderContentType), ""
	if m.Subject == f.changes {
		err = events.Unmarshal(contentType, m.Data, &change)
		user = change.User
	} else {
		err = events.Unmarshal(contentType, m.Data, &receipt)
		user = receipt.User
	}
	strange := err == nil && user != f.user.id
	if strange {
		f.strange(m, "it is not for this user")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkChain(m) // the next event names this one, whoever has stored it
	if strange {
		return
	}
	switch {
	case err != nil:
		f.report(fmt.Errorf("read an event on %s: %w", m.Subject, err))
		f.missedAny()
	case m.Subject == f.receipt:
		if f.mu.book.enterReceipt(receipt) {
			f.markReceipts([]string{receipt.Peer})
		}
	default:
		touched, whole := f.mu.book.enterChange(&change, m.Header.Get(events.HeaderMore) != "")
		if !whole {
			f.missed()
		}
		f.markList(touched)
	}
}

// strange counts a message that reddot has not sent, and logs the first one. It
// says nothing that is believed.
func (f *feed) strange(m *nats.Msg, why string) {
	f.client.strange.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mu.warned {
		f.mu.warned = true
		f.client.opts.Logger.Warn("reddot listener: a message that reddot has not sent is dropped, and so are others like it",
			"user", f.user.id, "subject", m.Subject, "reason", why)
	}
}

// checkChain notices events that were dropped here for want of room, or lost on
// the way: each names the one before it on its subject. f.mu is held.
func (f *feed) checkChain(m *nats.Msg) {
	missing := f.checkDropped()
	seq, err := strconv.ParseUint(m.Header.Get(nats.JSSequence), 10, 64)
	if err == nil {
		before, err := strconv.ParseUint(m.Header.Get(nats.JSLastSequence), 10, 64)
		known := f.mu.stored[m.Subject]
		missing = missing || err == nil && known > 0 && before > known
		f.mu.stored[m.Subject] = seq
	}
	if missing {
		f.missedAny()
	}
}

// checkDropped reports whether events were dropped here since it last looked.
// f.mu is held.
func (f *feed) checkDropped() bool {
	dropped, err := f.mu.sub.Dropped()
	if err != nil || dropped == f.mu.dropped {
		return false
	}
	f.mu.dropped = dropped
	return true
}

// markList marks conversations for every listener and wakes them, for the
// totals too. f.mu is held.
func (f *feed) markList(names []string) {
	for s := range f.mu.listeners {
		s.markList(names)
	}
	f.wakeAll()
}

func (f *feed) markReceipts(peers []string) {
	for s := range f.mu.listeners {
		s.markReceipts(peers)
	}
	f.wakeAll()
}

// report logs an error and gives it to every listener. f.mu is held.
func (f *feed) report(err error) {
	f.client.opts.Logger.Warn("reddot listener", "user", f.user.id, "error", err)
	f.giveError(err)
}

func (f *feed) giveError(err error) {
	for s := range f.mu.listeners {
		s.keepError(err)
	}
	f.wakeAll()
}

func (f *feed) wakeAll() {
	for s := range f.mu.listeners {
		poke(s.wake)
	}
}

// add starts a listener, which wants a reading of its own: for the order of
// the list, which events don't say.
func (f *feed) add(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.asked++
	s.since = f.mu.asked
	f.mu.listeners[s] = struct{}{}
	poke(f.wake)
	poke(s.wake)
}

// remove ends a listener and reports whether it was the last. A second call
// does nothing.
func (f *feed) remove(s *Subscription) (last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.closed {
		return false
	}
	s.close()
	delete(f.mu.listeners, s)
	if len(f.mu.listeners) > 0 {
		return false
	}
	f.close()
	return true
}

// closeAll ends every listener.
func (f *feed) closeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.mu.listeners {
		s.close()
	}
	clear(f.mu.listeners)
	f.close()
}

// close ends the feed itself. f.mu is held.
func (f *feed) close() {
	f.end()
	if err := f.mu.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		f.client.opts.Logger.Warn("end a subscription", "subject", f.mu.sub.Subject, "error", err)
	}
}

// checkPermission reports that the server has refused the subscription, which
// it notes before it answers the first request. f.mu is held.
func (f *feed) checkPermission() {
	if f.mu.permitted {
		return
	}
	f.mu.permitted = true
	err := f.client.conn.LastError()
	subject := f.client.subjects.Events(f.user.id)
	if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `"`+subject+`"`) {
		f.report(fmt.Errorf("listen to %q: %w; permit this connection's user to subscribe to %s", f.user.id, err, subject))
	}
}
