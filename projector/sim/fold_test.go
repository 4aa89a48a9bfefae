package sim

import (
	"context"
	"errors"

	"reddot/events"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// fold drives the loop, as projector.Projector does.
func (r *run) fold(ctx context.Context) error {
	return r.logs.fold.Read(ctx, r.loop.Applied(), func(batch []store.Entry) error { return r.foldBatch(ctx, batch) })
}

// hold waits for the right to drive the loop.
func (r *run) hold(ctx context.Context) error {
	select {
	case <-r.driving:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) release() { r.driving <- struct{}{} }

// foldBatch drives the loop by one batch. Each step takes its time, so that the process
// may be killed between any two.
func (r *run) foldBatch(ctx context.Context, batch []store.Entry) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := r.pause(ctx, r.folder); err != nil { // the emitter has what the batch before left to it
		return err
	}
	if err := r.loop.Apply(batch); err != nil {
		return err
	}
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	ready, err := r.loop.Commit()
	if err != nil {
		return err
	}
	if err := r.w.checkDigest(r.loop.Store()); err != nil {
		return err
	}
	r.w.do(func() { r.w.note("%s has folded %d, to %d", r.name, ready.Commands, ready.Applied) })
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	if r.w.sabotage.ready != nil {
		r.w.sabotage.ready(&ready)
	}
	r.applied.Store(uint64(ready.Applied))
	r.emitter.Add(ready.Dirty, ready.Applied, ready.Time)
	r.loop.Advance()
	if !ready.Flush && !r.folder.one(r.w.plan.flushEvery) {
		return nil
	}
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	return r.loop.Store().Flush()
}

// stored is notified that all events of the commands up to seq are stored.
func (r *run) stored(seq events.Seq) {
	r.loop.SetEmitted(seq)
	r.w.do(func() { r.w.emitted(r.name, r.loop.Stored()) })
}

// near is how near a new store must come before it takes the place of the one in use.
const near = 5

// rebuild builds a new store beside the one in use, and puts it in its place.
func (r *run) rebuild(ctx context.Context) error {
	s, dir, err := r.newStore()
	if err != nil {
		return err
	}
	if err := r.loop.CatchUp(ctx, r.logs.build, s, near, nil); err != nil {
		return err
	}
	if err := r.hold(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := loop.Build(ctx, r.logs.build, s, r.loop.Position().Applied, nil); err != nil {
		return err
	}
	differs, err := r.loop.Compare(s)
	if differs {
		err = errDigest
	}
	if err := errors.Join(err, r.w.checkDigest(s), s.Flush(), r.stores.Use(dir)); err != nil {
		return err
	}
	r.w.do(func() { r.w.note("%s has a new store at %d", r.name, s.Position().Applied) })
	r.loop.Swap(s)
	return nil
}
