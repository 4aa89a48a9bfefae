package loop

import (
	"errors"
	"fmt"

	"reddot/projector/store"
)

// ErrAltered says of a store that it is derived from other commands than the store in
// use, although none is missing.
var ErrAltered = errors.New("the store in use is derived from other commands")

// Compare says whether a store may take the place of the one in use. They must be at an
// equal position, between two batches, and derived from the same commands. Their rows may
// differ all the same: then the store in use is not what the log says.
func (l *Loop) Compare(next *store.Store) (differs bool, err error) {
	if err := l.enter(idle, idle); err != nil {
		return false, err
	}
	at, is := l.Position(), next.Position()
	switch {
	case is.Applied != at.Applied:
		return false, fmt.Errorf("%w: a store at seq %d can't take the place of one at seq %d", ErrPhase, is.Applied, at.Applied)
	case is.Log != at.Log:
		return false, fmt.Errorf("%w: up to seq %d", ErrAltered, at.Applied)
	}
	return is.Digest() != at.Digest(), nil
}

// Swap puts a store in the place of the one in use, which it returns: who still reads
// that may go on until the caller closes it. Compare has nothing against it.
func (l *Loop) Swap(next *store.Store) (old *store.Store) {
	if _, err := l.Compare(next); err != nil {
		panic(err)
	}
	old = l.store.Swap(next)
	l.passOn(next) // after it is in use: SetEmitted goes to the store in use
	return old
}
