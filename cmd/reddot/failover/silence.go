package failover

import (
	"fmt"
	"sync"
	"time"
)

// silence finds the longest time in which nothing was heard. It is safe for
// concurrent use.
type silence struct {
	mu      sync.Mutex
	last    time.Time // zero: nothing was heard, and nobody has begun to listen
	longest gap
	count   int
}

// gap is a time in which nothing was heard.
type gap struct {
	From time.Time
	For  time.Duration
}

// text says how long it is, and how long after something else it began.
func (g gap) text(since time.Time) string {
	if g.For == 0 {
		return "0s"
	}
	return fmt.Sprintf("%v from %v on", round(g.For), round(g.From.Sub(since)))
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// begin forgets the gaps so far, but for the one that is under way.
func (s *silence) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		s.last = now
	}
	s.longest = gap{}
}

// heard notes that something is heard.
func (s *silence) heard(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(now)
	s.last = now
	s.count++
}

func (s *silence) grow(now time.Time) {
	if d := now.Sub(s.last); !s.last.IsZero() && d > s.longest.For {
		s.longest = gap{s.last, d}
	}
}

// end returns the longest gap since the beginning; one that has not ended yet counts.
func (s *silence) end(now time.Time) gap {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(now)
	return s.longest
}

// total is how often something was heard.
func (s *silence) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}
