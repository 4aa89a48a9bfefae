package client

import (
	"context"
	"errors"
	"fmt"
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
//	listed   the newest whose list is in the book, with threads and filters
//	heard    the newest that asked for receipts: one query a peer, so only
//	         what is newer than lost is asked
//	settled  the newest that is done
//
// While listed < gap conversations and totals are reported to nobody, since they
// might not belong together; what differs is reported afterwards. A listener
// that waits for its first reading (its since) hears nothing before
// listed >= since.
type feed struct {
	client *Client
	user   *User
	wake   chan struct{}
	end    context.CancelFunc

	changes, receipt, groupReceipt string // subjects

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
		changes: c.subjects.Change(user.id), receipt: c.subjects.Receipt(user.id), groupReceipt: c.subjects.GroupReceipt(user.id),
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

// mark marks for every listener what looks different now and wakes them, for the
// totals too. f.mu is held.
func (f *feed) mark(t touched) {
	for s := range f.mu.listeners {
		s.mark(t)
	}
	f.wakeAll()
}

func (f *feed) markReceipts(keys []string) {
	for s := range f.mu.listeners {
		s.markReceipts(keys)
	}
	f.wakeAll()
}

func (f *feed) markFigures(e *events.GroupReceipts) {
	for s := range f.mu.listeners {
		s.markFigures(e)
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
