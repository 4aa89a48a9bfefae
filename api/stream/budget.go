package stream

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"reddot/events"
)

// Bounds of long states, which are told piece by piece as the client takes them.
const (
	maxStates  = 64 << 20 // bytes of all that are being told
	smallState = 64 << 10 // bytes that need no room
	pieceLen   = events.MaxChangeConversations
	entryBytes = 400 // about what a conversation takes

	// statePatience is how long a state waits for room.
	statePatience = 5 * time.Second
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

// take takes room at once, or says that there is none.
func (b budget) take(n int64) bool { return n <= smallState || b.TryAcquire(n) }

// wait waits for room.
func (b budget) wait(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, statePatience)
	defer cancel()
	return b.Acquire(ctx, n)
}

func (b budget) give(n int64) {
	if n > smallState {
		b.Release(n)
	}
}
