package projector

import (
	"context"
	"time"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/yield"
)

// project folds the stream.
func (p *Projector) project(ctx context.Context) error {
	p.removeLeft(ctx)
	return p.log.Follow(ctx, p.loop.Applied(), p.report(), func(batch []store.Entry) error {
		p.health.folding.Store(true)
		defer p.health.folding.Store(false)
		return p.fold(batch)
	})
}

// fold drives the loop by one batch.
func (p *Projector) fold(batch []store.Entry) error {
	p.folding.Lock()
	defer p.folding.Unlock()
	start := time.Now()
	// What is missing at the start is waited for: else queries are.
	p.loop.Yield = batch[0].Seq > p.target
	p.bulk.Store(p.loop.Yield && len(batch) >= yield.Behind)
	if err := p.loop.Apply(batch); err != nil {
		return err
	}
	ready, err := p.loop.Commit()
	if err == nil && ready.Flush {
		err = p.loop.Store().Flush()
	}
	if err != nil {
		return err
	}
	p.metrics.committed(ready, time.Since(start))
	if ready.Applied > p.emitted.get() {
		p.metrics.due.add(ready.Applied, time.Now())
	}
	p.applied.set(ready.Applied)
	p.emitter.Add(ready.Dirty, ready.Applied, ready.Time)
	p.loop.Advance()
	return nil
}

// busy reports whether there is something to fold, as far as is known.
func (p *Projector) busy() bool {
	return p.health.folding.Load() || p.health.last.Load() > uint64(p.applied.get())
}

// observe is called with each command that is applied.
func (p *Projector) observe(e *store.Entry, fx *fold.Effects) {
	if !e.Skipped {
		p.metrics.applied(e, fx)
		p.refused.add(e, fx)
	}
}

// turn gives way to others while a batch is folded.
func (p *Projector) turn() { yield.Turn(p.bulk.Load()) }

// stored is notified that all events of the commands up to seq are stored.
func (p *Projector) stored(seq events.Seq) {
	p.loop.SetEmitted(seq)
	p.emitted.set(p.loop.Stored())
	p.metrics.emitted(p.emitted.get())
}
