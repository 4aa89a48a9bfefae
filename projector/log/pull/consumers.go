package pull

import "sync"

// consumers are those of a stream's readings that are known to be there. Safe
// for concurrent use.
type consumers struct {
	mu      sync.Mutex
	made    map[uint64]int // by how often the connection had been made again
	changes uint64
}

// Consumers is how many consumers the readings of this Stream have at the server
// for sure: made, not removed, and by the connection that there is now. What a
// server had in its memory may be gone with the connection. The second value
// changes whenever the first has: where it is the same before and after, that was
// so all the time between.
func (s *Stream) Consumers() (n int, changes uint64) {
	now := s.conn.Stats().Reconnects
	s.consumers.mu.Lock()
	defer s.consumers.mu.Unlock()
	return s.consumers.made[now], s.consumers.changes + now
}

// add notes a consumer that was made by the connection that there is now; the
// function it returns notes that it is about to be removed, or lost.
func (s *Stream) add(connection uint64) (forget func()) {
	s.consumers.change(connection, +1)
	return func() { s.consumers.change(connection, -1) }
}

func (c *consumers) change(connection uint64, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = map[uint64]int{}
	}
	c.changes++
	if c.made[connection] += by; c.made[connection] == 0 {
		delete(c.made, connection)
	}
}
