package api

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Bounds of the requests under way. Beyond one, a request is answered at once:
// the asker can go to another instance, or ask for less, and memory stays
// bounded.
const (
	// placesPerCPU places for work a CPU. An answer is some Pebble reads and an
	// encoding; more of them at once than the CPUs can take only wait for each
	// other, a few more hide the reads that miss the cache.
	placesPerCPU = 4

	// maxQueued requests of one kind may be at work or wait for a place: a fifth
	// of a second at 50,000 answers a second, so the last in the queue is still
	// in time.
	maxQueued = 10_000

	// maxQueuedBytes of request bodies may be held: large ones are rare, so
	// this bounds only a flood of them.
	maxQueuedBytes = 32 << 20

	// maxWaiters requests may wait for after_seq. Each costs a goroutine and some
	// 4 KiB.
	maxWaiters = 10_000

	// Of one user, so that none can use up what is there for all.
	maxUserQueued  = 256     // some screens' worth of requests at once
	maxUserBytes   = 4 << 20 // an eighth of all
	maxUserWaiters = 16      // one a screen and chat, on some devices

	// maxOperator requests about no user (status, maintenance) may be at work,
	// and as many wait. They take no place and no queue of the others', so that
	// an operator sees how things are when it matters.
	maxOperator = 256
)

// What a request meets when a bound is reached.
var (
	errBusy        = errors.New("more requests at once than this instance takes")
	errWaiters     = errors.New("more requests waiting for after_seq than this instance takes")
	errUserBusy    = errors.New("more requests at once than one user may have")
	errUserWaiters = errors.New("more requests waiting for after_seq than one user may have")
	errDropped     = errors.New("others need the place of the oldest waiting request")
)

// lane is what requests of one kind share, and not with those of others.
type lane uint8

const (
	queryLane    lane = iota
	commandLane       // also waits for the log
	operatorLane      // about no user
	lanes
)

// bounds are the bounds of one pool.
type bounds struct {
	places  int        // requests being worked on, those of operators left out
	queued  [lanes]int // requests not waiting for after_seq, the ones in places included
	bytes   int        // of bodies, those of operators left out
	waiters int        // requests waiting, those of operators left out

	userQueued, userBytes, userWaiters int // of one user
	operatorWaiters                    int
}

func defaultBounds() bounds {
	return bounds{
		places: placesPerCPU * runtime.GOMAXPROCS(0), queued: [lanes]int{maxQueued, maxQueued, maxOperator},
		bytes: maxQueuedBytes, waiters: maxWaiters,
		userQueued: maxUserQueued, userBytes: maxUserBytes, userWaiters: maxUserWaiters,
		operatorWaiters: maxOperator,
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
		loads  map[string]*load   // by user, as written in subjects; "" are the operators
		queued [lanes]int         // of calls not waiting
		bytes  int                // of bodies of the queued
		users  crowd              // waiting
		others crowd              // operators waiting
	}
}

func newPool(b bounds) *pool {
	p := &pool{bounds: b, taken: make(chan struct{}, b.places)}
	p.mu.calls, p.mu.loads = map[*call]struct{}{}, map[string]*load{}
	p.mu.users, p.mu.others = newCrowd(b.userWaiters), newCrowd(b.operatorWaiters)
	return p
}

// admit takes a request in, or says which bound it would break. Requests are
// admitted in the order in which they came.
func (p *pool) admit(c *call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.mu.loads[c.user]
	if l == nil {
		l = new(load)
	}
	switch size := len(c.body); {
	case p.mu.queued[c.lane] >= p.queued[c.lane]:
		return errBusy
	case c.lane == operatorLane: // the number alone bounds them
	case l.queued >= p.userQueued || l.bytes+size > p.userBytes:
		return errUserBusy
	case p.mu.bytes+size > p.bytes:
		return errBusy
	}
	p.mu.calls[c], p.mu.loads[c.user] = struct{}{}, l
	c.load = l
	l.calls++
	p.countLocked(c, +1, len(c.body))
	if c.lane == commandLane {
		c.turn, c.sent = l.sent, make(chan struct{})
		l.sent = c.sent
	}
	return nil
}

func (p *pool) countLocked(c *call, calls, bytes int) {
	p.mu.queued[c.lane] += calls
	c.load.queued += calls
	c.load.bytes += bytes
	if c.lane != operatorLane {
		p.mu.bytes += bytes
	}
}

// shed forgets a request's body, which has been read.
func (p *pool) shed(c *call) {
	if len(c.body) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.countLocked(c, 0, -len(c.body))
	c.body = nil
}

// leave is the end of an admitted request.
func (p *pool) leave(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.countLocked(c, -1, -len(c.body))
	c.body = nil
	delete(p.mu.calls, c)
	if c.load.calls--; c.load.calls == 0 {
		delete(p.mu.loads, c.user)
	}
}

// work does f in one of the places for work, if the request's lane has places.
func (p *pool) work(c *call, f func()) {
	if c.lane == operatorLane {
		f()
		return
	}
	p.taken <- struct{}{}
	defer func() { <-p.taken }()
	f()
}

// wait does f, which waits for something until its context ends, outside of the
// places and of the queue's bounds. It does nothing and returns an error if too
// many wait. The context ends with errDropped as its cause if another request
// needs the place.
func (p *pool) wait(ctx context.Context, c *call, f func(context.Context)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	w := &waiter{load: c.load, end: end}
	crowd, err := p.enter(c, w)
	if err != nil {
		return err
	}
	p.waiting.Add(1)
	defer func() {
		p.waiting.Add(-1)
		p.mu.Lock()
		defer p.mu.Unlock()
		crowd.remove(w)
		p.countLocked(c, +1, 0) // may exceed the bound, by as many as may wait
	}()
	f(ctx)
	return nil
}

// enter makes room for one more that waits.
func (p *pool) enter(c *call, w *waiter) (*crowd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	crowd := &p.mu.users
	if c.lane == operatorLane {
		crowd = &p.mu.others
		if len(c.load.waits) >= p.operatorWaiters {
			crowd.drop(c.load, errDropped)
		}
	} else if len(c.load.waits) >= p.userWaiters {
		return nil, errUserWaiters
	} else if crowd.total >= p.waiters {
		greediest := crowd.greediest()
		if len(greediest.waits) <= len(c.load.waits)+1 {
			return nil, errWaiters
		}
		crowd.drop(greediest, errDropped)
	}
	crowd.add(w)
	p.countLocked(c, -1, 0)
	return crowd, nil
}

// idle reports whether no request is under way.
func (p *pool) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.calls) == 0
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

// load is what one user has under way, or all who ask about no user.
type load struct {
	calls  int // admitted and not yet left
	queued int // of them not waiting
	bytes  int // of bodies of the queued
	waits  []*waiter

	// sent is closed when the user's newest command was handed on.
	sent chan struct{}
}

// waiter is one request that waits. Its end has it wait no longer.
type waiter struct {
	load *load
	end  context.CancelCauseFunc
}

// crowd is who waits, by how many requests each has waiting.
//
// Invariant: total is the sum of len(l.waits) over all loads of levels.
type crowd struct {
	levels []map[*load]struct{} // by len(waits); the first stays empty
	total  int
}

func newCrowd(most int) crowd { return crowd{levels: make([]map[*load]struct{}, most+1)} }

// move notes that a load's waits have changed from before.
func (c *crowd) move(l *load, before int) {
	c.total += len(l.waits) - before
	if before > 0 {
		delete(c.levels[before], l)
	}
	if n := len(l.waits); n > 0 {
		if c.levels[n] == nil {
			c.levels[n] = map[*load]struct{}{}
		}
		c.levels[n][l] = struct{}{}
	}
}

// add adds a request at the end of its load's.
func (c *crowd) add(w *waiter) {
	w.load.waits = append(w.load.waits, w)
	c.move(w.load, len(w.load.waits)-1)
}

// remove takes a request out, unless it was dropped.
func (c *crowd) remove(w *waiter) {
	for i, other := range w.load.waits {
		if other == w {
			w.load.waits = append(w.load.waits[:i], w.load.waits[i+1:]...)
			c.move(w.load, len(w.load.waits)+1)
			return
		}
	}
}

// drop ends the oldest of a load's waits.
func (c *crowd) drop(l *load, why error) {
	oldest := l.waits[0]
	c.remove(oldest)
	oldest.end(why)
}

// greediest is one of those with the most requests waiting; nil if nobody waits.
func (c *crowd) greediest() *load {
	for n := len(c.levels) - 1; n > 0; n-- {
		for l := range c.levels[n] {
			return l
		}
	}
	return nil
}
