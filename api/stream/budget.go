package stream

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"reddot/events"
)

// Bounds of long states, which are told piece by piece as the client takes them.
const (
	maxStates  = 128 << 20 // bytes of all that are being told
	smallState = 64 << 10  // bytes that need no room
	pieceLen   = events.MaxChangeConversations
	entryBytes = 400 // about what a conversation takes

	// statePatience is how long a state waits for room, and longPatience how long a client
	// may take one that has room.
	statePatience = 5 * time.Second
	longPatience  = time.Minute
)

// budget bounds the memory of long states.
type budget struct{ *semaphore.Weighted }

func newBudget(bytes int64) budget { return budget{semaphore.NewWeighted(bytes)} }

// stateBytes is about what a state takes.
func stateBytes(r *events.ResumeReply) int64 {
	n := len(r.Conversations) + len(r.Threads) + len(r.Removed) + len(r.Receipts)
	for i := range r.GroupReceipts {
		n += len(r.GroupReceipts[i].Receipts)
	}
	return min(int64(n)*entryBytes, maxStates)
}

// room is what a long state takes until it is told: bytes of the budget, and its user's
// turn. A user has one long state at a time, so nobody takes the place of all others.
type room struct {
	of    budget
	turn  chan struct{} // of the user, with a place for one
	mine  bool          // the turn is taken
	bytes int64
}

// fit takes the room of a state at once, or says that there is none.
func (r *room) fit(n int64) bool {
	if n <= smallState {
		r.free()
		return true
	}
	if !r.mine {
		select {
		case r.turn <- struct{}{}:
			r.mine = true
		default:
			return false
		}
	}
	if n > r.bytes && !r.of.TryAcquire(n-r.bytes) {
		return false
	}
	if n < r.bytes {
		r.of.Release(r.bytes - n)
	}
	r.bytes = n
	return true
}

// wait waits for room.
func (r *room) wait(ctx context.Context, n int64) error {
	r.free()
	ctx, cancel := context.WithTimeout(ctx, statePatience)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		r.mine = true
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := r.of.Acquire(ctx, n); err != nil {
		r.free()
		return err
	}
	r.bytes = n
	return nil
}

// free gives back what is taken.
func (r *room) free() {
	if r.bytes > 0 {
		r.of.Release(r.bytes)
		r.bytes = 0
	}
	if r.mine {
		<-r.turn
		r.mine = false
	}
}
