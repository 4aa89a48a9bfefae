package projector

import (
	"context"
	"errors"
	"time"

	"reddot/events"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// Peer is what the other reddots hear of how far this one is. It asks nobody.
func (p *Projector) Peer() events.Peer {
	state, _ := p.state()
	applied := p.applied.get()
	return events.Peer{
		Role: string(p.emitter.State()), State: state,
		Applied: applied, Emitted: p.emitted.get(), Last: max(applied, events.Seq(p.health.last.Load())),
	}
}

// statusPatience is how long a status waits for the stream to say how far it is.
// Then it says what is known: that the stream does not answer is what one wants
// to hear of.
const statusPatience = 500 * time.Millisecond

// End is the log's last seq; an error if it is not known now. A request does not end with
// its context while the connection is locked, which tries to come back: it is not
// waited for.
func (p *Projector) End(ctx context.Context) (events.Seq, error) {
	if !p.contact.up() {
		return 0, errLost
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	type end struct {
		last events.Seq
		err  error
	}
	answer := make(chan end, 1)
	go func() {
		_, last, err := p.log.Range(ctx)
		answer <- end{last, err}
	}()
	select {
	case got := <-answer:
		return max(got.last, events.Seq(p.health.last.Load())), p.lostOr(got.err)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// lastNow is the log's last seq, as far as is known.
func (p *Projector) lastNow(ctx context.Context) events.Seq {
	last, err := p.End(ctx)
	if err != nil {
		return events.Seq(p.health.last.Load())
	}
	return last
}

// Status says how far the projection has come. It waits for no server for long.
func (p *Projector) Status(ctx context.Context) (events.Status, error) {
	s := events.Status{
		Stream: p.cfg.Subjects.CommandStream(), Emitter: string(p.emitter.State()), Foreign: p.emitter.Foreign(),
		Commands: map[string]uint64{},
	}
	snap, err := p.loop.Snapshot()
	if err != nil {
		return s, p.stopped(err)
	}
	at := snap.Position()
	durable, err := loop.Use(p.loop, (*store.Store).Durable)
	if err = errors.Join(err, snap.Close()); err != nil {
		return s, p.stopped(err)
	}
	s.State, s.Error = p.state()
	s.Applied, s.Emitted, s.Durable = at.Applied, p.emitted.get(), durable
	s.Last = max(p.lastNow(ctx), s.Applied)
	s.Lag = uint64(s.Last - s.Applied)
	s.Digest = at.Digest()
	s.HeldUntil = p.emitter.Held()
	s.Policy = events.Policy{OwnMessage: at.Policies.Own.String(), Threads: at.Policies.Threads.String(), GroupReceipts: at.Policies.Receipts.String()}
	s.Ignored, s.RefusedFor = at.Ignored, map[string]uint64{}
	for r, n := range at.Refused {
		if n > 0 {
			s.Refused += n
			s.RefusedFor[events.Refusal(r).String()] = n
		}
	}
	for v, n := range at.Accepted {
		if n > 0 {
			s.Commands[events.Verb(v).String()] = n
		}
	}
	s.Rebuild = p.rebuilding.status()
	s.Skipped = at.Skipped
	s.Stalled, s.EmissionStalled = p.health.fold.get(), p.health.emission.get()
	return s, nil
}
