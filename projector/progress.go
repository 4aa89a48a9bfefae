package projector

import (
	"container/heap"
	"context"
	"sync"

	"reddot/events"
)

// progress is a seq that grows, and those who wait for it.
type progress struct {
	mu      sync.Mutex
	seq     events.Seq
	err     error // why it will not grow any more
	waiters waiters
}

// waiter waits until the seq is reached.
type waiter struct {
	seq   events.Seq
	done  chan struct{}
	index int
}

type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].seq < w[j].seq }
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}
func (w *waiters) Push(x any) {
	x.(*waiter).index = len(*w)
	*w = append(*w, x.(*waiter))
}
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

func (p *progress) get() events.Seq {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq
}

// set moves the seq up and wakes who has waited for it.
func (p *progress) set(seq events.Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq = max(p.seq, seq)
	for len(p.waiters) > 0 && p.waiters[0].seq <= p.seq {
		close(heap.Pop(&p.waiters).(*waiter).done)
	}
}

// fail wakes everybody with an error.
func (p *progress) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	for len(p.waiters) > 0 {
		close(heap.Pop(&p.waiters).(*waiter).done)
	}
}

// wait returns nil once the seq is reached.
func (p *progress) wait(ctx context.Context, seq events.Seq) error {
	p.mu.Lock()
	if p.seq >= seq || p.err != nil {
		defer p.mu.Unlock()
		return p.answer(seq)
	}
	w := &waiter{seq: seq, done: make(chan struct{})}
	heap.Push(&p.waiters, w)
	p.mu.Unlock()
	select {
	case <-w.done:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.answer(seq)
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if w.index < len(p.waiters) && p.waiters[w.index] == w {
			heap.Remove(&p.waiters, w.index)
		}
		return ctx.Err()
	}
}

func (p *progress) answer(seq events.Seq) error {
	if p.seq >= seq {
		return nil
	}
	return p.err
}
