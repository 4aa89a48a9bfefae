package loop

import (
	"errors"
	"fmt"
	"sync/atomic"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// Config configures a Loop.
type Config struct {
	Store *store.Store // in use at first

	// Many is from how many users on a command is notified of in bulk; see dirty.Set.
	Many int

	// Applied, unless nil, is called with each command as it is applied, and what it
	// did. Both are the loop's. It is not committed yet.
	Applied func(*store.Entry, *fold.Effects)

	// Turn, unless nil, is called now and then in a step that takes long, so that others
	// get a turn; by several goroutines at once.
	Turn func()
}

// Loop folds batches into the store in use. Store, Snapshot, Emitted, Stored, Applied
// and SetEmitted are safe for concurrent use, and so is CatchUp of a store that nobody
// else has; everything else is for one goroutine at a time, the driver's.
type Loop struct {
	// Yield has a step leave one processor to others, if there is more than one: where
	// others are waited for. It is the driver's.
	Yield bool

	store   atomic.Pointer[store.Store]
	applied atomic.Uint64 // by the last commit
	emitted atomic.Uint64

	observe func(*store.Entry, *fold.Effects)
	turn    func()
	dirty   *dirty.Set // nil: nobody is notified
	fx      fold.Effects
	phase   phase
	ready   Ready
	failed  error
}

// phase is what a Loop has done last.
type phase string

const (
	idle      phase = "nothing is under way"
	applied   phase = "a batch is applied, and not committed"
	committed phase = "a batch is committed, and not handed over"
)

// Ready is what a committed batch asks for, in this order. Advance says that it is
// done.
type Ready struct {
	// Flush wants the store to be made durable first: a command was passed over, and
	// whoever starts next need not name it again.
	Flush bool
	// Applied is the seq of the batch's last command, for who waits for it; Time is
	// the stream's of it.
	Applied events.Seq
	Time    events.Time
	// Dirty is what the batch's commands have changed, for the emitter. It is the
	// loop's again after Advance.
	Dirty *dirty.Set

	Commands, Rows int // in the batch; written
}

// New returns the loop of a store. It reads what the store knows to be emitted.
func New(cfg Config) (*Loop, error) {
	emitted, err := cfg.Store.Emitted()
	if err != nil {
		return nil, err
	}
	l := over(cfg.Store)
	l.observe, l.turn, l.dirty = cfg.Applied, cfg.Turn, &dirty.Set{Many: cfg.Many}
	l.emitted.Store(uint64(emitted))
	return l, nil
}

// over returns a loop that notifies nobody.
func over(s *store.Store) *Loop {
	l := &Loop{phase: idle}
	l.store.Store(s)
	l.applied.Store(uint64(s.Position().Applied))
	return l
}

// Position is what the store in use stands for, an applied batch included.
func (l *Loop) Position() store.Position { return l.Store().Position() }

// Applied is the seq of the last command that is committed.
func (l *Loop) Applied() events.Seq { return events.Seq(l.applied.Load()) }

// Apply folds a batch, of one command at least, into the store in use. Commit makes it
// visible. The batch is the caller's.
func (l *Loop) Apply(batch []store.Entry) error {
	if len(batch) == 0 {
		return errors.New("apply a batch: there are no commands in it")
	}
	if err := l.enter(idle, applied); err != nil {
		return err
	}
	l.ready = Ready{Dirty: l.dirty, Commands: len(batch)}
	s := l.Store()
	s.Turn, s.Yield = l.turn, l.Yield
	err := s.ApplyAll(batch, &l.fx, func(e *store.Entry, fx *fold.Effects) {
		if l.dirty != nil {
			l.dirty.Add(e.Seq, e.At(), fx)
		}
		l.ready.Flush = l.ready.Flush || e.Skipped
		if l.observe != nil {
			l.observe(e, fx)
		}
	})
	if err != nil {
		return l.fail(err)
	}
	last := &batch[len(batch)-1]
	l.ready.Applied, l.ready.Time = last.Seq, last.Time
	return nil
}

// Commit makes the batch visible to snapshots, and returns what is to be done then.
func (l *Loop) Commit() (Ready, error) {
	if err := l.enter(applied, committed); err != nil {
		return Ready{}, err
	}
	var err error
	if l.ready.Rows, err = l.Store().Commit(); err != nil {
		return Ready{}, l.fail(err)
	}
	l.applied.Store(uint64(l.ready.Applied))
	return l.ready, nil
}

// Advance says that what a Ready asks for is done.
func (l *Loop) Advance() {
	if err := l.enter(committed, idle); err != nil {
		panic(err)
	}
	if l.dirty != nil {
		*l.dirty = dirty.Set{Many: l.dirty.Many}
	}
}

// Finish commits what is applied, and how far the events are stored. It is for the end.
func (l *Loop) Finish() error {
	if l.failed != nil {
		return l.failed
	}
	_, err := l.Store().Commit()
	return err
}

// ErrPhase is wrapped by the errors of steps that are out of order.
var ErrPhase = errors.New("this is not the loop's next step")

// enter goes from one phase to the next. An earlier error stays.
func (l *Loop) enter(from, to phase) error {
	if l.failed != nil {
		return l.failed
	}
	if l.phase != from {
		return fmt.Errorf("%w: at seq %d %s", ErrPhase, l.Position().Applied, l.phase)
	}
	l.phase = to
	return nil
}

// fail ends the loop.
func (l *Loop) fail(err error) error {
	l.failed = err
	return err
}
