package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"reddot/api"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/peers"
	"reddot/projector/store"
)

// A projector that has stopped because the log is not whole is tried again
// after retryFirst, then twice as long each time, up to retryMost: an operator
// may mend the log meanwhile.
const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// projection is what a server answers from: a projector, and the next one when
// that has stopped for a reason that can pass. In between every question gets
// an error, never an old answer. It implements api.Source and
// gate.Source.
type projection struct {
	open      func(context.Context) (*projector.Projector, error)
	log       *slog.Logger
	stream    string
	snapshots *snapshots // nil: off

	site   atomic.Pointer[site]        // nil: not connected yet
	peers  atomic.Pointer[peers.Peers] // nil: not connected yet
	now    atomic.Pointer[phase]
	flawed atomic.Pointer[error] // corruption in the log that does not touch the answers
}

// phase is one projector at work, or the reason why there is none.
type phase struct {
	p      *projector.Projector // nil: none
	why    error
	begins bool          // there was none yet
	before events.Status // of the projector that has stopped
}

// begin says why there is no projector yet.
func (s *projection) begin(why error) { s.now.Store(&phase{why: why, begins: true}) }

// flaw reports corruption in the log that does not touch the answers.
func (s *projection) flaw(err error) { s.flawed.CompareAndSwap(nil, &err) }

// flaws is what flaw reported first; nil: nothing.
func (s *projection) flaws() error {
	if err := s.flawed.Load(); err != nil {
		return *err
	}
	return nil
}

// openFirst opens the first projector. It fails where there is nothing that
// could pass by itself.
func (s *projection) openFirst(ctx context.Context) error {
	p, err := s.open(ctx)
	if err == nil {
		s.now.Store(&phase{p: p})
	}
	return err
}

// run runs the projector, and the next one where it stopped because its store
// was corrupt (which is then rebuilt from scratch) or the log was not whole. It returns
// when ctx ends or a projector fails for any other reason.
func (s *projection) run(ctx context.Context) error {
	for retry := retryFirst; ; {
		p := s.now.Load().p
		began := time.Now()
		err := p.Run(ctx)
		if err != nil && ctx.Err() == nil { // an end that was asked for waits for no server
			before, _ := p.Status(ctx) // zero if it can't be asked any more
			s.now.Store(&phase{why: err, before: before})
		}
		err = errors.Join(err, p.Close())
		switch {
		case ctx.Err() != nil && (errors.Is(err, log.ErrNotWhole) || errors.Is(err, store.ErrCorrupt)):
			// Found as it was asked to end: the next start stops at it, or builds the store anew.
			s.log.Error("the projector has stopped", "error", err)
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, store.ErrCorrupt):
			s.log.Error("the store is damaged: it is built anew", "error", err)
		case errors.Is(err, log.ErrNotWhole):
			if time.Since(began) > retryMost {
				retry = retryFirst
			}
		default:
			return err
		}
		if err := s.reopen(ctx, err, &retry); err != nil {
			return askedToEnd(ctx, err)
		}
	}
}

// reopen opens the next projector. As long as the log is not whole, or can't be
// asked for, it is tried again. It fails as soon as ctx ends, unless one is open.
func (s *projection) reopen(ctx context.Context, why error, retry *time.Duration) error {
	for {
		if passes(why) {
			until := "the log is whole"
			if errors.Is(why, errNotYet) {
				until = "the NATS server answers"
			}
			s.log.Error("the projector has stopped; nothing is answered until "+until, "error", why, "next_try", *retry)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(*retry):
			}
			*retry = min(2**retry, retryMost)
		}
		p, err := s.open(ctx)
		if err == nil {
			s.log.Info("the projector starts again")
			s.now.Store(&phase{p: p})
			return nil
		}
		if !passes(err) {
			return err
		}
		why = err
	}
}

// passes reports whether an error of a projector may pass while nothing is
// answered: an operator mends the log, or its server comes back.
func passes(err error) bool { return errors.Is(err, log.ErrNotWhole) || errors.Is(err, errNotYet) }

// close closes a projector that never ran.
func (s *projection) close() error {
	if p := s.now.Load().p; p != nil {
		return p.Close()
	}
	return nil
}

// running returns the projector at work.
func (s *projection) running() (*projector.Projector, error) {
	now := s.now.Load()
	switch {
	case now.begins:
		return nil, now.why
	case now.p == nil:
		return nil, fmt.Errorf("%w: %w", projector.ErrStopped, now.why)
	}
	return now.p, nil
}

// Fresh implements api.Source.
func (s *projection) Fresh() error {
	p, err := s.running()
	if err == nil {
		err = p.Fresh()
	}
	return err
}

// View implements api.Source. Until the projector has applied what the stream
// held when it started, and while it does not hear from the stream or is far behind
// it, there is none: what it would show was right some time ago, and may be older
// than what was answered then.
func (s *projection) View() (api.View, error) {
	v, err := s.viewIf((*projector.Projector).Shows)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// viewIf is a view of a projector that a check has nothing against.
func (s *projection) viewIf(check func(*projector.Projector) error) (*projector.View, error) {
	p, err := s.running()
	if err == nil {
		err = check(p)
	}
	if err != nil {
		return nil, err
	}
	return p.View()
}

// Newest implements api.Source. Where there is no projector the next one may have a
// view before that is asked for, and nobody has said that it is new.
func (s *projection) Newest() func(context.Context) error {
	p, err := s.running()
	if err != nil {
		return func(context.Context) error { return err }
	}
	return p.Newest()
}

// WaitApplied implements api.Source.
func (s *projection) WaitApplied(ctx context.Context, seq events.Seq) error {
	p, err := s.running()
	if err != nil {
		return err
	}
	return p.WaitApplied(ctx, seq)
}

// WaitEmitted implements api.Source.
func (s *projection) WaitEmitted(ctx context.Context, seq events.Seq) error {
	p, err := s.running()
	if err != nil {
		return err
	}
	return p.WaitEmitted(ctx, seq)
}

// Refusal implements gate.Source.
func (s *projection) Refusal(seq events.Seq) string {
	p, err := s.running()
	if err != nil {
		return ""
	}
	return p.Refusal(seq)
}

// Holds implements gate.Source.
func (s *projection) Holds(user string, c events.ConversationID) (bool, error) {
	return viewed(s, func(v *projector.View) (bool, error) { return v.Holds(user, c) })
}

// HoldsThread implements gate.Source.
func (s *projection) HoldsThread(user string, c events.ConversationID, thread string) (bool, error) {
	return viewed(s, func(v *projector.View) (bool, error) { return v.HoldsThread(user, c, thread) })
}

// SelfMade implements gate.Source.
func (s *projection) SelfMade(user string) (int, error) {
	return viewed(s, func(v *projector.View) (int, error) { return v.SelfMade(user) })
}

// viewed asks a view that is closed again.
func viewed[T any](s *projection, ask func(*projector.View) (T, error)) (answer T, err error) {
	v, err := s.viewIf((*projector.Projector).Fresh)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return ask(v)
}

// Watch implements api.Source.
func (s *projection) Watch(user string) (events.Time, error) {
	p, err := s.running()
	if err != nil {
		return 0, err
	}
	return p.Watch(user)
}

// Hold implements api.Source.
func (s *projection) Hold(ttl time.Duration) (events.Time, error) {
	p, err := s.running()
	if err != nil {
		return 0, err
	}
	return p.Hold(ttl)
}

// Status implements api.Source. Of a projector that has stopped it is the last
// one, with the reason.
func (s *projection) Status(ctx context.Context) (events.Status, error) {
	now := s.now.Load()
	status := now.before
	if now.begins {
		return status, now.why
	}
	if now.p == nil {
		status.Stream, status.State, status.Error = s.stream, "stopped", now.why.Error()
	} else {
		var err error
		if status, err = now.p.Status(ctx); err != nil {
			return status, err
		}
	}
	if err := s.flaws(); err != nil && status.Error == "" {
		status.Error = err.Error()
	}
	if s.snapshots != nil {
		status.Snapshot = s.snapshots.last()
	}
	if at := s.site.Load(); at != nil {
		status.NATS = at.status()
	}
	s.addPeers(&status)
	return status, nil
}

// Ready returns nil if the projection answers and everything moves, else why not.
func (s *projection) Ready() error {
	p, err := s.running()
	if err != nil {
		return err
	}
	return p.Ready()
}

// Rebuild implements api.Maintainer.
func (s *projection) Rebuild(context.Context) (events.Rebuild, error) {
	p, err := s.running()
	if err != nil {
		return events.Rebuild{}, err
	}
	return p.Rebuild()
}

// Snapshot implements api.Maintainer.
func (s *projection) Snapshot(ctx context.Context) (events.Snapshot, error) {
	if s.snapshots == nil {
		return events.Snapshot{}, &events.Invalid{Reason: "snapshots are off: start serve without --snapshots off"}
	}
	return s.snapshots.scheduler.Load().Begin(ctx), nil
}
