package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"reddot/api/gate"
	"reddot/events"
)

// direct is how long requests last that come another way than NATS: as long as those
// of NATS, of which the queue group has none while the source is not fresh.
type direct struct {
	mu       sync.Mutex
	life     lives // zero: the service does not run
	waits    context.Context
	endWaits context.CancelCauseFunc

	names atomic.Uint64 // of loads of their own
}

func (d *direct) begin(l lives) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life = l
}

func (d *direct) end() {
	d.giveUp(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life = lives{}
}

// giveUp ends the waits that have begun.
func (d *direct) giveUp(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waits != nil {
		d.endWaits(why)
		d.waits = nil
	}
}

// lives are those of a request that begins now; false if the service does not run.
func (d *direct) lives() (lives, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life.answers == nil || d.life.waits.Err() != nil {
		return lives{}, false
	}
	if d.waits == nil {
		d.waits, d.endWaits = context.WithCancelCause(d.life.waits)
	}
	return lives{d.waits, d.life.answers}, true
}

// load is the name of whose load a request is: a user's, or its own. No user is written
// with a space in a subject.
func (d *direct) load(user string) string {
	if user != "" {
		return events.EscapeToken(user)
	}
	return " " + strconv.FormatUint(d.names.Add(1), 10)
}

// both is a context that ends with two; done frees what it holds.
func both(ctx, other context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// errNotRunning is why nothing is answered.
var errNotRunning = &events.Fault{Code: events.ErrUnavailable, Message: "this instance is starting or stopping; ask again"}

// Ask answers a query that came another way than NATS: in the places and within the
// bounds of those on NATS, with the same reply, from the same state. user is empty for
// one about none. applied is the seq that the reply shows, 0 if it shows no state. The
// reply is nil if known is the version of all that the user is shown, still; 0: nothing
// is known. Errors are *events.Fault.
func (s *Service) Ask(ctx context.Context, user, query string, body []byte, known events.Seq) (reply any, applied events.Seq, err error) {
	e := s.asked[query]
	if e == nil || e.lane == commandLane {
		return nil, 0, &events.Fault{Code: events.ErrNotFound, Message: fmt.Sprintf("no query %.40q", query)}
	}
	l, ok := s.direct.lives()
	if !ok {
		return nil, 0, errNotRunning
	}
	in := &inquiry{call: call{endpoint: e, body: body, encoding: events.JSON, start: time.Now()},
		looking: looking{Source: s.cfg.Source, user: user, known: known}}
	c := &in.call
	if e.lane != operatorLane {
		c.user = s.direct.load(user)
	}
	if err := s.pool.admit(c); err != nil {
		return nil, 0, s.told(c, tooMany(err))
	}
	defer s.pool.leave(c)
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(c.name, r)
			err = unavailable(fmt.Errorf("panic: %v", r), "the answer failed; ask again")
		}
		if err != nil {
			reply, err = nil, s.told(c, err)
			return
		}
		took := time.Since(c.start) - time.Duration(c.waited.Load())
		s.cfg.Metrics.answered(c.name, "200", took)
	}()
	reply, err = s.ask(ctx, l, in)
	if err == errKnown {
		reply, err = nil, nil
	}
	return reply, in.applied, err
}

// inquiry is what a request of Ask needs until it is answered, in one piece.
type inquiry struct {
	call
	looking
	life joined // of the answer
}

// ask is what serve does for a request on NATS. It ends with ctx, too.
func (s *Service) ask(ctx context.Context, l lives, in *inquiry) (reply any, err error) {
	c, user, look := &in.call, in.looking.user, &in.looking
	var q question
	answer := func() {
		ctx := in.life.begin(ctx, l.answers, time.Now().Add(answerTimeout))
		defer in.life.end()
		reply, err = q.answer(ctx, look)
		if status, ok := reply.(events.Status); ok && err == nil {
			s.stats.seen(status)
			look.applied = status.Applied
			if status.State == events.Live {
				s.awaitPlace(ctx)
			}
		}
	}
	var newest func(context.Context) error
	done := false
	s.pool.work(c, func() {
		defer s.pool.shed(c)
		if q, err = c.read(user, c.body); err != nil || q.after > 0 {
			return
		}
		if c.shows {
			newest = s.cfg.Source.Newest()
		}
		if newest == nil {
			answer()
			done = true
		}
	})
	if err != nil || done {
		return reply, err
	}
	waits, waited := both(ctx, l.waits) // which end with the answers, or before
	defer waited()
	if q.after > 0 {
		if err := s.awaitFresh(waits, c, q); err != nil {
			return nil, err
		}
		if c.shows {
			newest = s.cfg.Source.Newest()
		}
	}
	if newest != nil {
		if err := s.awaitNewest(waits, q, newest); err != nil {
			return nil, err
		}
	}
	s.pool.work(c, answer)
	return reply, err
}

// awaitFresh is await for a request that no queue group has kept away from a source
// that is not fresh.
func (s *Service) awaitFresh(life context.Context, c *call, q question) error {
	if c.shows {
		if err := s.fresh(); err != nil {
			return unavailable(err, "this instance does not know the newest state; ask again, or ask another one")
		}
	}
	return s.await(life, c, q)
}

// Await returns nil once a command has been applied here, as one of the user's waiting
// requests. Errors are *events.Fault: ErrNotApplied after the timeout, ErrRateLimited of a
// user who waits for too much.
func (s *Service) Await(ctx context.Context, user string, seq events.Seq, timeout time.Duration) error {
	l, ok := s.direct.lives()
	if !ok {
		return errNotRunning
	}
	c := &call{endpoint: s.asked[events.QueryResume], user: s.direct.load(user), encoding: events.JSON, start: time.Now()}
	if err := s.pool.admit(c); err != nil {
		return s.told(c, tooMany(err))
	}
	defer s.pool.leave(c)
	waits, done := both(ctx, l.waits)
	defer done()
	if err := s.awaitFresh(waits, c, question{after: seq, timeout: timeout}); err != nil {
		return s.told(c, err)
	}
	return nil
}

// told is the error reply to a request, which is counted.
func (s *Service) told(c *call, err error) *events.Fault {
	f := faultOf(err)
	if f.Cause != nil {
		if f.Code == events.ErrUnavailable && !errors.Is(f.Cause, context.Canceled) {
			s.doubt()
		}
		s.log.warn("query not answered", "query", c.name, "error", f.Cause)
	}
	s.cfg.Metrics.answered(c.name, f.Code.String(), time.Since(c.start)-time.Duration(c.waited.Load()))
	return f
}

// errKnown ends an answer that the asker has already.
var errKnown = errors.New("the asker knows it already")

// looking is a source that notes which state an answer shows, and gives no view of one
// that the asker has seen.
type looking struct {
	Source
	user    string
	known   events.Seq // 0: nothing
	applied events.Seq
}

// View implements Source.
func (l *looking) View() (View, error) {
	v, err := l.Source.View()
	if err != nil {
		return nil, err
	}
	l.applied = v.Applied()
	if l.known == 0 {
		return v, nil
	}
	version, err := v.Version(l.user)
	if err == nil && version != l.known {
		return v, nil
	}
	if closing := v.Close(); err != nil || closing != nil {
		return nil, errors.Join(err, closing)
	}
	return nil, errKnown
}

// Store does what Ask does for commands: check checks them, in a place for work; then
// they are stored, behind those that user has asked for before, and waited for as they
// ask, as one of the user's waiting requests. user is empty for a back end. The error
// says why not all that was asked for is known to be done: broken where check has said
// so, and nothing is stored; else an *events.Fault, and the outcome says what is stored.
func (s *Service) Store(ctx context.Context, user string, check func() (*gate.Batch, []gate.Broken)) (out gate.Outcome, broken []gate.Broken, err error) {
	e := s.asked[commandEndpoint]
	l, ok := s.direct.lives()
	if e == nil || !ok {
		return out, nil, errNotRunning
	}
	c := &call{endpoint: e, user: s.direct.load(user), encoding: events.JSON, start: time.Now()}
	if err := s.pool.admit(c); err != nil {
		return out, nil, s.told(c, tooMany(err))
	}
	defer s.pool.leave(c)
	var b *gate.Batch
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(c.name, r)
			err = unavailable(fmt.Errorf("panic: %v", r), "the answer failed; ask again")
		}
		if err != nil {
			err = s.told(c, err)
		} else if broken == nil {
			s.cfg.Metrics.answered(c.name, "200", time.Since(c.start)-time.Duration(c.waited.Load()))
		}
		if user != "" && broken == nil && b != nil {
			s.countCommands(b, out)
		}
	}()
	sent := s.sendBatch(l.answers, c, func() { b, broken = check() }, func() bool { return len(broken) == 0 }, &b)
	if sent == nil {
		return out, broken, nil
	}
	// What is sent is waited for though the asker has gone: the log answers soon, and
	// what it says belongs to the bounds of what is on its way.
	if out, err = sent.Stored(l.answers); err != nil || b.Wait == events.Stored {
		return out, nil, err
	}
	waits, done := both(ctx, l.waits)
	defer done()
	return out, nil, s.awaitBatch(waits, c, b, &out)
}

// sendBatch checks and sends commands, in turn; nil if they are not fit to be sent.
func (s *Service) sendBatch(ctx context.Context, c *call, check func(), fit func() bool, b **gate.Batch) *gate.Sent {
	defer close(c.sent)
	s.pool.work(c, check)
	if c.turn != nil {
		<-c.turn
	}
	if !fit() {
		return nil
	}
	return s.cfg.Gate.SendAll(ctx, *b)
}

// awaitBatch waits for stored commands, as one of the user's waiting requests.
func (s *Service) awaitBatch(life context.Context, c *call, b *gate.Batch, out *gate.Outcome) error {
	return s.awaitStored(life, c, out.LastSeq, func(ctx context.Context) error { return s.cfg.Gate.AwaitAll(ctx, b, out) })
}

// countCommands counts what became of a user's commands.
func (s *Service) countCommands(b *gate.Batch, out gate.Outcome) {
	refused := map[int]bool{}
	for _, r := range out.Refused {
		refused[r.Index] = true
	}
	for i, r := range out.Results {
		outcome := outcomeStored
		switch {
		case r.Err != nil:
			outcome = r.Err.Code.Word()
		case refused[i]:
			outcome = outcomeRefused
		case r.Duplicate:
			outcome = outcomeDuplicate
		}
		s.cfg.Metrics.commanded(b.Verb(i).Name(), outcome)
	}
}

// AnswerFrom answers a query about a user from a view that is nobody else's, as of a
// past state. Errors are *events.Fault.
func AnswerFrom(ctx context.Context, v View, user, query string, body []byte) (any, error) {
	for _, h := range handlers(nil) {
		if h.name != query || !h.shows {
			continue
		}
		q, err := h.read(user, body)
		if err == nil && q.after > 0 {
			err = badRequest("after_seq: a past state does not wait for a command")
		}
		if err != nil {
			return nil, faultOf(err)
		}
		reply, err := q.answer(ctx, lent{v: v})
		if err != nil {
			return nil, faultOf(err)
		}
		return reply, nil
	}
	return nil, notFound("no query %.40q of a past state", query)
}

// lent is a source of one view, which stays open.
type lent struct {
	Source
	v View
}

func (l lent) View() (View, error) { return unclosed{l.v}, nil }

type unclosed struct{ View }

func (unclosed) Close() error { return nil }
