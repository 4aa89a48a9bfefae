package twin

import "reddot/events"

// Explain says message by message why the count of a conversation is what it is, or
// that of one of its timelines, in at most limit messages, the oldest first. Version
// is the user's. It answers false for what is not there.
func (m *Model) Explain(user, conversation string, thread *string, limit int) (events.Explanation, bool) {
	v := m.listedView(user, conversation)
	if v == nil {
		return events.Explanation{}, false
	}
	if thread == nil {
		c := v.shows().conversation
		return v.explain(m.versions[user], c.Unread, c.Mentions, v.ofConversation, nil, limit), true
	}
	t, ok := m.Thread(user, conversation, *thread)
	if !ok {
		return events.Explanation{}, false
	}
	of := func(x *message) bool { return x.thread == *thread }
	return v.explain(m.versions[user], t.Unread, t.Mentions, of, thread, limit), true
}

// explain explains a count that the unread messages make up which are of it.
func (v *view) explain(version events.Seq, unread, mentions uint64, of func(*message) bool, thread *string, limit int) events.Explanation {
	e := events.Explanation{
		User: v.user, Version: version, Conversation: v.name.String(),
		Unread: unread, Mentions: mentions, MarkedUnread: v.marked, Muted: v.level == events.LevelNone,
		Thread: thread, Labels: v.shownLabels(),
		ReadUpto: v.readUpto(v.read), ReadAt: v.readAt, ReadSeq: v.readSeq,
		Messages: []events.ExplainedMessage{},
	}
	if v.level != events.LevelAll {
		e.Level = v.level.String()
	}
	read := v.read
	if thread != nil {
		read = v.pos(*thread)
		e.ReadUpto = v.readUpto(read)
	}
	if thread == nil || *thread == "" {
		e.Carried = v.carried
		counts, _ := v.carriedBut()
		e.Blocked = v.carried - counts
	}
	for _, r := range v.pending {
		e.PendingReads = append(e.PendingReads, events.PendingRead{Upto: r.upto, At: r.at, Seq: r.seq, Private: !r.open})
	}
	v.breakDown(&e, read, of, thread != nil)
	for m := range v.unread() {
		if !of(m) {
			continue
		}
		if len(e.Messages) == limit {
			e.More++
			continue
		}
		e.Messages = append(e.Messages, events.ExplainedMessage{
			ID: m.id, From: m.from, At: m.at, Seq: m.seq, Mention: m.names(v.user), Thread: m.thread,
		})
	}
	return e
}

// breakDown says what the messages after a read position are. What threads with a
// position of their own, muted ones and those that count apart make of it is the rest.
func (v *view) breakDown(e *events.Explanation, read int, of func(*message) bool, ofOne bool) {
	for i := read; i < len(v.chat.log); i++ {
		m := &v.chat.log[i]
		if !v.counted(m) || ofOne && !of(m) {
			continue
		}
		e.SinceRead++
		switch {
		case i < v.chat.purged:
			e.Purged++
		case m.apart && !ofOne: // among what threads take
		case m.revoked:
			e.Revoked++
		case v.own(m):
			e.Own++
		case v.account.blocked[m.from]:
			e.Blocked++
		}
	}
	e.Threads = int64(e.Unread) - int64(e.Carried+e.SinceRead-e.Own-e.Revoked-e.Blocked-e.Purged)
}
