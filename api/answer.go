package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// take is called by the subscription of an endpoint, one request after the
// other, so it must not wait for anything.
func (s *Service) take(l lives, c *call) {
	// Only a watch and a command are of use to one who doesn't hear the answer.
	silent := c.reply == "" && (c.lane == commandLane || c.everywhere)
	if !silent && !s.answerable(c.name, c.from, c.reply, c.user) {
		return
	}
	if s.replies.isUser(c.reply, c.user) && c.lane != commandLane && !c.everywhere {
		if wait, ok := s.AdmitQuery(userOf(c.user)); !ok {
			s.fail(c, rateLimited("more than %d queries a second; ask again in %v", queryRate, wait.Round(time.Millisecond)))
			return
		}
	}
	if err := s.pool.admit(c); err != nil {
		s.fail(c, tooMany(err))
		return
	}
	if c.lane == commandLane {
		go s.serveCommand(l, c)
	} else {
		go s.serve(l, c)
	}
}

// The rate of queries of one user, a second and at once.
const queryRate, queryBurst = 50, 100

// AdmitQuery takes a token of a user's rate of queries, or says after how long there will
// be one. It is one rate for all ways in; that of commands is the gate's.
func (s *Service) AdmitQuery(user string) (wait time.Duration, ok bool) {
	return s.queries.Take(user, 1, time.Now())
}

// userOf is the id that a subject's token stands for; the token, if it stands for none.
func userOf(token string) string {
	if user, err := events.UnescapeToken(token); err == nil {
		return user
	}
	return token
}

// answerable reports whether a request is answered; one that is not costs no
// more than being counted.
func (s *Service) answerable(name, subject, reply, user string) bool {
	if s.replies.allows(reply, user) {
		return true
	}
	s.cfg.Metrics.dropped(name)
	if reply != "" {
		s.dropped.warn("request dropped: its reply subject is no inbox that answers are sent to", "subject", shown(subject), "reply", shown(reply))
	}
	return false
}

// maxShown is how much of a subject a line of the log shows, in bytes.
const maxShown = 200

func shown(subject string) string {
	if len(subject) > maxShown {
		subject = subject[:maxShown] + "..."
	}
	return strconv.QuoteToASCII(subject)
}

// tooMany is the reply to a request beyond a bound of the pool.
func tooMany(err error) error {
	switch {
	case errors.Is(err, errUserBusy):
		return rateLimited("more than %d requests of one user at once; ask again when some are answered", maxUserQueued)
	case errors.Is(err, errUserWaiters):
		return rateLimited("more than %d requests of one user wait; ask again without waiting, or when some are answered", maxUserWaiters)
	case errors.Is(err, errDropped):
		return rateLimited("too many requests wait, and this one for longest; ask again without waiting")
	case errors.Is(err, errWaiters):
		return unavailable(err, "too many requests wait for after_seq; ask again without it")
	}
	return unavailable(err, "too many requests at once; ask again, or ask another instance")
}

// contain answers 503 where serving a request panics.
func (s *Service) contain(c *call) {
	if r := recover(); r != nil {
		s.logPanic(c.name, r)
		s.fail(c, unavailable(fmt.Errorf("panic: %v", r), "the answer failed; ask again"))
	}
}

// serve reads a request, waits for what it waits for, and answers it.
func (s *Service) serve(l lives, c *call) {
	defer s.pool.leave(c)
	defer s.contain(c)
	var q question
	var err error
	var newest func(context.Context) error // what is to be waited for before the answer
	s.pool.work(c, func() {
		if q, err = s.read(c); err != nil || q.after > 0 {
			return
		}
		if c.shows {
			newest = s.cfg.Source.Newest()
		}
		if newest == nil {
			s.answer(l.answers, c, q)
		}
	})
	if err == nil && q.after > 0 {
		if err = s.await(l.waits, c, q); err == nil && c.shows {
			newest = s.cfg.Source.Newest()
		}
	}
	if err == nil && newest != nil {
		err = s.awaitNewest(l.waits, q, newest)
	}
	if err == nil && (newest != nil || q.after > 0) {
		s.pool.work(c, func() { s.answer(l.answers, c, q) })
	}
	if err != nil {
		s.fail(c, err)
	}
}

// newestLeast is how long it may take to learn of the newest state, whatever a
// request's timeout is: that is about after_seq.
const newestLeast = time.Second

// awaitNewest waits until a view shows all that anybody was answered, without a place
// for work. It counts as work all the same: nobody has asked to wait.
func (s *Service) awaitNewest(life context.Context, q question, newest func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(life, max(q.timeout, newestLeast))
	defer cancel()
	err := newest(ctx)
	switch {
	case err == nil:
		return nil
	case life.Err() != nil:
		return waitEnded(life)
	}
	return unavailable(err, "nobody can say now what the newest state is; ask again")
}

// read reads and checks a request.
func (s *Service) read(c *call) (question, error) {
	defer s.pool.shed(c)
	user, err := s.asks(c)
	if err != nil {
		return question{}, err
	}
	return c.read(user, c.body)
}

// asks is which user a request is about; empty: about none.
func (s *Service) asks(c *call) (user string, err error) {
	if c.lane == operatorLane {
		return "", nil
	}
	return s.cfg.Subjects.QueryUser(c.from)
}

// await waits until the command q.after is applied (and emitted, if the query
// is about that), without a place for work.
func (s *Service) await(life context.Context, c *call, q question) error {
	var err, dropped error
	start := time.Now()
	full := s.pool.wait(life, c, func(ctx context.Context) {
		s.cfg.Metrics.wait(+1)
		defer s.cfg.Metrics.wait(-1)
		ctx, cancel := context.WithTimeout(ctx, q.timeout)
		defer cancel()
		if err = s.cfg.Source.WaitApplied(ctx, q.after); err == nil && c.emitted {
			err = s.cfg.Source.WaitEmitted(ctx, q.after)
		}
		if errors.Is(context.Cause(ctx), errDropped) {
			dropped = errDropped
		}
	})
	c.waited.Store(int64(time.Since(start)))
	if err == nil && full == nil {
		return nil
	}
	full = cmp.Or(full, dropped)
	// An asker that waits for nothing any more is not turned away: with a
	// timeout of 0 this is the only look, and a full house is no reason.
	if full != nil || errors.Is(err, context.DeadlineExceeded) {
		if s.reached(life, c, q) {
			return nil
		}
	}
	switch {
	case full != nil:
		return tooMany(full)
	case errors.Is(life.Err(), context.Canceled):
		return waitEnded(life)
	case errors.Is(err, context.DeadlineExceeded):
		done := "applied"
		if c.emitted {
			done = "applied and emitted"
		}
		return notApplied("seq %d is not %s after %d ms", q.after, done, q.timeout.Milliseconds())
	default:
		return unavailable(err, "the projection has stopped; ask again, or ask another instance")
	}
}

// waitEnded is the reply to who waits no longer because this instance does not.
func waitEnded(life context.Context) error {
	if why := context.Cause(life); errors.Is(why, errDeaf) {
		return unavailable(nil, why.Error())
	}
	return unavailable(nil, "this instance is stopping; ask again")
}

// reached reports whether what q waits for has happened.
func (s *Service) reached(life context.Context, c *call, q question) bool {
	if c.emitted {
		status, err := s.status(life)
		return err == nil && min(status.Applied, status.Emitted) >= q.after
	}
	reached := false
	s.pool.work(c, func() {
		v, err := s.cfg.Source.View()
		if err != nil {
			return
		}
		defer v.Close()
		reached = v.Applied() >= q.after
	})
	return reached
}

// answerTimeout bounds an answer: one about a user with very many conversations
// is given up then, and at the end of a drain.
const answerTimeout = 10 * time.Second

// answer asks the source and sends what it says. An answer too large for one
// message is asked for again with half the limit: pages go on where it ends.
func (s *Service) answer(ctx context.Context, c *call, q question) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for {
		reply, err := q.answer(ctx, s.cfg.Source)
		if err != nil {
			s.fail(c, err)
			return
		}
		if status, ok := reply.(events.Status); ok {
			s.stats.seen(status)
			if status.State == events.Live {
				s.awaitPlace(ctx)
			}
		}
		body, err := events.Marshal(c.encoding, reply)
		if err != nil {
			s.fail(c, unavailable(err, "the answer can't be written; report this"))
			return
		}
		if room := s.cfg.Conn.MaxPayload() - headerRoom; room > 0 && int64(len(body)) > room {
			if half, ok := q.halve(); ok {
				q = half
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
	if f.Code == events.ErrUnavailable && f.Cause != nil {
		s.doubt()
	}
	body, err := events.Marshal(c.encoding, f.Reply())
	if err != nil {
		s.log.warn("write an error reply", "query", c.name, "error", err)
	}
	s.send(c, body, f)
}

// send sends a call's one reply; f is nil for an answer. Later ones are
// dropped: the drain may have answered in the meantime.
func (s *Service) send(c *call, body []byte, f *events.Fault) {
	if c.replied.Swap(true) {
		return
	}
	code := "200"
	m := c.message()
	m.Data = body
	if f != nil {
		code = f.Code.String()
		m.Header.Set(events.HeaderError, f.Code.Word())
		m.Header.Set(events.HeaderErrorCode, f.Code.String())
		if f.Cause != nil {
			s.log.warn("query not answered", "query", c.name, "error", f.Cause)
		}
	}
	if c.reply != "" {
		s.publish(m)
	}
	took := time.Since(c.start) - time.Duration(c.waited.Load())
	c.answered(took, f)
	s.cfg.Metrics.answered(c.name, code, took)
}

// publish sends a reply to a subject that the rule has let through.
func (s *Service) publish(m *nats.Msg) {
	if err := s.cfg.Conn.PublishMsg(m); err != nil {
		s.log.warn("send a reply", "error", err)
	}
}

func (s *Service) logPanic(query string, r any) {
	s.cfg.Logger.Error("panic while answering; please report it", "query", query, "panic", r, "stack", string(debug.Stack()))
}

// sparseLog logs at most one line a second and says how many it left out, for
// what may happen with every request.
type sparseLog struct {
	logger  *slog.Logger
	next    atomic.Pointer[time.Time] // before which nothing is logged, by the monotonic clock
	dropped atomic.Int64
}

func (l *sparseLog) warn(message string, args ...any) {
	next, now := l.next.Load(), time.Now()
	if next != nil && now.Before(*next) {
		l.dropped.Add(1)
		return
	}
	if after := now.Add(time.Second); !l.next.CompareAndSwap(next, &after) {
		l.dropped.Add(1)
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		args = append(args, "left_out", n)
	}
	l.logger.Warn(message, args...)
}
