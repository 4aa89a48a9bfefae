package projector

import (
	"context"
	"sync"
	"time"
)

// settleFor is how long a reddot that finds others shows nothing: longer than
// aloneFor by what news may take from one server to another.
const settleFor = aloneFor + 250*time.Millisecond

// settling is what a reddot that begins to read waits for before it shows
// anything: until nobody can believe any more to be alone. Safe for concurrent use.
type settling struct {
	mu    sync.Mutex
	times int           // begun; -1: it is over for good
	timer *time.Timer   // nil: nothing was read yet
	over  chan struct{} // closed when it is over
	once  bool          // it was over before it was begun last
}

func newSettling() *settling { return &settling{over: make(chan struct{})} }

// begin begins it, or begins it again.
func (s *settling) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times < 0 {
		return
	}
	if s.doneLocked() {
		s.over, s.once = make(chan struct{}), true
	}
	s.times++
	if s.timer != nil {
		s.timer.Stop()
	}
	now := s.times
	s.timer = time.AfterFunc(settleFor, func() { s.end(now) })
}

// begun is how often it was begun.
func (s *settling) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times
}

// end ends it, unless it was begun again since then.
func (s *settling) end(begun int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun > 0 && begun == s.times && !s.doneLocked() {
		close(s.over)
	}
}

// skip ends it if it was never begun.
func (s *settling) skip() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == 0 && !s.doneLocked() {
		close(s.over)
	}
}

// stop ends it for good.
func (s *settling) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = -1
	if !s.doneLocked() {
		close(s.over)
	}
}

func (s *settling) doneLocked() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// done reports whether it is over.
func (s *settling) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doneLocked()
}

// first reports whether it has never been over.
func (s *settling) first() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.once && !s.doneLocked()
}

// wait waits until it is over.
func (s *settling) wait(ctx context.Context) error {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
