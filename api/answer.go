package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// take is called by the subscription of an endpoint, one request after the
// other, so it must not wait for anything.
func (s *Service) take(l lives, c *call) {
	if c.reply == "" && c.query.name != events.QueryWatch {
		return // nobody hears the answer; only a watch is of use without one
	}
	if err := s.pool.admit(c); err != nil {
		s.fail(c, unavailable(err, "too many requests at once; ask again, or ask another instance"))
		return
	}
	go s.serve(l, c)
}

// serve reads a request, waits for what it waits for, and answers it.
func (s *Service) serve(l lives, c *call) {
	defer s.pool.leave(c)
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(c.query.name, r)
			s.fail(c, unavailable(fmt.Errorf("panic: %v", r), "the answer failed; ask again"))
		}
	}()
	var q question
	var err error
	answered := false
	s.pool.work(func() {
		q, err = s.read(c)
		if err == nil && q.wait.seq == 0 && !q.slow {
			s.answer(l.answers, c, q)
			answered = true
		}
	})
	if answered {
		return
	}
	if err == nil && q.wait.seq > 0 {
		err = s.await(l.waits, c, q)
	}
	switch {
	case err != nil:
		s.fail(c, err)
	case q.slow:
		if err := s.pool.wait(func() { s.answer(l.answers, c, q) }); err != nil {
			s.fail(c, unavailable(err, "too many requests at once; ask again, or ask another instance"))
		}
	default:
		s.pool.work(func() { s.answer(l.answers, c, q) })
	}
}

// read reads and checks a request.
func (s *Service) read(c *call) (question, error) {
	defer s.pool.shed(c)
	var user string
	if c.query.about {
		var err error
		if user, err = s.cfg.Subjects.QueryUser(c.subject); err != nil {
			return question{}, err
		}
	}
	return c.query.read(user, c.body)
}

// await waits until the command q.wait.seq is applied (and emitted, if q asks
// for that), without a place for work.
func (s *Service) await(life context.Context, c *call, q question) error {
	var err error
	start := time.Now()
	full := s.pool.wait(func() {
		s.cfg.Metrics.wait(+1)
		defer s.cfg.Metrics.wait(-1)
		ctx, cancel := context.WithTimeout(life, q.wait.timeout)
		defer cancel()
		if err = s.cfg.Source.WaitApplied(ctx, q.wait.seq); err == nil && q.emitted {
			err = s.cfg.Source.WaitEmitted(ctx, q.wait.seq)
		}
	})
	c.waited.Store(int64(time.Since(start)))
	if err == nil && full == nil {
		return nil
	}
	// An asker that waits for nothing any more is not turned away: with a
	// timeout of 0 this is the only look, and a full house is no reason.
	if full != nil || errors.Is(err, context.DeadlineExceeded) {
		if s.reached(life, q) {
			return nil
		}
	}
	switch {
	case full != nil:
		return unavailable(full, "too many requests wait for after_seq; ask again without it")
	case errors.Is(life.Err(), context.Canceled):
		return unavailable(nil, "this instance is stopping; ask again")
	case errors.Is(err, context.DeadlineExceeded):
		done := "applied"
		if q.emitted {
			done = "applied and emitted"
		}
		return notApplied("seq %d is not %s after %d ms", q.wait.seq, done, q.wait.timeout.Milliseconds())
	default:
		return unavailable(err, "the projection has stopped; ask again, or ask another instance")
	}
}

// reached reports whether what q waits for has happened.
func (s *Service) reached(life context.Context, q question) bool {
	if q.emitted {
		status, err := s.status(life)
		return err == nil && min(status.Applied, status.Emitted) >= q.wait.seq
	}
	reached := false
	s.pool.work(func() {
		v, err := s.cfg.Source.View()
		if err != nil {
			return
		}
		defer v.Close()
		reached = v.Applied() >= q.wait.seq
	})
	return reached
}

// answer asks the source and sends what it says. An answer too large for one
// message is asked for again with half the limit: pages go on where it ends.
func (s *Service) answer(ctx context.Context, c *call, q question) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	for limit := q.limit; ; limit /= 2 {
		reply, err := q.answer(ctx, s.cfg.Source, limit)
		if err != nil {
			s.fail(c, err)
			return
		}
		if status, ok := reply.(events.Status); ok {
			s.stats.seen(status)
		}
		body, err := events.Marshal(c.encoding, reply)
		if err != nil {
			s.fail(c, unavailable(err, "the answer can't be written; report this"))
			return
		}
		if room := s.cfg.Conn.MaxPayload() - headerRoom; room > 0 && int64(len(body)) > room {
			if limit > 1 {
				continue
			}
			s.fail(c, unavailable(fmt.Errorf("reply of %d bytes, max_payload %d", len(body), s.cfg.Conn.MaxPayload()),
				"the answer is larger than the NATS server's max_payload; raise it"))
			return
		}
		s.send(c, body, nil)
		return
	}
}

// fail sends an error reply.
func (s *Service) fail(c *call, err error) {
	f := faultOf(err)
	body, err := events.Marshal(c.encoding, ErrorReply{Error: f.word, Message: f.message})
	if err != nil {
		s.log.warn("write an error reply", "query", c.query.name, "error", err)
	}
	s.send(c, body, f)
}

// send sends a call's one reply; f is nil for an answer. Later ones are
// dropped: the drain may have answered in the meantime.
func (s *Service) send(c *call, body []byte, f *fault) {
	if c.answered.Swap(true) {
		return
	}
	code := "200"
	m := c.message()
	m.Data = body
	if f != nil {
		code = f.code
		m.Header.Set(micro.ErrorHeader, f.word)
		m.Header.Set(micro.ErrorCodeHeader, f.code)
		s.stats.failed(c.query.name, f)
		if f.cause != nil {
			s.log.warn("query not answered", "query", c.query.name, "error", f.cause)
		}
	}
	if c.reply != "" {
		if err := s.cfg.Conn.PublishMsg(m); err != nil {
			s.log.warn("send a reply", "query", c.query.name, "error", err)
		}
	}
	s.cfg.Metrics.answered(c.query.name, code, time.Since(c.start)-time.Duration(c.waited.Load()))
}

func (s *Service) logPanic(query string, r any) {
	s.cfg.Logger.Error("panic while answering; please report it", "query", query, "panic", r, "stack", string(debug.Stack()))
}

// sparseLog logs at most one line a second and says how many it left out, for
// what may happen with every request.
type sparseLog struct {
	logger  *slog.Logger
	next    atomic.Int64 // Unix ns before which nothing is logged
	dropped atomic.Int64
}

func (l *sparseLog) warn(message string, args ...any) {
	now, next := time.Now().UnixNano(), l.next.Load()
	if now < next || !l.next.CompareAndSwap(next, now+int64(time.Second)) {
		l.dropped.Add(1)
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		args = append(args, "left_out", n)
	}
	l.logger.Warn(message, args...)
}
