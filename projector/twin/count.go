package twin

import "reddot/events"

// pos is a timeline's read position: the conversation's until it has one of its
// own (rule timeline).
func (v *view) pos(thread string) int {
	if t := v.timelines[thread]; t != nil && t.own {
		return t.read
	}
	return v.common(thread)
}

// common is the position of a timeline that has none of its own: the conversation's,
// in a thread one that a read of all threads has moved beyond it.
func (v *view) common(thread string) int {
	if thread == "" {
		return v.read
	}
	return max(v.read, v.threadsRead)
}

// counted reports whether a message raised somebody's unread when it came (rules
// count, silent, revoke). Nobody counts an own C2C message: its only reader
// wrote it.
func (v *view) counted(m *message) bool {
	if v.name.Kind == events.C2C && v.own(m) {
		return false
	}
	return !m.quiet()
}

// counts reports whether a message counts for the user as long as it is unread: in
// the conversation, or apart in a thread that the user follows. Of the senders in
// blocked none counts.
func (v *view) counts(i int, blocked map[string]bool) bool {
	m := &v.chat.log[i]
	if i < v.floor() || !v.counted(m) || v.own(m) || m.revoked || blocked[m.from] {
		return false
	}
	if !m.apart {
		return true
	}
	t := v.of(m.thread)
	return t.following && i >= t.from // rule follow
}

// lowest is the lowest read position of all timelines.
func (v *view) lowest() int {
	low := v.read
	for _, t := range v.timelines {
		if t.own {
			low = min(low, t.read)
		}
	}
	return low
}

// unread returns the messages that count and are unread, in any timeline, the oldest
// first.
func (v *view) unread(blocked map[string]bool) []*message {
	var all []*message
	main := v.pos("")
	for i := v.lowest(); i < len(v.chat.log); i++ {
		m, from := &v.chat.log[i], main
		if m.thread != "" {
			from = v.pos(m.thread)
		}
		if i >= from && v.counts(i, blocked) {
			all = append(all, m)
		}
	}
	return all
}

// ofConversation reports whether an unread message makes up the conversation's count.
func (v *view) ofConversation(m *message) bool { return !m.apart && !v.of(m.thread).muted }

// ofThreads reports whether it makes up what counts apart.
func (v *view) ofThreads(m *message) bool { return m.apart && !v.of(m.thread).muted }

// conversation is what the user is shown, but for its version.
func (v *view) conversation() events.Conversation {
	return v.conversationOf(v.unread(v.account.blocked), v.account.blocked)
}

// carriedBut is what is carried and counts: nothing of a peer in blocked, who has written
// all of it.
func (v *view) carriedBut(blocked map[string]bool) (unread, mentions uint64) {
	if v.name.Kind == events.C2C && blocked[v.name.ID] {
		return 0, 0
	}
	return v.carried, v.carriedMentions
}

// conversationOf is conversation with these unread messages, which are of nobody in
// blocked.
func (v *view) conversationOf(unread []*message, blocked map[string]bool) events.Conversation {
	carried, mentions := v.carriedBut(blocked)
	c := events.Conversation{
		Conversation: v.name.String(),
		Unread:       carried,
		Mentions:     mentions,
		MarkedUnread: v.marked,
		Muted:        v.level == events.LevelNone,
		Labels:       v.shownLabels(),
		ReadUpto:     v.readUpto(v.read),
		ReadAt:       v.readAt,
	}
	if v.level != events.LevelAll {
		c.Level = v.level.String()
	}
	if i := v.chat.last(); i >= 0 && i >= max(v.cleared, v.chat.purged) {
		c.LastMessage = v.chat.log[i].last()
	}
	apart := map[string]bool{}
	for _, m := range unread {
		switch {
		case v.ofConversation(m):
			if c.Unread == 0 {
				c.FirstUnread = m.id
			}
			c.Unread++
			c.Mentions += one(m.names(v.user))
		case v.ofThreads(m):
			c.Threads.Unread++
			c.Threads.Mentions += one(m.names(v.user))
			apart[m.thread] = true
		}
	}
	c.Threads.Threads = uint64(len(apart))
	return c
}

// mentioned is how many threads have unread mentions apart.
func (v *view) mentioned() uint64 {
	threads := map[string]bool{}
	for _, m := range v.unread(v.account.blocked) {
		if v.ofThreads(m) && m.names(v.user) {
			threads[m.thread] = true
		}
	}
	return uint64(len(threads))
}

// threadOf is what the user is shown of a timeline, but for its version. last is its
// newest message that shows, -1 for none; unread are the unread messages of the
// conversation, of nobody in blocked.
func (v *view) threadOf(thread string, last int, unread []*message, blocked map[string]bool) events.Thread {
	t := v.of(thread)
	shown := events.Thread{
		Conversation: v.name.String(),
		Thread:       thread,
		Following:    t.following,
		Muted:        t.muted,
		ReadUpto:     v.readUpto(v.pos(thread)),
	}
	if thread == "" { // rule carried
		shown.Unread, shown.Mentions = v.carriedBut(blocked)
	}
	if last >= max(v.cleared, v.chat.purged) {
		shown.LastMessage = v.chat.log[last].last()
	}
	for _, m := range unread {
		if m.thread == thread {
			v.countIn(&shown, m)
		}
	}
	return shown
}

// countIn counts an unread message in the thread that it is of.
func (v *view) countIn(t *events.Thread, m *message) {
	if t.Unread == 0 {
		t.FirstUnread = m.id
	}
	t.Unread++
	t.Mentions += one(m.names(v.user))
}

func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}
