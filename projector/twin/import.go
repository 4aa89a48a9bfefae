package twin

import (
	"slices"

	"reddot/events"
)

// importAll sets what conversations were before everything that is known of them
// (rule import).
func (m *Model) importAll(s step) Result {
	r := Result{Ignored: true}
	for i := range s.Conversations {
		e := &s.Conversations[i]
		a := m.account(s.Inbox)
		if a.imported[e.Conversation] { // rule import-once
			continue
		}
		a.imported[e.Conversation] = true
		r.Ignored = false
		v := m.importedView(s, e.Conversation)
		v.takeOver(s, e)
		r.Receipts = append(r.Receipts, m.importLast(s, v, e)...)
		v.importReceipt(s, e)
	}
	return r
}

// importedView returns the view that an import is about. In a group the user is a
// member as one who was there before the first message.
func (m *Model) importedView(s step, id events.ConversationID) *view {
	if id.Kind == events.C2C {
		return m.c2c(s.Inbox, id.ID)
	}
	v := m.group(id.ID).views[s.Inbox]
	if v == nil {
		return m.enter(s, m.group(id.ID), s.Inbox, id.ID, 0)
	}
	v.joined = 0
	if !v.acted {
		v.read, v.readSeq = 0, s.seq
		v.settle()
	}
	return v
}

// takeOver sets what the view shows, where the user has done nothing yet.
func (v *view) takeOver(s step, e *events.Import) {
	if !v.deleted { // else only a message brings it back
		v.listed = true
	}
	v.importSeq = s.seq
	if v.level == events.LevelAll && e.Level != events.NoLevel {
		v.level = e.Level
	}
	if len(v.labels) == 0 {
		v.labels = slices.Compact(slices.Sorted(slices.Values(e.Labels)))
	}
	if v.acted {
		return
	}
	v.carried, v.carriedMentions = e.Unread, e.Mentions
	v.marked = v.marked || e.MarkedUnread
	if e.HasReadAt {
		v.readAt = e.ReadAt
	}
}

// importLast takes the last message if the log shows none: one that never counted.
func (m *Model) importLast(s step, v *view, e *events.Import) []events.Receipt {
	c := v.chat
	if e.LastMessage == nil || c.find(e.LastMessage.ID) >= 0 || c.shows(len(c.log)) {
		return nil
	}
	c.add(message{
		id: e.LastMessage.ID, from: e.LastMessage.From, at: e.LastMessage.At, seq: s.seq,
		silent: true, never: c.revokes[e.LastMessage.ID],
	})
	return m.arrived(s, c)
}

// importReceipt takes what the user has last sent to the peer.
func (v *view) importReceipt(s step, e *events.Import) {
	if e.Receipt == nil || v.receipt != nil || v.name.Kind != events.C2C || v.name.ID == v.user {
		return
	}
	v.receipt = &events.Receipt{
		User: v.name.ID, Peer: v.user, Conversation: events.ConversationID{Kind: events.C2C, ID: v.user}.String(),
		Version: s.seq, Upto: e.Receipt.Upto, At: e.Receipt.At,
	}
	if i := v.chat.find(e.Receipt.Upto); i >= 0 && !v.own(&v.chat.log[i]) {
		v.told = i + 1
	}
}
