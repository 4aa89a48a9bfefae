package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// link is a process's connection to the server, as nats.go keeps it: a cut
// loses what is on its way, what is sent while it is cut waits for the next
// connection. All of it happens with world.mu held.
type link struct {
	name string
	*actor

	up, dead bool
	epoch    int           // which connection it is
	slack    time.Duration // what came to the server up to then is read by it, though its connection is cut
	lanes    []*lane
}

// lane is the part of a link that one goroutine uses: what goes over it keeps
// its order. It has random numbers of its own, as two goroutines may use the
// link at the same time.
type lane struct {
	*link
	*actor
	out, in time.Duration // when the last thing on its way arrives: at the server, at the process
	waiting []func(epoch int)
	futures []*future // not resolved yet
	readers []*reading
}

// lane adds a lane. It is called with world.mu free.
func (l *link) lane() *lane {
	n := &lane{link: l, actor: l.w.actor()}
	l.lanes = append(l.lanes, n)
	return n
}

// maxWaiting is how much a link that is cut takes.
const maxWaiting = 64

var errBufferFull = errors.New("the reconnect buffer is full")

// delay draws how long something takes on its way.
func (l *lane) delay() time.Duration {
	switch n := l.IntN(100); {
	case n < 80:
		return 20*time.Microsecond + l.between(0, 200*time.Microsecond)
	case n < 97:
		return l.between(200*time.Microsecond, 5*time.Millisecond)
	}
	return l.between(5*time.Millisecond, l.w.slowest())
}

// send has something arrive at the server some time, or never.
func (l *lane) send(arrive func(epoch int)) {
	if l.dead {
		return
	}
	if !l.up {
		l.waiting = append(l.waiting, arrive)
		return
	}
	epoch := l.epoch
	l.out = l.after(max(l.out+1, l.w.now()+l.delay()))
	l.w.at(l.out, func() {
		lost := epoch != l.epoch && l.w.now() > l.slack || !l.w.server.up
		if !lost {
			arrive(epoch)
		}
	})
}

// back has something arrive at the process that asked for it over a connection.
func (l *lane) back(epoch int, arrive func()) {
	if epoch != l.epoch || l.dead {
		return
	}
	l.in = l.afterReply(max(l.in+1, l.w.now()+l.delay()))
	l.w.at(l.in, func() {
		if epoch == l.epoch && !l.dead {
			arrive()
		}
	})
}

// stall holds up everything in one direction or both.
func (l *link) stall(d time.Duration) {
	which := l.IntN(3)
	for _, n := range l.lanes {
		if which != 0 {
			n.out = n.after(max(n.out, l.w.now()+d))
		}
		if which != 1 {
			n.in = n.afterReply(max(n.in, l.w.now()+d))
		}
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
	l.w.note("%s is cut", l.name)
	for _, n := range l.lanes {
		n.in = 0
		for _, f := range n.futures {
			f.settle(0, nats.ErrDisconnected)
		}
		n.futures = nil
	}
}

// connect makes a new connection, if the server is there.
func (l *link) connect() {
	if l.up || l.dead || !l.w.server.up {
		return
	}
	l.up = true
	l.w.note("%s is connected", l.name)
	for _, n := range l.lanes {
		n.out = 0
		waiting := n.waiting
		n.waiting = nil
		for _, arrive := range waiting {
			n.send(arrive)
		}
		n.resume()
	}
}

// resume has all readings of the lane go on.
func (l *lane) resume() {
	l.readers = slices.DeleteFunc(l.readers, func(r *reading) bool { return r.stopped })
	for _, r := range l.readers {
		r.resume()
	}
}

// kill ends the connection with its process.
func (l *link) kill() {
	l.cut(l.drawSlack())
	l.dead, l.lanes = true, nil
}

// drawSlack draws how long the server goes on reading: most often not at all.
func (l *link) drawSlack() time.Duration {
	switch l.IntN(4) {
	case 0:
		return l.between(0, time.Millisecond)
	case 1:
		return l.between(0, l.w.slowest())
	}
	return 0
}

// ask sends a request and waits for the answer until ctx ends. The server
// drops one now and then, or says that it is not ready.
func ask[V any](ctx context.Context, l *lane, serve func() (V, error)) (v V, err error) {
	if ctx.Err() != nil { // whoever asks may not have noticed
		return v, ctx.Err()
	}
	type answer struct {
		v   V
		err error
	}
	answers := make(chan answer, 1)
	l.w.mu.Lock()
	l.send(func(epoch int) {
		if l.w.plan.noise && l.one(40) {
			return
		}
		var a answer
		if a.v, a.err = serve(); l.w.plan.noise && l.one(40) {
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
