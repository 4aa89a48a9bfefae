package twin

import (
	"cmp"
	"slices"

	"reddot/events"
)

// message appends a message to a chat, for all who look at it.
func (m *Model) message(s step, c *chat, from string) Result {
	if i := c.find(s.ID); i >= 0 { // rule once
		if c.log[i].from != from {
			return refused(otherSender)
		}
		return ignoredUnless(false)
	}
	c.log = append(c.log, message{
		id: s.ID, from: from, at: s.at, seq: s.seq, thread: s.Thread,
		mentions: slices.Clone(s.Mentions), all: s.MentionAll,
		silent: s.Silent, hidden: s.Hidden,
		never: c.revokes[s.ID], // rule revoke
	})
	var r Result
	for _, v := range c.views {
		if sent := m.arrived(s, v); sent != nil {
			r.Receipts = append(r.Receipts, *sent)
		}
	}
	return r
}

// arrived brings one view up to the message that is now the last of the log.
// It returns the receipt that a pending read sends.
func (m *Model) arrived(s step, v *view) *events.Receipt {
	head := len(v.chat.log)
	last := &v.chat.log[head-1]
	if v.name.Kind == events.C2C && !last.hidden && !v.showsBefore(head-1) {
		v.listed = true // the first message that shows makes the conversation
	}
	if !last.quiet() {
		v.listed = true // rule delete
	}
	if !last.hidden {
		m.touch(v, s.seq)
	}
	var sent *events.Receipt
	for i, e := range v.pending {
		if e.upto == last.id { // rule read-early
			v.pending = slices.Delete(v.pending, i, i+1)
			_, sent = v.readTo(head, readBy{seq: e.seq, at: e.at, private: !e.open, told: e.openAt}, s.seq)
			m.touch(v, s.seq)
			break
		}
	}
	if m.policy == events.OwnAdvance && v.own(last) && !last.silent && !last.hidden { // rule own
		v.readTo(v.reach(), readBy{seq: s.seq, at: s.at, private: true}, s.seq)
	}
	return sent
}

// showsBefore reports whether one of the first n messages shows.
func (v *view) showsBefore(n int) bool {
	return slices.ContainsFunc(v.chat.log[:n], func(m message) bool { return !m.hidden })
}

// reach returns how much of the log an own message reads that has just come (rule
// own): all of it, or what comes before the first that is unread and later.
func (v *view) reach() int {
	own := len(v.chat.log) - 1
	for i := v.read; i < own; i++ {
		if v.chat.log[i].at > v.chat.log[own].at {
			return i
		}
	}
	return own + 1
}

// revokeC2C recalls a message from its receiver (rule revoke).
func (m *Model) revokeC2C(s step, v *view) Result {
	i := v.chat.find(s.ID)
	if i < 0 {
		return v.chat.revokeEarly(s.ID)
	}
	counts, shows := v.chat.recall(i, v.counted(&v.chat.log[i]))
	if !v.listed || !shows && !(counts && i >= v.read) {
		return ignoredUnless(false)
	}
	m.touch(v, s.seq)
	return ignoredUnless(true)
}

// recall notes that a message was revoked. It reports whether that takes it out of
// the counts of those who have not read it, and whether it shows, as the last
// message, to all.
func (c *chat) recall(i int, counted bool) (counts, shows bool) {
	msg := &c.log[i]
	counts = counted && !msg.revoked
	shows = i == c.last() && !msg.recalled && !msg.never
	msg.revoked = msg.revoked || counts // a read one too: it does not count again after an unread
	msg.recalled = msg.recalled || shows
	return counts, shows
}

// revokeGroup recalls a message from all members (rule revoke).
func (m *Model) revokeGroup(s step, c *chat) Result {
	i := c.find(s.ID)
	if i < 0 {
		return c.revokeEarly(s.ID)
	}
	msg := &c.log[i]
	counts, shows := c.recall(i, !msg.quiet())
	for user, v := range c.views {
		if shows || counts && i >= v.read && user != msg.from {
			m.touch(v, s.seq)
		}
	}
	return ignoredUnless(counts || shows)
}

// revokeEarly remembers the revoke of a message that has not come yet.
func (c *chat) revokeEarly(id string) Result {
	if c.revokes[id] {
		return ignoredUnless(false)
	}
	c.revokes[id] = true
	return ignoredUnless(true)
}

// join makes users members of a group (rule join).
func (m *Model) join(s step, c *chat) Result {
	changed := false
	for _, user := range s.Users {
		if c.views[user] != nil {
			continue
		}
		v := &view{
			chat: c, user: user, name: events.ConversationID{Kind: events.Group, ID: s.Inbox},
			listed: true,
			read:   len(c.log), readSeq: s.seq,
			joined: len(c.log), joinSeq: s.seq,
		}
		c.views[user] = v
		m.touch(v, s.seq)
		changed = true
	}
	return ignoredUnless(changed)
}

// leave ends memberships (rule join). The group's log stays.
func (m *Model) leave(s step, c *chat, users []string) Result {
	changed := false
	for _, user := range users {
		if c.views[user] != nil {
			m.touch(c.views[user], s.seq)
			delete(c.views, user)
			changed = true
		}
	}
	return ignoredUnless(changed)
}

// erase forgets all that is known of a user but the version.
func (m *Model) erase(s step) Result {
	changed := false
	for _, v := range m.views(s.Inbox) {
		changed = changed || v.holds()
		if v.name.Kind == events.Group {
			delete(v.chat.views, s.Inbox)
		} else {
			delete(m.chats, chatKey{events.C2C, s.Inbox, v.name.ID})
		}
	}
	if changed {
		m.versions[s.Inbox] = s.seq
	}
	return ignoredUnless(changed)
}

func byName(a, b *view) int { return cmp.Compare(a.name.String(), b.name.String()) }
