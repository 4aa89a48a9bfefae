package snapshot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"reddot/events"
)

// SchedulerConfig configures a Scheduler.
type SchedulerConfig struct {
	Repository *Repository
	Source     Source
	Stream     events.StreamID // of the Source
	// A snapshot is due when EveryCommands have been applied since the last
	// one, or when Every has gone by and at least one has been applied. 0: that
	// rule is off.
	EveryCommands uint64
	Every         time.Duration
	Keep          int          // for the Prune after each; at least MinKeep
	Log           Log          // trimmed after each snapshot; nil: left whole
	Logger        *slog.Logger // nil: none
}

func (c *SchedulerConfig) validate() error {
	switch {
	case c.Repository == nil || c.Source == nil:
		return errors.New("no repository or no source")
	case c.Every < 0:
		return fmt.Errorf("a snapshot every %v", c.Every)
	case c.Keep < MinKeep:
		return fmt.Errorf("keep at least %d snapshots, not %d", MinKeep, c.Keep)
	}
	return nil
}

// Figures are a Scheduler's figures since it was made; Seq, Taken and Bytes also
// describe the newest snapshot that it found.
type Figures struct {
	Seq       events.Seq    // of the last snapshot; 0: none
	Taken     time.Time     // when
	Bytes     uint64        // of its files
	NewBytes  uint64        // of them, that had to be stored
	Took      time.Duration // to take it
	Snapshots uint64        // taken
	Failures  uint64        // of snapshots, prunes and trims
	Err       string        // the last failure, "" after the next success
	Running   bool          // one is being taken
	Progress  Progress      // of it
}

// Scheduler takes snapshots, by itself and on request, one at a time. After each it
// prunes, and trims the log if it has one.
type Scheduler struct {
	cfg  SchedulerConfig
	log  *slog.Logger
	wake chan struct{} // a request has come
	done chan struct{} // Run has ended

	begun sync.WaitGroup // snapshots that Begin asked for

	mu struct {
		sync.Mutex
		figures  Figures
		requests []*request
		last     *events.Snapshot // see Last
		stopped  bool             // Begin begins nothing any more
	}
}

// NewScheduler returns a Scheduler. It does nothing until Run.
func NewScheduler(cfg SchedulerConfig) (*Scheduler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("schedule snapshots: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{cfg: cfg, log: cfg.Logger, wake: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// Figures returns the figures as they are now.
func (s *Scheduler) Figures() Figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.figures
}

// Run takes snapshots until ctx ends; then it returns nil. It may be called
// once. A snapshot that fails is logged, counted and tried again later.
func (s *Scheduler) Run(ctx context.Context) error {
	defer s.stop()
	next := schedule{s: s, began: time.Now()}
	next.look(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		requested := s.requested()
		if len(requested) > 0 || next.due(time.Now()) {
			next.attempted(s.take(ctx, requested), time.Now())
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-tick.C:
		}
	}
	return nil
}

// stop has whoever waits, and whoever comes, wait no longer.
func (s *Scheduler) stop() {
	s.mu.Lock()
	s.mu.stopped = true
	s.mu.Unlock()
	close(s.done)
	s.begun.Wait()
}

// take takes a snapshot for those who asked and for all it will do for.
func (s *Scheduler) take(ctx context.Context, asked []*request) error {
	s.change(func(f *Figures) { f.Running, f.Progress = true, Progress{} })
	created, err := s.cfg.Repository.Create(ctx, s.cfg.Source, func(p Progress) {
		s.change(func(f *Figures) { f.Progress = p })
	})
	s.change(func(f *Figures) { f.Running = false })
	if err != nil && ctx.Err() != nil {
		return err // stopping
	}
	s.note(ctx, created, err)
	s.answer(asked, answer{created, err})
	if err != nil || created.Existing {
		return err
	}
	if _, err := s.cfg.Repository.Prune(ctx, PruneOptions{Stream: s.cfg.Stream, Keep: s.cfg.Keep}); err != nil {
		s.failed(ctx, "snapshots were not pruned; the next prune follows the next snapshot", err)
	}
	s.taken(created)
	if s.cfg.Log != nil {
		if err := s.cfg.Repository.trim(ctx, s.cfg.Stream, s.cfg.Log); err != nil {
			s.failed(ctx, "the log was not trimmed; it is tried again after the next snapshot", err)
		}
	}
	return nil
}

// note keeps the figures of an attempt.
func (s *Scheduler) note(ctx context.Context, created Created, err error) {
	if err != nil {
		s.failed(ctx, "no snapshot was taken; it is tried again later", err)
		return
	}
	m := created.Manifest
	s.change(func(f *Figures) {
		f.Seq, f.Taken, f.Bytes = m.Seq, m.Taken, m.Bytes
		f.NewBytes, f.Took, f.Err = created.NewBytes, created.Took, ""
		if !created.Existing {
			f.Snapshots++
		}
	})
}

func (s *Scheduler) failed(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return // stopping
	}
	s.log.Error(what, "error", err)
	s.change(func(f *Figures) { f.Failures, f.Err = f.Failures+1, err.Error() })
}

func (s *Scheduler) change(do func(*Figures)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(&s.mu.figures)
}
