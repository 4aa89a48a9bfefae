package projector

import (
	"context"
	"errors"
	"fmt"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

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
