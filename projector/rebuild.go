package projector

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// handOver is how many commands a new store may still lack when it takes the
// place of the old one: folding waits while it catches up.
const handOver = log.MaxBatch

// rebuilding is the state of a rebuild.
type rebuilding struct {
	asked chan struct{}

	mu   sync.Mutex
	last *events.Rebuild // nil: none since the start
}

// status returns the last rebuild, the one under way included; nil if there
// was none.
func (r *rebuilding) status() *events.Rebuild {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		return nil
	}
	last := *r.last
	return &last
}

func (r *rebuilding) update(change func(*events.Rebuild)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.last)
}

// Rebuild asks for a new store to be built from the log beside the one in use,
// which goes on answering, and to take its place at an equal position. It
// returns the rebuild under way, which is the one asked for earlier if that has
// not ended.
func (p *Projector) Rebuild() (events.Rebuild, error) {
	if why := p.failure.Load(); why != nil {
		return events.Rebuild{}, *why
	}
	r := &p.rebuilding
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || r.last.State != events.Running {
		r.last = &events.Rebuild{
			Run: nuid.Next(), State: events.Running, Target: p.applied.get(), Started: events.Time(time.Now().UnixMilli()),
		}
		r.asked <- struct{}{}
	}
	return *r.last, nil
}

// rebuildWhenAsked rebuilds until ctx ends. A rebuild that fails leaves the
// store in use as it is.
func (p *Projector) rebuildWhenAsked(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.rebuilding.asked:
		}
		p.cfg.Logger.Info("building a new store beside the one in use")
		err := p.rebuild(ctx)
		p.rebuilding.update(func(r *events.Rebuild) {
			r.State, r.Ended = events.Done, events.Time(time.Now().UnixMilli())
			if err != nil {
				r.State, r.Error = events.Failed, err.Error()
			}
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			p.cfg.Logger.Error("no new store was built; the one in use stays", "error", err)
		default:
			p.cfg.Logger.Info("the new store is in use", "applied", p.applied.get())
		}
		if err := p.folder.Clean(); err != nil {
			return err
		}
	}
}

// rebuild builds a new store and puts it in the place of the one in use.
func (p *Projector) rebuild(ctx context.Context) error {
	first, last, err := p.log.Range(ctx)
	if err != nil {
		return err
	}
	var s *store.Store
	var dir string
	if first > 1 { // only a snapshot has what is gone
		s, dir, err = p.newStore(ctx, Wanted{Log: p.log.Identity(), First: first, Last: last, Oldest: true})
	} else {
		s, dir, err = p.emptyStore()
	}
	if err != nil {
		return err
	}
	p.rebuilding.update(func(r *events.Rebuild) { r.From, r.Applied = s.Position().Applied, s.Position().Applied })
	err = p.loop.CatchUp(ctx, p.log, s, handOver, func(target, at events.Seq) {
		p.rebuilding.update(func(r *events.Rebuild) { r.Target, r.Applied = target, at })
	})
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return p.replace(ctx, s, dir)
}

// replace puts a new store in the place of the one in use, at an equal
// position, and closes the old one. Whoever reads the old one is waited for.
// Events go on from where they are: what the emitter is to emit depends on the
// position alone, and is read from whichever store is current then.
func (p *Projector) replace(ctx context.Context, s *store.Store, dir string) error {
	old, err := p.swap(ctx, s, dir)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return old.Close()
}

func (p *Projector) swap(ctx context.Context, s *store.Store, dir string) (old *store.Store, err error) {
	p.folding.Lock()
	defer p.folding.Unlock()
	at := p.loop.Position()
	if err := loop.Build(ctx, p.log, s, at.Applied, nil); err != nil {
		return nil, err
	}
	differs, err := p.loop.Compare(s)
	if errors.Is(err, loop.ErrAltered) {
		err = &log.AlteredError{Seq: at.Applied, By: "the store in use"}
	}
	if err != nil {
		return nil, err
	}
	if differs {
		p.cfg.Logger.Error("the store in use was not what the log says; the new one is",
			"applied", at.Applied, "digest", at.Digest(), "built", s.Position().Digest())
		p.rebuilding.update(func(r *events.Rebuild) { r.Differed = true })
	}
	if err := s.Flush(); err != nil {
		return nil, err
	}
	if err := p.folder.Use(dir); err != nil {
		return nil, err
	}
	p.rebuilding.update(func(r *events.Rebuild) { r.Applied, r.Target = at.Applied, at.Applied })
	return p.loop.Swap(s), nil
}
