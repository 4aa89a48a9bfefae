package projector

import (
	"context"
	"errors"
	"time"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// Refusal is why a command was refused that was applied lately: one of the last
// 65,536. Empty: it was accepted.
func (p *Projector) Refusal(seq events.Seq) string { return p.refused.reason(seq) }

// Applied is the seq of the last command that was folded in.
func (p *Projector) Applied() events.Seq { return p.applied.get() }

// Log is the log that is folded.
func (p *Projector) Log() *log.Log { return p.log }

// Checkpoint writes the files of the store, as of a commit, into a new folder
// of the same file system. Nothing stops meanwhile.
func (p *Projector) Checkpoint(dir string) error {
	_, err := loop.Use(p.loop, func(s *store.Store) (struct{}, error) { return struct{}{}, s.Checkpoint(dir) })
	p.ReportCorrupt(err)
	return err
}

// ReportCorrupt says that the store, or a copy of its files, can't be read. Run ends
// with the error if it is a store.ErrCorrupt.
func (p *Projector) ReportCorrupt(err error) {
	if errors.Is(err, store.ErrCorrupt) {
		select {
		case p.corrupt <- err:
		default: // reported already
		}
	}
}

// WaitApplied returns nil once the command seq has been applied.
func (p *Projector) WaitApplied(ctx context.Context, seq events.Seq) error {
	return p.applied.wait(ctx, seq)
}

// WaitEmitted returns nil once all events of the commands up to seq are
// stored.
func (p *Projector) WaitEmitted(ctx context.Context, seq events.Seq) error {
	return p.emitted.wait(ctx, seq)
}

// Watch makes a user a watcher of large groups until the time returned.
func (p *Projector) Watch(user string) (until events.Time, err error) {
	until, err = p.emitter.Watch(user)
	if err != nil {
		p.ReportCorrupt(err)
	}
	return until, err
}

// Hold has change events and receipts held back for a while, with 0 no longer. It
// returns until when; 0: they are not.
func (p *Projector) Hold(ttl time.Duration) (until events.Time, err error) {
	return p.emitter.Hold(ttl), nil
}

// stopped says why a closed store is closed, and reports a corrupt one.
func (p *Projector) stopped(err error) error {
	if !errors.Is(err, store.ErrClosed) {
		p.ReportCorrupt(err)
		return err
	}
	if why := p.failure.Load(); why != nil {
		return *why
	}
	return ErrStopped
}
