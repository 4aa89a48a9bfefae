package twin

import (
	"cmp"

	"reddot/events"
)

// join makes users members of a group (rule join).
func (m *Model) join(s step, c *chat) Result {
	changed := false
	for _, user := range s.Users {
		if c.views[user] != nil {
			continue
		}
		m.enter(s, c, user, s.Inbox, len(c.log))
		changed = true
	}
	return ignoredUnless(changed)
}

// enter makes a user a member, as one who came after the first n messages.
func (m *Model) enter(s step, c *chat, user, group string, n int) *view {
	v := newView(c, user, events.ConversationID{Kind: events.Group, ID: group}, m.account(user))
	v.shown = new(shown)
	v.listed = true
	v.read, v.readSeq = n, s.seq
	v.joined, v.joinSeq = n, s.seq
	return v
}

// leave ends memberships (rule join). The group's log stays.
func (m *Model) leave(c *chat, users []string) Result {
	changed := false
	for _, user := range users {
		if c.views[user] != nil {
			delete(c.views, user)
			changed = true
		}
	}
	return ignoredUnless(changed)
}

// erase forgets all that is known of a user but the version.
func (m *Model) erase(s step) Result {
	changed := m.account(s.Inbox).holds()
	for _, v := range m.views(s.Inbox) {
		changed = changed || v.holds()
		delete(v.chat.views, s.Inbox)
	}
	delete(m.accounts, s.Inbox)
	if changed {
		m.versions[s.Inbox] = s.seq
	}
	return ignoredUnless(changed)
}

// byName orders views by the conversation's name: "c2c_" comes before "group_".
func byName(a, b *view) int {
	return cmp.Or(cmp.Compare(a.name.Kind, b.name.Kind), cmp.Compare(a.name.ID, b.name.ID))
}
