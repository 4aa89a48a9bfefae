package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/emit/journal"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/store/generation"

	"github.com/nats-io/nats.go/jetstream"
)

// Wanted says which earlier store will do.
type Wanted struct {
	Log events.StreamID
	// The seqs of the log's commands: it goes on from the store's position.
	First, Last events.Seq
	// Oldest wants the store that leaves most of the log to be folded, else the
	// one that leaves least.
	Oldest bool
}

// openTimeout bounds the requests to JetStream while opening.
const openTimeout = 10 * time.Second

// Open checks or creates the streams and opens the store; one that is missing,
// corrupt or of an older format is built from scratch, from a snapshot if there is one.
// It starts nothing.
func Open(ctx context.Context, cfg Config) (*Projector, error) {
	js, err := jetstream.New(cfg.Conn, jetstream.WithPublishAsyncTimeout(journal.AckTimeout))
	if err != nil {
		return nil, err
	}
	p := &Projector{cfg: cfg, contact: contact{conn: cfg.Conn}, refused: newRefusals(cfg.Logger), corrupt: make(chan error, 1), rebuilding: rebuilding{asked: make(chan struct{}, 1)},
		settling: newSettling()}
	p.alone = alone{link: linkOf(cfg.Conn, &p.contact), peers: cfg.Peers}
	p.index.ask = p.askNewest
	p.clock = newClock(js, cfg)
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if p.log, err = log.Ensure(opening, js, log.Config{
		Subjects: cfg.Subjects, Replicas: cfg.Replicas, Logger: cfg.Logger, Files: cfg.Files,
		Derived: func() (store.Info, string, error) {
			info, err := inspectCurrent(cfg.Dir)
			return info, cfg.Dir, err
		},
	}); err != nil {
		return nil, err
	}
	first, last := p.log.Opened()
	p.target = last
	p.health = newHealth(last, cfg.Logger)
	s, err := p.openStore(ctx, first, last)
	if err != nil {
		return nil, err
	}
	err = p.log.SkipUnreadable(ctx, cfg.Skip, s.Position())
	if err == nil {
		p.loop, err = loop.New(loop.Config{Store: s, Applied: p.observe, Turn: p.turn})
	}
	if err == nil {
		err = p.openEmitter(ctx, js)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return p, nil
}

// openEmitter opens the event stream.
func (p *Projector) openEmitter(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	p.applied.set(p.loop.Applied())
	p.emitted.set(p.loop.Stored())
	var err error
	p.emitter, err = emit.Open(ctx, emit.Config{
		JetStream: js, Subjects: p.cfg.Subjects, Encoding: p.cfg.Encoding, FanoutLimit: p.cfg.FanoutLimit,
		Log: p.log.Identity().String(), MaxAge: p.cfg.EventsMaxAge, MaxBytes: p.cfg.EventsMaxBytes, Replicas: p.cfg.Replicas,
		Takeover: p.cfg.Takeover, Instance: p.cfg.Instance, Logger: p.cfg.Logger, Store: p.loop, Replay: p.replay, End: p.end,
		Folding: p.busy,
	}, p.stored)
	if err != nil {
		return err
	}
	p.metrics, err = newMetrics(p.cfg.Registry, p)
	return err
}

// openStore opens the store in use. One that is missing, corrupt or of an older format
// is built from scratch: the log has everything.
func (p *Projector) openStore(ctx context.Context, first, last events.Seq) (*store.Store, error) {
	var err error
	if p.folder, err = generation.Open(nil, p.cfg.Dir); err != nil {
		return nil, err
	}
	if dir, found := p.folder.Current(); found {
		s, err := store.Open(store.Config{Dir: dir, Identity: p.log.Identity(), Logger: p.cfg.Logger, Pace: p.cfg.pace})
		if err == nil {
			at := s.Position()
			return p.opened(s, log.CheckRange(at.Applied, first, last), p.log.CheckLast(ctx, at))
		}
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
			return nil, err
		}
		p.cfg.Logger.Error("the store can't be used: it is built anew from the log", "error", err)
	} else if last > 0 {
		p.cfg.Logger.Info("there is no store yet: it is built from the log", "commands", last)
	}
	s, dir, err := p.newStore(ctx, Wanted{Log: p.log.Identity(), First: first, Last: last})
	if err != nil {
		return nil, err
	}
	return p.opened(s, p.folder.Use(dir))
}

// opened is the store that is in use now, and the only one, unless there are errors.
func (p *Projector) opened(s *store.Store, errs ...error) (*store.Store, error) {
	err := errors.Join(errs...)
	if err == nil {
		err = p.folder.Clean()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newStore opens a new store, not yet the current one: from a snapshot if there
// is one that is of this log, else empty.
func (p *Projector) newStore(ctx context.Context, w Wanted) (*store.Store, string, error) {
	var restored error
	for p.cfg.Restore != nil && w.Last > 0 {
		dir, err := p.folder.New()
		if err != nil {
			return nil, "", err
		}
		if restored = p.cfg.Restore(ctx, w, dir); restored != nil {
			break
		}
		s, err := p.openNew(dir)
		if err != nil {
			return nil, "", err
		}
		at := s.Position()
		if err = p.log.CheckLast(ctx, at); err == nil {
			return s, dir, nil
		}
		if !errors.Is(err, log.ErrNotWhole) {
			return nil, "", errors.Join(err, s.Close())
		}
		p.cfg.Logger.Error("a snapshot is not of this log: trying an earlier one", "seq", at.Applied, "error", err)
		if err := s.Close(); err != nil {
			return nil, "", err
		}
		w.Last = at.Applied - 1
	}
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case restored != nil:
		p.cfg.Logger.Info("no snapshot to begin with", "reason", restored)
	}
	if w.First > 1 {
		return nil, "", errors.Join(&log.TrimmedError{First: w.First, Need: 1}, restored)
	}
	return p.emptyStore()
}

// emptyStore opens a new store with nothing in it, not yet the current one.
func (p *Projector) emptyStore() (*store.Store, string, error) {
	dir, err := p.folder.New()
	if err != nil {
		return nil, "", err
	}
	s, err := p.openNew(dir)
	return s, dir, err
}

func (p *Projector) openNew(dir string) (*store.Store, error) {
	s, err := store.Open(store.Config{Dir: dir, Identity: p.log.Identity(), Logger: p.cfg.Logger, Pace: p.cfg.pace})
	if err != nil {
		return nil, fmt.Errorf("begin a new store: %w", err)
	}
	return s, nil
}
