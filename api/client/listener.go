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

	// ThreadsChanged gets threads that the user follows and that are new to the
	// listener or look different now: first all of them in one call, newest
	// activity first, then changes in no particular order. It is not called with
	// none. Who sets it, or ThreadsRemoved, has them read at the start and after an
	// outage: at the cost of one query for 200 of them.
	ThreadsChanged func([]events.Thread)

	// ThreadsRemoved gets threads that were reported and are followed no longer.
	ThreadsRemoved func([]ThreadName)

	// FiltersChanged gets the totals of all the user's filters by name
	// ([User.SetFilter]), first as they are, then only when one of them has
	// changed, is new or is gone. It costs a query at the start and after an outage.
	FiltersChanged func(events.NamedTotals)

	// GroupReadReceipt hears by how many members of their groups messages of the
	// user's are read, of those that were reported with [Message].Receipt: one entry
	// for a group with the last figures of each message. What they are at the start,
	// and what came during an outage, is to be asked for ([User.GroupReceipts])
	// about the messages on the screen, once StateChanged says Live: nobody else
	// knows which those are.
	GroupReadReceipt func([]events.GroupReceipts)

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
// First come all conversations of the list, the totals and, if asked for, threads,
// filters and the receipts of peers, through the same callbacks as later changes.
// From then on:
//
//   - the last value always comes; values in between may be left out, when
//     changes are faster than the server sends or a callback takes them;
//   - no value goes back to an older version;
//   - one round of calls, ConversationsChanged, ConversationsRemoved,
//     ThreadsChanged, ThreadsRemoved, TotalUnreadChanged and FiltersChanged in this
//     order, shows one state: the totals are the sum over the list;
//   - this holds across lost connections, restarts of NATS and of reddot, and
//     dropped events: the state is read again and only differences are reported.
//
// A receipt always comes if the peer's conversation is in the list or the peer
// has sent a receipt since Listen. Of other peers one may be missed while the
// connection is down: report messages with [Client.MessageSent] to have their
// conversations in the list. Of receipts for threads, one of a thread that has had
// none since Listen may be missed then.
//
// Calls of one listener come one at a time, on a goroutine of its own. A slow
// callback holds up nobody else; changes meanwhile are merged, so that what is
// kept for it is bounded by the number of conversations, threads and filters, and
// by 200 messages of a group. A panic in a callback
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
		ready: make(chan struct{}), done: make(chan struct{}),
		reported: map[string]events.Seq{}, reportedThreads: map[string]events.Seq{}, reportedReceipts: map[string]events.Seq{},
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

	// What is to be reported, and the versions of what was: of conversations by
	// name, of threads by threadKey, of receipts by receiptKey.
	pending, threads, receipts                  dirtySet
	reported, reportedThreads, reportedReceipts map[string]events.Seq
	figures                                     figures // of group receipts

	totals     events.Totals
	hasTotals  bool
	filters    events.NamedTotals
	hasFilters bool
	state      State // as reported; 0: none yet
	errs       []error
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

// start gives the listener its first state. The feed's lock is held.
func (s *Subscription) start(list, threads, receipts []string) {
	s.started = true
	s.mark(touched{list, threads})
	s.markReceipts(receipts)
}

// mark marks what is to be reported, if anybody wants to know. The feed's lock is
// held.
func (s *Subscription) mark(t touched) {
	if !s.started {
		return
	}
	if s.listener.ConversationsChanged != nil || s.listener.ConversationsRemoved != nil {
		s.pending.add(t.conversations)
	}
	if s.wantsThreads() {
		s.threads.add(t.threads)
	}
}

func (s *Subscription) wantsThreads() bool {
	return s.listener.ThreadsChanged != nil || s.listener.ThreadsRemoved != nil
}

func (s *Subscription) markReceipts(keys []string) {
	if s.started && s.listener.C2CReadReceipt != nil {
		s.receipts.add(keys)
	}
}

// markFigures keeps an event of group receipts to be reported. Nothing is asked
// for beforehand, so a listener hears of them from the beginning. The feed's lock is
// held.
func (s *Subscription) markFigures(e *events.GroupReceipts) {
	if s.listener.GroupReadReceipt != nil {
		s.figures.add(e)
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
