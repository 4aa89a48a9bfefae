package projector

import (
	"context"
	"errors"
	"time"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/view"
)

// View answers at one applied position. It is for one goroutine and must be
// closed.
type View struct {
	snap    *store.Snapshot
	damaged func(error)
}

// View opens a view of the last commit. It fails once the projector has
// stopped: better no answer than an old one.
func (p *Projector) View() (*View, error) {
	if why := p.failure.Load(); why != nil {
		return nil, *why
	}
	snap, err := p.loop.Snapshot()
	if err != nil {
		return nil, p.stopped(err)
	}
	return &View{snap: snap, damaged: p.Damaged}, nil
}

// NewView shows a store that no projector has: one folded up to some seq of
// the past.
func NewView(s *store.Store) (*View, error) {
	snap, err := s.Snapshot()
	if err != nil {
		return nil, err
	}
	return &View{snap: snap, damaged: func(error) {}}, nil
}

// stopped says why a closed store is closed, and tells of a damaged one.
func (p *Projector) stopped(err error) error {
	if !errors.Is(err, store.ErrClosed) {
		p.Damaged(err)
		return err
	}
	if why := p.failure.Load(); why != nil {
		return *why
	}
	return ErrStopped
}

// Close gives the view back.
func (v *View) Close() error { return v.snap.Close() }

// read reads rows.
func (v *View) read(fn func(fold.Reader) error) error {
	err := v.snap.Read(fn)
	if err != nil {
		v.damaged(err)
	}
	return err
}

// Until has an answer that takes long look now and then whether it is still
// wanted, as ctx.Err says it: an error ends it.
func (v *View) Until(wanted func() error) { v.snap.Until(wanted) }

// Applied is the seq of the last command that the view shows.
func (v *View) Applied() events.Seq { return v.snap.Position().Applied }

// Totals answers a TotalsRequest.
func (v *View) Totals(user string, q events.TotalsRequest) (reply events.TotalsReply, err error) {
	err = v.read(func(r fold.Reader) error {
		reply = view.Totals(r, user, q)
		return nil
	})
	return reply, err
}

// Conversations answers a ConversationsRequest.
func (v *View) Conversations(user string, q events.ConversationsRequest) (reply events.ConversationsReply, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		reply, err = view.Conversations(r, user, q)
		return err
	})
	return reply, err
}

// Conversation answers for one conversation, or with events.ErrNotFound.
func (v *View) Conversation(user string, c events.ConversationID) (reply events.ConversationReply, err error) {
	err = v.read(func(r fold.Reader) error {
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
	err = v.read(func(r fold.Reader) (err error) {
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
	err = v.read(func(r fold.Reader) error {
		receipt, ok := view.Receipt(r, user, peer)
		if !ok {
			return events.ErrNotFound
		}
		reply = events.ReceiptReply{User: user, Version: receipt.Version, Peer: peer, Upto: receipt.Upto, At: receipt.At}
		return nil
	})
	return reply, err
}

// Holds reports whether there is a row of a conversation, in the list or not.
func (v *View) Holds(user string, c events.ConversationID) (holds bool, err error) {
	err = v.read(func(r fold.Reader) error {
		holds = view.Holds(r, fold.Key{User: user, ConversationID: c})
		return nil
	})
	return holds, err
}

// SelfMade counts a user's C2C conversations in which there is no message.
func (v *View) SelfMade(user string) (n int, err error) {
	err = v.read(func(r fold.Reader) error {
		n = view.SelfMade(r, user)
		return nil
	})
	return n, err
}

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
	p.Damaged(err)
	return err
}

// Damaged tells that the store, or a copy of its files, can't be read. Run ends
// with the error if it is a store.ErrCorrupt.
func (p *Projector) Damaged(err error) {
	if errors.Is(err, store.ErrCorrupt) {
		select {
		case p.damaged <- err:
		default: // told already
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
		p.Damaged(err)
	}
	return until, err
}

// Peer is what the other reddots are told of how far this one is. It asks nobody.
func (p *Projector) Peer() events.Peer {
	state, _ := p.state()
	applied := p.applied.get()
	return events.Peer{
		Role: string(p.emitter.State()), State: state,
		Applied: applied, Emitted: p.emitted.get(), Last: max(applied, events.Seq(p.health.last.Load())),
	}
}

// statusPatience is how long a status waits for the stream to say how far it is.
// Then it tells what is known: that the stream does not answer is what one wants
// to hear of.
const statusPatience = 500 * time.Millisecond

// lastNow is the stream's last seq, as far as is known. A request does not end with
// its context while the connection is locked, which tries to come back: it is not
// waited for.
func (p *Projector) lastNow(ctx context.Context) events.Seq {
	known := events.Seq(p.health.last.Load())
	if !p.contact.up() {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	answer := make(chan events.Seq, 1)
	go func() {
		_, last, err := p.log.Range(ctx)
		if err != nil {
			last = 0
		}
		answer <- last
	}()
	select {
	case last := <-answer:
		return max(known, last)
	case <-ctx.Done():
		return known
	}
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
	s.Policy = events.Policy{OwnMessage: at.Policy.String()}
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
