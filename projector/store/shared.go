package store

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

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
type shared[K comparable, R any] struct {
	mu   sync.Mutex
	upto events.Seq
	rows *simplelru.LRU[K, held[R]]
}

type held[R any] struct {
	since events.Seq
	row   *R // nil: there is none
}

func newShared[K comparable, R any](size int) *shared[K, R] {
	rows, err := simplelru.NewLRU[K, held[R]](size, nil)
	if err != nil {
		panic(err) // a size below 1: a constant of this package
	}
	return &shared[K, R]{rows: rows}
}

// get returns the row at a seq, if it is known.
func (s *shared[K, R]) get(k K, at events.Seq) (row *R, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at > s.upto {
		return nil, false
	}
	h, ok := s.rows.Get(k)
	if !ok || h.since > at {
		return nil, false
	}
	return h.row, true
}

// add enters what a snapshot at the newest seq has read.
func (s *shared[K, R]) add(k K, at events.Seq, row *R) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == s.upto {
		s.rows.Add(k, held[R]{at, row})
	}
}

// advance tells of a commit. change is called with update, which replaces a
// row that is in the cache, and drop, which forgets one.
func (s *shared[K, R]) advance(to events.Seq, change func(update func(K, func() *R), drop func(K))) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(
		func(k K, row func() *R) {
			if s.rows.Contains(k) {
				s.rows.Add(k, held[R]{to, row()})
			}
		},
		func(k K) { s.rows.Remove(k) })
	s.upto = to
}
