package projector

import (
	"context"
	"errors"
	"fmt"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// View answers at one applied position. It is for one goroutine and must be
// closed.
type View struct {
	snap  *store.Snapshot
	close func()
}

// View opens a view of the last commit. It fails once the projector has
// stopped: better no answer than an old one.
func (p *Projector) View() (*View, error) {
	if why := p.failure.Load(); why != nil {
		return nil, *why
	}
	release, ok := p.hold()
	if !ok {
		return nil, ErrStopped
	}
	snap, err := p.store.Snapshot()
	if err != nil {
		release()
		return nil, err
	}
	return &View{snap: snap, close: release}, nil
}

// Close gives the view back.
func (v *View) Close() error {
	defer v.close()
	return v.snap.Close()
}

// Applied is the seq of the last command that the view shows.
func (v *View) Applied() events.Seq { return v.snap.Position().Applied }

// Totals answers a TotalsQuery.
func (v *View) Totals(user string, q events.TotalsQuery) (reply events.TotalsReply, err error) {
	err = v.snap.Read(func(r fold.Reader) error {
		reply = view.Totals(r, user, q)
		return nil
	})
	return reply, err
}

// Conversations answers a ConversationsQuery.
func (v *View) Conversations(user string, q events.ConversationsQuery) (reply events.ConversationsReply, err error) {
	err = v.snap.Read(func(r fold.Reader) (err error) {
		reply, err = view.Conversations(r, user, q)
		return err
	})
	return reply, err
}

// Conversation answers for one conversation, or with events.ErrNotFound.
func (v *View) Conversation(user string, c events.ConversationID) (reply events.ConversationReply, err error) {
	err = v.snap.Read(func(r fold.Reader) error {
		conversation, ok := view.Conversation(r, fold.Key{User: user, ConversationID: c})
		if !ok {
			return events.ErrNotFound
		}
		reply = events.ConversationReply{User: user, Version: view.Version(r, user), Conversation: conversation}
		return nil
	})
	return reply, err
}

// Explain says why a count is what it is, or events.ErrNotFound.
func (v *View) Explain(user string, c events.ConversationID, limit int) (reply events.Explanation, err error) {
	err = v.snap.Read(func(r fold.Reader) (err error) {
		var ok bool
		if reply, ok = view.Explain(r, fold.Key{User: user, ConversationID: c}, limit); !ok {
			err = events.ErrNotFound
		}
		return err
	})
	return reply, err
}

// Receipt says how far peer has read user's messages, or events.ErrNotFound.
func (v *View) Receipt(user, peer string) (reply events.ReceiptReply, err error) {
	err = v.snap.Read(func(r fold.Reader) error {
		receipt, ok := view.Receipt(r, user, peer)
		if !ok {
			return events.ErrNotFound
		}
		reply = events.ReceiptReply{User: user, Version: receipt.Version, Peer: peer, Upto: receipt.Upto, At: receipt.At}
		return nil
	})
	return reply, err
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
	return p.emitter.Watch(user), nil
}

// Ready returns nil if the projection is caught up and answers, else why not.
func (p *Projector) Ready() error {
	if why := p.failure.Load(); why != nil {
		return *why
	}
	if applied := p.applied.get(); applied < p.target {
		return fmt.Errorf("catching up: applied %d of %d", applied, p.target)
	}
	return nil
}

// WaitReady returns nil once what the stream held at the start is applied.
func (p *Projector) WaitReady(ctx context.Context) error { return p.applied.wait(ctx, p.target) }

// Status says how far the projection has come.
func (p *Projector) Status(ctx context.Context) (events.Status, error) {
	s := events.Status{
		Stream: p.cfg.Subjects.CommandStream(), State: "live", Emitter: string(p.emitter.State()),
		Commands: map[string]uint64{},
	}
	release, ok := p.hold()
	if !ok {
		return s, ErrStopped
	}
	defer release()
	snap, err := p.store.Snapshot()
	if err != nil {
		return s, err
	}
	at := snap.Position()
	durable, err := p.store.Durable()
	if err = errors.Join(err, snap.Close()); err != nil {
		return s, err
	}
	info, err := p.stream.Info(ctx)
	if err != nil {
		return s, fmt.Errorf("ask for the stream's end: %w", err)
	}
	s.Applied, s.Emitted, s.Durable = at.Applied, p.emitted.get(), durable
	s.Last = max(events.Seq(info.State.LastSeq), s.Applied)
	s.Lag = uint64(s.Last - s.Applied)
	s.Digest = fmt.Sprintf("%016x", at.Digest())
	s.Policy = events.Policy{OwnMessage: at.Policy.String()}
	s.Refused, s.Ignored = at.Refused, at.Ignored
	for v, n := range at.Accepted {
		if n > 0 {
			s.Commands[events.Verb(v).String()] = n
		}
	}
	if why := p.failure.Load(); why != nil {
		s.State, s.Error = "stopped", (*why).Error()
	} else if p.Ready() != nil {
		s.State = "catching up"
	}
	return s, nil
}
