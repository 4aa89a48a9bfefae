package client

import (
	"errors"

	"reddot/events"
)

// round is what is reported to a listener in one round of calls.
type round struct {
	changed  []events.Conversation
	removed  []string
	totals   *events.Totals // nil: as before
	receipts []events.Receipt
	state    State // 0: as before
	errs     []error
	ready    bool // with this round the whole state is reported
}

func (r *round) empty() bool {
	return len(r.changed) == 0 && len(r.removed) == 0 && r.totals == nil && len(r.receipts) == 0 &&
		r.state == 0 && len(r.errs) == 0 && !r.ready
}

// run makes the calls of one listener, until it is closed.
func (s *Subscription) run() {
	defer close(s.done)
	for {
		select {
		case <-s.quit:
			return
		case <-s.wake:
		}
		for r := s.next(); !r.empty(); r = s.next() {
			s.report(&r)
		}
	}
}

// next collects what was not reported to the listener yet. Nothing that is marked
// is kept by value, so what was marked twice is reported once, as it is now.
func (s *Subscription) next() (r round) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.closed {
		return round{}
	}
	r.errs, s.errs = s.errs, nil
	due := max(f.mu.gap, s.since)
	whole := s.started && f.mu.listed >= due && !f.mu.book.torn
	if whole {
		s.nextList(&r)
		s.nextTotals(&r)
	}
	s.nextReceipts(&r)
	state := Live
	switch {
	case !f.mu.online:
		state = Offline
	case f.mu.settled < due:
		state = Syncing
	}
	if state != s.state {
		s.state, r.state = state, state
	}
	if state == Live && whole && !s.isReady {
		s.isReady, r.ready = true, true
	}
	return r
}

func (s *Subscription) nextList(r *round) {
	for _, name := range s.pending.take() {
		now, listed := s.feed.mu.book.list[name]
		reported, known := s.reported[name]
		switch {
		case listed && (!known || now.Version > reported):
			if now.LastMessage != nil {
				last := *now.LastMessage // listeners share the book's
				now.LastMessage = &last
			}
			r.changed = append(r.changed, now)
			s.reported[name] = now.Version
		case !listed && known:
			r.removed = append(r.removed, name)
			delete(s.reported, name)
		}
	}
}

func (s *Subscription) nextTotals(r *round) {
	if now := s.feed.mu.book.totals; s.listener.TotalUnreadChanged != nil && (!s.hasTotals || now != s.totals) {
		s.totals, s.hasTotals = now, true
		r.totals = &now
	}
}

func (s *Subscription) nextReceipts(r *round) {
	for _, peer := range s.receipts.take() {
		if now := s.feed.mu.book.receipts[peer]; now.Version > s.reportedReceipts[peer] {
			r.receipts = append(r.receipts, now)
			s.reportedReceipts[peer] = now.Version
		}
	}
}

// report makes one round of calls.
func (s *Subscription) report(r *round) {
	for _, err := range r.errs {
		call(s, "Error", s.listener.Error, err)
	}
	if len(r.changed) > 0 {
		call(s, "ConversationsChanged", s.listener.ConversationsChanged, r.changed)
	}
	if len(r.removed) > 0 {
		call(s, "ConversationsRemoved", s.listener.ConversationsRemoved, r.removed)
	}
	if r.totals != nil {
		call(s, "TotalUnreadChanged", s.listener.TotalUnreadChanged, *r.totals)
	}
	if len(r.receipts) > 0 {
		call(s, "C2CReadReceipt", s.listener.C2CReadReceipt, r.receipts)
	}
	if r.state != 0 {
		call(s, "StateChanged", s.listener.StateChanged, r.state)
	}
	if r.ready {
		close(s.ready)
	}
}

// call makes one call, unless nobody wants it or the subscription is closed.
func call[T any](s *Subscription, name string, callback func(T), what T) {
	if callback == nil || s.isClosed() {
		return
	}
	err := contain(name, func() { callback(what) })
	var panicked *PanicError
	if !errors.As(err, &panicked) {
		return
	}
	s.feed.client.opts.Logger.Error("panic in a reddot listener", "user", s.feed.user.id,
		"callback", name, "panic", panicked.Value, "stack", string(panicked.Stack))
	if name != "Error" {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		s.keepError(err)
	}
}

func (s *Subscription) isClosed() bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.closed
}
