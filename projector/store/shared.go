package store

import (
	"sync"

	"reddot/events"
)

// shared is a cache of decoded rows for snapshots at different positions. The
// rows in it are never changed.
//
// Invariant: a row that was entered at seq s and is still there at seq upto
// is the row at every seq between. So a commit replaces the rows it changed
// before it moves upto on, and a snapshot takes only rows that were entered at
// or before its own seq, and only if that is not beyond upto, as the rows of
// a commit are visible a moment before the cache has learned of them.
type shared[R any] struct {
	mu   sync.Mutex
	upto events.Seq
	rows cache[R]
}

func newShared[R any](bound int) *shared[R] { return &shared[R]{rows: newCache[R](bound)} }

// get returns the row at a seq, if it is known.
func (s *shared[R]) get(key []byte, at events.Seq) (row *R, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at > s.upto {
		return nil, false
	}
	e := s.rows.get(key)
	if e == nil || e.since > at {
		return nil, false
	}
	return e.row, true
}

// add enters what a snapshot at the newest seq has read.
func (s *shared[R]) add(at events.Seq, e *entry[R]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at != s.upto {
		return
	}
	e.since = at
	s.rows.drop(e.key)
	s.rows.add(e)
	s.rows.trim()
}

// advance tells of a commit. change calls update with the rows that are
// changed, and drops others from rows.
func (s *shared[R]) advance(to events.Seq, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.upto = to
}

// update replaces a row, if it is in the cache, by that of a table's entry,
// which gives it up: that is not a use of the row. For advance only.
func (s *shared[R]) update(to events.Seq, changed *entry[R], weight int) {
	if e := s.rows.peek(changed.key); e != nil {
		s.rows.resize(e, changed.size+weight)
		e.row, e.since = changed.row, to
	}
}
