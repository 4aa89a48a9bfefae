package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// lookEvery is how often it is looked whether the source is fresh: for so long a
// request may come to one that is not, and is answered 503. awayEvery is the same
// while the service is not in the queue group.
const (
	lookEvery = 100 * time.Millisecond
	awayEvery = 10 * time.Millisecond
)

// queue is a service's place in the queue group, for the requests that only a
// fresh source answers. The group's other members get them while it has left.
//
// Invariant: the NATS server has one subscription for each endpoint while the
// service has joined, and none after it has left.
type queue struct {
	conn      *nats.Conn
	endpoints []*endpoint
	take      func(context.Context, *endpoint, *nats.Msg) // waits end with the context

	subs    *subscriptions // nil: has left
	leaving sync.WaitGroup // subscriptions that are being taken back

	waits    context.Context // of the requests that wait; nil: none came yet
	endWaits context.CancelCauseFunc
}

// join subscribes, and returns once the server has taken the subscriptions.
func (q *queue) join(life context.Context) error {
	q.subs = &subscriptions{conn: q.conn}
	if q.waits == nil || q.waits.Err() != nil {
		q.waits, q.endWaits = context.WithCancelCause(life)
	}
	waits := q.waits
	for _, e := range q.endpoints {
		if err := q.subs.add(e.subject, micro.DefaultQueueGroup, func(req *nats.Msg) { q.take(waits, e, req) }); err != nil {
			return fmt.Errorf("listen on %s: %w", e.subject, err)
		}
	}
	if err := flush(life, q.conn); err != nil {
		return fmt.Errorf("listen for queries: %w", err)
	}
	return denied(q.conn, q.endpoints)
}

// leave has the server send no more requests. What it has sent is taken in: none
// is lost.
//
// A connection that is lost meanwhile subscribes again, when it is back, to what
// the server does not know to be over. Nobody would hear what then comes, so
// the connection is made again.
func (q *queue) leave() error {
	subs := q.subs
	if q.subs = nil; subs == nil {
		return nil
	}
	before := q.conn.Stats().Reconnects
	err := subs.drain()
	q.leaving.Go(func() {
		subs.ended.Wait()
		if q.conn.Stats().Reconnects != before && !q.conn.IsClosed() {
			_ = q.conn.ForceReconnect() // fails if it is closed
		}
	})
	return err
}

// giveUp ends the waits for commands that may never come here.
func (q *queue) giveUp(why error) {
	if q.waits != nil {
		q.endWaits(why)
	}
}

// attend keeps the service in the queue group while its source is fresh, until
// ctx ends. It leaves as soon as the source is not, and is back when it has been
// for two looks in a row. An error says why nobody can be heard; life is that of
// the requests that wait.
func (s *Service) attend(ctx, life context.Context, q *queue) error {
	defer q.giveUp(nil)
	began := false // was in the queue group once
	away := false  // and is not: that was said
	since := time.Now()
	leave := func(why error) {
		if !away {
			away, since = true, time.Now()
			s.left(began, why)
		}
		if err := q.leave(); err != nil && !q.conn.IsClosed() {
			s.cfg.Logger.Warn("leave the queue group", "error", err)
		}
		s.place.leave()
		s.cfg.Metrics.takes(false)
	}
	fresh := true // at the look before
	for {
		why := s.fresh()
		switch {
		case why != nil:
			leave(why)
			if !errors.Is(why, events.ErrBehind) {
				q.giveUp(errDeaf)
				s.direct.giveUp(errDeaf)
			}
		case q.subs == nil && fresh && q.conn.IsConnected():
			switch err := q.join(life); {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, nats.ErrPermissionViolation):
				return err
			case err != nil:
				leave(err)
			default:
				s.joined(began, time.Since(since))
				began, away = true, false
			}
		}
		fresh = why == nil
		every := lookEvery
		if q.subs == nil {
			every = awayEvery
		}
		look := time.After(every)
		for waits := true; waits; {
			select {
			case <-ctx.Done():
				return nil
			case <-look:
				waits = false
			case <-s.doubts:
				waits = q.subs == nil
			}
		}
	}
}

// place is whether a service is in the queue group. Safe for concurrent use.
type place struct {
	mu sync.Mutex
	in bool
	ch chan struct{} // closed when the service enters; nil: nobody waits
}

func (p *place) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in = true; p.ch != nil {
		close(p.ch)
		p.ch = nil
	}
}

func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in = false
}

// entered is closed once the service is in the queue group; nil if it is.
func (p *place) entered() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in {
		return nil
	}
	if p.ch == nil {
		p.ch = make(chan struct{})
	}
	return p.ch
}

// enterWait is how long a status may wait that says that queries are answered, until
// they are taken again.
const enterWait = 250 * time.Millisecond

// awaitPlace waits for the service to be in the queue group, so that who has seen a
// status that is live can ask.
func (s *Service) awaitPlace(ctx context.Context) {
	entered := s.place.entered()
	if entered == nil {
		return
	}
	select {
	case <-entered:
	case <-time.After(enterWait):
	case <-ctx.Done():
	}
}

// left says why the service is not in the queue group.
func (s *Service) left(began bool, why error) {
	if began {
		s.cfg.Logger.Warn("no queries are taken: others get them", "reason", why)
	} else {
		s.cfg.Logger.Info("no queries are taken yet", "reason", why)
	}
}

// joined says that the service is in the queue group.
func (s *Service) joined(began bool, after time.Duration) {
	s.place.enter()
	s.cfg.Metrics.takes(true)
	if !began {
		close(s.ready)
	}
	s.cfg.Logger.Info("queries are taken", "after", after.Round(time.Millisecond))
}

// errDeaf is why nobody waits any longer.
var errDeaf = errors.New("this instance does not hear of the commands; ask again")

// fresh is Source.Fresh with panics contained.
func (s *Service) fresh() (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.logPanic("fresh", r)
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return s.cfg.Source.Fresh()
}

// doubt has it looked at once whether the source is fresh.
func (s *Service) doubt() {
	select {
	case s.doubts <- struct{}{}:
	default:
	}
}

// flushTimeout bounds a round trip to the NATS server.
const flushTimeout = 10 * time.Second

// flush returns once the server has taken what was sent to it.
func flush(ctx context.Context, conn *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return conn.FlushWithContext(ctx)
}

// denied is the server's refusal to let one of the endpoints be heard. It comes
// before its answer to a flush.
func denied(conn *nats.Conn, endpoints []*endpoint) error {
	err := conn.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	for _, e := range endpoints {
		if strings.Contains(err.Error(), `"`+e.subject+`"`) {
			return fmt.Errorf("listen on %s: %w; permit this user to subscribe to it", e.subject, err)
		}
	}
	return nil
}
