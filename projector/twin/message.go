package twin

import (
	"cmp"
	"slices"

	"reddot/events"
)

// message appends a message to a chat and tells all who look at it.
func (m *Model) message(s step, c *chat, from string) Result {
	if c.find(s.ID) >= 0 {
		return ignoredUnless(false) // rule once
	}
	c.log = append(c.log, message{
		id: s.ID, from: from, at: s.at, seq: s.seq, thread: s.Thread,
		mentions: slices.Clone(s.Mentions), all: s.MentionAll,
		silent: s.Silent,
		never:  c.revokes[s.ID], // rule revoke
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
// It returns the receipt that an early read sends.
func (m *Model) arrived(s step, v *view) *events.Receipt {
	head := len(v.chat.log)
	last := &v.chat.log[head-1]
	if v.name.Kind == events.C2C && head == 1 {
		v.listed = true // the first message makes the conversation, whatever it is
	}
	if !last.silent && !last.never {
		v.listed = true // rule delete
	}
	m.touch(v, s.seq)
	var sent *events.Receipt
	if e := v.early; e != nil && e.upto == last.id { // rule read-early
		v.early = nil
		_, sent = v.readTo(head, readBy{seq: e.seq, at: e.at, private: e.private}, s.seq)
	}
	if m.policy == events.OwnAdvance && v.own(last) && !last.silent { // rule own
		v.readTo(head, readBy{seq: s.seq, at: s.at, private: true}, s.seq)
	}
	return sent
}

// revokeC2C recalls a message from its receiver (rule revoke).
func (m *Model) revokeC2C(s step, v *view) Result {
	i := v.chat.find(s.ID)
	if i < 0 {
		return v.chat.revokeEarly(s.ID)
	}
	msg := &v.chat.log[i]
	if !v.counted(msg) || msg.revoked {
		return ignoredUnless(false)
	}
	msg.revoked = true // a read one too: it does not count again after an unread
	if i < v.read {
		return ignoredUnless(false)
	}
	m.touch(v, s.seq)
	return ignoredUnless(true)
}

// revokeGroup recalls a message from all members (rule revoke).
func (m *Model) revokeGroup(s step, c *chat) Result {
	i := c.find(s.ID)
	if i < 0 {
		return c.revokeEarly(s.ID)
	}
	msg := &c.log[i]
	if msg.silent || msg.never || msg.revoked {
		return ignoredUnless(false)
	}
	msg.revoked = true
	for user, v := range c.views {
		if i >= v.read && user != msg.from {
			m.touch(v, s.seq)
		}
	}
	return ignoredUnless(true)
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
