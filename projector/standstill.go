package projector

import (
	"log/slog"
	"sync"
	"time"

	"reddot/events"
)

// standstill finds out that something stands still that ought to move. That it
// does, and that it moves again, is logged once. Safe for concurrent use.
type standstill struct {
	what   string // for the log, such as "the fold"
	logger *slog.Logger

	mu    sync.Mutex
	moved uint64    // what shows its movement, when it was last looked at
	since time.Time // when it last moved, or had nothing to do
	now   *events.Standstill
}

// look looks once: how far it is, whether there is something to do, how long it may
// take over that, and which seq it stands before if it does not move, and why.
func (s *standstill) look(now time.Time, moved uint64, behind bool, patience time.Duration, seq events.Seq, why func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !behind || moved != s.moved || s.since.IsZero() {
		if s.now != nil {
			s.logger.Info(s.what+" moves again", "seq", s.now.Seq, "after", now.Sub(s.since).Round(time.Millisecond))
		}
		s.moved, s.since, s.now = moved, now, nil
		return
	}
	if now.Sub(s.since) < patience {
		return
	}
	reason := why()
	if s.now == nil {
		s.logger.Error(s.what+" stands still", "seq", seq, "since", s.since.UTC().Format(time.RFC3339), "reason", reason)
	}
	s.now = &events.Standstill{Seq: seq, Since: events.Time(s.since.UnixMilli()), Reason: reason}
}

// get is where it stands still and why; nil if it does not.
func (s *standstill) get() *events.Standstill {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return nil
	}
	now := *s.now
	return &now
}
