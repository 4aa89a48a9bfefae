package projector

import (
	"errors"
	"sync/atomic"

	"reddot/events"
	"reddot/projector/store"
)

// current is the store that is answered from, and told from. A store that was
// built anew takes its place while it is used: see Projector.Rebuild.
type current struct{ store atomic.Pointer[store.Store] }

func (c *current) get() *store.Store { return c.store.Load() }

// use asks the store, and the next one if it was replaced meanwhile.
func use[V any](c *current, ask func(*store.Store) (V, error)) (V, error) {
	for {
		s := c.get()
		v, err := ask(s)
		if !errors.Is(err, store.ErrClosed) || c.get() == s {
			return v, err
		}
	}
}

// Snapshot opens a view of the last commit; see store.Store.
func (c *current) Snapshot() (*store.Snapshot, error) { return use(c, (*store.Store).Snapshot) }

// Emitted is what the store knows to be emitted; see store.Store.
func (c *current) Emitted() (events.Seq, error) { return use(c, (*store.Store).Emitted) }

func (c *current) flushSoon() error {
	_, err := use(c, func(s *store.Store) (struct{}, error) { return struct{}{}, s.FlushSoon() })
	return err
}
