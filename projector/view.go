package projector

import (
	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// View answers at one applied position. It is for one goroutine and must be
// closed.
type View struct {
	snap *store.Snapshot
	of   *Projector // nil: a store that no projector has
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
	return &View{snap: snap, of: p}, nil
}

// NewView shows a store that no projector has: one folded up to some seq of
// the past.
func NewView(s *store.Store) (*View, error) {
	snap, err := s.Snapshot()
	if err != nil {
		return nil, err
	}
	return &View{snap: snap}, nil
}

// Close gives the view back.
func (v *View) Close() error { return v.snap.Close() }

// read reads rows.
func (v *View) read(fn func(fold.Reader) error) error {
	err := v.snap.Read(fn)
	if err != nil {
		v.report(err)
	}
	return err
}

func (v *View) report(err error) {
	if v.of != nil {
		v.of.ReportCorrupt(err)
	}
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

// Resume answers a ResumeRequest.
func (v *View) Resume(user string, q events.ResumeRequest) (reply events.ResumeReply, err error) {
	err = v.read(func(r fold.Reader) error {
		reply = view.Resume(r, user, q)
		return nil
	})
	return reply, err
}

// Threads answers a ThreadsRequest, or with events.ErrNotFound.
func (v *View) Threads(user string, q events.ThreadsRequest) (reply events.ThreadsReply, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		reply, err = view.Threads(r, user, q)
		return err
	})
	return reply, err
}

// Thread answers for one timeline of a conversation, or with events.ErrNotFound.
func (v *View) Thread(user string, c events.ConversationID, thread string) (reply events.ThreadReply, err error) {
	err = v.read(func(r fold.Reader) error {
		t, ok := view.Thread(r, fold.Key{User: user, ConversationID: c}, thread)
		if !ok {
			return events.ErrNotFound
		}
		reply = events.ThreadReply{User: user, Version: view.Version(r, user), Thread: t}
		return nil
	})
	return reply, err
}

// Explain says why a count is what it is, or events.ErrNotFound.
func (v *View) Explain(user string, q events.ExplainRequest) (reply events.Explanation, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		k, ok := fold.Key{User: user, ConversationID: q.Conversation}, false
		if reply, ok = view.Explain(r, k, q.Thread, q.Most()); !ok {
			return events.ErrNotFound
		}
		if q.Log {
			reply.Log, reply.LogNext, err = view.Log(r, k, q.Thread, q.LogAfter, q.Most())
		}
		return err
	})
	return reply, err
}

// Receipt says how far peer has read user's messages, or events.ErrNotFound.
func (v *View) Receipt(user, peer string, thread *string) (reply events.ReceiptReply, err error) {
	err = v.read(func(r fold.Reader) error {
		receipt, ok := view.Receipt(r, user, peer, thread)
		if !ok {
			return events.ErrNotFound
		}
		reply = events.ReceiptReply{User: user, Version: receipt.Version, Peer: peer, Upto: receipt.Upto, At: receipt.At}
		return nil
	})
	return reply, err
}

// GroupReceipts says by how many members messages of a group are read. Who may not
// ask: events.ErrForbidden. The policy is "off": events.ErrUnavailable.
func (v *View) GroupReceipts(user string, q events.GroupReceiptsRequest) (reply events.GroupReceiptsReply, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		reply, err = view.GroupReceipts(r, user, q)
		return err
	})
	return reply, err
}

// Readers is one page of who has read a message of a group, or has not. A message that
// is unknown or recalled: events.ErrNotFound; else as GroupReceipts.
func (v *View) Readers(user string, q events.ReadersRequest) (reply events.ReadersReply, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		reply, err = view.Readers(r, user, q)
		return err
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

// HoldsThread reports whether there is a message of a thread, or a row of the user's.
func (v *View) HoldsThread(user string, c events.ConversationID, thread string) (holds bool, err error) {
	err = v.read(func(r fold.Reader) error {
		holds = view.HoldsThread(r, fold.Key{User: user, ConversationID: c}, thread)
		return nil
	})
	return holds, err
}

// SelfMade counts a user's C2C conversations in which there is no message, and
// followed threads of which there is none.
func (v *View) SelfMade(user string) (n int, err error) {
	err = v.read(func(r fold.Reader) error {
		n = view.SelfMade(r, user)
		return nil
	})
	return n, err
}
