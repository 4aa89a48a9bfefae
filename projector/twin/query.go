package twin

import (
	"cmp"
	"maps"
	"slices"

	"reddot/events"
)

// Users returns every user that the model remembers anything of, a version
// or a receipt sent to the user included, sorted.
func (m *Model) Users() []string {
	known := map[string]bool{}
	for user := range m.versions {
		known[user] = true
	}
	for _, c := range m.chats {
		for user, v := range c.views {
			if v.holds() {
				known[user] = true
			}
			if v.receipt != nil {
				known[v.receipt.User] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// OwnPolicy returns the policy in force.
func (m *Model) OwnPolicy() events.OwnPolicy { return m.policy }

// Version returns the seq of the last command that changed anything of a
// user's; 0 for a user nobody has heard of.
func (m *Model) Version(user string) events.Seq { return m.versions[user] }

// Totals sums up a user's list (rule total), or its conversations of one kind.
// With includeMuted the muted ones enter every sum like the others; Muted
// has their unread either way.
func (m *Model) Totals(user string, kind events.Kind, includeMuted bool) events.Totals {
	return m.TotalsOf(user, events.TotalsRequest{Kind: kind, IncludeMuted: includeMuted})
}

// TotalsOf answers a TotalsRequest.
func (m *Model) TotalsOf(user string, q events.TotalsRequest) events.Totals {
	var t events.Totals
	for _, v := range m.views(user) {
		if !v.listed || q.Kind != events.NoKind && q.Kind != v.name.Kind || q.Mentioned && v.mentions() == 0 {
			continue
		}
		unread := uint64(len(v.unread()))
		if v.muted {
			t.Muted += unread
			if !q.IncludeMuted {
				continue
			}
		}
		t.Unread += unread
		if v.name.Kind == events.C2C {
			t.C2C += unread
		} else {
			t.Group += unread
		}
		t.Mentions += v.mentions()
		if unread > 0 || v.marked {
			t.Conversations++
		}
	}
	return t
}

// Conversations returns a user's whole list, newest activity first, equally
// new ones by name. It is never nil.
func (m *Model) Conversations(user string) []events.Conversation {
	views := slices.DeleteFunc(m.views(user), func(v *view) bool { return !v.listed })
	slices.SortFunc(views, func(a, b *view) int {
		return cmp.Or(cmp.Compare(b.activity(), a.activity()), byName(a, b))
	})
	list := make([]events.Conversation, 0, len(views))
	for _, v := range views {
		list = append(list, v.conversation())
	}
	return list
}

func (v *view) conversation() events.Conversation {
	unread := v.unread()
	c := events.Conversation{
		Conversation: v.name.String(),
		Unread:       uint64(len(unread)),
		Mentions:     v.mentions(),
		MarkedUnread: v.marked,
		Muted:        v.muted,
		ReadUpto:     v.readUpto(),
		ReadAt:       v.readAt,
		Version:      v.version,
	}
	if i := v.chat.last(); i >= 0 {
		last := &v.chat.log[i]
		c.LastMessage = &events.LastMessage{ID: last.id, From: last.from, At: last.at, Revoked: last.never || last.recalled}
	}
	if len(unread) > 0 {
		c.FirstUnread = unread[0].id
	}
	return c
}

// Explain says message by message why a count is what it is, in at most limit
// messages, the oldest first. Version is the user's. It answers false for a
// conversation that is not in the list.
func (m *Model) Explain(user, conversation string, limit int) (events.Explanation, bool) {
	for _, v := range m.views(user) {
		if v.listed && v.name.String() == conversation {
			return v.explain(m.versions[user], limit), true
		}
	}
	return events.Explanation{}, false
}

func (v *view) explain(version events.Seq, limit int) events.Explanation {
	e := events.Explanation{
		User: v.user, Version: version, Conversation: v.name.String(),
		Mentions: v.mentions(), MarkedUnread: v.marked, Muted: v.muted,
		ReadUpto: v.readUpto(), ReadAt: v.readAt, ReadSeq: v.readSeq,
		Messages: []events.ExplainedMessage{},
	}
	for _, r := range v.pending {
		e.PendingReads = append(e.PendingReads, events.PendingRead{Upto: r.upto, At: r.at, Seq: r.seq, Private: !r.open})
	}
	for i := v.read; i < len(v.chat.log); i++ {
		m := &v.chat.log[i]
		if !v.counted(m) {
			continue
		}
		e.SinceRead++
		switch {
		case m.revoked:
			e.Revoked++
		case v.own(m):
			e.Own++
		default:
			e.Unread++
			if len(e.Messages) == limit {
				e.More++
				continue
			}
			e.Messages = append(e.Messages, events.ExplainedMessage{
				ID: m.id, From: m.from, At: m.at, Seq: m.seq, Mention: m.names(v.user), Thread: m.thread,
			})
		}
	}
	return e
}

// Receipt answers how far peer has read user's messages: the last receipt that
// was sent to user about peer, or false. It is part of what peer did, so
// erasing peer forgets it.
func (m *Model) Receipt(user, peer string) (events.ReceiptReply, bool) {
	for _, v := range m.views(peer) {
		if v.name == (events.ConversationID{Kind: events.C2C, ID: user}) && v.receipt != nil {
			return events.ReceiptReply{User: user, Version: v.receipt.Version, Peer: peer, Upto: v.receipt.Upto, At: v.receipt.At}, true
		}
	}
	return events.ReceiptReply{}, false
}
