package loop

import (
	"errors"

	"reddot/events"
	"reddot/projector/store"
)

// Store is the store in use. It may be replaced, and closed, at any time: whoever does
// not drive the loop asks it by Use.
func (l *Loop) Store() *store.Store { return l.store.Load() }

// Use asks the store in use, and the next one if it was replaced meanwhile.
func Use[V any](l *Loop, ask func(*store.Store) (V, error)) (V, error) {
	for {
		s := l.Store()
		v, err := ask(s)
		if !errors.Is(err, store.ErrClosed) || l.Store() == s {
			return v, err
		}
	}
}

// Snapshot opens a view of the last commit; see store.Store.
func (l *Loop) Snapshot() (*store.Snapshot, error) { return Use(l, (*store.Store).Snapshot) }

// Emitted is what the store knows to be emitted; see store.Store.
func (l *Loop) Emitted() (events.Seq, error) { return Use(l, (*store.Store).Emitted) }

// SetEmitted says that all events of the commands up to seq are stored. That never
// goes back, even if the event stream was emptied. The next commit writes it down, of
// whichever store is in use then.
func (l *Loop) SetEmitted(seq events.Seq) {
	for now := l.emitted.Load(); now < uint64(seq) && !l.emitted.CompareAndSwap(now, uint64(seq)); {
		now = l.emitted.Load()
	}
	l.passOn(l.Store())
}

// Stored is up to where all events are stored, as SetEmitted and the store have said.
func (l *Loop) Stored() events.Seq { return events.Seq(l.emitted.Load()) }

// passOn lets a store know how far the events are stored. Of two who do so at the same
// time the last one has the newest word.
func (l *Loop) passOn(s *store.Store) {
	for {
		seq := l.emitted.Load()
		s.SetEmitted(events.Seq(seq))
		if l.emitted.Load() == seq {
			return
		}
	}
}
