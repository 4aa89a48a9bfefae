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

const (
	// lookEvery is how often a Keeper looks whether a snapshot is due.
	lookEvery = time.Second
	// After a failure the next attempt is made after retryFirst, and after each
	// further one after twice as long, up to retryLast.
	retryFirst = 10 * time.Second
	retryLast  = 10 * time.Minute
)

// ErrStopped is returned by Now where the Keeper's Run has ended.
var ErrStopped = errors.New("no more snapshots are taken: the program is stopping")

// KeeperConfig configures a Keeper.
type KeeperConfig struct {
	Repository *Repository
	Source     Source
	Stream     events.StreamID // of the Source
	// A snapshot is due when EveryCommands have been applied since the last
	// one, or when Every has gone by and at least one has been applied. 0: that
	// rule is off.
	EveryCommands uint64
	Every         time.Duration
	Keep          int // for the Prune after each; at least MinKeep
	// Taken is called after a snapshot has been taken and pruned for, if it is
	// not nil. Its error is logged and counted.
	Taken  func(context.Context, Created) error
	Logger *slog.Logger // nil: none
}

func (c *KeeperConfig) validate() error {
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

// Figures are a Keeper's figures since it was made; Seq, Taken and Bytes also
// tell of the newest snapshot that it found.
type Figures struct {
	Seq       events.Seq    // of the last snapshot; 0: none
	Taken     time.Time     // when
	Bytes     uint64        // of its files
	NewBytes  uint64        // of them, that had to be stored
	Took      time.Duration // to take it
	Snapshots uint64        // taken
	Failures  uint64        // of snapshots, prunes and Taken
	Err       string        // the last failure, "" after the next success
	Running   bool          // one is being taken
	Progress  Progress      // of it
}

// Keeper takes snapshots, by itself and on request, one at a time.
type Keeper struct {
	cfg  KeeperConfig
	log  *slog.Logger
	wake chan struct{} // a request has come
	done chan struct{} // Run has ended

	mu struct {
		sync.Mutex
		figures  Figures
		requests []*request
	}
}

// request is someone who waits for a snapshot.
type request struct {
	since  events.Seq // applied when it was made: the snapshot has to have that
	answer chan answer
}

type answer struct {
	created Created
	err     error
}

// NewKeeper returns a Keeper. It does nothing until Run.
func NewKeeper(cfg KeeperConfig) (*Keeper, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("keep snapshots: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg, log: cfg.Logger, wake: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// Figures returns the figures as they are now.
func (k *Keeper) Figures() Figures {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.figures
}

// Now takes a snapshot of what is applied by now, or waits for one that is
// being taken of it. Run must be running, or be started. Errors: ErrStopped.
func (k *Keeper) Now(ctx context.Context) (Created, error) {
	req := &request{since: k.cfg.Source.Applied(), answer: make(chan answer, 1)}
	k.mu.Lock()
	k.mu.requests = append(k.mu.requests, req)
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // it knows of another
	}
	select {
	case a := <-req.answer:
		return a.created, a.err
	case <-k.done:
		return Created{}, ErrStopped
	case <-ctx.Done():
		return Created{}, fmt.Errorf("wait for the snapshot, which is taken all the same: %w", ctx.Err())
	}
}

// Run takes snapshots until ctx ends; then it returns nil. It may be called
// once. A snapshot that fails is logged, counted and tried again later.
func (k *Keeper) Run(ctx context.Context) error {
	defer close(k.done)
	s := schedule{k: k, began: time.Now()}
	s.look(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		requested := k.requested()
		if len(requested) > 0 || s.due(time.Now()) {
			s.attempted(k.take(ctx, requested), time.Now())
			continue
		}
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-tick.C:
		}
	}
	return nil
}

// schedule says when the next automatic snapshot is due.
type schedule struct {
	k      *Keeper
	began  time.Time
	retry  time.Duration // 0: the last attempt succeeded
	resume time.Time     // not before
}

// look finds the newest snapshot that is there already.
func (s *schedule) look(ctx context.Context) {
	entries, err := s.k.cfg.Repository.List(ctx)
	if err != nil {
		s.k.log.Warn("the snapshots cannot be listed; the next one is due as if there were none", "error", err)
		return
	}
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	for _, e := range entries {
		if m := e.Manifest; m != nil && m.Stream.Equal(s.k.cfg.Stream) {
			s.k.mu.figures.Seq, s.k.mu.figures.Taken, s.k.mu.figures.Bytes = m.Seq, m.Taken, m.Bytes
			return
		}
	}
}

// due tells whether a snapshot is due.
func (s *schedule) due(now time.Time) bool {
	f, applied := s.k.Figures(), s.k.cfg.Source.Applied()
	if applied <= f.Seq || now.Before(s.resume) {
		return false
	}
	last := f.Taken
	if f.Seq == 0 {
		last = s.began
	}
	byNumber := s.k.cfg.EveryCommands > 0 && uint64(applied-f.Seq) >= s.k.cfg.EveryCommands
	byTime := s.k.cfg.Every > 0 && now.Sub(last) >= s.k.cfg.Every
	return byNumber || byTime
}

// attempted notes how an attempt ended.
func (s *schedule) attempted(err error, now time.Time) {
	if err == nil {
		s.retry, s.resume = 0, time.Time{}
		return
	}
	s.retry = min(max(2*s.retry, retryFirst), retryLast)
	s.resume = now.Add(s.retry)
}

// requested returns the requests that wait now.
func (k *Keeper) requested() []*request {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]*request(nil), k.mu.requests...)
}

// take takes a snapshot for those who asked and for all it will do for.
func (k *Keeper) take(ctx context.Context, asked []*request) error {
	k.change(func(f *Figures) { f.Running, f.Progress = true, Progress{} })
	created, err := k.cfg.Repository.Create(ctx, k.cfg.Source, func(p Progress) {
		k.change(func(f *Figures) { f.Progress = p })
	})
	k.change(func(f *Figures) { f.Running = false })
	if err != nil && ctx.Err() != nil {
		return err // stopping
	}
	k.note(ctx, created, err)
	k.answer(asked, answer{created, err})
	if err != nil || created.Existing {
		return err
	}
	if _, err := k.cfg.Repository.Prune(ctx, PruneOptions{Stream: k.cfg.Stream, Keep: k.cfg.Keep}); err != nil {
		k.failed(ctx, "snapshots were not pruned; the next prune follows the next snapshot", err)
	}
	if k.cfg.Taken != nil {
		if err := k.cfg.Taken(ctx, created); err != nil {
			k.failed(ctx, "what follows a snapshot failed; it is tried again after the next one", err)
		}
	}
	return nil
}

// note keeps the figures of an attempt.
func (k *Keeper) note(ctx context.Context, created Created, err error) {
	if err != nil {
		k.failed(ctx, "no snapshot was taken; it is tried again later", err)
		return
	}
	m := created.Manifest
	k.change(func(f *Figures) {
		f.Seq, f.Taken, f.Bytes = m.Seq, m.Taken, m.Bytes
		f.NewBytes, f.Took, f.Err = created.NewBytes, created.Took, ""
		if !created.Existing {
			f.Snapshots++
		}
	})
}

func (k *Keeper) failed(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return // stopping
	}
	k.log.Error(what, "error", err)
	k.change(func(f *Figures) { f.Failures, f.Err = f.Failures+1, err.Error() })
}

func (k *Keeper) change(do func(*Figures)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	do(&k.mu.figures)
}

// answer answers those who asked before the snapshot was begun, and those who
// asked later if it has what was applied when they did.
func (k *Keeper) answer(asked []*request, a answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var rest []*request
	for _, req := range k.mu.requests {
		answered := a.err == nil && req.since <= a.created.Manifest.Seq
		for _, before := range asked {
			answered = answered || before == req
		}
		if answered {
			req.answer <- a
		} else {
			rest = append(rest, req)
		}
	}
	k.mu.requests = rest
}
