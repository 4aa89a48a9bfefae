package emit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit/journal"
	"reddot/projector/store"
)

// State is what an emitter is doing.
type State string

// The states of an emitter.
const (
	Starting State = "starting"
	Emitting State = "emitting"
	Standby  State = "standby" // another emitter writes, or there was nothing to emit yet
)

// Emitter notifies listeners of what the fold changed. See the package's doc.
type Emitter struct {
	cfg      Config
	journal  *journal.Journal
	watchers watchers
	onStored func(events.Seq)
	state    atomic.Value // State
	figures  figures
	hold     hold
	dice     *rand.Rand // of its own: what it draws follows from its id
	led      bool       // it has taken over, or tried to
	awaits   atomic.Bool

	mu      sync.Mutex
	dirty   dirty.Set
	upto    dirty.Stamp // dirty is of commands up to here
	seeded  bool        // dirty is kept; while standing by it is not
	begun   bool        // Add was called
	changed events.Seq  // the last command that changed something, or may have
	emitted events.Seq  // all events of the commands up to here are stored
	wake    chan struct{}
}

// Open opens or creates the event stream. onStored is called, in order, when all
// events of the commands up to a seq are stored.
func Open(ctx context.Context, cfg Config, onStored func(events.Seq)) (*Emitter, error) {
	stream, limit, err := journal.Open(ctx, journal.StreamConfig{
		JetStream: cfg.JetStream, Subjects: cfg.Subjects, Log: cfg.Log, MaxAge: cfg.MaxAge, MaxBytes: cfg.MaxBytes, Replicas: cfg.Replicas,
	})
	if err != nil {
		return nil, err
	}
	cfg.MaxPayload = limit
	return New(cfg, stream, onStored), nil
}

// New is Open for an event stream that is there.
func New(cfg Config, stream journal.Stream, onStored func(events.Seq)) *Emitter {
	cfg.complete()
	e := &Emitter{cfg: cfg, onStored: onStored, wake: make(chan struct{}, 1)}
	e.journal = journal.New(journal.Config{
		Stream: stream, Log: cfg.Log, ID: cfg.ID, Window: cfg.Window, Subject: cfg.fenceSubject(), Logger: cfg.Logger,
	})
	e.dice = rand.New(rand.NewPCG(xxhash.Sum64String(cfg.ID), 0))
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

// Add hands over the dirty set of the commands up to seq, which are committed.
// The caller goes on with m empty. The first call says what was committed
// before the caller started; nobody knows what those commands changed. It never
// blocks for long.
func (e *Emitter) Add(m *dirty.Set, seq events.Seq, at events.Time) {
	e.watchers.join(m)
	m.Joined = nil
	e.mu.Lock()
	if e.changed = max(e.changed, m.Last); !e.begun {
		e.begun, e.changed = true, seq
	}
	if e.seeded {
		e.dirty.Merge(m)
	}
	e.upto = dirty.Stamp{Seq: seq, At: at}
	e.mu.Unlock()
	*m = dirty.Set{Many: m.Many}
	e.poke()
}

// Await says whether there is something to do soon for the one that emits, of which no
// command says so yet: who stands by takes over for that, too, a little later. Safe
// for concurrent use.
func (e *Emitter) Await(awaits bool) {
	if e.awaits.Swap(awaits) != awaits {
		e.poke()
	}
}

// poke has the emitter look for something to do.
func (e *Emitter) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// behind reports whether so many commands have been applied since a seq.
func (e *Emitter) behind(seq events.Seq, many int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.upto.Seq >= seq+events.Seq(many)
}

// take takes the dirty set and opens a snapshot that shows exactly the commands
// it is of; nil if the set of what it shows is on its way.
func (e *Emitter) take() (dirty.Set, dirty.Stamp, *store.Snapshot, error) {
	for {
		// The fold need not wait for this.
		snap, err := e.cfg.Store.Snapshot()
		if err != nil {
			return dirty.Set{}, dirty.Stamp{}, nil, err
		}
		shown := snap.Position().Applied
		e.mu.Lock()
		if upto := e.upto; upto.Seq == shown {
			m := e.dirty
			e.dirty = dirty.Set{}
			e.mu.Unlock()
			return m, upto, snap, nil
		}
		// The fold commits before it adds: the rows may be ahead of the set by
		// one batch. Or it has added one since.
		ahead := shown > e.upto.Seq
		e.mu.Unlock()
		if err := snap.Close(); ahead || err != nil {
			return dirty.Set{}, dirty.Stamp{}, nil, err
		}
	}
}

// Run stands by, and emits when there is something to emit and nobody does,
// until ctx ends or the event stream can't be used any more. An emitter that has
// lost its place among its events begins once more.
func (e *Emitter) Run(ctx context.Context) error {
	emitted, err := e.cfg.Store.Emitted()
	if err != nil {
		return err
	}
	e.stored(emitted)
	e.state.Store(Standby)
	for failed, lost := 0, false; ; {
		patience := e.patience(failed)
		if lost {
			patience = 0
		}
		t, lives, err := e.standBy(ctx, patience)
		if err != nil {
			return err
		}
		if lives {
			failed = 0
		}
		err = e.lead(ctx, t)
		if lost = errors.Is(err, journal.ErrLost); !lost && !errors.Is(err, journal.ErrFenced) {
			return err
		}
		if failed++; e.State() == Emitting {
			failed = 0
		}
		e.cfg.Logger.Warn("emitter stands by", "reason", err)
		e.forget()
	}
}

// stored notes that all events of the commands up to a seq are stored, and
// returns up to where they are known to be.
func (e *Emitter) stored(seq events.Seq) events.Seq {
	e.mu.Lock()
	e.emitted = max(e.emitted, seq)
	seq = e.emitted
	e.mu.Unlock()
	e.onStored(seq)
	return seq
}

// emittedAll reports whether nothing is left to emit of what was applied: what came
// after the last command that was emitted changed nothing.
func (e *Emitter) emittedAll() bool {
	e.mu.Lock()
	applied, done := e.upto.Seq, e.emitted >= e.changed
	e.mu.Unlock()
	if done {
		e.stored(applied)
	}
	return done
}

// lastChanged is the last command of which there may have been something to emit
// when this emitter took over: also if there is not, who stands by does not know.
func (e *Emitter) lastChanged() events.Seq {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed
}

// lead writes events, from where the event stream ends.
func (e *Emitter) lead(ctx context.Context, t journal.Tail) error {
	e.state.Store(Starting)
	e.led = true
	t, err := e.journal.Claim(ctx, t)
	if err != nil {
		return err
	}
	since, before, err := e.seed(ctx, t)
	if err != nil {
		return err
	}
	e.cfg.Logger.Info("emitter emits", "from", t.Last+1, "told", since)
	e.state.Store(Emitting)
	return e.emit(ctx, t, newBacklog(since, before))
}

// emit emits what is in the backlog and what comes. When it is asked to end,
// it says that another may go on at once.
func (e *Emitter) emit(ctx context.Context, t journal.Tail, b *backlog) (err error) {
	asked := ctx
	ctx, cancel := context.WithCancel(ctx)
	readers := &readers{cfg: &e.cfg, wake: e.poke, reads: &e.figures.reads, long: map[string]bool{}}
	g := &rounds{backlog: b, emitter: e, readers: readers, shown: b.applied(), owed: e.lastChanged()}
	g.says.applied = b.applied() // as the emitter before has said
	g.writer = e.journal.Writer(t, g.progress, g.restate)
	defer func() {
		cancel()
		if err = errors.Join(err, readers.end()); asked.Err() != nil {
			g.farewell(asked)
		}
	}()
	for {
		left := e.hold.left()
		if g.holds = left > 0; g.holds && !g.refuses() {
			if err := g.rest(ctx, left); err != nil {
				return err
			}
			continue
		}
		m, upto, snap, err := e.take()
		if err != nil {
			return err
		}
		if snap == nil || !g.due(upto, &m) {
			if snap != nil {
				err = snap.Close()
			}
			if err = errors.Join(err, g.idle(ctx)); err != nil {
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

// Foreign returns how many messages in the event stream were found that no
// emitter has put there. Safe for concurrent use.
func (e *Emitter) Foreign() uint64 { return e.journal.Foreign() }
