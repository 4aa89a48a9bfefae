package client

import (
	"sync"

	"reddot/events"
)

// Kept returns how many values are kept for a listener.
func Kept(s *Subscription) int {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return len(s.pending.names) + len(s.receipts.names) + len(s.errs)
}

// Hold keeps a listener's events from being entered, and has all but a few of
// those that come meanwhile dropped, until release is called.
func Hold(s *Subscription, queue int) (release func()) {
	s.feed.mu.Lock()
	if err := s.feed.mu.sub.SetPendingLimits(queue, -1); err != nil {
		panic(err)
	}
	return s.feed.mu.Unlock
}

// Dropped returns how many events were dropped.
func Dropped(s *Subscription) int {
	n, err := s.feed.mu.sub.Dropped()
	if err != nil {
		panic(err)
	}
	return n
}

// RoundTrip returns once the server has dealt with what a publisher sent, or
// the publisher's connection has ended.
func RoundTrip(p *Publisher) { _ = p.conn.Flush() }

// MaxStreaks bounds what is remembered of seqs.
const MaxStreaks = maxStreaks

// Seqs is what a publisher remembers of the seqs of its commands.
type Seqs struct{ r *refusals }

// NewSeqs remembers nothing yet.
func NewSeqs() Seqs { return Seqs{&refusals{moved: sync.NewCond(new(sync.Mutex))}} }

// Stored says that a command was stored.
func (s Seqs) Stored(label int, seq events.Seq) { s.r.stored(label, seq) }

// Label returns the label of an own command.
func (s Seqs) Label(seq events.Seq) (label int, own bool) { return s.r.label(seq) }

// Kept returns how many streaks are kept.
func (s Seqs) Kept() int { return len(s.r.own) }
