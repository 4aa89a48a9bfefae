package loop

import (
	"context"
	"errors"

	"reddot/events"
	"reddot/projector/store"
)

// Log is what a store is built from: a *log.Log.
type Log interface {
	// Read calls fn with the commands after a seq, in batches, in order and without
	// a gap, until ctx ends or fn returns an error; it returns that.
	Read(ctx context.Context, after events.Seq, fn func([]store.Entry) error) error
}

// errBuilt ends a reading that has come to its end.
var errBuilt = errors.New("built")

// Build folds a log into a store, from the store's position up to a seq that the log
// has, and notifies nobody. It commits as it goes: a build that was interrupted goes on
// from where it was. progress, unless nil, is called with the position after each
// commit.
func Build(ctx context.Context, log Log, s *store.Store, upto events.Seq, progress func(events.Seq)) error {
	return over(s).build(ctx, log, upto, progress)
}

// build is Build of the loop's store.
func (l *Loop) build(ctx context.Context, log Log, upto events.Seq, progress func(events.Seq)) error {
	if l.Applied() >= upto {
		return nil
	}
	err := log.Read(ctx, l.Applied(), func(batch []store.Entry) error {
		batch = batch[:min(uint64(len(batch)), uint64(upto-l.Applied()))]
		if err := l.Apply(batch); err != nil {
			return err
		}
		if _, err := l.Commit(); err != nil {
			return err
		}
		l.Advance()
		if progress != nil {
			progress(l.Applied())
		}
		if l.Applied() >= upto {
			return errBuilt
		}
		return ctx.Err()
	})
	if errors.Is(err, errBuilt) {
		return nil
	}
	return err
}

// CatchUp builds a store up to where it lacks no more than near commands of the store in
// use, which goes on meanwhile. progress, unless nil, is called with the position that is
// aimed at and the one that is reached.
func (l *Loop) CatchUp(ctx context.Context, log Log, next *store.Store, near int, progress func(target, at events.Seq)) error {
	for {
		l.passOn(next) // what is emitted need not be kept in the outbox
		target := l.Applied()
		at := func(seq events.Seq) {
			if progress != nil {
				progress(target, seq)
			}
		}
		at(next.Position().Applied)
		beside := over(next)
		beside.Yield = true
		if err := beside.build(ctx, log, target, at); err != nil {
			return err
		}
		if l.Applied() <= next.Position().Applied+events.Seq(near) {
			return nil
		}
	}
}
