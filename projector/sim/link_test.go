package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

// link is a process's connection to the server, as nats.go keeps it: what goes
// over it keeps its order, a cut loses what is on its way, what is sent while
// it is cut waits for the next connection. All of it happens with world.mu
// held.
type link struct {
	w    *world
	name string
	rng  *rand.Rand

	up, dead bool
	epoch    int           // which connection it is
	slack    time.Duration // what came to the server up to then is read by it, though its connection is cut
	out, in  time.Duration // when the last thing on its way arrives: at the server, at the process
	waiting  []func(epoch int)
	futures  []*future // not resolved yet
	readers  []*reading
}

// maxWaiting is how much a link that is cut takes.
const maxWaiting = 64

var errBufferFull = errors.New("the reconnect buffer is full")

// delay draws how long something takes on its way.
func (l *link) delay() time.Duration {
	switch n := l.rng.IntN(100); {
	case n < 80:
		return 20*time.Microsecond + between(l.rng, 0, 200*time.Microsecond)
	case n < 97:
		return between(l.rng, 200*time.Microsecond, 5*time.Millisecond)
	}
	return between(l.rng, 5*time.Millisecond, l.w.plan.slowest)
}

// between draws a time to the nanosecond, so that no two things happen at once.
func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}

// send has something arrive at the server some time, or never.
func (l *link) send(arrive func(epoch int)) {
	if l.dead {
		return
	}
	if !l.up {
		l.waiting = append(l.waiting, arrive)
		return
	}
	epoch := l.epoch
	l.out = max(l.out+1, l.w.now()+l.delay())
	l.w.at(l.out, func() {
		lost := epoch != l.epoch && l.w.now() > l.slack || !l.w.server.up
		if !lost {
			arrive(epoch)
		}
	})
}

// back has something arrive at the process that asked for it over a connection.
func (l *link) back(epoch int, arrive func()) {
	if epoch != l.epoch || l.dead {
		return
	}
	l.in = max(l.in+1, l.w.now()+l.delay())
	l.w.at(l.in, func() {
		if epoch == l.epoch && !l.dead {
			arrive()
		}
	})
}

// stall holds up everything in one direction or both.
func (l *link) stall(d time.Duration) {
	which := l.rng.IntN(3)
	if which != 0 {
		l.out = max(l.out, l.w.now()) + d
	}
	if which != 1 {
		l.in = max(l.in, l.w.now()) + d
	}
	l.w.note("%s stalls for %v", l.name, d)
}

// cut ends the connection. slack is how long the server goes on reading what
// came over it.
func (l *link) cut(slack time.Duration) {
	if !l.up {
		return
	}
	l.up = false
	l.epoch++
	l.slack = l.w.now() + slack
	l.in = 0
	l.w.note("%s is cut", l.name)
	for _, f := range l.futures {
		f.settle(0, nats.ErrDisconnected)
	}
	l.futures = nil
}

// connect makes a new connection, if the server is there.
func (l *link) connect() {
	if l.up || l.dead || !l.w.server.up {
		return
	}
	l.up = true
	l.out = 0
	l.w.note("%s is connected", l.name)
	waiting := l.waiting
	l.waiting = nil
	for _, arrive := range waiting {
		l.send(arrive)
	}
	for _, r := range l.readers {
		r.resume()
	}
}

// kill ends the connection with its process.
func (l *link) kill() {
	l.cut(l.drawSlack())
	l.dead, l.waiting, l.readers = true, nil, nil
}

// drawSlack draws how long the server goes on reading: most often not at all.
func (l *link) drawSlack() time.Duration {
	switch l.rng.IntN(4) {
	case 0:
		return between(l.rng, 0, time.Millisecond)
	case 1:
		return between(l.rng, 0, l.w.plan.slowest)
	}
	return 0
}

// ask sends a request and waits for the answer until ctx ends. The server
// drops one now and then, or says that it is not ready.
func ask[V any](ctx context.Context, l *link, serve func() (V, error)) (v V, err error) {
	type answer struct {
		v   V
		err error
	}
	answers := make(chan answer, 1)
	l.w.mu.Lock()
	l.send(func(epoch int) {
		if l.w.plan.noise && l.rng.IntN(40) == 0 {
			return
		}
		var a answer
		if a.v, a.err = serve(); l.w.plan.noise && l.rng.IntN(40) == 0 {
			a.err = nats.ErrNoResponders
		}
		l.back(epoch, func() { answers <- a })
	})
	l.w.mu.Unlock()
	select {
	case a := <-answers:
		return a.v, a.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}
