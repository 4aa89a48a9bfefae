package api

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the requests under way. Beyond one, a request is answered 503 at
// once: the asker can go to another instance, and memory stays bounded.
const (
	// placesPerCPU places for work a CPU. An answer is some Pebble reads and an
	// encoding; more of them at once than the CPUs can take only wait for each
	// other, a few more hide the reads that miss the cache.
	placesPerCPU = 4

	// maxQueued requests may be at work or wait for a place: a fifth of a second at
	// 50,000 answers a second, so the last in the queue is still in time.
	maxQueued = 10_000

	// maxQueuedBytes of request bodies may be held: large ones are rare, so
	// this bounds only a flood of them.
	maxQueuedBytes = 32 << 20

	// maxWaiters requests may wait for after_seq (or for the NATS server). Each
	// costs a goroutine and some 4 KiB.
	maxWaiters = 10_000
)

// What a request meets when a bound is reached.
var (
	errBusy    = errors.New("more requests at once than this instance takes")
	errWaiters = errors.New("more requests waiting for after_seq than this instance takes")
)

// bounds are the bounds of one pool.
type bounds struct {
	places  int // requests being worked on
	queued  int // requests not waiting for after_seq, the ones in places included
	bytes   int // of their bodies
	waiters int // requests waiting
}

func defaultBounds() bounds {
	return bounds{
		places: placesPerCPU * runtime.GOMAXPROCS(0), queued: maxQueued,
		bytes: maxQueuedBytes, waiters: maxWaiters,
	}
}

// pool bounds the requests under way and knows each of them until it is
// answered.
//
// Invariant: a goroutine that waits for anything but a place or the CPU holds
// no place.
type pool struct {
	bounds
	taken   chan struct{} // holds one element for each place in use
	waiting atomic.Int64  // requests in wait

	mu struct {
		sync.Mutex
		calls  map[*call]struct{} // admitted and not yet left
		queued int                // of them not waiting
		bytes  int                // of bodies of the queued
		last   time.Time          // of the last admission or refusal
	}
}

func newPool(b bounds) *pool {
	p := &pool{bounds: b, taken: make(chan struct{}, b.places)}
	p.mu.calls = map[*call]struct{}{}
	return p
}

// admit takes a request in, or returns errBusy.
func (p *pool) admit(c *call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.last = c.start
	if p.mu.queued >= p.queued || p.mu.bytes+len(c.body) > p.bytes {
		return errBusy
	}
	p.mu.calls[c] = struct{}{}
	p.mu.queued++
	p.mu.bytes += len(c.body)
	return nil
}

// shed forgets a request's body, which has been read.
func (p *pool) shed(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.bytes -= len(c.body)
	c.body = nil
}

// leave is the end of an admitted request.
func (p *pool) leave(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.bytes -= len(c.body)
	c.body = nil
	p.mu.queued--
	delete(p.mu.calls, c)
}

// work does f in one of the places for work.
func (p *pool) work(f func()) {
	p.taken <- struct{}{}
	defer func() { <-p.taken }()
	f()
}

// wait does f, which waits for something, outside of the places and of the
// queue's bound. It returns errWaiters and does nothing if too many wait.
func (p *pool) wait(f func()) error {
	if p.waiting.Add(1) > int64(p.waiters) {
		p.waiting.Add(-1)
		return errWaiters
	}
	p.requeue(-1)
	defer func() {
		p.requeue(+1) // may exceed the bound, by as many as may wait
		p.waiting.Add(-1)
	}()
	f()
	return nil
}

func (p *pool) requeue(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.queued += n
}

// quietSince returns the time of the last arrival if no request is under way.
func (p *pool) quietSince() (last time.Time, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.last, len(p.mu.calls) == 0
}

// underway returns the requests that have not left.
func (p *pool) underway() []*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make([]*call, 0, len(p.mu.calls))
	for c := range p.mu.calls {
		calls = append(calls, c)
	}
	return calls
}
