package api

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// joined is a context that ends with two, and at a time. Most answers look at most whether
// it has ended: what it takes to be told of that is made when somebody asks for Done.
type joined struct {
	context.Context // the asker's
	other           context.Context
	until           time.Time

	mu   sync.Mutex
	full context.Context // nil: nobody has asked for Done
	free func()
}

// begin is the context of two others, until a time.
func (j *joined) begin(ctx, other context.Context, until time.Time) context.Context {
	j.Context, j.other, j.until = ctx, other, until
	return j
}

func (j *joined) Deadline() (time.Time, bool) {
	if at, ok := j.Context.Deadline(); ok && at.Before(j.until) {
		return at, true
	}
	return j.until, true
}

// Err is an error at the latest when what Done has returned is closed, as also end closes
// it: contexts that are made of this one rely on that, and panic.
func (j *joined) Err() error {
	if err := cmp.Or(j.Context.Err(), j.other.Err()); err != nil {
		return err
	}
	if time.Now().After(j.until) {
		return context.DeadlineExceeded
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full != nil {
		return j.full.Err()
	}
	return nil
}

func (j *joined) Done() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full == nil {
		ctx, done := both(j.Context, j.other)
		full, cancel := context.WithDeadline(ctx, j.until)
		j.full, j.free = full, func() {
			cancel()
			done()
		}
	}
	return j.full.Done()
}

// end frees what it holds.
func (j *joined) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.free != nil {
		j.free()
	}
}
