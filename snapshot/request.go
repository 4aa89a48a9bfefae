package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nuid"

	"reddot/events"
)

// ErrStopped is returned by Now where the Scheduler's Run has ended.
var ErrStopped = errors.New("no more snapshots are taken: the program is stopping")

// request is someone who waits for a snapshot.
type request struct {
	since  events.Seq // applied when it was made: the snapshot has to have that
	answer chan answer
}

type answer struct {
	created Created
	err     error
}

// Now takes a snapshot of what is applied by now, or waits for one that is
// being taken of it. Run must be running, or be started. Errors: ErrStopped.
func (s *Scheduler) Now(ctx context.Context) (Created, error) {
	req := &request{since: s.cfg.Source.Applied(), answer: make(chan answer, 1)}
	s.mu.Lock()
	s.mu.requests = append(s.mu.requests, req)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it knows of another
	}
	select {
	case a := <-req.answer:
		return a.created, a.err
	case <-s.done:
		return Created{}, ErrStopped
	case <-ctx.Done():
		return Created{}, fmt.Errorf("wait for the snapshot, which is taken all the same: %w", ctx.Err())
	}
}

// Begin asks for a snapshot and does not wait for it, or joins the one that was
// asked for so and is being taken. Last says what came of it.
func (s *Scheduler) Begin(ctx context.Context) events.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.last != nil && s.mu.last.State == events.Running {
		return *s.mu.last
	}
	began, run := time.Now(), nuid.Next()
	if s.mu.stopped { // Run no longer waits for what is begun
		at := events.Time(began.UnixMilli())
		return events.Snapshot{Run: run, State: events.Failed, Started: at, Ended: at, Error: ErrStopped.Error()}
	}
	s.mu.last = &events.Snapshot{Run: run, State: events.Running, Started: events.Time(began.UnixMilli())}
	s.begun.Go(func() {
		c, err := s.Now(context.WithoutCancel(ctx))
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.mu.last.State, s.mu.last.Ended, s.mu.last.Error = events.Failed, events.Time(time.Now().UnixMilli()), err.Error()
			return
		}
		s.mu.last = report(c, began)
		s.mu.last.Run = run
	})
	return *s.mu.last
}

// Last is the last snapshot that was taken or begun, one under way included; nil if
// there was none.
func (s *Scheduler) Last() *events.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.last == nil {
		return nil
	}
	last := *s.mu.last
	if p := s.mu.figures.Progress; last.State == events.Running && p.Step == StepUpload { // before it rows are checked
		last.Done, last.Bytes = p.Done, p.Total
	}
	return &last
}

// taken notes a snapshot that was taken, unless one that was begun is still under
// way or is newer.
func (s *Scheduler) taken(c Created) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.mu.last
	if last != nil && (last.State == events.Running || last.Seq >= c.Manifest.Seq) {
		return
	}
	s.mu.last = report(c, time.Now().Add(-c.Took))
	if last != nil { // who has asked for that one may not have seen yet that it is there; this one has more
		s.mu.last.Run = last.Run
	}
}

// report is a snapshot that is there, as a status shows it.
func report(c Created, began time.Time) *events.Snapshot {
	return &events.Snapshot{
		State: events.Done, Seq: c.Manifest.Seq, Digest: c.Manifest.Digest,
		Started: events.Time(began.UnixMilli()), Ended: events.Time(time.Now().UnixMilli()),
		Bytes: c.Manifest.Bytes, NewBytes: c.NewBytes,
	}
}

// requested returns the requests that wait now.
func (s *Scheduler) requested() []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.requests)
}

// answer answers those who asked before the snapshot was begun, and those who
// asked later if it has what was applied when they did.
func (s *Scheduler) answer(asked []*request, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.requests = slices.DeleteFunc(s.mu.requests, func(req *request) bool {
		done := slices.Contains(asked, req) || a.err == nil && req.since <= a.created.Manifest.Seq
		if done {
			req.answer <- a
		}
		return done
	})
}
