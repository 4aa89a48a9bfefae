package projector

import (
	"context"
	"errors"
	"sync"
	"time"

	"reddot/events"
)

const (
	// indexTimeout bounds one request for the read index. One that is lost with a
	// stream's leader is made again.
	indexTimeout = 500 * time.Millisecond
	// indexAgain is after how long it is tried again where nobody could say.
	indexAgain = 20 * time.Millisecond
)

// readIndex asks for the seq that an answer has to show at least: the newest one
// at some time after the question came. One request is under way at a time, and
// serves whoever came before it was sent; those who come meanwhile share the next.
// Safe for concurrent use.
type readIndex struct {
	ask func(context.Context) (events.Seq, error)

	mu     sync.Mutex
	next   *indexRound // not sent yet; nil: nobody waits for one
	asking bool
}

// indexRound is one request.
type indexRound struct {
	over chan struct{}
	seq  events.Seq
	err  error
}

// read returns a seq that was the newest after read was called.
func (x *readIndex) read(ctx context.Context) (events.Seq, error) {
	x.mu.Lock()
	r := x.next
	if r == nil {
		r = &indexRound{over: make(chan struct{})}
		x.next = r
	}
	if !x.asking {
		x.asking = true
		go x.run()
	}
	x.mu.Unlock()
	select {
	case <-r.over:
		return r.seq, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run asks until nobody waits.
func (x *readIndex) run() {
	for {
		x.mu.Lock()
		r := x.next
		x.next = nil
		x.asking = r != nil
		x.mu.Unlock()
		if r == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), indexTimeout)
		r.seq, r.err = x.ask(ctx)
		cancel()
		close(r.over)
	}
}

// askNewest is the readIndex's question.
func (p *Projector) askNewest(ctx context.Context) (events.Seq, error) {
	end, err := p.log.Newest(ctx)
	return end.Last, err
}

// Newest returns nil if a view taken from now on shows all that any reddot has
// answered or emitted before now. Else it returns what waits until that is so: until
// what the stream's leader has, asked from then on, is applied. That is the read
// index of a replicated state machine; see alone for who needs none.
func (p *Projector) Newest() (wait func(context.Context) error) {
	if p.settling.done() && p.alone.holds(p.applied.get()) {
		return nil
	}
	return p.waitNewest
}

func (p *Projector) waitNewest(ctx context.Context) error {
	for {
		err := p.Shows()
		if err != nil && !errors.Is(err, errSettling) {
			return err // it may last
		}
		var seq events.Seq
		if err == nil {
			seq, err = p.index.read(ctx)
		}
		if err == nil {
			return p.applied.wait(ctx, seq)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(indexAgain):
		}
	}
}
