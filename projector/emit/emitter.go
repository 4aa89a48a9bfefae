package emit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/yield"
)

// State is what an emitter is doing.
type State string

// The states of an emitter.
const (
	Starting State = "starting"
	Emitting State = "emitting"
	Standby  State = "standby" // another emitter writes
)

// takeOverAfter is how long the other emitter may stand still, while there is
// something to tell, before one that stands by takes over; lookEvery is how
// often it looks.
const (
	takeOverAfter = 5 * time.Second
	lookEvery     = 250 * time.Millisecond
)

// Emitter tells listeners what the fold changed. See the package's doc.
type Emitter struct {
	cfg      Config
	stream   Stream
	ends     lookout
	foreign  foreign
	watchers watchers
	onStored func(events.Seq)
	state    atomic.Value // State
	figures  figures

	mu     sync.Mutex
	marks  Marks
	upto   stamp      // the marks are of commands up to here
	seeded bool       // the marks are kept; while standing by they are not
	begun  bool       // Add was called
	marked events.Seq // the last command that left a mark, or may have
	told   events.Seq // all events of the commands up to here are stored
	wake   chan struct{}
}

// Open opens or creates the event stream. onStored is told, in order, that all
// events of the commands up to a seq are stored.
func Open(ctx context.Context, cfg Config, onStored func(events.Seq)) (*Emitter, error) {
	stream, err := ensureStream(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.MaxPayload, err = payload(ctx, cfg.JetStream, stream.stream); err != nil {
		return nil, err
	}
	return New(cfg, stream, onStored), nil
}

// New is Open for an event stream that is there.
func New(cfg Config, stream Stream, onStored func(events.Seq)) *Emitter {
	cfg.complete()
	e := &Emitter{cfg: cfg, stream: stream, onStored: onStored, wake: make(chan struct{}, 1)}
	e.foreign.log = cfg.Logger
	e.ends = lookout{stream: stream, log: cfg.Log, foreign: &e.foreign}
	e.state.Store(Starting)
	return e
}

// State says what the emitter is doing. Safe for concurrent use.
func (e *Emitter) State() State { return e.state.Load().(State) }

// Watch begins or renews a user's watch of large groups. Safe for concurrent
// use.
func (e *Emitter) Watch(user string) (events.Time, error) {
	l, begins, until := e.watchers.watch(user, time.Now())
	for !begins {
		if <-l.ready; !l.failed {
			return events.Time(until.UnixMilli()), nil
		}
		l, begins, until = e.watchers.watch(user, time.Now())
	}
	groups, err := e.groupsOf(user)
	if err != nil {
		e.watchers.giveUp(l)
		return 0, fmt.Errorf("list the groups of a watcher: %w", err)
	}
	e.watchers.enter(l, groups)
	return events.Time(until.UnixMilli()), nil
}

func (e *Emitter) groupsOf(user string) ([]string, error) {
	snap, err := e.cfg.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	groups, err := snap.Groups(user)
	return groups, errors.Join(err, snap.Close())
}

// Add hands over the marks of the commands up to seq, which are committed.
// The caller starts anew with m empty. The first call says what was committed
// before the caller started; nobody knows what those commands marked. It never
// blocks for long.
func (e *Emitter) Add(m *Marks, seq events.Seq, at events.Time) {
	e.watchers.join(m)
	m.members = nil
	e.mu.Lock()
	if m.news() || !e.begun {
		e.marked = seq
	}
	e.begun = true
	if e.seeded {
		e.marks.merge(m)
	}
	e.upto = stamp{seq, at}
	e.mu.Unlock()
	*m = Marks{Many: m.Many}
	e.poke()
}

// poke has the emitter look for something to do.
func (e *Emitter) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// behind reports whether many commands have been applied since a seq.
func (e *Emitter) behind(seq events.Seq) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.upto.seq >= seq+yield.Behind
}

// take takes the marks and opens a snapshot that shows exactly the commands
// they are of; nil if the marks of what it shows are on their way.
func (e *Emitter) take() (Marks, stamp, *store.Snapshot, error) {
	for {
		// The fold need not wait for this.
		snap, err := e.cfg.Store.Snapshot()
		if err != nil {
			return Marks{}, stamp{}, nil, err
		}
		shown := snap.Position().Applied
		e.mu.Lock()
		if upto := e.upto; upto.seq == shown {
			m := e.marks
			e.marks = Marks{}
			e.mu.Unlock()
			return m, upto, snap, nil
		}
		// The fold commits before it adds: the rows may be ahead of the marks by
		// one batch. Or it has added one since.
		ahead := shown > e.upto.seq
		e.mu.Unlock()
		if err := snap.Close(); ahead || err != nil {
			return Marks{}, stamp{}, nil, err
		}
	}
}

// Run emits until ctx ends or the event stream can't be used any more. A
// fenced emitter stands by and does not end. One that has lost its place among
// its events begins anew.
func (e *Emitter) Run(ctx context.Context) error {
	told, err := e.cfg.Store.Emitted()
	if err != nil {
		return err
	}
	e.stored(told)
	for {
		err := e.lead(ctx)
		if errors.Is(err, errLost) {
			e.cfg.Logger.Warn("emitter begins anew", "reason", err)
			e.forget(Starting)
			continue
		}
		if !errors.Is(err, errFenced) {
			return err
		}
		e.cfg.Logger.Warn("emitter stands by", "reason", err)
		e.forget(Standby)
		if err := e.standBy(ctx); err != nil {
			return err
		}
		e.cfg.Logger.Info("emitter takes over")
	}
}

func (e *Emitter) forget(state State) {
	e.state.Store(state)
	e.watchers.forget()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.marks, e.seeded = Marks{}, false
}

// standBy returns when the other emitter has stood still for takeOverAfter
// behind this store.
func (e *Emitter) standBy(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var seen tail
	moved := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
		t, err := e.ends.look(ctx)
		if errors.Is(err, ErrGone) || errors.Is(err, ErrKey) {
			return err
		}
		if err != nil {
			e.cfg.Logger.Warn("emitter: look at the event stream", "error", err)
			continue
		}
		e.stored(t.applied)
		t.last = 0 // foreign messages are no sign of life
		if done := e.toldAll(); done || t != seen {
			seen, moved = t, time.Now()
		}
		if time.Since(moved) >= takeOverAfter {
			return nil
		}
	}
}

// stored notes that all events of the commands up to a seq are stored, and
// returns up to where they are known to be.
func (e *Emitter) stored(seq events.Seq) events.Seq {
	e.mu.Lock()
	e.told = max(e.told, seq)
	seq = e.told
	e.mu.Unlock()
	e.onStored(seq)
	return seq
}

// toldAll says whether nothing is left to tell of what was applied: what came
// after the last command that was told left no mark.
func (e *Emitter) toldAll() bool {
	e.mu.Lock()
	applied, done := e.upto.seq, e.told >= e.marked
	e.mu.Unlock()
	if done {
		e.stored(applied)
	}
	return done
}

// awaitTail reads the end of the event stream, as soon as the server can be
// asked.
func (e *Emitter) awaitTail(ctx context.Context) (tail, error) {
	for {
		t, err := e.ends.look(ctx)
		if err == nil || errors.Is(err, ErrGone) || errors.Is(err, ErrKey) {
			return t, err
		}
		e.cfg.Logger.Warn("emitter: look at the event stream", "error", err)
		if err := rest(ctx); err != nil {
			return t, err
		}
	}
}

// lead writes events, from where the event stream ends.
func (e *Emitter) lead(ctx context.Context) error {
	t, err := e.awaitTail(ctx)
	if err != nil {
		return err
	}
	w := &writer{log: e.cfg.Logger, id: e.cfg.ID, window: e.cfg.Window, stream: e.stream, ends: &e.ends, sealer: e.ends.sealer, next: t.last + 1,
		stored: func(seq events.Seq) { e.stored(seq) }}
	since, told, err := e.seed(ctx, t)
	if err != nil {
		return err
	}
	e.state.Store(Emitting)
	return e.tell(ctx, w, newBacklog(since, told))
}

// tell tells of what is in the backlog and of what comes.
func (e *Emitter) tell(ctx context.Context, w *writer, b *backlog) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	readers := &readers{cfg: &e.cfg, wake: e.poke, reads: &e.figures.reads, long: map[string]bool{}}
	defer func() {
		cancel()
		err = errors.Join(err, readers.end())
	}()
	g := &rounds{backlog: b, emitter: e, writer: w, readers: readers, shown: b.applied()}
	for {
		m, upto, snap, err := e.take()
		if err != nil {
			return err
		}
		if snap == nil || !g.due(upto, &m) {
			if snap != nil {
				err = snap.Close()
			}
			if err = errors.Join(err, e.idle(ctx, w)); err != nil {
				return err
			}
			continue
		}
		snap.Until(ctx.Err)
		snap.Bound(e.cfg.Bounds.Long)
		if err := errors.Join(g.run(ctx, &m, upto, snap), snap.Close()); err != nil {
			return err
		}
		e.figures.rounds.Add(1)
	}
}

// idle waits for marks or a list that was read aside, and takes acknowledgements meanwhile.
func (e *Emitter) idle(ctx context.Context, w *writer) error {
	if len(w.pending) == 0 {
		select {
		case <-e.wake:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	future := w.pending[0].future
	select {
	case <-e.wake:
		return w.poll(ctx)
	case ack := <-future.Ok():
		if err := w.confirm(ctx, ack); err != nil {
			return err
		}
		return w.poll(ctx)
	case err := <-future.Err():
		return w.recover(ctx, err)
	case <-time.After(AckTimeout):
		return w.recover(ctx, errors.New("no acknowledgement in time"))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Foreign returns how many messages in the event stream were found that no
// emitter has put there. Safe for concurrent use.
func (e *Emitter) Foreign() uint64 { return e.foreign.count.Load() }
