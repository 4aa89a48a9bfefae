// Package loop folds the command stream into a store, a step at a time. It has no
// goroutine that outlives a step, no clock, no connection and no file of its own: whoever
// drives it hands it batches and does what it says, and may stand still, or be killed,
// between any two steps. The projector, every rebuild, the state as of a seq and the
// simulator drive the same one.
//
// # A batch
//
//	err := l.Apply(batch)      // fold the commands
//	ready, err := l.Commit()   // rows and position, at once: snapshots show the batch
//	if ready.Flush { make the store durable }
//	wake who waits for ready.Applied
//	hand ready.Dirty to the emitter
//	l.Advance()                // the next batch may come
//
// Snapshots show the batch after Commit, none of its last command before; only what
// comes before a sweep in it the store commits earlier (see package fold).
//
// An error ends the loop: a command may be half applied. Close the store and open it
// again.
//
// # A store takes the place of the one in use
//
//	err := l.CatchUp(ctx, log, next, near, progress)   // while batches are folded
//	hold batches back
//	err := Build(ctx, log, next, l.Position().Applied, nil)
//	differs, err := l.Compare(next)
//	make next durable, and the current one for whoever opens the folder
//	old := l.Swap(next)
//
// Whoever reads asks the loop for a snapshot of the store in use, and notices nothing.
// The old store is closed by the driver, when those who still read it are done.
//
// # Invariants
//
//   - Commands come in order: each has the seq after the one before.
//   - Rows and position change together, by a commit.
//   - A batch is applied only after the one before it was committed and handed over, so
//     the rows are ahead of the dirty sets that the emitter has by one batch at most.
//   - Nobody hears of a command before a snapshot shows it.
//   - A store takes another one's place at an equal position, derived from the same
//     commands, between two batches: no snapshot is older than one taken before.
//   - What is emitted is never forgotten in a swap.
package loop
