package api

import (
	"context"
	"errors"
	"time"

	"reddot/api/gate"
	"reddot/events"
)

// serveCommand does what a user asks for: reads the request, stores the command
// and waits as long as the request says.
func (s *Service) serveCommand(l lives, c *call) {
	defer s.pool.leave(c)
	defer s.contain(c)
	name, order, pending, err := s.sendCommand(l.answers, c)
	var reply events.DoReply
	if err == nil {
		reply, err = pending.Stored(l.answers, order)
	}
	if err == nil && order.Wait != events.Stored {
		err = s.awaitCommand(l.waits, c, order, reply.Seq)
	}
	if err != nil {
		s.cfg.Metrics.commanded(name, outcomeOf(err))
		s.fail(c, err)
		return
	}
	body, err := events.Marshal(c.encoding, reply)
	if err != nil {
		s.fail(c, unavailable(err, "the answer can't be written; report this"))
		return
	}
	outcome := outcomeStored
	if reply.Duplicate {
		outcome = outcomeDuplicate
	}
	s.cfg.Metrics.commanded(name, outcome)
	s.send(c, body, nil)
}

// sendCommand checks a request and sends the command behind the user's earlier
// ones. verb is its name if it is one that users have.
func (s *Service) sendCommand(ctx context.Context, c *call) (verb string, order *gate.Order, _ *gate.Pending, err error) {
	defer close(c.sent)
	s.pool.work(c, func() {
		defer s.pool.shed(c)
		var user, name string
		if user, name, err = s.cfg.Subjects.ParseDo(c.from); err != nil {
			return
		}
		if _, unknown := gate.ParseVerb(name); unknown == nil {
			verb = name
		}
		if err = s.cfg.Gate.Admit(user, 1); err == nil {
			order, err = s.cfg.Gate.Read(user, name, c.body)
		}
	})
	if c.turn != nil {
		<-c.turn // its requests before this one are sent, or not to be
	}
	if err != nil {
		return verb, nil, nil, err
	}
	pending, err := s.cfg.Gate.Send(ctx, order)
	return verb, order, pending, err
}

// awaitCommand waits for a stored command, as one of its user's waiting
// requests.
func (s *Service) awaitCommand(life context.Context, c *call, order *gate.Order, seq events.Seq) error {
	return s.awaitStored(life, c, seq, func(ctx context.Context) error { return s.cfg.Gate.Await(ctx, order, seq) })
}

// awaitStored waits for what is stored up to a seq, as one of its user's waiting
// requests.
func (s *Service) awaitStored(life context.Context, c *call, seq events.Seq, await func(context.Context) error) error {
	var err, dropped error
	start := time.Now()
	full := s.pool.wait(life, c, func(ctx context.Context) {
		s.cfg.Metrics.wait(+1)
		defer s.cfg.Metrics.wait(-1)
		err = await(ctx)
		if errors.Is(context.Cause(ctx), errDropped) {
			dropped = errDropped
		}
	})
	c.waited.Store(int64(time.Since(start)))
	if full == nil && dropped != nil && err != nil {
		full = dropped
	}
	if full == nil {
		return err
	}
	f := faultOf(tooMany(full))
	f.Seq, f.Message = seq, "the command is stored; "+f.Message
	return f
}

// outcomeOf is what a command that was not done is counted as.
func outcomeOf(err error) string {
	f := faultOf(err)
	if f.Refused() {
		return outcomeRefused
	}
	return f.Code.Word()
}
