package cache

import (
	"sync"

	"reddot/events"
)

// Shared is a cache of decoded rows for readers at different positions. The
// rows in it are never changed. It is safe for concurrent use.
//
// Invariant: a row that was entered at seq s and is still there at seq upto
// is the row at every seq between. So a commit replaces the rows it changed
// before it moves upto on, and a reader takes only rows that were entered at
// or before its own seq, and only if that is not beyond upto, as the rows of
// a commit are visible a moment before the cache has learned of them.
type Shared[R any] struct {
	mu   sync.Mutex
	upto events.Seq
	rows Cache[version[R]]
}

// version is a row as it was at a seq, and may be since.
type version[R any] struct {
	row   *R
	since events.Seq
}

// NewShared returns a shared cache that keeps to a bound of bytes, about.
func NewShared[R any](bound int) *Shared[R] { return &Shared[R]{rows: New[version[R]](bound)} }

// Get returns the row at a seq, if it is known.
func (s *Shared[R]) Get(key []byte, at events.Seq) (row *R, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at > s.upto {
		return nil, false
	}
	e := s.rows.Get(key)
	if e == nil || e.Value.since > at {
		return nil, false
	}
	return e.Value.row, true
}

// Add enters what a reader at the newest seq has read; nil is that there is no
// such row.
func (s *Shared[R]) Add(at events.Seq, key string, row *R, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at != s.upto {
		return
	}
	s.rows.Drop(key)
	s.rows.Add(key, version[R]{row, at}, size)
	s.rows.Trim()
}

// Advance brings the cache up to a commit: change replaces the rows that it has
// changed.
func (s *Shared[R]) Advance(to events.Seq, change func(Changes[R])) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(Changes[R]{&s.rows, to})
	s.upto = to
}

// Shrink sets another bound, in bytes.
func (s *Shared[R]) Shrink(bound int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows.Shrink(bound)
}

// Changes are what a commit does to the rows in a shared cache. None of it is a
// use of them, or enters another one.
type Changes[R any] struct {
	rows *Cache[version[R]]
	to   events.Seq
}

// Row is the row with a key, if it is in the cache.
func (c Changes[R]) Row(key string) (row *R, ok bool) {
	e := c.rows.Peek(key)
	if e == nil {
		return nil, false
	}
	return e.Value.row, true
}

// Replace replaces a row, if it is in the cache.
func (c Changes[R]) Replace(key string, row *R, size int) {
	if e := c.rows.Peek(key); e != nil {
		c.rows.Resize(e, size)
		e.Value = version[R]{row, c.to}
	}
}

// Drop forgets a row.
func (c Changes[R]) Drop(key string) { c.rows.Drop(key) }
