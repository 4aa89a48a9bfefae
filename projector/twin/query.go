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
	for user, a := range m.accounts {
		if a.holds() {
			known[user] = true
		}
	}
	for _, c := range m.chats() {
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

// Policy returns the policies in force.
func (m *Model) Policy() events.Policy {
	return events.Policy{OwnMessage: m.own.String(), Threads: m.threads.String(), GroupReceipts: m.receipts.String()}
}

// Version returns the seq of the last command that changed anything of a
// user's; 0 for a user nobody has heard of.
func (m *Model) Version(user string) events.Seq { return m.versions[user] }

// Totals sums up a user's list (rule total), or its conversations of one kind.
// With includeMuted the muted ones enter every sum like the others; Muted
// has their unread either way.
func (m *Model) Totals(user string, kind events.Kind, includeMuted bool) events.Totals {
	return m.TotalsOf(user, events.Filter{Kind: kind, IncludeMuted: includeMuted})
}

// TotalsOf sums up the conversations of a user's list that a filter lets through
// (rules total, level, label, filter).
func (m *Model) TotalsOf(user string, f events.Filter) (t events.Totals) {
	for _, v := range m.views(user) {
		if now := v.shows(); now.listed && lets(f, &now.conversation) {
			add(&t, f, &now.conversation, now.mentioned)
		}
	}
	return t
}

// Filters returns the totals of the filters that a user keeps, nil if there are none.
func (m *Model) Filters(user string) events.NamedTotals {
	if m.accounts[user] == nil || len(m.accounts[user].filters) == 0 {
		return nil
	}
	all := events.NamedTotals{}
	for name, f := range m.accounts[user].filters {
		all[name] = m.TotalsOf(user, f)
	}
	return all
}

// Filter returns a filter that a user keeps.
func (m *Model) Filter(user, name string) (events.Filter, bool) {
	if m.accounts[user] == nil {
		return events.Filter{}, false
	}
	f, ok := m.accounts[user].filters[name]
	return f, ok
}

// Conversations returns a user's whole list, newest activity first, equally
// new ones by name. It is never nil.
func (m *Model) Conversations(user string) []events.Conversation {
	return m.ConversationsOf(user, events.ConversationsRequest{})
}

// ConversationsOf returns what of a user's list a request asks for, on one page
// however long.
func (m *Model) ConversationsOf(user string, q events.ConversationsRequest) []events.Conversation {
	views := slices.DeleteFunc(m.views(user), func(v *view) bool { return !v.inList() })
	slices.SortFunc(views, func(a, b *view) int {
		return cmp.Or(cmp.Compare(b.activity(), a.activity()), byName(a, b))
	})
	list := make([]events.Conversation, 0, len(views))
	for _, v := range views {
		c := v.shows().conversation
		c.Version = v.version
		if lets(q.Filter(), &c) && (!q.UnreadOnly || c.Unread > 0 || c.MarkedUnread) {
			list = append(list, c)
		}
	}
	return list
}

// activity is what the list is ordered by: the seq of the last message that
// shows, in a group not before the join; of an import where there is none.
func (v *view) activity() events.Seq {
	last := v.chat.last()
	switch {
	case v.name.Kind == events.C2C && last < 0:
		return v.importSeq
	case last >= 0:
		return max(v.chat.log[last].seq, v.joinSeq)
	}
	return v.joinSeq
}

// listedView returns the view of a conversation that is in the user's list.
func (m *Model) listedView(user, conversation string) *view {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return nil
	}
	if v := m.known(user, id); v != nil && v.inList() {
		return v
	}
	return nil
}

// Thread returns a thread of a conversation in the user's list, or its main timeline.
// It answers false if the conversation or the thread is not there.
func (m *Model) Thread(user, conversation, thread string) (events.Thread, bool) {
	v := m.listedView(user, conversation)
	if v == nil {
		return events.Thread{}, false
	}
	t := v.shows().threads[thread]
	if t == nil {
		return events.Thread{}, false
	}
	t.Version = v.threadVersions[thread]
	return *t, true
}

// Threads returns the threads that a request asks for, newest activity first, on one
// page however long. It answers false if the conversation is not in the list.
func (m *Model) Threads(user string, q events.ThreadsRequest) ([]events.Thread, bool) {
	everywhere := q.Conversation == (events.ConversationID{})
	type placed struct {
		events.Thread
		seq events.Seq
	}
	var all []placed
	found := everywhere
	for _, v := range m.views(user) {
		if !v.inList() || !everywhere && v.name != q.Conversation {
			continue
		}
		found = true
		for thread, now := range v.shows().threads {
			if thread == "" {
				continue
			}
			t := placed{Thread: *now}
			t.Version = v.threadVersions[thread]
			if i := v.chat.lastOf(thread); i >= 0 {
				t.seq = v.chat.log[i].seq
			}
			if (t.Following || !everywhere && !q.Following) && (t.Unread > 0 || !q.UnreadOnly) {
				all = append(all, t)
			}
		}
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(b.seq, a.seq), cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Thread.Thread, b.Thread.Thread))
	})
	list := make([]events.Thread, 0, len(all))
	for _, t := range all {
		list = append(list, t.Thread)
	}
	return list, found
}

// ReceiptThreads returns the threads that a receipt was sent to user for, of reads by
// peer.
func (m *Model) ReceiptThreads(user, peer string) (all []string) {
	for thread, t := range m.c2c(peer, user).timelines {
		if thread != "" && t.receipt != nil {
			all = append(all, thread)
		}
	}
	return all
}

// Receipt answers how far peer has read user's messages: the last receipt that
// was sent to user about peer, of the conversation or its main timeline, or of the one
// timeline that is named, or false. It is part of what peer did, so erasing peer forgets it.
func (m *Model) Receipt(user, peer string, thread *string) (events.ReceiptReply, bool) {
	v := m.known(peer, events.ConversationID{Kind: events.C2C, ID: user})
	if v == nil {
		return events.ReceiptReply{}, false
	}
	r := v.receipt
	if thread != nil {
		r = v.of(*thread).receipt
	} else if main := v.of("").receipt; main != nil && (r == nil || main.Version > r.Version) {
		r = main
	}
	if r == nil {
		return events.ReceiptReply{}, false
	}
	return events.ReceiptReply{User: user, Version: r.Version, Peer: peer, Upto: r.Upto, At: r.At}, true
}
