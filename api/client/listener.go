package client

import (
	"fmt"
	"runtime/debug"

	"reddot/events"
)

// Listener is what one who listens wants to hear; leave out what you don't want.
// See [User.Listen] for what is reported when.
type Listener struct {
	// ConversationsChanged gets conversations that are new in the list or
	// look different now: first the whole list in one call, newest activity
	// first, then changes in no particular order. It is not called with none.
	// The slice and what it points to are the callee's.
	ConversationsChanged func([]events.Conversation)

	// ConversationsRemoved gets the names of conversations that were reported
	// and have left the list: deleted, left, dismissed or erased.
	ConversationsRemoved func([]string)

	// TotalUnreadChanged gets the totals, first as they are, then only when
	// one of them has changed. Unread is the number on the app's icon.
	TotalUnreadChanged func(events.Totals)

	// C2CReadReceipt hears that peers have read the user's messages, each up
	// to Upto at the time At in Unix ms; one receipt for a peer, the last. Who
	// sets it hears first how far each peer has read: at the cost of one
	// query for each C2C conversation in the list, at the start and after an
	// outage.
	C2CReadReceipt func([]events.Receipt)

	// StateChanged hears whether what was reported is current.
	StateChanged func(State)

	// Error gets what went wrong: a reading that failed and is tried again
	// (ErrUnavailable, a QueryError), events that can't be had or read, and
	// panics of the other callbacks (*PanicError). Listening goes on.
	Error func(error)
}

// State is how current a listener is.
type State uint8

// The states of a listener.
const (
	Syncing State = iota + 1 // the state is being read: at the start, and after an outage
	Live                     // everything was reported, changes come as they happen
	Offline                  // the NATS connection is down; what was reported is the last that is known
)

// String returns "syncing", "live" or "offline".
func (s State) String() string {
	switch s {
	case Syncing:
		return "syncing"
	case Live:
		return "live"
	case Offline:
		return "offline"
	}
	return "unknown"
}

// maxErrors bounds the errors kept for a slow callback; the oldest go first.
const maxErrors = 16

// Listen reports to a listener the user's state and then every change of it, until
// the subscription is closed.
//
// First come all conversations of the list, the totals and, if asked for, the
// receipts, through the same callbacks as later changes. From then on:
//
//   - the last value always comes; values in between may be left out, when
//     changes are faster than the server sends or a callback takes them;
//   - no value goes back to an older version;
//   - one round of calls, ConversationsChanged, ConversationsRemoved and
//     TotalUnreadChanged in this order, shows one state: the totals are the sum
//     over the list;
//   - this holds across lost connections, restarts of NATS and of reddot, and
//     dropped events: the state is read again and only differences are reported.
//
// A receipt always comes if the peer's conversation is in the list or the peer
// has sent a receipt since Listen. Of other peers one may be missed while the
// connection is down: report messages with [Client.MessageSent] to have their
// conversations in the list.
//
// Calls of one listener come one at a time, on a goroutine of its own. A slow
// callback holds up nobody else; changes meanwhile are merged, so that what is
// kept for it is bounded by the number of conversations. A panic in a callback
// is logged and given to Error, and the next call comes as if it had returned.
//
// Listeners of one user share one NATS subscription. The error says that the
// user's id is invalid or that client or connection are closed; whatever
// fails later, Error gets it.
func (u *User) Listen(l Listener) (*Subscription, error) {
	if err := events.CheckID("user", u.id); err != nil {
		return nil, err
	}
	c := u.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return nil, fmt.Errorf("listen: the client is %w", ErrClosed)
	}
	f := c.mu.feeds[u.id]
	if f == nil {
		var err error
		if f, err = c.startFeed(u); err != nil {
			return nil, err
		}
		c.mu.feeds[u.id] = f
	}
	s := &Subscription{
		feed: f, listener: l, wake: make(chan struct{}, 1), quit: make(chan struct{}),
		ready: make(chan struct{}), done: make(chan struct{}), reported: map[string]events.Seq{}, reportedReceipts: map[string]events.Seq{},
	}
	f.add(s)
	go s.run()
	return s, nil
}

// Subscription is a listener that listens.
type Subscription struct {
	feed     *feed
	listener Listener
	wake     chan struct{}
	quit     chan struct{} // closed with the subscription
	ready    chan struct{}
	done     chan struct{}

	// The rest is guarded by the feed's lock.

	since   uint64 // the reading to start with
	started bool
	closed  bool
	isReady bool

	pending  dirtySet // conversations to be reported
	reported map[string]events.Seq
	receipts dirtySet // peers whose receipts are to be reported

	reportedReceipts map[string]events.Seq
	totals           events.Totals
	hasTotals        bool
	state            State // as reported; 0: none yet
	errs             []error
}

// Ready is closed once the whole state was reported to the listener and its callbacks
// have returned. It stays open if the subscription is closed before that.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Done is closed once the subscription is closed and its last callback has
// returned.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Close ends the subscription: no callback begins after it has returned, one
// may still be running (see Done). It may be called at any time, also by a
// callback, and more than once.
func (s *Subscription) Close() {
	c := s.feed.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := s.feed.remove(s); last {
		delete(c.mu.feeds, s.feed.user.id)
	}
}

// close marks the subscription as closed. The feed's lock is held.
func (s *Subscription) close() {
	s.closed = true
	close(s.quit)
}

// start gives the listener its first list. The feed's lock is held.
func (s *Subscription) start(order, peers []string) {
	s.started = true
	s.markList(order)
	s.markReceipts(peers)
}

// markList marks conversations to be reported, if anybody wants to know. The feed's
// lock is held.
func (s *Subscription) markList(names []string) {
	if s.started && (s.listener.ConversationsChanged != nil || s.listener.ConversationsRemoved != nil) {
		s.pending.add(names)
	}
}

func (s *Subscription) markReceipts(peers []string) {
	if s.started && s.listener.C2CReadReceipt != nil {
		s.receipts.add(peers)
	}
}

// keepError keeps an error to be reported. The feed's lock is held.
func (s *Subscription) keepError(err error) {
	if s.listener.Error == nil {
		return
	}
	if len(s.errs) == maxErrors {
		s.errs = s.errs[1:]
	}
	s.errs = append(s.errs, err)
}

// dirtySet is the names of what is to be reported, in the order in which they became
// dirty.
type dirtySet struct {
	names []string
	has   map[string]struct{}
}

func (m *dirtySet) add(names []string) {
	if m.has == nil && len(names) > 0 {
		m.has = make(map[string]struct{}, len(names))
	}
	for _, name := range names {
		if _, ok := m.has[name]; !ok {
			m.has[name] = struct{}{}
			m.names = append(m.names, name)
		}
	}
}

// take empties the set.
func (m *dirtySet) take() []string {
	names := m.names
	*m = dirtySet{}
	return names
}

// contain runs a callback and turns a panic into an error.
func contain(name string, callback func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Callback: name, Value: v, Stack: debug.Stack()}
		}
	}()
	callback()
	return nil
}
