package client

import (
	"errors"
	"maps"
	"slices"

	"reddot/events"
)

// round is what is reported to a listener in one round of calls.
type round struct {
	changed        []events.Conversation
	removed        []string
	threads        []events.Thread
	removedThreads []ThreadName
	totals         *events.Totals     // nil: as before
	filters        events.NamedTotals // nil: as before
	receipts       []events.Receipt
	figures        []events.GroupReceipts
	state          State // 0: as before
	errs           []error
	ready          bool // with this round the whole state is reported
}

func (r *round) empty() bool {
	return len(r.changed) == 0 && len(r.removed) == 0 && len(r.threads) == 0 && len(r.removedThreads) == 0 &&
		r.totals == nil && r.filters == nil && len(r.receipts) == 0 && len(r.figures) == 0 &&
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
		s.nextThreads(&r)
		s.nextTotals(&r)
		s.nextFilters(&r)
	}
	s.nextReceipts(&r)
	r.figures = s.figures.take()
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
	r.changed, r.removed = unreported(&s.pending, s.feed.mu.book.list, s.reported,
		func(v *events.Conversation) (events.Seq, **events.LastMessage) {
			v.Labels = slices.Clone(v.Labels)
			return v.Version, &v.LastMessage
		})
}

func (s *Subscription) nextThreads(r *round) {
	var removed []string
	r.threads, removed = unreported(&s.threads, s.feed.mu.book.threads, s.reportedThreads,
		func(v *events.Thread) (events.Seq, **events.LastMessage) { return v.Version, &v.LastMessage })
	for _, key := range removed {
		r.removedThreads = append(r.removedThreads, threadName(key))
	}
}

// unreported takes what is to be reported, as the book shows it now, and notes
// that it is. Listeners share the book's values, and own theirs: part is a value's
// version, and what else of it is to be copied.
func unreported[V any](dirty *dirtySet, book map[string]V, reported map[string]events.Seq,
	part func(*V) (events.Seq, **events.LastMessage),
) (changed []V, removed []string) {
	for _, name := range dirty.take() {
		now, there := book[name]
		version, last := part(&now)
		before, known := reported[name]
		switch {
		case there && (!known || version > before):
			if *last != nil {
				*last = new(**last)
			}
			changed = append(changed, now)
			reported[name] = version
		case !there && known:
			removed = append(removed, name)
			delete(reported, name)
		}
	}
	return changed, removed
}

func (s *Subscription) nextTotals(r *round) {
	if now := s.feed.mu.book.totals; s.listener.TotalUnreadChanged != nil && (!s.hasTotals || now != s.totals) {
		s.totals, s.hasTotals = now, true
		r.totals = &now
	}
}

func (s *Subscription) nextFilters(r *round) {
	if now := s.feed.mu.book.filters; s.listener.FiltersChanged != nil && (!s.hasFilters || !maps.Equal(now, s.filters)) {
		s.filters, s.hasFilters = now, true
		r.filters = make(events.NamedTotals, len(now))
		maps.Copy(r.filters, now)
	}
}

func (s *Subscription) nextReceipts(r *round) {
	for _, key := range s.receipts.take() {
		if now := s.feed.mu.book.receipts[key]; now.Version > s.reportedReceipts[key] {
			r.receipts = append(r.receipts, now)
			s.reportedReceipts[key] = now.Version
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
	if len(r.threads) > 0 {
		call(s, "ThreadsChanged", s.listener.ThreadsChanged, r.threads)
	}
	if len(r.removedThreads) > 0 {
		call(s, "ThreadsRemoved", s.listener.ThreadsRemoved, r.removedThreads)
	}
	if r.totals != nil {
		call(s, "TotalUnreadChanged", s.listener.TotalUnreadChanged, *r.totals)
	}
	if r.filters != nil {
		call(s, "FiltersChanged", s.listener.FiltersChanged, r.filters)
	}
	if len(r.receipts) > 0 {
		call(s, "C2CReadReceipt", s.listener.C2CReadReceipt, r.receipts)
	}
	if len(r.figures) > 0 {
		call(s, "GroupReadReceipt", s.listener.GroupReadReceipt, r.figures)
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
